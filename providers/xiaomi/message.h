// A notification as Xiaomi's form fields, all but the registration ids.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/certificate.h"
#include "core/notification.h"
#include "core/result.h"
#include "providers/settings.h"

namespace nightpost::xiaomi {

/// A notification class of Xiaomi's console, and the template of its private messages.
struct Channel {
  std::string id;  // empty: none is sent
  bool is_private = false;
  std::string template_id;     // empty: none
  std::string template_title;  // the variables of that template that take title and text; empty: it has none such
  std::string template_body;
};

/// The setting "channels": "order=private,T123,title,text; news=public". Malformed, one sentence.
Result<std::vector<Channel>> channels_in(std::string_view setting);

/// What a certificate gives to each of its messages.
struct Profile {
  std::string package;
  std::string app_name;  // stands in for a blank title
  Channel own;           // where an event names none
  std::vector<Channel> others;
  std::string receipt_url;
  Click click;
};

/// The class of a notification: the event's, or the certificate's. Empty: none.
std::string_view channel_id_of(const Profile& profile, const Notification& notification) noexcept;

/// Whether the certificate's numbers are those of its class: a public one, or none where the certificate names none. A
/// private one has no quota, and of one that no setting knows nobody knows.
bool has_quota(const Profile& profile, const Notification& notification) noexcept;

/// Malformed: a setting that no inspected certificate has.
Result<Profile> profile_of(const Certificate& certificate);

/// "&restricted_package_name=…&…": goes behind the registration ids. Equal for equal inputs, whatever the receivers.
/// Malformed: the text is blank, or what is never cut (ext, channel, URLs) is over Xiaomi's limits.
Result<std::string> message_fields(const Profile& profile, const Notification& notification);

}  // namespace nightpost::xiaomi
