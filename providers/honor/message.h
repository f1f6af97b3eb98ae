// A notification as Honor's request body, all but the tokens.
#pragma once

#include <string>

#include "core/certificate.h"
#include "core/notification.h"
#include "core/result.h"
#include "providers/settings.h"

namespace nightpost::honor {

/// What a certificate gives to each of its messages.
struct Profile {
  std::string app_name;     // stands in for a blank title
  std::string badge_class;  // the launcher's Activity; empty: no badges
  bool low_importance = false;
  bool test_messages = false;
  Click click;
};

/// Malformed: a setting that no inspected certificate has.
Result<Profile> profile_of(const Certificate& certificate);

/// Honor counts only those of low importance for each device.
inline bool is_low(const Profile& profile, const Notification& notification) noexcept {
  return profile.low_importance || notification.priority == Priority::Low;
}

/// `{"android":{…}`: tokens and the closing brace go behind it. Equal for equal inputs, whatever the receivers. Too
/// big: body, then title are cut. Malformed: the text is blank, or ext leaves no room for it.
Result<std::string> message_start(const Profile& profile, const Notification& notification);

}  // namespace nightpost::honor
