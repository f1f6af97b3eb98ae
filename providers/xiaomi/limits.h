// Xiaomi's limits (spec §2.4, §2.5). Units are UTF-16 code units unless a name says otherwise.
#pragma once

#include <chrono>
#include <cstddef>

#include "core/time.h"

namespace nightpost::xiaomi {

inline constexpr std::size_t kTokensMax = 1000;  // registration ids a request
inline constexpr std::size_t kTokenBytesMax = 256;
inline constexpr std::size_t kTitleMax = 49;       // "shorter than 50"
inline constexpr std::size_t kBodyMax = 127;       // "shorter than 128"
inline constexpr std::size_t kPayloadMax = 4095;   // "below 4 KB", counted in characters
inline constexpr std::size_t kExtraPairsMax = 10;  // reserved keys are assumed to count
inline constexpr std::size_t kExtraValueMax = 1024;
inline constexpr std::size_t kExtraSumMax = 2047;  // keys and values together "below 2048"
inline constexpr std::size_t kCallbackBytesMax = 128;
inline constexpr std::size_t kJobKeyMax = 20;
inline constexpr std::size_t kTemplateValueMax = 128;
inline constexpr milliseconds kLifePublicMax = std::chrono::days(1);
inline constexpr milliseconds kLifePrivateMax = std::chrono::days(10);
inline constexpr milliseconds kLifeMin{1'000};

}  // namespace nightpost::xiaomi
