// Why a request is refused, by the number that a client sees: TIM's where it has one.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <string>
#include <utility>

namespace nightpost::im {

enum class Code : std::int32_t {
  // The caller's request.
  Malformed = 6017,  // a field is missing, of another type or out of range; `why` names it
  UnknownOp = 6018,
  NotLoggedIn = 6014,
  Displaced = 6208,  // said once: another terminal took this one's place while it was away; `force` logs in
  TooFast = 6223,    // come again; the answer says after how many ms
  // Signatures and accounts.
  SigExpired = 70001,
  SigEmpty = 70002,
  SigUnreadable = 70003,  // not base64, zlib or JSON, too long, fields missing
  SigMismatch = 70009,    // not made with a key of this app
  SigOtherUser = 70013,
  SigOtherApp = 70014,
  AccountUnknown = 70107,
  SigRevoked = 70052,  // kicked after it was issued
  AppUnknown = 60006,
  // Calls.
  CallOver = 8010,       // no such call, or it is decided
  CallForbidden = 8011,  // not invited to it; of a cancel: another one has invited
  // Messages.
  ReceiverUnknown = 20003,
  CallbackRefused = 20006,  // by the app's own server, which was asked before
  Blacklisted = 20007,
  NotFriends = 20009,  // each wants the other among his friends, where the app says so
  Silenced = 20012,    // the sender may not speak for now; `why` says until when
  RecallTooLate = 20016,
  NotTheSender = 20018,
  MessageUnknown = 20026,
  WordRefused = 80001,
  TooLarge = 80002,
  CallbackFailed = 80003,  // the app's own server did not answer, and the app wants it refused then
  // Friends.
  FriendCallbackRefused = 30009,  // as 20006
  FriendsFull = 30010,
  FriendGroupsFull = 30011,
  OtherFriendsFull = 30014,
  FriendOnBlacklist = 30515,  // the other, on one's own
  FriendTakesNobody = 30516,
  FriendBlacklists = 30525,  // one is on the other's blacklist
  FriendAsksFirst = 30539,   // the other wants to be asked
  NotAFriend = 31704,
  // Groups.
  GroupForbidden = 10007,   // the role or the type of the group lacks the right
  OwnerMayNotQuit = 10009,  // he transfers or dismisses it
  GroupUnknown = 10010,     // or dismissed
  AlreadyMember = 10013,
  GroupFull = 10014,
  GroupIdInvalid = 10015,
  GroupCallbackRefused = 10016,  // as 20006
  GroupSilenced = 10017,
  GroupIdUsed = 10021,
  ApplicationDecided = 10024,  // or there is none
  GroupIdOwned = 10025,        // used, by a group of the caller's own
  GroupMessageUnknown = 10030,
  GroupRecallTooLate = 10031,
  GroupNoRecall = 10033,
  LiveGroups = 10036,      // the app has as many as it may
  UserGroupsFull = 10037,  // the user is in as many groups as a user may be
  // Pushes to all.
  PushTasksFull = 60019,   // as many are not over as may be
  PushRandomUsed = 90005,  // its MsgRandom is that of another within seven days
  PushOff = 90045,         // this server has none
  // The server.
  Busy = 70169,  // a queue is full or the store is away; nothing happened, repeat with the same client id
  Internal = 70500,
};

struct Refusal {
  Code code;
  std::string why;  // for people: one line; names the field and the limit, never a secret
};

template <class T>
using Answer = std::expected<T, Refusal>;
template <class T>
using Reply = std::move_only_function<void(Answer<T>)>;

[[nodiscard]] inline auto refuse(Code code, std::string why) { return std::unexpected(Refusal{code, std::move(why)}); }

}  // namespace nightpost::im
