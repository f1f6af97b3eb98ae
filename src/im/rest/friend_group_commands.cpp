// sns: the groups that a user sorts his friends into.
#include <algorithm>
#include <utility>

#include "im/rest/commands.h"
#include "im/rest/relations.h"

namespace nightpost::im {
namespace {

constexpr std::size_t kFriendGroupsMost = 32;
constexpr std::size_t kGroupedMax = 1'000;

}  // namespace

void friend_group_add(Call call) {
  Fields body = call.fields();
  UserKey who = call.user(body.text("From_Account"));
  std::vector<std::string> names = body.texts("GroupName", kFriendGroupsMost);
  std::vector<std::string> users = body.texts_if("To_Account", kGroupedMax);
  if (call.answered_fault()) return;
  auto& service = call.tools.service;
  service.add_friend_groups(
      std::move(who), std::move(names), users,
      std::move(call).reply<AdminService::Each>([users](RestJson& out, const AdminService::Each& done) {
        write_results(out, users, done);
        out["CurrentSequence"] = 0;
      }));
}

void friend_group_delete(Call call) {
  Fields body = call.fields();
  UserKey who = call.user(body.text("From_Account"));
  std::vector<std::string> names = body.texts("GroupName", kFriendGroupsMost);
  if (call.answered_fault()) return;
  auto& service = call.tools.service;
  service.remove_friend_groups(std::move(who), std::move(names),
                               [call = std::move(call)](const Answer<void>& done) mutable {
                                 if (!done) return std::move(call).refuse(done.error());
                                 Outcome outcome;
                                 outcome.members["CurrentSequence"] = 0;
                                 std::move(call).answer(std::move(outcome));
                               });
}

void friend_group_get(Call call) {
  Fields body = call.fields();
  UserKey who = call.user(body.text("From_Account"));
  body.u32_if("LastSequence");
  const bool with_friends = second_word(body, "NeedFriend", "Need_Friend_Type_No", "Need_Friend_Type_Yes", false);
  const std::vector<std::string> names = body.texts_if("GroupName", kFriendGroupsMost);
  if (call.answered_fault()) return;
  auto& service = call.tools.service;
  const auto write = [with_friends, names](RestJson& out, const std::vector<FriendGroup>& groups) {
    RestJson list = RestJson::array();
    for (const FriendGroup& group : groups) {
      if (!names.empty() && std::ranges::find(names, group.name) == names.end()) continue;
      RestJson item = {{"GroupName", group.name}, {"FriendNumber", group.friends.size()}};
      if (with_friends) item["To_Account"] = group.friends;
      list.push_back(std::move(item));
    }
    out["ResultItem"] = std::move(list);
    out["CurrentSequence"] = 0;
  };
  service.friend_groups(std::move(who), std::move(call).reply<std::vector<FriendGroup>>(write));
}

}  // namespace nightpost::im
