// What Huawei allows. Source: Huawei, Push Kit REST API.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "core/time.h"

namespace nightpost::huawei {

inline constexpr std::size_t kBodyBytesMax = 4096;   // without the tokens
inline constexpr std::size_t kBodyBytesMargin = 96;  // §5.2 rule 6
inline constexpr std::size_t kTokensMax = 1000;      // a request, no two equal
inline constexpr std::size_t kTokenBytesMax = 1024;  // none is documented; a wide berth
inline constexpr std::size_t kIdBytesMax = 64;       // v3: biTag, appMessageId
inline constexpr std::int64_t kTtlSecondsMin = 1;
inline constexpr std::int64_t kTtlSecondsMax = 1'296'000;
inline constexpr int kBadgeMax = 99;
inline constexpr int kCollapseKeyMin = -1;  // keeps all while offline
inline constexpr int kCollapseKeyMax = 100;
inline constexpr std::size_t kReceiptsMax = 1000;  // a call (§3.8: 100, in an older revision 1000)

inline constexpr std::chrono::minutes kRenewBefore{5};  // an access token's end
inline constexpr std::chrono::minutes kJwtRenew{50};
inline constexpr std::chrono::minutes kJwtLife{60};
inline constexpr std::chrono::minutes kGrantAgeMin{1};
inline constexpr std::chrono::minutes kReceiptAgeMax{5};

// Waits where the answer has no Retry-After, which Huawei does not document.
inline constexpr milliseconds kPauseAfterThrottle{1'000};
inline constexpr milliseconds kPauseAfterFault{2'000};

}  // namespace nightpost::huawei
