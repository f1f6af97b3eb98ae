// The part of ChatState that speaks of groups.
#include <algorithm>
#include <utility>

#include "app/chat_json.h"
#include "app/chat_state.h"
#include "im/domain/group.h"
#include "im/domain/ids.h"
#include "im/domain/names.h"

namespace nightpost::app {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr std::int64_t kGroupPage = 100;
constexpr std::int64_t kGroupHistoryPage = 20;

/// What a tip says, for a person: "kick by denny: mallory".
std::string tip_text(const json& tip) {
  std::string text = text_of(tip, "kind");
  if (const std::string by = text_of(tip, "by"); !by.empty()) text += " by " + by;
  std::string users;
  for (const json& each : array_of(tip, "users"))
    if (each.is_string()) users += (users.empty() ? ": " : ", ") + each.get<std::string>();
  if (const std::string note = text_of(tip, "note"); !note.empty()) users += " (" + note + ")";
  return text + users;
}

}  // namespace

void ChatState::name_into(json& event, std::string_view key) {
  if (is_group(key))
    event["group"] = key.substr(1);
  else
    event["peer"] = key;
}

std::string ChatState::key_of(const json& message) const {
  if (const std::string group = text_of(message, "group"); !group.empty()) return group_key(group);
  const std::string from = text_of(message, "from");
  return from == options_.user ? text_of(message, "to") : from;
}

ordered_json ChatState::sync_body() const {
  ordered_json body = {{"ver", sync_ver_}, {"limit", kGroupPage}};
  if (since_ > 0 && sync_ver_ > 0) body["since"] = since_;
  if (!after_group_.empty()) body["after_group"] = after_group_;
  return body;
}

void ChatState::take_groups(const json& body) {
  if (sync_time_ == 0) sync_time_ = number_of(body, "time");
  after_group_ = text_of(body, "after_group");
  for (const json& row : array_of(body, "groups")) {
    const std::string group = text_of(row, "group");
    if (group.empty()) continue;
    const std::string key = group_key(group);
    Chat* const chat = chat_of(key);
    if (chat == nullptr) continue;
    const bool was_new = chat->head == 0 && chat->shown == 0;
    chat->head = number_of(row, "head");
    chat->head_at = number_of(row, "head_at");
    chat->unread = number_of(row, "unread");
    chat->pinned = flag_of(row, "pinned");
    chat->gone = flag_of(row, "gone") || flag_of(row, "hidden");
    const auto last = row.find("last");
    chat->last = last != row.end() ? text_of(message_event(*last), "text") : "";
    chat->changes_head = number_of(row, "changes");
    if (flag_of(row, "gone")) continue;
    if (was_new) chat->changes = chat->changes_head;  // of nothing that was shown
    chat->shown = std::max(chat->shown, was_new && !rebuild_ ? number_of(row, "cleared") : 0);
    if (rebuild_) {
      chat->shown = chat->head;
      chat->changes = chat->changes_head;
    } else if ((chat->head > chat->shown || chat->changes_head > chat->changes) &&
               std::ranges::find(to_pull_, key) == to_pull_.end()) {
      to_pull_.push_back(key);
    }
  }
}

/// True: a group changed for this user in a way that only a sync tells.
bool ChatState::show_group_item(const json& item, bool personal, Shown) {
  const std::string kind = text_of(item, "kind");
  const std::string group = text_of(item, "group");
  const std::string key = group_key(group);
  if (kind == "recall") {
    show_recall(key, item);
  } else if (kind == "read") {
    if (Chat* const chat = chat_of(key)) chat->unread = number_of(item, "unread");
    say({{"event", "read"},
         {"group", group},
         {"read", number_of(item, "read")},
         {"unread", number_of(item, "unread")}});
  } else if (kind == "group") {
    if (const auto tip = item.find("tip"); tip != item.end())
      say({{"event", "group"}, {"group", group}, {"text", tip_text(*tip)}, {"tip", *tip}});
    return personal || !item.contains("tip");
  }
  return false;
}

