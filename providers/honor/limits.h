// Honor's limits (spec §4.2, §5.1), none of them confirmed by the vendor's own text.
#pragma once

#include <cstddef>
#include <cstdint>

namespace nightpost::honor {

inline constexpr std::size_t kTokensMax = 1000;  // a request
inline constexpr std::size_t kTokenBytesMax = 512;
inline constexpr std::size_t kTitleMax = 40;            // characters; counted in UTF-16 units, the strictest reading
inline constexpr std::size_t kBodyMax = 256;            // likewise
inline constexpr std::size_t kPayloadBytesMax = 4096;   // of the request without its tokens
inline constexpr std::size_t kPayloadBytesMargin = 96;  // spec §5.2 rule 6
inline constexpr std::int64_t kLifeSecondsMin = 1;
inline constexpr std::int64_t kLifeSecondsMax = 1'296'000;  // 15 days
inline constexpr int kBadgeMax = 99;
inline constexpr std::uint32_t kTestMessagesPerDay = 1000;  // of an app

}  // namespace nightpost::honor
