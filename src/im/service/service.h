// The one door of the companion: every right and rule is enforced behind it, once, whoever asks (sockets, later REST).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/device.h"
#include "core/platform.h"
#include "core/time.h"
#include "im/domain/codes.h"
#include "im/domain/group.h"
#include "im/domain/ids.h"
#include "im/domain/login_policy.h"
#include "im/domain/message.h"

namespace nightpost::im {

/// One login of one device. Who asks; a later login of the same device, a displacement, a kick or a logout ends it, and
/// what the ended one asks from then on is answered NotLoggedIn.
struct Terminal {
  UserKey user;
  std::string device;  // the client's own name for the phone or browser, 1-64 printable bytes; stays over logins
  Epoch epoch;
  Platform platform = Platform::Ios;
  std::string address;  // where it came from, for callbacks; empty: not known
};

struct LoginRequest {
  AppId app;
  std::string user;
  std::string signature;  // userSig
  std::string device;
  Platform platform = Platform::Ios;
  std::string language;
  bool force = false;      // logs in although this device was displaced while away
  bool auto_read = false;  // what this device acknowledges counts as read
  std::string address;     // the client's, for callbacks; empty: not known
};
struct LoginReply {
  Terminal terminal;
  Ver ver;  // the account's
  WallTime signature_ends{};
  std::string nick;
  std::vector<ConvId> groups;  // whose messages are to be delivered to this user
};

/// How a user stands in the store, for who was told of some of it and not of the rest.
struct Standing {
  UserKey user;
  bool removed = false;
  Ver ver;
  bool groups_moved = false;   // one of his did, in the time asked for
  std::vector<ConvId> groups;  // whose messages are to be delivered to him, but live ones
  struct Login {
    std::string device;
    Epoch epoch;
    TerminalState state;
    ConvId live;  // the live group that the device is in here; 0: none
  };
  std::vector<Login> logins;  // that stand, or ended and were not forgotten
};

struct SendRequest {
  std::string to;         // the other user
  std::string client_id;  // 1-64 printable bytes, unique among the sender's of seven days
  std::string elements;   // JSON array
  std::string push;       // JSON object; empty: none
  std::string cloud_data;
  Priority priority = Priority::Normal;
  bool online_only = false;  // delivered to who is there; not stored, not counted, not pushed, id 0-0
  bool no_unread = false;
  bool no_last = false;
};
struct SendReply {
  MessageId id;
  WallTime at{};
  Ver ver;                // the sender's account, this message included
  bool repeated = false;  // the first result of this client id
};

/// Times of a message that changed after it was sent, and of a conversation's states, for copies of them.
struct Recall {
  MessageId id;
  std::string by;
  WallTime at{};
};

/// A conversation as its owner sees it.
struct Chat {
  ConvId conv;
  std::string peer;
  Seq head;  // newest message
  WallTime head_at{};
  Seq read;  // mine
  Seq peer_read;
  Seq cleared;  // history begins behind it
  std::int64_t unread = 0;
  std::int64_t changes = 0;  // the conversation's counter of recalls and the like
  bool pinned = false;
  std::string mark;
  bool gone = false;  // deleted from the list; a new message brings it back
  Ver ver;            // of the owner's account when it last changed
  std::optional<Message> last;
};

/// A group's conversation as a member sees it.
struct GroupChat {
  ConvId conv;
  std::string group;
  GroupType type = GroupType::Work;
  std::string name;
  std::string face;
  GroupRole role = GroupRole::Member;
  ReceiveOption option = ReceiveOption::Notify;
  Seq head;
  WallTime head_at{};
  Seq read;     // mine
  Seq cleared;  // history begins behind it: when I joined, or what I cleared
  std::int64_t unread = 0;
  std::int64_t changes = 0;
  bool pinned = false;
  std::string mark;
  bool hidden = false;                            // deleted from the list until its next message
  bool gone = false;                              // I am no member any more, or the group is dismissed
  bool mentioned = false, mentioned_all = false;  // above the read mark: I, everyone
  Seq mention;                                    // the newest message that does
  Ver ver;                                        // of the member's account when his side last changed
  std::optional<Message> last;
};

struct SyncRequest {
  Ver ver;  // what the client has; 0: nothing
  std::size_t limit = 100;
  /// Groups: `time` of an earlier answer. Those that moved since then come too, for their messages move no ver.
  std::optional<WallTime> since;
  ConvId after_group;  // of the answer before, while `more`
};
struct SyncReply {
  std::vector<Chat> chats;  // those with a ver above the client's, by ver
  Ver ver;                  // what the client has once it took them; ask again with it while `more`
  bool more = false;
  bool reset = false;  // the client's ver is from elsewhere or ahead: it drops what it has; the rows are from 0
  std::int64_t unread_total = 0;
  std::vector<GroupChat> groups;  // those with a ver above the client's, by ver; then those that moved, by conv
  std::size_t moved = 0;          // so many of them
  WallTime time{};                // `since` of the next sync
  ConvId after_group;             // while `more`; 0 until those with a ver above are through
};

struct PullRequest {
  std::string peer;
  std::optional<Seq> after;   // those above it, oldest first; or
  std::optional<Seq> before;  // those below it, newest first; neither: the newest
  std::int64_t changes = 0;   // the client knows the conversation's changes up to here
  std::size_t limit = 50;     // 1-100
};
struct PullReply {
  ConvId conv;
  std::vector<Message> messages;  // by seq, rising; hidden, deleted and expired ones are left out
  Seq from, to;                   // all that is to be seen in [from, to] is here: ranges of answers join
  Seq head;
  // Behind the client's `changes`, at most 100 of all at once.
  std::vector<Recall> recalls;
  std::vector<MessageId> edits;    // their content is another one now
  std::vector<MessageId> removes;  // deleted for this user
  std::int64_t changes = 0;        // ask again with it
  bool more = false;               // further messages in that direction
};

struct ReadRequest {
  std::string peer;
  std::optional<Seq> seq;         // up to and including; or
  std::optional<WallTime> until;  // every message of that second and before; neither: all
};
struct ReadReply {
  Seq read;
  std::int64_t unread = 0;
  std::int64_t unread_total = 0;
  Ver ver;
};

struct ChatChange {
  std::string peer;
  std::optional<bool> pinned;
  std::optional<std::string> mark;  // at most 64 bytes
  bool remove = false;              // from the list
  bool with_messages = false;       // and its messages, for me
};

/// A device's registration for pushes; goes to the dispatcher's store.
struct TokenReport {
  CertificateId certificate;
  DeviceToken token;
};
struct AppState {
  bool foreground = true;
  std::int64_t unread = 0;  // on going to background: the total that the app shows
};
struct Profile {
  std::optional<std::string> nick;  // absent in a request: as it is
  std::optional<std::string> face;  // URL
};
struct BlacklistChange {
  std::string user;
  bool on = true;
};

// What happened, to be told after the commit to whoever of the user is connected.
struct NewMessage {
  std::shared_ptr<const Message> message;
  std::int64_t unread = 0;  // of the owner's conversation
  bool online_only = false;
};
struct ReadMark {  // mine, of another device of mine
  std::string peer;
  Seq read;
  std::int64_t unread = 0;
};
struct PeerRead {  // the other one has read what I wrote
  std::string peer;
  Seq read;
};
struct Recalled {
  std::string peer;
  Recall recall;
};
struct ChatChanged {
  std::string peer;
};  // pin, mark, removal: read it by sync
struct GroupRead {  // mine, of another device of mine
  std::string group;
  Seq read;
  std::int64_t unread = 0;
};
struct GroupRecalled {
  std::string group;
  Recall recall;
};
struct GroupNews {  // what happened in a group, or to this user there
  std::string group;
  std::shared_ptr<const std::string> tip;  // JSON object, group_tip.h; null: read the conversation by sync
  bool stored = false;                     // a sync tells of it, too
  bool passing = false;                    // in a live group: the first to fall to its rate
};
struct MessageEdited {  // one that was sent before, as it is now
  std::shared_ptr<const Message> message;
};
struct Subscribed {  // for whoever knows who is connected: the group's messages are to be delivered to this user, or no
  bool on = true;    // longer
  std::string live;  // the id of a live group; empty: another's, where membership is a row
  std::string device;  // this device of the user alone; empty: all of his
  Epoch epoch;         // of its login
};
struct Removed {            // deleted for me by another device of mine; the conversation is to be read by sync, too
  std::string peer, group;  // one of them
  std::vector<MessageId> ids;
};
using Item = std::variant<NewMessage, ReadMark, PeerRead, Recalled, ChatChanged, GroupRead, GroupRecalled, GroupNews,
                          MessageEdited, Subscribed, Removed>;

struct Delivery {
  UserKey to;          // of a group's: who caused it
  Ver ver;             // of the account once the client has this; 0: online-only or a group's, moves nothing
  std::string except;  // the device of `to` that asked; its answer says it already
  Item item;
  std::int64_t unread_total = 0;  // of `to`
  ConvId group;                   // not 0, and the item is not Subscribed: to all members that are subscribed
  std::shared_ptr<const std::vector<std::string>> only;  // not null: to these members and `to` alone
};

/// A terminal that could be pushed to: an iOS or Android device that has not logged out and was not displaced.
struct PushTarget {
  std::string device;
  Platform platform = Platform::Ios;
  Ver acknowledged;  // as saved, which is up to some seconds ago
};
/// A stored message that somebody may need a push for. The row stands in the store until settled.
struct Intent {
  std::int64_t id = 0;
  std::shared_ptr<const Message> message;
  UserKey to;
  Ver ver;                        // the receiver's, of this message
  std::int64_t unread_total = 0;  // the receiver's, this message included
  std::vector<PushTarget> targets;
  std::int32_t events = 0;          // published for it before
  std::vector<std::string> pushed;  // devices that those named
};

/// What pushes made before are to be told: that their message was recalled, that their conversation was read up to it,
/// or that the total fell. The row stands in the store until settled.
struct FollowUp {
  enum class Kind : std::uint8_t { Recalled = 1, Read = 2, Badge = 3 };
  std::int64_t id = 0;
  Kind kind = Kind::Badge;
  UserKey to;
  WallTime at{};
  MessageId message;       // of a badge none, and nothing of it
  Ver ver;                 // the receiver's, when that message came
  std::string from, nick;  // who wrote it
  std::int64_t unread_total = 0;
  std::vector<PushTarget> targets;
  std::string by_device;  // that brought it about; empty: none of the receiver's, or not known any more
  bool call = false;      // the message was an invite to a call
  bool answered = false;  // ... which the receiver has accepted or rejected
  // Of a group's call that is over: where, and in which range of its members (group_rules.h) the receiver is.
  std::string group, group_name;
  std::int64_t range = 0;
};
/// The same of a group: one, however many its members are; receivers are looked up when the pushes are made.
struct GroupIntent {
  std::int64_t id = 0;
  std::shared_ptr<const Message> message;
  AppId app;
  std::string name;         // of the group
  std::int64_t ranges = 1;  // of members (group_rules.h)
  std::int64_t done = 0;    // ranges that are over, from the first
};
/// A member that a message may have to be pushed to.
struct GroupReceiver {
  std::string user;
  std::int64_t unread_total = 0;
  bool mentioned = false;
  std::vector<PushTarget> targets;  // one at least
};

struct Ended {
  enum class Why : std::uint8_t { Displaced, SameDevice, Kicked, LoggedOut, AccountRemoved };
  Terminal terminal;
  Why why;
};

/// All that one commit did, in the order of commits. On the loop.
struct Committed {
  /// The store's, over all IM servers that share it, without holes. 0: this one shares it with nobody (SQLite), or it
  /// was no commit.
  std::int64_t number = 0;
  std::vector<Delivery> deliveries;
  std::vector<Intent> intents;
  std::vector<FollowUp> follow_ups;
  std::vector<MessageId> recalled;                  // whose push is not to be made any more
  std::vector<std::pair<UserKey, MessageId>> read;  // ... up to which a user has read, one a conversation
  std::vector<Ended> ended;
  std::vector<GroupIntent> group_intents;
  std::vector<AppId> callbacks;  // whose server has something new to be told, in any number
  bool mass_push = false;        // a push to all was begun or canceled: look for it in the book (mass_push.h)
};

/// What the relay asks of the store. Threads and replies as Service.
class IntentBook {
 public:
  virtual ~IntentBook() = default;
  /// Intents left by an earlier process, by id, those above `after`.
  virtual void intents(std::int64_t after, std::size_t limit, Reply<std::vector<Intent>> reply) = 0;
  /// The broker has event number `events` of it, which named `devices`: a later process does not push to them again.
  virtual void intent_published(std::int64_t id, std::int32_t events, std::vector<std::string> devices) = 0;
  virtual void intent_settled(std::int64_t id) = 0;  // nothing more is due for it: the row goes
  /// Likewise.
  virtual void follow_ups(std::int64_t after, std::size_t limit, Reply<std::vector<FollowUp>> reply) = 0;
  virtual void follow_up_settled(std::int64_t id) = 0;
};

/// Likewise, of groups.
class GroupIntentBook {
 public:
  virtual ~GroupIntentBook() = default;
  virtual void group_intents(std::int64_t after, std::size_t limit, Reply<std::vector<GroupIntent>> reply) = 0;
  /// The members of a range that are to be pushed to as things stand: who joined before the message, wants pushes of
  /// it, has not read it and has a device.
  virtual void group_receivers(MessageId message, std::int64_t range, std::int64_t ranges,
                               Reply<std::vector<GroupReceiver>> reply) = 0;
  virtual void group_intent_done(std::int64_t id, std::int64_t ranges) = 0;  // so many of them, from the first
  virtual void group_intent_settled(std::int64_t id) = 0;
};

inline constexpr std::size_t kStandingsMax = 100;

/// Single-threaded, on the loop that it was made for: calls come from it, replies and `committed` go to it. A reply
/// comes after the `committed` that holds its effects, and before that of the next commit; else in any order, exactly
/// once, also after stop() (then Busy). Everything that waits is bounded; what finds no room is answered Busy at once.
class Service : public IntentBook {
 public:
  virtual void login(LoginRequest request, Reply<LoginReply> reply) = 0;
  virtual void logout(const Terminal& who, Reply<void> reply) = 0;  // the device gets no push from then on
  virtual void send(const Terminal& who, SendRequest request, Reply<SendReply> reply) = 0;
  virtual void recall(const Terminal& who, MessageId id, Reply<Ver> reply) = 0;
  virtual void remove(const Terminal& who, std::vector<MessageId> ids, Reply<Ver> reply) = 0;  // for me; at most 30
  virtual void read(const Terminal& who, ReadRequest request, Reply<ReadReply> reply) = 0;
  virtual void change_chat(const Terminal& who, ChatChange change, Reply<Ver> reply) = 0;
  virtual void sync(const Terminal& who, SyncRequest request, Reply<SyncReply> reply) = 0;
  virtual void pull(const Terminal& who, PullRequest request, Reply<PullReply> reply) = 0;
  virtual void report_token(const Terminal& who, TokenReport report, Reply<void> reply) = 0;
  virtual void report_state(const Terminal& who, AppState state, Reply<void> reply) = 0;
  virtual void set_push_settings(const Terminal& who, PushSettings settings, Reply<void> reply) = 0;
  virtual void set_mute(const Terminal& who, Mute mute, bool on, Reply<void> reply) = 0;
  virtual void set_profile(const Terminal& who, Profile profile, Reply<void> reply) = 0;
  virtual void profiles(const Terminal& who, std::vector<std::string> users,
                        Reply<std::vector<std::pair<std::string, Profile>>> reply) = 0;  // at most 100
  virtual void set_blacklisted(const Terminal& who, BlacklistChange change, Reply<void> reply) = 0;
  virtual void blacklist(const Terminal& who, Reply<std::vector<std::string>> reply) = 0;

  /// At most kStandingsMax users; and whether groups of theirs moved since then.
  virtual void standings(std::vector<UserKey> users, WallTime since, Reply<std::vector<Standing>> reply) = 0;

  /// The connection of this login ended, its client silent for too long or not; the login itself goes on.
  virtual void disconnected(const Terminal&, bool /*silent*/) {}

  /// The client has everything up to `ver`. Saved within some seconds; never falls.
  virtual void acknowledged(const Terminal& who, Ver ver) = 0;
};

}  // namespace nightpost::im
