// The groups that a user sorts his friends into: names of their own, and labels of friends.
#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "im/service/admin_commands.h"

namespace nightpost::im {
namespace {

/// A label makes a group, too: that of an import, say.
std::map<std::string, std::vector<std::string>> friend_groups_of(Work& work, const UserKey& who) {
  std::map<std::string, std::vector<std::string>> out;
  for (std::string& name : work.tables.friend_groups(who)) out.try_emplace(std::move(name));
  for (const FriendRow& row : work.tables.friends(who, 0, work.options.friends_max))
    for (const std::string& label : row.labels) out[label].push_back(row.user);
  return out;
}

}  // namespace

std::set<std::string> friend_group_names(Work& work, const UserKey& who) {
  std::set<std::string> out;
  for (const auto& [name, friends] : friend_groups_of(work, who)) out.insert(name);
  return out;
}

Answer<AdminService::Each> add_friend_groups(Work& work, const UserKey& who, const std::vector<std::string>& names,
                                             const std::vector<std::string>& users) {
  if (auto ok = known(work.tables, who); !ok) return std::unexpected(std::move(ok.error()));
  std::set<std::string> all = friend_group_names(work, who);
  all.insert(names.begin(), names.end());
  if (all.size() > kFriendGroupsMax)
    return refuse(Code::FriendGroupsFull,
                  "GroupName: more than " + std::to_string(kFriendGroupsMax) + " friend groups");
  AdminService::Each out;
  for (const std::string& user : users) {
    auto row = work.tables.friend_of(who, user);
    if (!row) {
      out.push_back(refuse(Code::NotAFriend, "user: is no friend of his"));
      continue;
    }
    for (const std::string& name : names)
      if (std::ranges::find(row->labels, name) == row->labels.end()) row->labels.push_back(name);
    work.tables.save_friend(who, *row);
    out.emplace_back();
  }
  for (const std::string& name : names) work.tables.add_friend_group(who, name);
  return out;
}

Answer<void> remove_friend_groups(Work& work, const UserKey& who, const std::vector<std::string>& names) {
  if (auto ok = known(work.tables, who); !ok) return ok;
  for (const std::string& name : names) work.tables.remove_friend_group(who, name);
  for (FriendRow& row : work.tables.friends(who, 0, work.options.friends_max)) {
    const auto gone = [&](const std::string& label) { return std::ranges::find(names, label) != names.end(); };
    if (std::erase_if(row.labels, gone) > 0) work.tables.save_friend(who, row);
  }
  return {};
}

Answer<std::vector<FriendGroup>> friend_groups(Work& work, const UserKey& who) {
  if (auto ok = known(work.tables, who); !ok) return std::unexpected(std::move(ok.error()));
  std::vector<FriendGroup> out;
  for (auto& [name, friends] : friend_groups_of(work, who)) out.push_back({name, std::move(friends)});
  return out;
}

}  // namespace nightpost::im
