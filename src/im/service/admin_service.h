// What the app's own server may ask for: on behalf of any user, without a terminal, past blacklists and silences.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/platform.h"
#include "im/domain/user_sig.h"
#include "im/service/service.h"

namespace nightpost::im {

struct AccountImport {
  std::string user;
  Profile profile;
};
/// An account as the app's server sees it.
struct AccountState {
  bool known = false;
  WallTime signatures_from{};  // those issued before are refused
  struct Device {
    std::string device;
    Platform platform = Platform::Ios;
  };
  std::vector<Device> devices;  // logged in, connected or not
};

/// What the app's server calls a message: beside the time in seconds, two numbers of its own.
struct WireId {
  std::uint32_t seq = 0;
  std::uint32_t random = 0;
  std::int64_t second = 0;
  auto operator<=>(const WireId&) const = default;
};

struct AdminSend {
  std::string to;
  std::string elements, push, cloud_data;  // as SendRequest has them
  std::optional<std::uint32_t> wire_seq;   // absent: made up
  std::uint32_t wire_random = 0;
  std::optional<milliseconds> lifetime;  // then it is in no history; absent: ServiceOptions::message_kept
  bool online_only = false, no_unread = false, no_last = false;
  bool hidden_from_sender = false;  // the sender's devices and history do not have it
  // False: the app's server is not asked before (callbacks), or not told afterwards.
  bool ask_before = true, tell_after = true;
};
struct AdminSent {
  MessageId id;  // 0-0: online-only
  WireId wire;
  bool repeated = false;  // the first result of an equal call
};

struct MessageImport {
  std::string to;
  std::string elements, cloud_data;
  std::optional<std::uint32_t> wire_seq;
  std::uint32_t wire_random = 0;
  WallTime at{};
  bool live = false;  // counts as unread and is delivered; else it is history
};

/// From the newest that fits down; a page is handed out in rising order.
struct HistoryRequest {
  std::string peer;
  std::int64_t from_second = 0, to_second = 0;  // both included
  std::optional<WireId> below;                  // the oldest of the page before
  std::size_t limit = 100;                      // 1-100
};
struct HistoryRow {
  Message message;
  WireId wire;
  bool read = false;  // by the one who did not write it
};
struct HistoryReply {
  std::vector<HistoryRow> rows;
  bool complete = true;
};

struct UnreadReply {
  std::int64_t total = 0;                // of all one-to-one conversations
  std::vector<std::int64_t> with_peers;  // in the order asked for
};

/// A profile's field beside nick and face: its tag, and its value as a JSON string or number.
struct ProfileField {
  std::string tag, value;
  bool operator==(const ProfileField&) const = default;
};
struct FullProfile {
  bool known = false;
  std::string nick, face;
  std::vector<ProfileField> fields;  // by tag
};

/// May not speak until then; in the past: may.
struct Silence {
  WallTime chats{}, groups{};
};
struct SilenceChange {
  std::optional<WallTime> chats, groups;
};
/// Ends no silence that is meant for ever.
inline constexpr WallTime kForEver{milliseconds(253'402'300'799'000)};

struct BlockedUser {
  std::string user;
  WallTime since{};  // the epoch: not known
};
/// Who has whom on his blacklist, or among his friends.
struct Relation {
  bool known = false;  // the other account is there
  bool a_has_b = false, b_has_a = false;
};

struct RecentChat {
  std::string peer;   // empty: a group's
  std::string group;  // empty: one-to-one
  WallTime at{};
  bool pinned = false;
};
struct RecentReply {
  std::vector<RecentChat> chats;  // pinned ones first, then by time, the newest first
  bool complete = true;
};

struct Friend {
  std::string user;
  std::string source, remark, wording;
  std::vector<std::string> labels;  // the friend groups that he is in
  WallTime since{};
};
struct FriendChange {
  std::string user;
  std::optional<std::string> source, remark, wording;
  std::optional<std::vector<std::string>> labels;
  std::optional<WallTime> since;
};
struct FriendsReply {
  std::vector<Friend> friends;  // by user id
  std::int64_t total = 0;
};
struct FriendGroup {
  std::string name;
  std::vector<std::string> friends;  // by user id
};

/// A message's content that takes the place of what it has; what is absent stays.
struct MessageEdit {
  std::optional<std::string> elements, cloud_data;
};

/// Threads and replies as Service. Each list is bounded by the caller; ids and texts are checked here. A call on behalf
/// of a user who is not there is AccountUnknown.
class AdminService {
 public:
  using Each = std::vector<Answer<void>>;  // of a list, in its order
  virtual ~AdminService() = default;

