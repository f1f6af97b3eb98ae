// A notification as vivo's JSON: to one id, or without a target to be stored.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/certificate.h"
#include "core/ids.h"
#include "core/notification.h"
#include "core/result.h"
#include "providers/vivo/category.h"

namespace nightpost::vivo {

/// What a certificate's settings say of every message.
struct Style {
  std::string app_name;  // stands in for a blank title
  std::string app_id;    // digits
  Category category;
  int skip_type = 1;  // 1 app, 2 web page, 4 page of the app
  std::string skip_content;
  std::string receipt_id;  // of a receipt configuration in the console; wins over receipt_url
  std::string receipt_url;
  std::optional<bool> foreground_show;
  bool badge = false;
  bool old_text_rule = false;  // a CJK character counts two
  bool test = false;           // pushMode 1: test devices only
};
/// Malformed, one sentence: no app_id or category of use, or a click target over vivo's limits.
Result<Style> style_of(const Certificate& certificate);

/// /message/send where there is a token, else /message/saveListPayload. Malformed: nothing to show, or what is never
/// cut is over its limit.
Result<std::string> message_of(const Notification& notification, const Style& style, const DeviceToken* token,
                               std::string_view request_id);

/// /message/pushToList; each id once.
std::string list_of(std::span<const DeviceToken> tokens, const Style& style, std::string_view task_id,
                    std::string_view request_id);

/// Equal on every attempt, differs by message, by target and by `what` is asked. `targets`: ids, each ended by ';'.
std::string request_id_of(const Notification& notification, std::string_view what, std::string_view targets);

}  // namespace nightpost::vivo
