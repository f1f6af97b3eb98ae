// Meizu's limits (spec §5.3, §5.4). Units are UTF-16 code units unless a name says otherwise.
#pragma once

#include <cstddef>
#include <cstdint>

namespace nightpost::meizu {

inline constexpr std::size_t kTokensMax = 100;  // push ids a request, since 2023-08
inline constexpr std::size_t kTokenBytesMax = 256;
inline constexpr std::size_t kTitleMax = 32;
inline constexpr std::size_t kBodyMax = 100;
inline constexpr std::size_t kUrlBytesMax = 1000;
inline constexpr std::size_t kCallbackBytesMax = 128;
inline constexpr std::int64_t kValidHoursMin = 1;
inline constexpr std::int64_t kValidHoursMax = 72;
inline constexpr std::int64_t kValidHoursDefault = 24;

}  // namespace nightpost::meizu
