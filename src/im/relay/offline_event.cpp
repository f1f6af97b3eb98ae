#include "im/relay/offline_event.h"

#include <algorithm>

#include "core/text.h"

namespace nightpost::im {
std::string event_key(const Intent& intent) { return "c2c_" + intent.message->from + "_" + intent.to.user; }

std::string offline_event(const Intent& intent, const std::vector<std::string>& devices, milliseconds lifetime) {
  const Message& message = *intent.message;
  WallTime expires = message.at + lifetime;
  if (message.expires) expires = std::min(expires, *message.expires);
  std::string out = "{";
  append_json_member(out, "event_id", text_of(message.id));
  append_json_member(out, "app_id", intent.to.app.value);
  append_json_member(out, "occurred_at", to_ms(message.at));
  append_json_member(out, "expires_at", to_ms(expires));
  append_json_member(out, "kind", "c2c");
  out += R"(,"from":{)";
  append_json_member(out, "user_id", message.from);
  append_json_member(out, "nick", message.nick);
  out += R"(},"message":{)";
  append_json_member(out, "id", text_of(message.id));
  append_json_member(out, "seq", message.id.seq.value);
  append_json_member(out, "sent_at", to_ms(message.at));
  append_json_member(out, "priority", name_of(message.priority));
  out.append(R"(,"elements":)").append(message.elements.empty() ? "[]" : message.elements).append("}");
  if (!message.push.empty()) out.append(R"(,"push":)").append(message.push);
  out += R"(,"to":[{)";
  append_json_member(out, "user_id", intent.to.user);
  append_json_member(out, "unread", std::clamp<std::int64_t>(intent.unread_total, 0, 2'147'483'647));
  out += R"(,"devices":[)";
  for (const std::string& device : devices) {
    if (!out.ends_with('[')) out += ',';
    out += '"';
    append_json_escaped(out, device);
    out += '"';
  }
  return out += "]}]}";
}

}  // namespace nightpost::im
