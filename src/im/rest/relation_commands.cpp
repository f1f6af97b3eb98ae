// sns: blacklists; recentcontact.
#include <algorithm>

#include "im/rest/commands.h"
#include "im/rest/relations.h"

namespace nightpost::im {
namespace {

constexpr std::size_t kBlockedMax = 1'000;
constexpr std::size_t kBlockedPageMax = 100;
constexpr std::int64_t kIndexMax = 1'000'000'000;
constexpr std::int64_t kChat = 1, kGroupChat = 2;  // "Type" of a conversation
constexpr std::int32_t kNoGroups = 51007;

void change_list(Call call, bool on) {
  Fields body = call.fields();
  UserKey who = call.user(body.text("From_Account"));
  const std::vector<std::string> users = body.texts("To_Account", kBlockedMax);
  if (call.answered_fault()) return;
  auto& service = call.tools.service;
  service.change_blacklist(
      std::move(who), users, on,
      std::move(call).reply<AdminService::Each>(
          [users](RestJson& out, const AdminService::Each& done) { write_results(out, users, done); }));
}

}  // namespace

void write_results(RestJson& out, const std::vector<std::string>& users, const AdminService::Each& done) {
  RestJson results = RestJson::array(), failed = RestJson::array();
  for (std::size_t i = 0; i < users.size(); ++i) {
    RestJson item = {{"To_Account", users[i]}};
    add_result(item, Family::Friend, done[i]);
    if (!done[i]) failed.push_back(users[i]);
    results.push_back(std::move(item));
  }
  out["ResultItem"] = std::move(results);
  if (!failed.empty()) out["Fail_Account"] = std::move(failed);
}

void write_relations(RestJson& out, const char* list, std::string_view prefix, std::string_view none, bool single,
                     const std::vector<std::string>& users, const std::vector<Relation>& relations) {
  RestJson items = RestJson::array(), failed = RestJson::array();
  for (std::size_t i = 0; i < users.size(); ++i) {
    const Relation& relation = relations[i];
    const bool b_has_a = relation.b_has_a && !single;
    const std::string_view word = relation.a_has_b ? (b_has_a ? "BothWay" : "AWithB") : b_has_a ? "BWithA" : none;
    items.push_back({{"To_Account", users[i]},
                     {"Relation", std::string(prefix) + std::string(word)},
                     {"ResultCode", relation.known ? 0 : 30003},
                     {"ResultInfo", relation.known ? "" : "no such account"}});
    if (!relation.known) failed.push_back(users[i]);
  }
  out[list] = std::move(items);
  if (!failed.empty()) out["Fail_Account"] = std::move(failed);
}

bool second_word(Fields& body, const char* name, std::string_view first, std::string_view second, bool absent,
                 bool required) {
  const auto word = required ? std::optional(body.text(name)) : body.text_if(name);
  if (!word) return absent;
  if (*word != first && *word != second)
    body.fail(name, "neither " + std::string(first) + " nor " + std::string(second));
  return *word == second;
}

void black_list_add(Call call) { change_list(std::move(call), true); }
void black_list_delete(Call call) { change_list(std::move(call), false); }

void black_list_get(Call call) {
  Fields body = call.fields();
  UserKey who = call.user(body.text("From_Account"));
  const auto start = static_cast<std::size_t>(body.number_if("StartIndex", 0, kIndexMax).value_or(0));
  const auto limit = static_cast<std::size_t>(body.number_if("MaxLimited", 1, kIndexMax).value_or(kBlockedPageMax));
  body.u32_if("LastSequence");
  if (call.answered_fault()) return;
  auto& service = call.tools.service;
  const auto write = [start, limit](RestJson& out, const std::vector<BlockedUser>& all) {
    const std::size_t end = std::min(all.size(), start + std::min(limit, kBlockedMax));
    RestJson items = RestJson::array();
    for (std::size_t i = start; i < end; ++i)
      items.push_back({{"To_Account", all[i].user}, {"AddBlackTimeStamp", second_of(all[i].since)}});
    out["BlackListItem"] = std::move(items);
    out["StartIndex"] = end < all.size() ? end : 0;
    out["CurruentSequence"] = 0;  // as published; both spellings are read
    out["CurrentSequence"] = 0;
  };
  service.blacklist_of(std::move(who), std::move(call).reply<std::vector<BlockedUser>>(write));
}

void black_list_check(Call call) {
  Fields body = call.fields();
  UserKey who = call.user(body.text("From_Account"));
  const std::vector<std::string> users = body.texts("To_Account", kBlockedMax);
  const bool both = second_word(body, "CheckType", "BlackCheckResult_Type_Single", "BlackCheckResult_Type_Both", true);
  if (call.answered_fault()) return;
  auto& service = call.tools.service;
  service.check_blacklist(std::move(who), users,
                          std::move(call).reply<std::vector<Relation>>(
                              [users, both](RestJson& out, const std::vector<Relation>& relations) {
                                write_relations(out, "BlackListCheckItem", "BlackCheckResult_Type_", "NO", !both, users,
                                                relations);
                              }));
}

void recentcontact_get_list(Call call) {
  Fields body = call.fields();
  UserKey who = call.user(body.text("From_Account"));
  const auto start = static_cast<std::size_t>(body.number_if("StartIndex", 0, kIndexMax).value_or(0));
  for (const char* const name : {"TimeStamp", "TopTimeStamp", "TopStartIndex", "AssistFlags"}) body.u32_if(name);
  if (call.answered_fault()) return;
  auto& service = call.tools.service;
  const auto write = [start](RestJson& out, const RecentReply& page) {
    RestJson items = RestJson::array();
    for (const RecentChat& chat : page.chats) {
      const bool one = chat.group.empty();
      items.push_back({{"Type", one ? kChat : kGroupChat},
                       {one ? "To_Account" : "GroupId", one ? chat.peer : chat.group},
                       {"MsgTime", second_of(chat.at)},
                       {"TopFlag", chat.pinned ? 1 : 0}});
    }
    // The place of the next page is StartIndex alone: pinned ones come first in the same list.
    out["SessionItem"] = std::move(items);
    out["CompleteFlag"] = page.complete ? 1 : 0;
    out["TimeStamp"] = page.chats.empty() ? 0 : second_of(page.chats.back().at);
    out["StartIndex"] = page.complete ? 0 : start + page.chats.size();
    out["TopTimeStamp"] = 0;
    out["TopStartIndex"] = 0;
  };
  service.recent_chats(std::move(who), start, kBlockedPageMax, std::move(call).reply<RecentReply>(write));
}

void recentcontact_delete(Call call) {
  Fields body = call.fields();
  UserKey who = call.user(body.text("From_Account"));
  const std::int64_t type = body.number({"Type", "type"}, 1, 2);
  GroupService* const groups = call.tools.groups;
  if (type == kGroupChat && groups == nullptr) body.fail("Type", "2: this server has no groups", kNoGroups);
  const auto chat = body.text_if("To_Account"), group = body.text_if("ToGroupid");
  const bool of_group = type == kGroupChat;
  if (!(of_group ? group : chat)) body.fail(of_group ? "ToGroupid" : "To_Account", "missing");
  std::string peer = (of_group ? group : chat).value_or("");
  const bool with_messages = body.number_if("ClearRamble", 0, 1).value_or(0) == 1;
  if (call.answered_fault()) return;
  if (of_group) {
    GroupChatChange change{
        .group = std::move(peer), .pinned = {}, .mark = {}, .remove = true, .with_messages = with_messages};
    return groups->change_group_chat({std::move(who), std::nullopt}, std::move(change),
                                     std::move(call).reply<Ver>([](RestJson&, Ver) {}));
  }
  auto& service = call.tools.service;
  service.remove_chat(std::move(who), std::move(peer), with_messages, std::move(call).plain());
}

}  // namespace nightpost::im
