// The door to groups, beside Service: one for sockets and REST alike. Every right is judged when the command is
// applied, by the state that stands then.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "im/domain/group.h"
#include "im/service/actor.h"
#include "im/service/service.h"

namespace nightpost::im {

struct NewMember {
  std::string user;
  GroupRole role = GroupRole::Member;  // Admin where the type has the role; never Owner
};
/// The actor becomes the owner; a group that the app makes for nobody has none.
struct GroupCreate {
  std::string group;  // empty: the server makes an id
  GroupType type = GroupType::Work;
  std::string name;
  std::string introduction, notification, face;
  std::optional<JoinOption> join;      // absent: the type's
  std::size_t members_max = 0;         // 0: as many as the server allows
  std::optional<InviteOption> invite;  // absent: the type's
  bool invite_consent = false;         // who is invited has to agree
  std::vector<NewMember> members;      // beside the owner
  std::map<std::string, std::string> fields;
  std::optional<WallTime> created_at;  // brought from elsewhere by the app's server, which is told nothing
};
struct GroupCreated {
  std::string group;
  ConvId conv;
  std::vector<std::string> unknown;  // members that are no users, or are in too many groups: left out
  Ver ver;                           // the owner's account
};

/// What is absent stays.
struct GroupInfoChange {
  std::string group;
  std::optional<std::string> name, introduction, notification, face;
  std::optional<JoinOption> join;
  std::optional<std::size_t> members_max;
  std::optional<bool> all_silenced;
  std::optional<InviteOption> invite;
  std::optional<bool> invite_consent;
  std::map<std::string, std::string> fields;  // an empty value takes a field away
};

struct GroupSelf {  // the caller, as a member
  GroupRole role = GroupRole::Member;
  WallTime joined_at{};
  ReceiveOption option = ReceiveOption::Notify;
  std::string card;
  WallTime silenced_until{};
  Seq read;
  std::int64_t unread = 0;
};
struct GroupInfo {
  std::string group;
  ConvId conv;
  GroupType type = GroupType::Work;
  std::string name, introduction, face;
  std::string notification;  // members alone see it, as last_at, head, silence
  std::string owner;         // empty: none
  WallTime created_at{};
  WallTime info_at{};  // when its info last changed
  WallTime last_at{};  // of the newest message
  Seq head;
  std::int64_t members = 0;
  std::int64_t members_max = 0;
  JoinOption join = JoinOption::Free;
  InviteOption invite = InviteOption::Free;
  bool invite_consent = false;
  bool all_silenced = false;
  std::map<std::string, std::string> fields;
  std::optional<GroupSelf> self;
};

enum class MemberResult : std::uint8_t {
  Failed,
  Done,
  Already,
  Waiting
};  // as REST numbers them; a kick's Already:
    // he is no member
struct MemberOutcome {
  std::string user;
  MemberResult result = MemberResult::Failed;
  std::string why;  // of Failed
};
struct MembersChange {
  std::string group;
  std::vector<std::string> users;
  std::string reason;   // of a kick
  bool silent = false;  // no tip; the app's server alone
  std::optional<milliseconds>
      ban;  // of a kick from a live group: nor may he join for so long; 0 ends it, and kicks nobody
};
struct MembersChanged {
  std::vector<MemberOutcome> members;  // as asked for
  Ver ver;                             // the actor's account
};

struct JoinReply {
  MemberResult result = MemberResult::Done;  // Done, Already, Waiting: for a decision
  Ver ver;
};
struct Application {
  std::string group;
  std::string user;
  std::string note;
  WallTime at{};
  std::string inviter;    // empty: he applied himself
  bool for_user = false;  // an invitation that waits for his answer
  // Once it is decided.
  bool decided = false, agreed = false;
  std::string by, answer;
};
/// An invitation that waits for the invited.
struct Invitation {
  std::string group;
  std::string name;
  GroupType type = GroupType::Work;
  std::string by;
  WallTime at{};
};
struct InvitationAnswer {
  std::string group;
  bool agree = true;
  std::string note;
};
struct Decision {
  std::string group;
  std::string user;  // who applied
  bool agree = true;
  std::string note;
};

/// What is absent stays. For oneself: card, option. For others: what the role allows.
struct MemberChange {
  std::string group;
  std::string user;                     // empty: oneself
  std::optional<GroupRole> role;        // Member, Admin
  std::optional<milliseconds> silence;  // from now; 0 ends it; kForever
  std::optional<std::string> card;
  std::optional<ReceiveOption> option;
  static constexpr milliseconds kForever{4'294'967'295'000};
};

struct GroupMember {
  std::string user;
  std::string nick;
  GroupRole role = GroupRole::Member;
  WallTime joined_at{};
  WallTime last_sent_at{};
  WallTime silenced_until{};
  std::string card;
  ReceiveOption option = ReceiveOption::Notify;
  Seq read;
  std::int64_t unread = 0;  // the app's server and the member himself see it
};
struct MembersRequest {
  std::string group;
  std::string after;              // the last user of the page before
  std::size_t limit = 50;         // 1-100
  std::optional<GroupRole> role;  // those alone
  bool silenced = false;          // those alone
  bool banned = false;            // likewise, of a live group, which lists no others
};
struct MembersPage {
  std::vector<GroupMember> members;  // in an order of the server's own
  std::int64_t total = 0;            // of the group
  bool more = false;
};

struct GroupSendRequest {
  std::string group;
  std::string client_id;  // as SendRequest's
  std::string elements;
  std::string push;
  std::string cloud_data;
  Priority priority = Priority::Normal;
  bool online_only = false;
  bool no_unread = false;
  bool no_last = false;
  std::vector<std::string> mentions;  // users; kMentionAll
  std::vector<std::string> targets;   // who alone sees it; then it counts for nobody
  // The app's server alone may say no: it neither asks itself before, nor tells itself afterwards.
  bool ask_before = true, tell_after = true;
  // Of the app's server alone: a repeat is known under this, too, as long as it is not older.
  std::string earlier_client_id;
  milliseconds repeat_window{0};
};

struct GroupReadRequest {
  std::string group;
  std::optional<Seq> seq;         // up to and including; or
  std::optional<WallTime> until;  // every message of that second and before; neither: all
};
struct GroupPullRequest {
  std::string group;
  std::optional<Seq> after;  // as PullRequest's
  std::optional<Seq> before;
  std::int64_t changes = 0;
  std::size_t limit = 50;
};
struct GroupChatChange {
  std::string group;
  std::optional<bool> pinned;
  std::optional<std::string> mark;
  bool remove = false;  // from the list, until its next message
  bool with_messages = false;
};

struct JoinedGroups {
  std::vector<GroupInfo> groups;  // by conv, each with `self`
  std::int64_t total = 0;
  bool more = false;
};
struct JoinedRequest {
  ConvId after;
  std::size_t limit = 100;
  std::optional<GroupType> type;
};

/// Threads and replies as Service. GroupUnknown where there is no such group; NotLoggedIn as there. An `Actor` that is
/// the app's server has the rights of GroupActor::App, whoever it acts for.
class GroupService {
 public:
  virtual ~GroupService() = default;
  /// GroupIdInvalid, GroupIdUsed, GroupIdOwned, LiveGroups, UserGroupsFull, GroupFull.
  virtual void create_group(const Actor& who, GroupCreate request, Reply<GroupCreated> reply) = 0;
  virtual void dismiss_group(const Actor& who, std::string group, Reply<Ver> reply) = 0;
  virtual void change_group(const Actor& who, GroupInfoChange change, Reply<Ver> reply) = 0;
  virtual void transfer_group(const Actor& who, std::string group, std::string owner, Reply<Ver> reply) = 0;
  /// As asked for; one that is not there, or not for the caller, is refused alone. At most GroupLimits::infos_max.
  virtual void group_infos(const Actor& who, std::vector<std::string> groups,
                           Reply<std::vector<std::pair<std::string, Answer<GroupInfo>>>> reply) = 0;
  virtual void joined_groups(const Actor& who, JoinedRequest request, Reply<JoinedGroups> reply) = 0;

