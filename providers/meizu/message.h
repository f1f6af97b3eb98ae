// A notification as Meizu's messageJson.
#pragma once

#include <cstdint>
#include <string>

#include "core/certificate.h"
#include "core/notification.h"
#include "core/result.h"
#include "providers/settings.h"

namespace nightpost::meizu {

/// What a certificate gives to each of its messages.
struct Profile {
  std::string app_name;  // stands in for a blank title
  bool private_messages = true;
  std::string receipt_url;
  Click click;
};

/// Malformed: a setting that no inspected certificate has.
Result<Profile> profile_of(const Certificate& certificate);

/// Meizu counts only public messages: of low priority, or where it granted no private ones.
inline bool is_private(const Profile& profile, const Notification& notification) noexcept {
  return profile.private_messages && notification.priority != Priority::Low;
}

/// Compact JSON, its members in the order of the vendor's example; equal for equal inputs, whatever the receivers.
/// Malformed: the text is blank.
Result<std::string> message_json(const Profile& profile, const Notification& notification);

/// Base62 of a notify id: at most 6 characters of the 8 that notifyKey takes.
std::string notify_key(std::int32_t id);

}  // namespace nightpost::meizu
