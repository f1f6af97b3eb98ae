// The body of a request: a notification as Apple's JSON, always valid UTF-8 and always within Apple's limit.
#pragma once

#include <cstddef>
#include <string>

#include "core/notification.h"
#include "core/result.h"

namespace nightpost::apns {

inline constexpr std::size_t kPayloadBytesMax = 4096;      // Apple: "Generating a remote notification"
inline constexpr std::size_t kCallPayloadBytesMax = 5120;  // likewise, of push type voip
inline constexpr std::size_t kBodyClustersMin = 20;        // below this a cut body says nothing (rule 4)

/// {"aps":{"alert":{"title","body"},"badge","sound","mutable-content","thread-id",…},"ext":"…"}; what is absent or
/// empty has no key. `ext` is always a JSON string, so the app finds in userInfo["ext"] exactly what was sent.
/// Too big: the body is cut first, then the title, at characters as readers see them; never ext or ids.
/// Extras read: apns.interruption-level, apns.category, apns.target-content-id, apns.relevance-score.
/// A blank title is as good as none. Where ext leaves no room even so, a reference stands for it (ext_form.h).
/// The image's URL is the member "image" beside ext, for the app's extension, which mutable-content wakes.
/// Malformed: does not fit even so, an extra has the wrong type, or there is nothing to show, sound or count.
Result<std::string> payload_of(const Notification& notification);

/// {"call":{…},"ext":"…"} for PushKit (call_object.h): the app shows the call itself, so there is no alert. Where ext
/// leaves no room, a reference stands for it. Malformed: it is no call, or does not fit even so.
Result<std::string> call_payload_of(const Notification& notification);

}  // namespace nightpost::apns
