#include "providers/loc_keys.h"

#include "core/text.h"

namespace nightpost {

bool has_title_key(const Notification& notification) noexcept {
  return notification.loc && !notification.loc->title_key.empty();
}
bool has_body_key(const Notification& notification) noexcept {
  return notification.loc && !notification.loc->body_key.empty();
}

void append_loc(std::string& out, std::string_view key_name, std::string_view key, std::string_view args_name,
                std::span<const std::string> args) {
  if (key.empty()) return;
  append_json_member(out, key_name, key);
  if (args.empty()) return;
  out.append(",\"").append(args_name).append("\":[");
  for (const std::string& arg : args) {
    if (!out.ends_with('[')) out += ',';
    out += '"';
    append_json_escaped(out, is_valid_utf8(arg) ? arg : utf8_repaired(arg));
    out += '"';
  }
  out += ']';
}

}  // namespace nightpost
