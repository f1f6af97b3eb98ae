// What FCM allows. Source: Google, FCM HTTP v1 REST reference.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "core/time.h"

namespace nightpost::fcm {

// Google counts keys and values of a message, each key of the notification with "gcm.notification." before it. We count
// our JSON without the token instead, whose punctuation takes 6 bytes a field; the margin pays for the difference.
inline constexpr std::size_t kMessageBytesMax = 4096;
inline constexpr std::size_t kMessageBytesMargin = 96;
inline constexpr std::size_t kNotificationFieldsMax = 8;  // that we ever write
static_assert(kNotificationFieldsMax * (std::size_t{17} - 6) <= kMessageBytesMargin);

inline constexpr std::chrono::weeks kTtlMax{4};
inline constexpr std::size_t kTokenBytesMax = 1024;  // none is documented; a wide berth
inline constexpr std::size_t kFidBytesMax = 64;      // none is documented; a wide berth
inline constexpr std::size_t kChannelIdBytesMax = 255;
inline constexpr std::size_t kCollapseKeysPerDevice = 4;

inline constexpr std::chrono::minutes kRenewBefore{5};  // an access token's end
inline constexpr seconds kAssertionLife{3600};          // Google takes no more
inline constexpr std::chrono::minutes kGrantAgeMin{1};  // §6: the least gap between two refreshes

// Waits where the answer has no Retry-After.
inline constexpr milliseconds kPauseAfter429{60'000};
inline constexpr milliseconds kPauseAfter5xx{10'000};

// Quotas, kept to (README.md); going over one is answered by 429.
inline constexpr std::size_t kProjectPerMinute = 600'000;  // by default; all requests but those answered by 429
inline constexpr std::uint32_t kDevicePerMinute = 240;     // of an Android phone
inline constexpr std::uint32_t kDevicePerHour = 5'000;

}  // namespace nightpost::fcm
