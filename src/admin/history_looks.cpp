// Private messages, for readers alone. Each look is in the audit log before anything of it is answered.
#include "admin/companion_views.h"
#include "admin/routes.h"
#include "core/text.h"

namespace nightpost::admin {
namespace {

constexpr std::size_t kReasonBytesMin = 8;  // "Ticket 7"; less says nothing to who looks at the audit log

/// What is asked for; 400 or 422: it names no conversation, or no reason.
std::expected<im::ConsoleReader::HistoryQuestion, Refusal> history_question(const Request& request) {
  const Values& body = request.body;
  const std::string user = body.text("user"), peer = body.text("peer"), group = body.text("group");
  const bool one_to_one = !user.empty() && !peer.empty();
  if (one_to_one == !group.empty() || (user.empty() != peer.empty()))
    return malformed("name user and peer, or group", "user");
  if (trimmed(body.text("reason")).size() < kReasonBytesMin)
    return invalid("say why, in " + std::to_string(kReasonBytesMin) + " bytes or more: it is kept", "reason");
  im::ConsoleReader::HistoryQuestion question{.app = AppId{body.number("app_id")},
                                              .user = user,
                                              .peer = peer,
                                              .group = group,
                                              .till = body.time("till"),
                                              .limit = static_cast<std::size_t>(body.number("limit", 50)),
                                              .now = request.now};
  if (body.has("before")) question.before = im::Seq{body.number("before")};
  return question;
}

std::string conversation_text(const im::ConsoleReader::HistoryQuestion& question) {
  return question.group.empty() ? question.user + ", " + question.peer : question.group;
}

/// Whose conversation, and why. The names stand apart, too: an id may hold ", ", as a group's may be "anna, bob".
nlohmann::json look_note(const Values& body) {
  nlohmann::json note = {{"reason", body.text("reason")}};
  for (const char* name : {"user", "peer", "group"})
    if (const std::string id = body.text(name); !id.empty()) note[name] = id;
  return note;
}

}  // namespace

Reply list_companion_chats(Request& request) {
  const im::UserKey who{request.app(), request.query.text("user")};
  request.note = {.made = true, .app = who.app, .object = who.user};
  const auto chats = request.tools.companion.chats(who);
  if (!chats) return std::unexpected(companion_refusal(chats.error()));
  if (!*chats) return not_found("app " + std::to_string(who.app.value) + " has no such user");
  nlohmann::json items = nlohmann::json::array();
  for (const im::ConsoleReader::Chat& each : (*chats)->items) items.push_back(companion_chat_view(each));
  request.note.after = {{"conversations", items.size()}};
  return Answer{200, {{"items", std::move(items)}, {"more", (*chats)->more}}};
}

Reply read_companion_history(Request& request) {
  const auto question = history_question(request);
  if (!question) return std::unexpected(question.error());
  // Also of a look that finds nothing.
  request.note = {
      .made = true, .app = question->app, .object = conversation_text(*question), .after = look_note(request.body)};
  const auto history = request.tools.companion.history(*question);
  if (!history) return std::unexpected(companion_refusal(history.error()));
  if (!*history) return not_found("app " + std::to_string(question->app.value) + " has no such conversation");
  nlohmann::json items = nlohmann::json::array();
  for (const im::Message& each : (*history)->messages) items.push_back(companion_message_view(each));
  nlohmann::json& note = request.note.after;
  note["conversation"] = (*history)->conv.value;
  note["messages"] = items.size();
  if (!items.empty()) {
    note["first"] = (*history)->messages.front().id.seq.value;
    note["last"] = (*history)->messages.back().id.seq.value;
  }
  const nlohmann::json next = (*history)->next ? nlohmann::json((*history)->next->value) : nlohmann::json();
  return Answer{200, {{"conversation", (*history)->conv.value}, {"items", std::move(items)}, {"next", next}}};
}

}  // namespace nightpost::admin