  virtual void join_group(const Actor& who, std::string group, std::string note, Reply<JoinReply> reply) = 0;
  /// Those that wait, and those decided within 30 days; for owner and admins. Newest first, at most 100.
  virtual void applications(const Actor& who, std::string group, Reply<std::vector<Application>> reply) = 0;
  /// ApplicationDecided: there is none, or another was first. A member's invitation that is agreed to waits for the
  /// invited, if the group wants his consent.
  virtual void decide_application(const Actor& who, Decision decision, Reply<Ver> reply) = 0;
  /// Those that wait for this user; at most GroupLimits::invitations_max.
  virtual void invitations(const Actor& who, Reply<std::vector<Invitation>> reply) = 0;
  /// ApplicationDecided: there is none, or it is decided or expired.
  virtual void answer_invitation(const Actor& who, InvitationAnswer answer, Reply<JoinReply> reply) = 0;
  virtual void quit_group(const Actor& who, std::string group, Reply<Ver> reply) = 0;
  virtual void invite(const Actor& who, MembersChange change, Reply<MembersChanged> reply) = 0;
  virtual void kick_members(const Actor& who, MembersChange change, Reply<MembersChanged> reply) = 0;
  virtual void change_member(const Actor& who, MemberChange change, Reply<Ver> reply) = 0;
  virtual void members(const Actor& who, MembersRequest request, Reply<MembersPage> reply) = 0;
  /// Those of `users` that are members.
  virtual void members_named(const Actor& who, std::string group, std::vector<std::string> users,
                             Reply<std::vector<GroupMember>> reply) = 0;

  virtual void send_to_group(const Actor& who, GroupSendRequest request, Reply<SendReply> reply) = 0;
  virtual void recall_in_group(const Actor& who, MessageId id, Reply<Ver> reply) = 0;
  virtual void read_group(const Actor& who, GroupReadRequest request, Reply<ReadReply> reply) = 0;
  virtual void pull_group(const Actor& who, GroupPullRequest request, Reply<PullReply> reply) = 0;
  virtual void change_group_chat(const Actor& who, GroupChatChange change, Reply<Ver> reply) = 0;
};

}  // namespace nightpost::im
