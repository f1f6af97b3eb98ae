// Small steps of writing a frame. For the writers' own sources.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/text.h"
#include "core/time.h"
#include "im/gateway/gateway_options.h"

namespace nightpost::im::frame {

/// What an answer holds beside its rows: type, id and members of the body.
inline constexpr std::size_t kAroundRows = 16'384;
inline constexpr std::size_t kRowsBytesMax = kServerFrameBytesMax - kAroundRows;

inline void key(std::string& out, std::string_view name) {
  if (out.back() != '{' && out.back() != '[') out += ',';
  out.append("\"").append(name).append("\":");
}
inline void flag(std::string& out, std::string_view name, bool value) {
  key(out, name);
  out += value ? "true" : "false";
}
inline void flag_if(std::string& out, std::string_view name, bool value) {
  if (value) flag(out, name, true);
}
inline void text_if(std::string& out, std::string_view name, std::string_view value) {
  if (!value.empty()) append_json_member(out, name, value);
}
inline void number_if(std::string& out, std::string_view name, std::int64_t value) {
  if (value != 0) append_json_member(out, name, value);
}
inline void time_if(std::string& out, std::string_view name, WallTime value) { number_if(out, name, to_ms(value)); }
inline void json(std::string& out, std::string_view name, std::string_view value) {
  key(out, name);
  out += value;
}
inline void names_if(std::string& out, std::string_view name, const std::vector<std::string>& values) {
  if (values.empty()) return;
  key(out, name);
  out += '[';
  for (const std::string& value : values) {
    if (out.back() != '[') out += ',';
    out += '"';
    append_json_escaped(out, value);
    out += '"';
  }
  out += ']';
}

/// As many of `rows`, at least one, as fit; joined by commas.
struct Rows {
  std::string text;
  std::size_t count = 0;
  bool add(std::string_view row) {
    if (count > 0 && text.size() + row.size() > kRowsBytesMax) return false;
    if (count++ > 0) text += ',';
    text += row;
    return true;
  }
  /// The beginning of an object that has them under `name`.
  std::string listed(std::string_view name) const {
    std::string out = "{";
    json(out, name, "[" + text + "]");
    return out;
  }
};

}  // namespace nightpost::im::frame
