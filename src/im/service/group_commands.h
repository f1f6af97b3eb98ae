// What each call of GroupService does: load, decide, apply, as commands.h says.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "im/domain/group_fields.h"
#include "im/domain/group_rights.h"
#include "im/domain/group_tip.h"
#include "im/service/command.h"
#include "im/service/commands.h"
#include "im/service/group_requests.h"

namespace nightpost::im {

// group_access.cpp
/// Who asks, in the group that he asks about.
struct InGroup {
  GroupRow group;
  std::optional<MemberRow> member;  // the actor's user, if he is one now
  GroupActor actor = GroupActor::Stranger;
};
/// NotLoggedIn, GroupUnknown.
Answer<InGroup> enter(Tables& tables, const Actor& who, std::string_view group);
Answer<InGroup> enter(Tables& tables, const Actor& who, ConvId conv);
std::optional<MemberRow> member_now(Tables& tables, ConvId conv, const UserKey& who);
Ver ver_of(Tables& tables, const UserKey& who);
std::int64_t unread_total(Tables& tables, const UserKey& who);  // one-to-one and groups
std::int64_t unread_of(Tables& tables, const GroupRow& group, const MemberRow& member);

/// The row with the account's next ver, written; and the news of it to the member's devices but `except`. A null tip:
/// they are to read it by sync.
Ver change_member_row(Work& work, MemberRow& row, const GroupRow& group, const std::string& except,
                      const GroupTip* tip);
/// AlreadyMember, AccountUnknown, GroupFull, UserGroupsFull. Changes the group's row, and does not write it.
Answer<Ver> admit(Work& work, GroupRow& group, const UserKey& who, GroupRole role, const std::string& except,
                  const GroupTip& tip);
/// The same for who goes.
Ver dismiss_member(Work& work, GroupRow& group, MemberRow& member, const std::string& except, const GroupTip& tip);
/// What all members are told: a message where the type stores tips, else an event. Changes the row's conversation.
void tell_members(Work& work, GroupRow& group, const Actor& who, const GroupTip& tip);

// group_commands.cpp
Answer<GroupCreated> create_group(Work& work, const Actor& who, const GroupCreate& request);
Answer<Ver> dismiss_group(Work& work, const Actor& who, const std::string& group);
Answer<Ver> change_group(Work& work, const Actor& who, const GroupInfoChange& change);
Answer<Ver> transfer_group(Work& work, const Actor& who, const std::string& group, const std::string& owner);
void leave_all_groups(Work& work, const UserKey& who);  // an account that goes
bool prune_groups(Work& work);                          // true: there is more

// group_members.cpp
Answer<JoinReply> join_group(Work& work, const Actor& who, const std::string& group, const std::string& note);
Answer<Ver> decide_application(Work& work, const Actor& who, const Decision& decision);
// group_invitations.cpp
MemberOutcome ask_admins(Work& work, const Actor& who, const GroupRow& group, const std::string& user);
MemberOutcome ask_user(Work& work, const Actor& who, const GroupRow& group, const std::string& user);
/// Of a member's invitation that waits for owner and admins, whose right was looked at.
Answer<Ver> decide_members_invitation(Work& work, const Actor& who, GroupRow& group, ApplicationRow row,
                                      const Decision& decision);
Answer<JoinReply> answer_invitation(Work& work, const Actor& who, const InvitationAnswer& answer);
Answer<std::vector<Invitation>> invitations(Work& work, const Actor& who);

// group_members.cpp
/// Owner and admins, of whom those that are connected hear of an application or an invitation.
void tell_deciders(Work& work, const GroupRow& group, const UserKey& applicant, const GroupTip& tip);
Answer<Ver> quit_group(Work& work, const Actor& who, const std::string& group);
Answer<MembersChanged> invite(Work& work, const Actor& who, const MembersChange& change);
Answer<MembersChanged> kick_members(Work& work, const Actor& who, const MembersChange& change);
Answer<Ver> change_member(Work& work, const Actor& who, const MemberChange& change);

// live_commands.cpp
/// GroupForbidden: banned.
Answer<void> may_be_in_room(Work& work, const GroupRow& group, const std::string& user);
WallTime silenced_in_room(Work& work, const GroupRow& group, const std::string& user);
Answer<JoinReply> join_live(Work& work, const Actor& who, const GroupRow& group);
Answer<Ver> quit_live(Work& work, const Actor& who, const GroupRow& group);
Answer<MembersChanged> kick_from_live(Work& work, const Actor& who, const GroupRow& group, const MembersChange& change);
Answer<Ver> silence_in_live(Work& work, const Actor& who, const InGroup& in, const MemberChange& change);
/// Silenced or banned ones.
Answer<MembersPage> silenced_in_live(Work& work, const InGroup& in, const MembersRequest& request);

// group_messages.cpp
struct GroupDraft {  // a GroupSendRequest whose content was checked
  std::string group, client_id, elements, push, cloud_data;
  bool push_disabled = false;
  Priority priority = Priority::Normal;
  bool online_only = false, no_unread = false, no_last = false;
  std::vector<std::string> mentions, targets;
  bool untold = false;            // as Draft's
  bool signal = false;            // likewise
  bool worded = false;            // likewise
  std::string earlier_client_id;  // as GroupSendRequest's
  milliseconds repeat_window{0};
};
Answer<SendReply> send_to_group(Work& work, const Actor& who, const GroupDraft& draft);
Answer<Ver> recall_in_group(Work& work, const Actor& who, MessageId id);
Answer<Ver> remove_in_group(Work& work, const Terminal& who, const std::vector<MessageId>& ids);  // all of one
Answer<ReadReply> read_group(Work& work, const Actor& who, const GroupReadRequest& request);
Answer<Ver> change_group_chat(Work& work, const Actor& who, const GroupChatChange& change);
void expire_in_group(Work& work, MessageId id);

// group_looks.cpp: these only read.
using GroupInfos = std::vector<std::pair<std::string, Answer<GroupInfo>>>;
Answer<GroupInfos> group_infos(Work& work, const Actor& who, const std::vector<std::string>& groups);
Answer<JoinedGroups> joined_groups(Work& work, const Actor& who, const JoinedRequest& request);
Answer<std::vector<Application>> applications(Work& work, const Actor& who, const std::string& group);
Answer<MembersPage> members(Work& work, const Actor& who, const MembersRequest& request);
Answer<std::vector<GroupMember>> members_named(Work& work, const Actor& who, const std::string& group,
                                               const std::vector<std::string>& users);
Answer<PullReply> pull_group(Work& work, const Actor& who, const GroupPullRequest& request);
GroupChat shown(Work& work, const GroupRow& group, const MemberRow& member);
Answer<std::vector<GroupIntent>> group_intents(Work& work, std::int64_t after, std::size_t limit);
Answer<std::vector<GroupReceiver>> group_receivers(Work& work, MessageId message, std::int64_t range,
                                                   std::int64_t ranges);

struct GroupIntentChange {
  std::int64_t id = 0;
  std::int64_t done = 0;  // ranges; -1: settled
};
Answer<void> save_group_intents(Work& work, const std::vector<GroupIntentChange>& all);

}  // namespace nightpost::im
