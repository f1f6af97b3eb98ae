// FCM's refusals in Google's words (Google, FCM HTTP v1 REST reference).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "server/http_server.h"

namespace nightpost::sandbox::fcm {

struct Refusal {
  /// FCM's errorCode ("UNREGISTERED"), an ErrorInfo's reason ("ACCESS_TOKEN_EXPIRED"), "BAD_FIELD" (what JSON parsing
  /// says: a violation and no errorCode) or "NOT_FOUND" (no details at all).
  std::string_view reason;
  std::string message = {};      // empty: Google's usual one
  std::string field = {};        // a fieldViolation's; empty: none
  std::string description = {};  // empty: as the message
};

struct Words {
  int status;
  std::string body;
};
/// `status` 0: the reason's own.
Words words_of(const Refusal& refusal, int status = 0);
/// What a front end in trouble says, and what stands at a wrong address: no JSON.
std::string html_page(int status);

}  // namespace nightpost::sandbox::fcm
