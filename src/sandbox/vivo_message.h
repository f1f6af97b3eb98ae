// Judges the members of one vivo message (vivo, push server API).
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace nightpost::sandbox::vivo {

/// vivo's code, and for people what was wrong.
struct Refusal {
  int code = 0;  // 0: nothing
  std::string detail;
  explicit operator bool() const noexcept { return code != 0; }
};

/// What vivo's list of codes has no word for: the sandbox answers HTTP 400.
constexpr int kNoWord = 400;
constexpr int kNoTarget = 10050;
constexpr int kBadRequestId = 10352;
constexpr int kLongRequestId = 10353;
constexpr int kBadAlias = 10307;
constexpr int kLongAlias = 10301;

/// What of it the rest of the simulator needs; views into the parser.
struct Message {
  std::string_view reg_id, alias;  // regId wins if both
  std::string_view callback_param;
  std::string_view request_id;
  bool operation = true;    // classification 0
  bool calls_back = false;  // asks for receipts
  bool test = false;        // pushMode 1
};

enum class Target : std::uint8_t { One, List, Everybody };

/// `members`: the whole body; appId is not judged here.
Refusal judge_message(simdjson::dom::object members, Target target, Message& message);
Refusal judge_request_id(simdjson::dom::object members, std::string_view& request_id);

}  // namespace nightpost::sandbox::vivo
