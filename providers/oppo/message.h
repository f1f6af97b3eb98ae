// A notification as OPPO's `notification` object: as JSON inside a message of its own, or flat as a form.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/certificate.h"
#include "core/ids.h"
#include "core/notification.h"
#include "core/result.h"

namespace nightpost::oppo {

/// What a certificate's settings say of every message.
struct Style {
  std::string app_name;  // stands in for a blank title
  std::string channel_id;
  std::string category;
  int notify_level = 0;       // 0: unset
  int click_action_type = 0;  // 0 app, 1 action, 2 web page, 4 activity, 5 URL of the app
  std::string click_target;
  std::string receipt_url;
  bool badge = false;

  /// 16 rings; so a silent notification is told apart on the wire.
  bool rings() const noexcept { return notify_level == 16; }
};
/// Malformed, one sentence: settings that contradict each other, or a target over OPPO's limit.
Result<Style> style_of(const Certificate& certificate);

/// Of OPPO's categories, those of content and marketing: a device gets few of them a day.
bool is_marketing(std::string_view category) noexcept;
/// Those, and messages without a category: they go through the public channel, which has quotas.
inline bool is_public(std::string_view category) noexcept { return category.empty() || is_marketing(category); }

/// A notification made ready: texts cut, ext an object. The same for each of its tokens.
struct Message {
  int style = 1;
  std::string title;
  std::string sub_title;  // empty: none
  std::string content;
  std::string action_parameters;  // JSON object, for OPPO drops a push with anything else; empty: none
  bool off_line = true;
  std::optional<std::int64_t> off_line_ttl;  // seconds
  std::string_view channel_id;
  int notify_level = 0;
  std::optional<std::int32_t> notify_id;
  std::optional<int> badge;
  std::string_view receipt_tag;  // empty: no receipt is asked for
};
/// Views point into both arguments. Malformed: nothing to show, or what is never cut is over its limit.
Result<Message> message_of(const Notification& notification, const Style& style);

/// {"target_type":2,"target_value":"<token>",…,"notification":{…}}
void append_unicast(std::string& out, const Message& message, const Style& style, std::string_view app_message_id,
                    const DeviceToken& token);

/// `&app_message_id=…&style=…`: the fields of the notification, flat.
void append_saved_fields(std::string& out, const Message& message, const Style& style, std::string_view app_message_id);

/// Equal on every attempt, differs by message and by target. `targets`: the token, or all of a broadcast.
std::string app_message_id_of(const Notification& notification, std::string_view targets);

}  // namespace nightpost::oppo
