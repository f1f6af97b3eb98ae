// The members of a client's JSON object, by type. For the parser's own sources.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/time.h"
#include "im/domain/message.h"

namespace nightpost::im {

inline constexpr std::int64_t kFrameNumberMax = 9'007'199'254'740'991;  // 2^53 - 1

/// The members of one object, by type. The first mistake is kept, in words that name the member; what was read after it
/// means nothing. null is absence.
class Members {
 public:
  Members(simdjson::dom::object object, std::string_view path, std::string& mistake)
      : object_(object), path_(path), mistake_(mistake) {}

  bool find(const char* name, simdjson::dom::element& out, bool always = false) {
    if (object_.at_key(name).get(out) == simdjson::SUCCESS && !out.is_null()) return true;
    if (always) wrong(name, "missing");
    return false;
  }
  bool text(const char* name, std::string& out, bool always = false) {
    simdjson::dom::element value;
    if (!find(name, value, always)) return false;
    return text(name, value, out);
  }
  void text(const char* name, std::optional<std::string>& out) {
    if (std::string value; text(name, value)) out = std::move(value);
  }
  bool text(const std::string& name, simdjson::dom::element value, std::string& out) {
    std::string_view view;
    if (value.get(view) != simdjson::SUCCESS) return wrong(name, "not a string");
    out = view;
    return true;
  }
  bool flag(const char* name, bool& out) {
    simdjson::dom::element value;
    if (!find(name, value)) return false;
    return value.get(out) == simdjson::SUCCESS || wrong(name, "not true or false");
  }
  bool must_flag(const char* name, bool& out) {
    simdjson::dom::element value;
    return find(name, value, true) && flag(name, out);
  }
  void flag(const char* name, std::optional<bool>& out) {
    if (bool value = false; flag(name, value)) out = value;
  }
  bool number(const char* name, std::int64_t& out, std::int64_t least, std::int64_t most, bool always = false) {
    simdjson::dom::element value;
    if (!find(name, value, always)) return false;
    if (value.get(out) != simdjson::SUCCESS) return wrong(name, "not a whole number");
    if (out >= least && out <= most) return true;
    return wrong(name,
                 std::to_string(out) + " is not in [" + std::to_string(least) + ", " + std::to_string(most) + "]");
  }
  void size(const char* name, std::size_t& out, std::int64_t most) {
    if (std::int64_t value = 0; number(name, value, 1, most)) out = static_cast<std::size_t>(value);
  }
  template <class Id>
  void id(const char* name, std::optional<Id>& out) {
    if (std::int64_t value = 0; number(name, value, 0, kFrameNumberMax)) out = Id{value};
  }
  void time(const char* name, std::optional<WallTime>& out) {
    if (std::int64_t value = 0; number(name, value, 0, kFrameNumberMax)) out = wall_from_ms(value);
  }
  /// The member as JSON text.
  template <class Kind>
  void json(const char* name, std::string& out, const char* kind, bool always = false) {
    simdjson::dom::element value;
    if (!find(name, value, always)) return;
    if (!value.is<Kind>()) {
      wrong(name, std::string("not an ") + kind);
      return;
    }
    out = simdjson::minify(value);
  }
  /// `take(name, element)` for each of an array of 1 to `most`; of 0 where it need not be there.
  template <class Take>
  void each(const char* name, std::size_t most, Take take, bool always = true) {
    simdjson::dom::element value;
    if (!find(name, value, always)) return;
    simdjson::dom::array array;
    if (value.get(array) != simdjson::SUCCESS) {
      wrong(name, "not an array");
      return;
    }
    if ((always && array.size() == 0) || array.size() > most) {
      wrong(name, "has " + std::to_string(array.size()) + " entries, 1 to " + std::to_string(most) + " are allowed");
      return;
    }
    std::size_t i = 0;
    for (const simdjson::dom::element one : array) take(std::string(name) + "[" + std::to_string(i++) + "]", one);
  }
  template <class Enum>
  void word(const char* name, Enum& out, std::optional<Enum> (*from)(std::string_view) noexcept, bool always = false) {
    std::string value;
    if (!text(name, value, always)) return;
    if (const auto known = from(value)) {
      out = *known;
    } else {
      wrong(name, "an unknown word");
    }
  }
  /// What a message has wherever it goes: of SendRequest and GroupSendRequest.
  template <class Out>
  void content(Out& out) {
    text("client_id", out.client_id, true);
    json<simdjson::dom::array>("elements", out.elements, "array", true);
    json<simdjson::dom::object>("push", out.push, "object");
    text("cloud_data", out.cloud_data);
    word("priority", out.priority, priority_from);
    flag("online_only", out.online_only);
    flag("no_unread", out.no_unread);
    flag("no_last", out.no_last);
  }
  bool wrong(const std::string& name, std::string_view what) {
    if (mistake_.empty()) mistake_ = std::string(path_) + name + ": " + std::string(what);
    return false;
  }

 private:
  simdjson::dom::object object_;
  std::string_view path_;
  std::string& mistake_;
};

}  // namespace nightpost::im
