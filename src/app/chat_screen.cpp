#include "app/chat_screen.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/chat_json.h"
#include "app/output.h"

namespace nightpost::app {
namespace {

using nlohmann::json;

/// On one line.
std::string shown(const json& object, const char* name) {
  std::string text = text_of(object, name);
  std::ranges::replace_if(text, [](char c) { return c == '\n' || c == '\t'; }, ' ');
  return printable(text);
}

/// The conversation: a user, or "#" and a group.
std::string talk_of(const json& object) {
  return object.contains("group") ? "#" + shown(object, "group") : shown(object, "peer");
}

std::string members(const json& event) {
  std::string text;
  for (const json& each : array_of(event, "members")) {
    const std::string role = text_of(each, "role");
    const std::string name = shown(each, "card").empty() ? shown(each, "nick") : shown(each, "card");
    text += fmt::format("   {}{}{}\n", shown(each, "user"), name.empty() ? "" : " (" + name + ")",
                        role == "member" ? "" : ", " + role);
  }
  return fmt::format("-- {} members\n{}", number_of(event, "total"), text);
}

/// "12:00:00", UTC.
std::string hour_of(const json& object) { return shown_time(number_of(object, "time")).substr(11); }

std::string message_line(const json& message, const std::string& time) {
  const std::string nick = shown(message, "card").empty() ? shown(message, "nick") : shown(message, "card");
  const std::string body = flag_of(message, "recalled") ? "(taken back)" : shown(message, "text");
  return fmt::format("{} {}: {}   ({})\n", time, nick.empty() ? shown(message, "from") : nick, body,
                     shown(message, "id"));
}

std::string code_of(const json& event) {
  const std::int64_t code = number_of(event, "code");
  return code == 0 ? "" : fmt::format(" [{} {}]", code, shown(event, "name"));
}

std::string synced(const json& event) {
  if (text_of(event, "why") == "change") return {};
  std::string text =
      fmt::format("-- {} conversations, {} unread\n", number_of(event, "chats"), number_of(event, "unread_total"));
  for (const json& each : array_of(event, "unread"))
    text += fmt::format("   {}: {} unread\n", talk_of(each), number_of(each, "unread"));
  return text;
}

std::string chats(const json& event) {
  Table table({"PEER", "UNREAD", "NEWEST (UTC)", "SAYS"});
  for (const json& each : array_of(event, "chats")) {
    const std::int64_t time = number_of(each, "time");
    table.row({talk_of(each) + (flag_of(each, "pinned") ? " *" : ""), std::to_string(number_of(each, "unread")),
               time == 0 ? "" : shown_time(time), fitted(shown(each, "last"), 40)});
  }
  return table.text("no conversations");
}

std::string calls(const json& event) {
  std::string text;
  for (const json& each : array_of(event, "calls")) {
    std::string users;
    for (const json& user : array_of(each, "users"))
      users += fmt::format("{}{} ({})", users.empty() ? "" : ", ", shown(user, "user"), shown(user, "state"));
    text += fmt::format("-- {} calls {}: {}\n", shown(each, "by"), users, shown(each, "call"));
  }
  return text.empty() ? "-- no calls\n" : text;
}

std::string history(const json& event) {
  std::string text;
  const json& messages = array_of(event, "messages");
  if (flag_of(event, "more") && !messages.empty())
    text += fmt::format("-- older ones: /history {}\n", number_of(messages.front(), "seq"));
  for (const json& each : messages) text += message_line(each, shown_time(number_of(each, "time")));
  return messages.empty() ? "-- no messages\n" : text;
}

}  // namespace

std::string chat_text(const json& event) {
  const std::string kind = text_of(event, "event");
  if (kind == "message") {
    const bool own = flag_of(event, "own");
    const bool named = own || event.contains("group");
    return (named ? fmt::format("{} > ", talk_of(event)) : std::string()) + message_line(event, hour_of(event));
  }
  if (kind == "sent")
    return fmt::format("{} to {}, sent   ({})\n", hour_of(event),
                       event.contains("group") ? talk_of(event) : shown(event, "to"), shown(event, "id"));
  if (kind == "failed")
    return fmt::format("!! {}{}{}\n", text_of(event, "op").empty() ? "" : shown(event, "op") + ": ",
                       shown(event, "why"), code_of(event));
  if (kind == "refused") return fmt::format("!! the login is refused: {}{}\n", shown(event, "why"), code_of(event));
  if (kind == "online") {
    const std::string nick = shown(event, "nick");
    return fmt::format("-- online as {}{}\n", shown(event, "user"), nick.empty() ? "" : " (" + nick + ")");
  }
  if (kind == "offline")
    return event.contains("retry_in_ms") ? fmt::format("-- offline: {}; again in {:.1f} s\n", shown(event, "why"),
                                                       double(number_of(event, "retry_in_ms")) / 1000)
                                         : fmt::format("-- offline: {}; given up\n", shown(event, "why"));
  if (kind == "bye")
    return fmt::format("-- the server says bye: {}: {}\n", shown(event, "reason"), shown(event, "why"));
  if (kind == "synced") return synced(event);
  if (kind == "chats") return chats(event);
  if (kind == "history") return history(event);
  if (kind == "calls") return calls(event);
  if (kind == "invitations") {
    std::string text;
    for (const json& each : array_of(event, "invitations"))
      text += fmt::format("-- {} ({}), by {}\n", talk_of(each), shown(each, "name"), shown(each, "by"));
    return text.empty() ? "-- no invitations\n" : text;
  }
  if (kind == "called")
    return fmt::format("{} calling {}   ({})\n", hour_of(event), talk_of(event), shown(event, "call"));
  if (kind == "opened") return fmt::format("-- with {}, {} unread\n", talk_of(event), number_of(event, "unread"));
  if (kind == "created") return fmt::format("-- made {}, talking there\n", talk_of(event));
  if (kind == "joined") return fmt::format("-- {}: {}\n", talk_of(event), shown(event, "result"));
  if (kind == "members") return members(event);
  if (kind == "group") return fmt::format("-- {}: {}\n", talk_of(event), shown(event, "text"));
  if (kind == "changed") {
    std::string text;
    for (const json& each : array_of(event, "members"))
      text += fmt::format("-- {}: {}{}\n", shown(each, "user"), shown(each, "result"),
                          each.contains("why") ? ", " + shown(each, "why") : "");
    return text;
  }
  if (kind == "recalled") return fmt::format("-- {} took {} back\n", shown(event, "by"), shown(event, "id"));
  if (kind == "removed") {
    std::string ids;
    for (const json& id : array_of(event, "ids")) ids += (ids.empty() ? "" : ", ") + shown({{"id", id}}, "id");
    return fmt::format("-- {}: deleted by you: {}\n", talk_of(event), ids);
  }
  if (kind == "peer_read")
    return fmt::format("-- {} has read up to {}\n", shown(event, "peer"), number_of(event, "read"));
  if (kind == "read")
    return fmt::format("-- {}: read on another device, {} unread\n", talk_of(event), number_of(event, "unread"));
  if (kind == "skipped")
    return fmt::format("-- {}: {} to {} are not shown: /open and /history\n", talk_of(event), number_of(event, "from"),
                       number_of(event, "to"));
  if (kind == "resent") return fmt::format("-- {}: no answer yet, asked again\n", shown(event, "op"));
  if (kind == "done") return fmt::format("-- {}: done\n", shown(event, "op"));
  if (kind == "help") return text_of(event, "text");
  return {};
}

}  // namespace nightpost::app
