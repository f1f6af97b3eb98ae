#include "providers/call_object.h"

#include <string_view>

#include "core/text.h"

namespace nightpost {

std::string call_object(const Notification& notification) {
  const Notification::Call& call = *notification.call;
  std::string out = "{";
  const auto text = [&out](std::string_view key, const std::string& value) {
    if (!value.empty()) append_json_member(out, key, is_valid_utf8(value) ? value : utf8_repaired(value));
  };
  text("id", call.id);
  text("from", call.from);
  text("name", call.name);
  text("group", call.group);
  if (notification.expires_at > WallTime{}) append_json_member(out, "expires_at", to_ms(notification.expires_at));
  return out += '}';
}

}  // namespace nightpost
