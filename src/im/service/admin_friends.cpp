// Friends, for the app's server. A friend is somebody on one's list; two lists say that both hold each other for one.
#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "im/service/admin_commands.h"
#include "im/service/before_questions.h"
#include "im/service/callback_notes.h"

namespace nightpost::im {
namespace {

Friend friend_of(FriendRow&& row) {
  return {.user = std::move(row.user),
          .source = std::move(row.source),
          .remark = std::move(row.remark),
          .wording = std::move(row.wording),
          .labels = std::move(row.labels),
          .since = row.added_at};
}

/// "AllowType_Type_DenyAny" and the like, as the profile has it: a JSON string.
std::string allow_type(Work& work, const UserKey& who) {
  for (auto& [tag, value] : work.tables.profile_fields(who))
    if (tag == "Tag_Profile_IM_AllowType") return std::move(value);
  return {};
}

Answer<void> may_befriend(Work& work, const UserKey& who, const UserKey& other) {
  if (work.tables.blocks(who, other.user))
    return refuse(Code::FriendOnBlacklist, "user: is on the blacklist of who adds him");
  if (work.tables.blocks(other, who.user))
    return refuse(Code::FriendBlacklists, "user: has who adds him on his blacklist");
  const std::string allowed = allow_type(work, other);
  if (allowed == R"("AllowType_Type_DenyAny")")
    return refuse(Code::FriendTakesNobody, "user: takes nobody as a friend");
  if (allowed == R"("AllowType_Type_NeedConfirm")")
    return refuse(Code::FriendAsksFirst, "user: wants to be asked, which is not offered: add him by force");
  return {};
}

/// How many friends the users of one call have, as it goes on.
class Counts {
 public:
  explicit Counts(Work& work) : work_(work) {}
  Answer<void> room_for_one(const UserKey& who, Code full) {
    const auto found = std::ranges::find(known_, who.user, &Known::user);
    Known& entry = found == known_.end() ? known_.emplace_back(who.user, work_.tables.count_friends(who)) : *found;
    const std::int64_t most = work_.settings(who.app).friends_max;
    if (entry.count >= most)
      return refuse(full, who.user + " has " + std::to_string(most) + " friends, as many as may be");
    ++entry.count;
    return {};
  }

 private:
  struct Known {
    std::string user;
    std::int64_t count = 0;
  };
  Work& work_;
  std::vector<Known> known_;
};

/// The friend groups that a user has, as labels of one call make more of them.
class Labels {
 public:
  Labels(Work& work, const UserKey& who) : work_(work), who_(who) {}
  Answer<void> room_for(const FriendChange& change) {
    if (!change.labels || change.labels->empty()) return {};
    if (!known_) known_ = friend_group_names(work_, who_);
    after_ = *known_;
    after_.insert(change.labels->begin(), change.labels->end());
    // Who has more of them since before there was a limit keeps them.
    if (after_.size() <= std::max(kFriendGroupsMax, known_->size())) return {};
    return refuse(Code::FriendGroupsFull,
                  "GroupName: more than " + std::to_string(kFriendGroupsMax) + " friend groups");
  }
  void take() {
    if (known_) *known_ = after_;
  }

