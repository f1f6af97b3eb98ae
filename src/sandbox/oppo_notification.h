// Judges the fields of one OPPO notification (OPPO, PUSH server API).
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/form_fields.h"

namespace nightpost::sandbox::oppo {

/// The vendor's code, and for people what was wrong.
struct Refusal {
  int code = 0;  // 0: nothing
  std::string detail;
  explicit operator bool() const noexcept { return code != 0; }
};

constexpr int kMissing = 40;
constexpr int kIllegal = 41;
constexpr int kNoTemplate = 54;
constexpr int kBadLevel = 67;

/// A member of a JSON notification, or a field of a form, where everything is text.
struct Value {
  enum class Kind : std::uint8_t { Text, Number, Flag, Other, Form };
  std::string_view name;
  Kind kind = Kind::Form;
  std::string_view text = {};  // Text, Form
  std::int64_t number = 0;     // Number; Flag: 0 or 1
};
std::vector<Value> values_of(simdjson::dom::object notification);

struct Seen {  // what of it the rest of the simulator needs; views into the values
  std::string_view app_message_id;
  std::string_view parameter;  // call_back_parameter
  bool calls_back = false;
  bool is_public = false;  // of no category, or one of content and marketing
};

/// `saved`: a body for broadcasts, which alone may have pictures and a sending time.
Refusal judge_notification(std::span<const Value> values, bool saved, Seen& seen);

}  // namespace nightpost::sandbox::oppo
