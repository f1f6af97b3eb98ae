// A notification as Xiaomi's form fields, all but the registration ids.
#pragma once

#include <string>

#include "core/certificate.h"
#include "core/notification.h"
#include "core/result.h"
#include "providers/settings.h"

namespace nightpost::xiaomi {

/// What a certificate gives to each of its messages.
struct Profile {
  std::string package;
  std::string app_name;  // stands in for a blank title
  std::string channel_id;
  bool channel_private = false;
  std::string template_id;     // of private messages; empty: none
  std::string template_title;  // the variables of that template that take title and text; empty: it has none such
  std::string template_body;
  std::string receipt_url;
  Click click;
};

/// Malformed: a setting that no inspected certificate has.
Result<Profile> profile_of(const Certificate& certificate);

/// "&restricted_package_name=…&…": goes behind the registration ids. Equal for equal inputs, whatever the receivers.
/// Malformed: the text is blank, or what is never cut (ext, channel, URLs) is over Xiaomi's limits.
Result<std::string> message_fields(const Profile& profile, const Notification& notification);

}  // namespace nightpost::xiaomi