void ChatState::typed_of_group(const ChatLine& line, MonoTime now) {
  using What = ChatLine::What;
  const bool names_one =
      line.what == What::Group || line.what == What::Join || line.what == What::Agree || line.what == What::Decline;
  if (names_one)
    if (const auto checked = im::check_group_id(line.argument); !checked) return refuse_input(checked.error().why);
  const bool needs_open =
      line.what == What::Leave || line.what == What::Invite || line.what == What::Kick || line.what == What::Members;
  if (needs_open && !is_group(peer_)) return refuse_input("no group is open: /group GROUP");
  const std::string open = is_group(peer_) ? peer_.substr(1) : std::string();
  switch (line.what) {
    case What::Group: {
      peer_ = group_key(line.argument);
      const auto it = chats_.find(peer_);
      return say(
          {{"event", "opened"}, {"group", line.argument}, {"unread", it == chats_.end() ? 0 : it->second.unread}});
    }
    case What::Create:
      if (!im::group_type_from(line.word)) return refuse_input("a group's type is Work, Public, Meeting or AVChatRoom");
      return queue("group_create", {{"type", line.word}, {"name", line.argument}}, now);
    case What::Join:
      return queue("group_join", {{"group", line.argument}}, now);
    case What::Invitations:
      return queue("group_invitations", ordered_json::object(), now);
    case What::Agree:
    case What::Decline:
      return queue("group_answer", {{"group", line.argument}, {"agree", line.what == What::Agree}}, now);
    case What::Leave:
      return queue("group_quit", {{"group", open}}, now);
    case What::Invite:
      return queue("group_invite", {{"group", open}, {"users", line.words}}, now);
    case What::Kick:
      return queue("group_kick", {{"group", open}, {"users", line.words}}, now);
    case What::Members:
      return queue("group_members", {{"group", open}, {"limit", kGroupPage}}, now);
    case What::History: {
      ordered_json body = {{"group", open}, {"limit", kGroupHistoryPage}};
      if (line.number > 0) body["before"] = line.number;
      return queue("group_pull", std::move(body), now);
    }
    case What::Read:
      return queue("group_read", {{"group", open}}, now);
    default:
      return send_text(line.argument, now);
  }
}

void ChatState::on_group_success(const Request& done, const json& body) {
  if (done.op == "group_invitations")
    return say({{"event", "invitations"}, {"invitations", array_of(body, "invitations")}});
  const std::string group = done.op == "group_create" ? text_of(body, "group") : done.body["group"].get<std::string>();
  const std::string key = group_key(group);
  Chat* const chat = chat_of(key);
  if (done.op == "group_send") {
    const std::string id = text_of(body, "id");
    const auto read = im::message_id_from(id);
    if (chat != nullptr && read) {
      chat->head = std::max(chat->head, read->seq.value);
      if (phase_ == Phase::Live) chat->shown = std::max(chat->shown, read->seq.value);
      chat->head_at = number_of(body, "time");
      chat->last = shown_text(json(done.body["elements"]));
      chat->gone = false;
    }
    say({{"event", "sent"},
         {"client_id", done.body["client_id"]},
         {"id", id},
         {"time", number_of(body, "time")},
         {"group", group},
         {"repeated", flag_of(body, "repeated")}});
  } else if (done.op == "group_create") {
    peer_ = key;
    say({{"event", "created"}, {"group", group}, {"unknown", array_of(body, "unknown")}});
  } else if (done.op == "group_join") {
    const std::string result = text_of(body, "result");
    if (result != "waiting") peer_ = key;
    say({{"event", "joined"}, {"group", group}, {"result", result}});
  } else if (done.op == "group_invite" || done.op == "group_kick") {
    say({{"event", "changed"}, {"op", done.op}, {"group", group}, {"members", array_of(body, "members")}});
  } else if (done.op == "group_members") {
    say({{"event", "members"},
         {"group", group},
         {"members", array_of(body, "members")},
         {"total", number_of(body, "total")},
         {"more", flag_of(body, "more")}});
  } else if (done.op == "group_pull") {
    json messages = json::array();
    for (const json& each : array_of(body, "messages")) messages.push_back(message_event(each));
    say({{"event", "history"}, {"group", group}, {"messages", std::move(messages)}, {"more", flag_of(body, "more")}});
  } else {
    if (done.op == "group_read") {
      unread_total_ = number_of(body, "unread_total");
      if (chat != nullptr) chat->unread = number_of(body, "unread");
    }
    if (done.op == "group_quit") {
      chats_.erase(key);
      if (peer_ == key) peer_.clear();
    }
    say({{"event", "done"}, {"op", done.op}, {"group", group}});
  }
}

}  // namespace nightpost::app
