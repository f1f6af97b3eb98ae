// Judges the body of messages:send (Google, FCM HTTP v1 REST reference): what Google's JSON parser refuses, then what
// FCM itself does.
#pragma once

#include <simdjson.h>

#include <optional>
#include <string_view>

#include "sandbox/fcm_answer.h"

namespace nightpost::sandbox::fcm {

struct Message {
  std::string_view target;  // the token or fid; empty: a topic or condition
  bool is_fid = false;
  bool validate_only = false;
  simdjson::dom::element message;  // where there is no refusal
  std::optional<Refusal> refusal;
};

/// The views point into `parser`, scratch memory, until it is used again.
Message read_message(std::string_view body, simdjson::dom::parser& parser);

/// Could it be a registration token ("…:APA91b…") or an installation id (22 characters)?
bool is_token_form(std::string_view token) noexcept;

/// What a phone shows of a message that was taken: {"title"?, "subtitle"?, "body"?, "sound"?, "badge"?}, or "null":
/// nothing. An iPhone looks at the common notification and at "apns", all others at the first and at "android".
std::string shown_by(const simdjson::dom::element& message, bool iphone);

}  // namespace nightpost::sandbox::fcm
