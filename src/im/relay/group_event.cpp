#include "im/relay/group_event.h"

#include <algorithm>

#include "core/text.h"
#include "im/domain/call.h"

namespace nightpost::im {

void append_due_member(std::string& out, const DueMember& member) {
  out += '{';
  append_json_member(out, "user_id", member.user);
  append_json_member(out, "unread", std::clamp<std::int64_t>(member.unread_total, 0, 2'147'483'647));
  if (member.mentioned) out += R"(,"mentioned":true)";
  out += R"(,"devices":[)";
  for (const std::string& device : member.devices) {
    if (!out.ends_with('[')) out += ',';
    out += '"';
    append_json_escaped(out, device);
    out += '"';
  }
  out += "]}";
}

std::string group_event_key(const GroupIntent& intent, std::int64_t range) {
  return "group_" + std::to_string(intent.message->id.conv.value) + "_" + std::to_string(range);
}

std::string group_event(const GroupIntent& intent, std::int64_t range, const std::vector<DueMember>& members,
                        milliseconds lifetime, bool call_events) {
  const Message& message = *intent.message;
  WallTime expires = message.at + lifetime;
  if (message.expires) expires = std::min(expires, *message.expires);
  if (const auto until = call_until(message.elements)) expires = std::min(expires, *until);
  std::string out = "{";
  append_json_member(out, "event_id", text_of(message.id) + "." + std::to_string(range));
  append_json_member(out, "app_id", intent.app.value);
  append_json_member(out, "occurred_at", to_ms(message.at));
  append_json_member(out, "expires_at", to_ms(expires));
  append_json_member(out, "kind", call_events && is_call_invite(message.elements) ? "call" : "group");
  out += R"(,"from":{)";
  append_json_member(out, "user_id", message.from);
  append_json_member(out, "nick", message.nick);
  append_json_member(out, "name_card", message.card);
  out += R"(},"group":{)";
  append_json_member(out, "group_id", message.group);
  append_json_member(out, "name", intent.name);
  out += R"(},"message":{)";
  append_json_member(out, "id", text_of(message.id));
  append_json_member(out, "seq", message.id.seq.value);
  append_json_member(out, "sent_at", to_ms(message.at));
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