 private:
  Work& work_;
  const UserKey& who_;
  std::optional<std::set<std::string>> known_;
  std::set<std::string> after_;
};

FriendRow changed(FriendRow row, const FriendChange& change) {
  if (change.source) row.source = *change.source;
  if (change.remark) row.remark = *change.remark;
  if (change.wording) row.wording = *change.wording;
  if (change.labels) row.labels = *change.labels;
  if (change.since) row.added_at = *change.since;
  return row;
}

Answer<void> save_one(Work& work, const UserKey& who, const FriendChange& change, AdminService::Befriend how, bool both,
                      Counts& counts) {
  const UserKey other{who.app, change.user};
  if (change.user == who.user) return refuse(Code::Malformed, "user: nobody is his own friend");
  if (auto ok = known(work.tables, other); !ok) return ok;
  auto mine = work.tables.friend_of(who, change.user);
  if (how == AdminService::Befriend::Change) {
    if (!mine) return refuse(Code::NotAFriend, "user: is no friend of his");
    work.tables.save_friend(who, changed(*std::move(mine), change));
    return {};
  }
  const bool his = !both || work.tables.friend_of(other, who.user).has_value();
  if (how == AdminService::Befriend::Ask && (!mine || !his))
    if (auto ok = may_befriend(work, who, other); !ok) return ok;
  if (!mine)
    if (auto ok = counts.room_for_one(who, Code::FriendsFull); !ok) return ok;
  if (!his)
    if (auto ok = counts.room_for_one(other, Code::OtherFriendsFull); !ok) return ok;
  work.tables.save_friend(
      who, changed(mine ? *std::move(mine) : FriendRow{.user = change.user, .added_at = work.now}, change));
  if (!his) {
    FriendRow row{.user = who.user, .added_at = change.since.value_or(work.now)};
    row.source = change.source.value_or("");
    work.tables.save_friend(other, row);
  }
  return {};
}

}  // namespace

Answer<AdminService::Each> save_friends(Work& work, const UserKey& who, const std::vector<FriendChange>& all,
                                        AdminService::Befriend how, bool both) {
  if (auto ok = known(work.tables, who); !ok) return std::unexpected(std::move(ok.error()));
  if (is_look_ahead(work)) {
    if (!all.empty()) ask_friends(work, who, all, both, how == AdminService::Befriend::Force);
    return AdminService::Each{};
  }
  Counts counts(work);
  Labels labels(work, who);
  AdminService::Each out;
  const bool noted = how != AdminService::Befriend::Change && wants_callback(work, who.app, Callback::FriendAdded);
  std::vector<std::string> added;
  for (const FriendChange& change : all) {
    const bool is_new = noted && !work.tables.friend_of(who, change.user);
    auto room = labels.room_for(change);
    out.push_back(room ? save_one(work, who, change, how, both, counts) : std::move(room));
    if (out.back() && change.labels && !change.labels->empty()) labels.take();
    if (is_new && out.back()) added.push_back(change.user);
  }
  note_relations(work, {who, std::nullopt}, Callback::FriendAdded, added, "friend_add",
                 how == AdminService::Befriend::Force);
  return out;
}

Answer<AdminService::Each> remove_friends(Work& work, const UserKey& who, const std::vector<std::string>& users,
                                          bool both) {
  if (auto ok = known(work.tables, who); !ok) return std::unexpected(std::move(ok.error()));
  AdminService::Each out;
  std::vector<std::string> removed;
  for (const std::string& user : users) {
    const bool mine = work.tables.remove_friend(who, user);
    const bool his = both && work.tables.remove_friend({who.app, user}, who.user);
    out.push_back(mine || his ? Answer<void>() : refuse(Code::NotAFriend, "user: is no friend of his"));
    if (mine || his) removed.push_back(user);
  }
  note_relations(work, {who, std::nullopt}, Callback::FriendRemoved, removed, "friend_delete");
  return out;
}

Answer<void> remove_all_friends(Work& work, const UserKey& who, bool both) {
  if (auto ok = known(work.tables, who); !ok) return ok;
  work.tables.remove_friends(who, both);
  return {};
}

Answer<FriendsReply> friends(Work& work, const UserKey& who, std::size_t skip, std::size_t limit) {
  if (auto ok = known(work.tables, who); !ok) return std::unexpected(std::move(ok.error()));
  FriendsReply reply{.friends = {}, .total = work.tables.count_friends(who)};
  for (FriendRow& row : work.tables.friends(who, skip, limit)) reply.friends.push_back(friend_of(std::move(row)));
  return reply;
}

Answer<std::vector<std::optional<Friend>>> friends_named(Work& work, const UserKey& who,
                                                         const std::vector<std::string>& users) {
  if (auto ok = known(work.tables, who); !ok) return std::unexpected(std::move(ok.error()));
  std::vector<std::optional<Friend>> out;
  for (const std::string& user : users) {
    auto row = work.tables.friend_of(who, user);
    out.push_back(row ? std::optional(friend_of(*std::move(row))) : std::nullopt);
  }
  return out;
}

Answer<std::vector<Relation>> check_friends(Work& work, const UserKey& who, const std::vector<std::string>& users) {
  if (auto ok = known(work.tables, who); !ok) return std::unexpected(std::move(ok.error()));
  std::vector<Relation> out;
  for (const std::string& user : users) {
    const UserKey other{who.app, user};
    out.push_back({.known = known(work.tables, other).has_value(),
                   .a_has_b = work.tables.friend_of(who, user).has_value(),
                   .b_has_a = work.tables.friend_of(other, who.user).has_value()});
  }
  return out;
}

}  // namespace nightpost::im
