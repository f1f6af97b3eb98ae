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
  std::optional<Refusal> refusal;
};

/// The views point into `parser`, scratch memory, until it is used again.
Message read_message(std::string_view body, simdjson::dom::parser& parser);

/// Could it be a registration token or an installation id?
bool is_token_form(std::string_view token) noexcept;

}  // namespace nightpost::sandbox::fcm
