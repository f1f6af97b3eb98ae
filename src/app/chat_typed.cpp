// The half of ChatState that reads what a person types.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <tuple>

#include "app/chat_json.h"
#include "app/chat_state.h"
#include "im/domain/elements.h"
#include "im/domain/names.h"

namespace nightpost::app {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr std::int64_t kTypedPage = 20;

}  // namespace

void ChatState::refuse_input(std::string_view why) {
  went_wrong_ = true;
  say({{"event", "failed"}, {"op", ""}, {"code", 0}, {"name", "input"}, {"why", why}});
}

void ChatState::typed(std::string_view line, MonoTime now) {
  if (exit_) return;
  if (line.find('\0') != line.npos) return refuse_input("the line holds U+0000");
  Result<ChatLine> read = parse_chat_line(line);
  if (!read) return refuse_input(read.error().detail);
  using What = ChatLine::What;
  const bool needs_peer =
      read->what == What::Text || read->what == What::History || read->what == What::Read || read->what == What::Call;
  if (needs_peer && peer_.empty()) return refuse_input("no conversation is open: /open PEER, or /group GROUP");
  if (read->what >= What::Call && read->what <= What::Calls) return typed_of_call(*read, now);
  const bool of_group = read->what >= What::Group && read->what <= What::Members;
  if (of_group || (needs_peer && is_group(peer_))) return typed_of_group(*read, now);
  switch (read->what) {
    case What::Nothing:
      return;
    case What::Text:
      return send_text(read->argument, now);
    case What::List:
      return queue(kList, ordered_json::object(), now);
    case What::Open: {
      if (const auto checked = im::check_user_id(read->argument, "/open"); !checked)
        return refuse_input(checked.error().why);
      peer_ = read->argument;
      const auto it = chats_.find(peer_);
      say({{"event", "opened"}, {"peer", peer_}, {"unread", it == chats_.end() ? 0 : it->second.unread}});
      return;
    }
    case What::History: {
      ordered_json body = {{"peer", peer_}, {"limit", kTypedPage}};
      if (read->number > 0) body["before"] = read->number;
      return queue("pull", std::move(body), now);
    }
    case What::Read:
      return queue("read", {{"peer", peer_}}, now);
    case What::Recall:
      return queue("recall", {{"id", read->argument}}, now);
    case What::Background:
    case What::Foreground: {
      foreground_ = read->what == What::Foreground;
      ordered_json body = {{"foreground", foreground_}};
      if (!foreground_) body["unread"] = unread_total_;
      return queue("state", std::move(body), now);
    }
    case What::Token:
      return queue("token", {{"certificate", read->number}, {"token", read->argument}}, now);
    case What::Logout:
      return queue("logout", ordered_json::object(), now);
    case What::Group:
    case What::Create:
    case What::Join:
    case What::Leave:
    case What::Invite:
    case What::Invitations:
    case What::Agree:
    case What::Decline:
    case What::Kick:
    case What::Members:
    case What::Call:
    case What::Accept:
    case What::Reject:
    case What::Cancel:
    case What::Calls:  // above
      return;
    case What::Quit:
      leaving_ = true;
      return leave_if_done();
    case What::Help:
      return say({{"event", "help"}, {"text", chat_help()}});
  }
}

void ChatState::send_text(const std::string& text, MonoTime now) {
  const std::string elements =
      json::array({{{"type", "text"}, {"text", text}}}).dump(-1, ' ', false, json::error_handler_t::replace);
  const auto checked = im::check_elements(elements, {});
  if (!checked) return refuse_input(checked.error().why);
  const bool group = is_group(peer_);
  queue(group ? "group_send" : "send",
        {{"client_id", fmt::format("{:016x}-{}", options_.seed, ++client_ids_)},
         {group ? "group" : "to", group ? peer_.substr(1) : peer_},
         {"elements", ordered_json::parse(checked->canonical)}},
        now);
}

void ChatState::list_chats() {
  std::vector<std::pair<std::string, Chat>> all(chats_.begin(), chats_.end());
  std::erase_if(all, [](const auto& each) { return each.second.gone; });
  std::ranges::sort(all, std::greater(),
                    [](const auto& each) { return std::tuple(each.second.pinned, each.second.head_at, each.first); });
  json chats = json::array();
  for (const auto& [peer, chat] : all) {
    if (chats.size() == kListedMax) break;
    json& row = chats.emplace_back(json{{"unread", chat.unread},
                                        {"head", chat.head},
                                        {"time", chat.head_at},
                                        {"pinned", chat.pinned},
                                        {"last", chat.last}});
    name_into(row, peer);
  }
  say({{"event", "chats"}, {"chats", std::move(chats)}, {"of", all.size()}, {"unread_total", unread_total_}});
}

void ChatState::queue(std::string op, ordered_json body, MonoTime now) {
  line_.push_back({std::move(op), std::move(body)});
  ask_next(now);
}

}  // namespace nightpost::app
