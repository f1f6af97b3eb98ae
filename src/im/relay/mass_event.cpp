#include "im/relay/mass_event.h"

#include <algorithm>

#include "core/text.h"

namespace nightpost::im {

std::string mass_event_key(const MassPushChunk& chunk) {
  return "mass_" + std::to_string(chunk.task) + "_" + std::to_string(chunk.chunk);
}

std::string mass_event(const MassPushChunk& chunk, const std::vector<DueMember>& members, milliseconds lifetime) {
  const Message& message = chunk.message;
  const std::string name = mass_push_name(chunk.task);
  WallTime expires = chunk.at + lifetime;
  if (message.expires) expires = std::min(expires, *message.expires);
  std::string out = "{";
  append_json_member(out, "event_id", name + "." + std::to_string(chunk.chunk));
  append_json_member(out, "app_id", chunk.app.value);
  append_json_member(out, "occurred_at", to_ms(chunk.at));
  append_json_member(out, "expires_at", to_ms(expires));
  append_json_member(out, "kind", "c2c");
  out += R"(,"from":{)";
  append_json_member(out, "user_id", message.from);
  append_json_member(out, "nick", message.nick);
  out += R"(},"message":{)";
  append_json_member(out, "id", name);
  append_json_member(out, "sent_at", to_ms(chunk.at));
  append_json_member(out, "priority", name_of(message.priority));
  out.append(R"(,"elements":)").append(message.elements.empty() ? "[]" : message.elements).append("}");
  if (!message.push.empty()) out.append(R"(,"push":)").append(message.push);
  out += R"(,"to":[)";
  for (const DueMember& member : members) {
    if (!out.ends_with('[')) out += ',';
    append_due_member(out, member);
  }
  return out += "]}";
}

}  // namespace nightpost::im
