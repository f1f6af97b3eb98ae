// OPPO's limits, as data (OPPO, PUSH server API). Texts are counted in UTF-16 units.
#pragma once

#include <chrono>
#include <cstddef>

namespace nightpost::oppo {

inline constexpr std::size_t kTitleUnits = 50;
inline constexpr std::size_t kSubTitleUnits = 10;
inline constexpr std::size_t kContentUnits = 50;       // style 1, standard
inline constexpr std::size_t kLongContentUnits = 128;  // style 2, long text
inline constexpr std::size_t kActionParametersUnits = 4000;
inline constexpr std::size_t kActivityBytes = 500;
inline constexpr std::size_t kUrlBytes = 2000;
inline constexpr std::size_t kCallBackUrlBytes = 200;
inline constexpr std::size_t kCallBackParameterBytes = 50;  // newer documents say 100
inline constexpr std::size_t kTargetsMax = 1000;            // of a broadcast and of a batch
inline constexpr std::size_t kTokenBytes = 256;             // ours; the longest known kind has under 50
inline constexpr std::size_t kMessageIdBytes = 128;         // ours; OPPO's have about 24
inline constexpr std::chrono::seconds kStoredMax{864'000};  // off_line_ttl

}  // namespace nightpost::oppo
