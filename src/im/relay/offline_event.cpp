#include "im/relay/offline_event.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "core/text.h"
#include "im/domain/call.h"

namespace nightpost::im {
namespace {

std::string c2c_key(const std::string& from, const std::string& to) { return "c2c_" + from + "_" + to; }

std::string head(const std::string& event_id, AppId app, WallTime at, WallTime expires, std::string_view kind) {
  std::string out = "{";
  append_json_member(out, "event_id", event_id);
  append_json_member(out, "app_id", app.value);
  append_json_member(out, "occurred_at", to_ms(at));
  append_json_member(out, "expires_at", to_ms(expires));
  append_json_member(out, "kind", kind);
  return out;
}

/// The rest of an event for one receiver.
std::string& append_receiver(std::string& out, const UserKey& to, std::int64_t unread_total,
                             const std::vector<std::string>& devices) {
  out += R"(,"to":[{)";
  append_json_member(out, "user_id", to.user);
  append_json_member(out, "unread", std::clamp<std::int64_t>(unread_total, 0, 2'147'483'647));
  out += R"(,"devices":[)";
  for (const std::string& device : devices) {
    if (!out.ends_with('[')) out += ',';
    out += '"';
    append_json_escaped(out, device);
    out += '"';
  }
  return out += "]}]}";
}

}  // namespace

std::string event_key(const Intent& intent) { return c2c_key(intent.message->from, intent.to.user); }

std::string event_key(const FollowUp& one) {
  if (!one.group.empty()) return "group_" + std::to_string(one.message.conv.value) + "_" + std::to_string(one.range);
  return one.kind == FollowUp::Kind::Badge ? "badge_" + one.to.user : c2c_key(one.from, one.to.user);
}

std::string offline_event(const Intent& intent, const std::vector<std::string>& devices, milliseconds lifetime,
                          bool call_events) {
  const Message& message = *intent.message;
  WallTime expires = message.at + lifetime;
  if (message.expires) expires = std::min(expires, *message.expires);
  if (const auto until = call_until(message.elements)) expires = std::min(expires, *until);
  std::string out = head(text_of(message.id), intent.to.app, message.at, expires,
                         call_events && is_call_invite(message.elements) ? "call" : "c2c");
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
  return std::move(append_receiver(out, intent.to, intent.unread_total, devices));
}

std::string cancel_event(const FollowUp& one, const std::vector<std::string>& devices, milliseconds lifetime,
                         bool call_events) {
  const bool read = one.kind == FollowUp::Kind::Read;
  const std::string id = text_of(one.message);
  // A group's is one a member: a row of his own tells them apart.
  const std::string which = one.group.empty() ? "" : "." + std::to_string(one.id);
  std::string out = head(id + (read ? ".read" : ".recalled") + which, one.to.app, one.at, one.at + lifetime, "cancel");
  if (read) out += R"(,"cancel":{"reason":"read"})";
  if (one.call && call_events) out += R"(,"cancel":{"reason":"call_ended"})";
  if (one.call && call_events && one.answered) out += R"(,"push":{"disabled":true})";
  out += R"(,"from":{)";
  append_json_member(out, "user_id", one.from);
  if (!one.nick.empty()) append_json_member(out, "nick", one.nick);
  if (!one.group.empty()) {
    out += R"(},"group":{)";
    append_json_member(out, "group_id", one.group);
    append_json_member(out, "name", one.group_name);
  }
  out += R"(},"message":{)";
  append_json_member(out, "id", id);
  append_json_member(out, "seq", one.message.seq.value);
  out += '}';
  return std::move(append_receiver(out, one.to, one.unread_total, devices));
}

std::string badge_event(const FollowUp& one, const std::vector<std::string>& devices, milliseconds lifetime) {
  std::string out = head("badge." + std::to_string(one.id), one.to.app, one.at, one.at + lifetime, "badge");
  return std::move(append_receiver(out, one.to, one.unread_total, devices));
}

}  // namespace nightpost::im
