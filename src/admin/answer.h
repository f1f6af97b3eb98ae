// What a route answers: JSON, or a refusal in the one shape that errors have.
#pragma once

#include <expected>
#include <nlohmann/json.hpp>
#include <string>

#include "admin/http_call.h"
#include "core/result.h"

namespace nightpost::admin {

struct Answer {
  int status = 200;
  nlohmann::json body;  // null: none
  HttpFields headers = {};
};

struct Refusal {
  int status = 400;
  std::string code;  // "malformed", "not_found", …: the room's list of errors
  std::string message;
  std::string path = {};             // of the member or parameter at fault; empty: none
  std::string retry_after = {};      // seconds; empty: not said
  nlohmann::json reasons = nullptr;  // what the message says, by codes (explain.h); null: not known
};

using Reply = std::expected<Answer, Refusal>;

inline auto refused(int status, std::string code, std::string message, std::string path = {}) {
  return std::unexpected(Refusal{status, std::move(code), std::move(message), std::move(path)});
}
inline auto malformed(std::string message, std::string path = {}) {
  return refused(400, "malformed", std::move(message), std::move(path));
}
inline auto invalid(std::string message, std::string path = {}) {
  return refused(422, "invalid", std::move(message), std::move(path));
}
inline auto not_found(std::string message) { return refused(404, "not_found", std::move(message)); }

/// What a failure of the store means to a caller. Malformed is the input's, so 422; where a name is taken, or another
/// edit was first, 409.
Refusal refusal_of(const Error& error);
inline auto refused(const Error& error) { return std::unexpected(refusal_of(error)); }

HttpAnswer as_http(const Answer& answer);
HttpAnswer as_http(const Refusal& refusal);

}  // namespace nightpost::admin