  /// AppUnknown, or as verify_user_sig. A kick that came after the signature is not looked for.
  virtual Answer<UserSig> verify(AppId app, std::string_view user, std::string_view signature) const = 0;

  /// Makes the account, or brings a removed one back; a field that is absent stays as it is.
  virtual void import_account(UserKey who, Profile profile, Reply<void> reply) = 0;
  virtual void import_accounts(AppId app, std::vector<AccountImport> all, Reply<Each> reply) = 0;
  /// Ends all logins, unbinds all tokens, and refuses signatures of this second or before.
  virtual void kick(UserKey who, Reply<void> reply) = 0;
  /// The same, and its conversations, friends, blacklist and profile go; what it wrote stays with the others.
  virtual void remove_accounts(AppId app, std::vector<std::string> users, Reply<Each> reply) = 0;
  virtual void accounts(AppId app, std::vector<std::string> users, Reply<std::vector<AccountState>> reply) = 0;

  virtual void send_as(UserKey from, AdminSend message, Reply<AdminSent> reply) = 0;
  /// Of the same parties in either direction, second, numbers: dropped.
  virtual void import_message(UserKey from, MessageImport message, Reply<void> reply) = 0;
  virtual void history(UserKey who, HistoryRequest request, Reply<HistoryReply> reply) = 0;
  /// At any time. MessageUnknown: no such message of this sender's.
  virtual void recall_as(UserKey from, std::string to, WireId message, Reply<void> reply) = 0;
  /// At any time; whoever has the message is told. Its push, unread and place stay. MessageUnknown: likewise, and of
  /// one that was recalled.
  virtual void edit_as(UserKey from, std::string to, WireId message, MessageEdit edit, Reply<void> reply) = 0;
  virtual void read_as(UserKey who, ReadRequest request, Reply<ReadReply> reply) = 0;
  virtual void unread(UserKey who, std::vector<std::string> peers, Reply<UnreadReply> reply) = 0;
  virtual void recent_chats(UserKey who, std::size_t skip, std::size_t limit, Reply<RecentReply> reply) = 0;
  virtual void remove_chat(UserKey who, std::string peer, bool with_messages, Reply<void> reply) = 0;

  virtual void set_full_profile(UserKey who, Profile profile, std::vector<ProfileField> fields, Reply<void> reply) = 0;
  virtual void full_profiles(AppId app, std::vector<std::string> users, Reply<std::vector<FullProfile>> reply) = 0;

  virtual void set_silence(UserKey who, SilenceChange change, Reply<void> reply) = 0;
  virtual void silence(UserKey who, Reply<Silence> reply) = 0;

  virtual void change_blacklist(UserKey who, std::vector<std::string> users, bool on, Reply<Each> reply) = 0;
  virtual void blacklist_of(UserKey who, Reply<std::vector<BlockedUser>> reply) = 0;
  virtual void check_blacklist(UserKey who, std::vector<std::string> users, Reply<std::vector<Relation>> reply) = 0;

  enum class Befriend : std::uint8_t {
    Change,  // those who are friends already; NotAFriend
    Ask,     // add, where the other side's profile and both blacklists allow it; those who are friends stay it
    Force,   // add
  };
  /// `both`: an added friend gets one, too.
  virtual void save_friends(UserKey who, std::vector<FriendChange> all, Befriend how, bool both, Reply<Each> reply) = 0;
  virtual void remove_friends(UserKey who, std::vector<std::string> users, bool both, Reply<Each> reply) = 0;
  virtual void remove_all_friends(UserKey who, bool both, Reply<void> reply) = 0;
  virtual void friends(UserKey who, std::size_t skip, std::size_t limit, Reply<FriendsReply> reply) = 0;
  /// Those named, as far as they are friends.
  virtual void friends_named(UserKey who, std::vector<std::string> users,
                             Reply<std::vector<std::optional<Friend>>> reply) = 0;
  virtual void check_friends(UserKey who, std::vector<std::string> users, Reply<std::vector<Relation>> reply) = 0;
  /// Makes those that are not there, and puts `users` into all of them: NotAFriend. FriendGroupsFull.
  virtual void add_friend_groups(UserKey who, std::vector<std::string> names, std::vector<std::string> users,
                                 Reply<Each> reply) = 0;
  /// The friends stay.
  virtual void remove_friend_groups(UserKey who, std::vector<std::string> names, Reply<void> reply) = 0;
  virtual void friend_groups(UserKey who, Reply<std::vector<FriendGroup>> reply) = 0;  // by name
};

}  // namespace nightpost::im
