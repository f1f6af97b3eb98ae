// What each call of AdminService does: load, decide, apply. As commands.h.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "im/service/admin_service.h"
#include "im/service/command.h"
#include "im/service/commands.h"

namespace nightpost::im {

// admin_accounts.cpp
AdminService::Each import_accounts(Work& work, AppId app, const std::vector<AccountImport>& all);
AdminService::Each remove_accounts(Work& work, AppId app, const std::vector<std::string>& users);
std::vector<AccountState> account_states(Work& work, AppId app, const std::vector<std::string>& users);
Answer<void> set_full_profile(Work& work, const UserKey& who, const Profile& profile,
                              const std::vector<ProfileField>& fields);
std::vector<FullProfile> full_profiles(Work& work, AppId app, const std::vector<std::string>& users);
Answer<void> set_silence(Work& work, const UserKey& who, const SilenceChange& change);
Answer<Silence> silence(Work& work, const UserKey& who);
Answer<AdminService::Each> change_blacklist(Work& work, const UserKey& who, const std::vector<std::string>& users,
                                            bool on);
Answer<std::vector<BlockedUser>> blacklist_of(Work& work, const UserKey& who);
Answer<std::vector<Relation>> check_blacklist(Work& work, const UserKey& who, const std::vector<std::string>& users);

// admin_messages.cpp
Answer<AdminSent> send_as(Work& work, const UserKey& from, const Draft& draft);
Answer<HistoryReply> history(Work& work, const UserKey& who, const HistoryRequest& request);
Answer<void> recall_named(Work& work, const UserKey& from, const std::string& to, const WireId& name);
Answer<void> edit_named(Work& work, const UserKey& from, const std::string& to, const WireId& name,
                        const MessageEdit& edit);
Answer<UnreadReply> unread(Work& work, const UserKey& who, const std::vector<std::string>& peers);
Answer<RecentReply> recent_chats(Work& work, const UserKey& who, std::size_t skip, std::size_t limit);

// admin_friends.cpp
Answer<AdminService::Each> save_friends(Work& work, const UserKey& who, const std::vector<FriendChange>& all,
                                        AdminService::Befriend how, bool both);
Answer<AdminService::Each> remove_friends(Work& work, const UserKey& who, const std::vector<std::string>& users,
                                          bool both);
Answer<void> remove_all_friends(Work& work, const UserKey& who, bool both);
Answer<FriendsReply> friends(Work& work, const UserKey& who, std::size_t skip, std::size_t limit);
Answer<std::vector<std::optional<Friend>>> friends_named(Work& work, const UserKey& who,
                                                         const std::vector<std::string>& users);
Answer<std::vector<Relation>> check_friends(Work& work, const UserKey& who, const std::vector<std::string>& users);

// admin_friend_groups.cpp
Answer<AdminService::Each> add_friend_groups(Work& work, const UserKey& who, const std::vector<std::string>& names,
                                             const std::vector<std::string>& users);
inline constexpr std::size_t kFriendGroupsMax = 32;  // of a user; as many as a friend may have labels
/// Their names: those that were made, and those that a friend has as a label.
std::set<std::string> friend_group_names(Work& work, const UserKey& who);
Answer<void> remove_friend_groups(Work& work, const UserKey& who, const std::vector<std::string>& names);
Answer<std::vector<FriendGroup>> friend_groups(Work& work, const UserKey& who);

// admin_edits.cpp: what both kinds of message share.
/// The message as the edit makes it; nullopt: it is so already.
std::optional<Message> edited(Message message, const MessageEdit& edit);

}  // namespace nightpost::im
