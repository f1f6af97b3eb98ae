// What becomes of a message that is sent, recalled or read: rights, number, time, and who counts it. Pure: facts as
// they are loaded go in, a refusal or a plan comes out.
#pragma once

#include <cstdint>
#include <optional>

#include "core/time.h"
#include "im/domain/codes.h"
#include "im/domain/ids.h"

namespace nightpost::im {

struct SendFacts {
  bool to_self = false;
  bool from_system = false;  // no user's: no push, and no part of the badge's total
  bool receiver_known = false;
  bool blacklisted = false;   // the sender, by the receiver
  bool friends = true;        // each has the other, or nobody asks for it
  WallTime silenced_until{};  // the sender; in the past: may speak
  bool receiver_has_targets = false;
  // Asked for.
  bool online_only = false;
  bool no_unread = false;
  bool push_disabled = false;
  // The conversation's.
  Seq head;
  WallTime last_at{};
  WallTime now{};
};
struct SendRules {
  bool blacklist_silent = true;  // the sender sees success
};
struct SendPlan {
  bool stored = true;
  bool hidden = false;  // from the receiver, to whom nothing happens
  bool counts = false;  // in the receiver's unread
  bool intent = false;
  Seq seq;        // 0: not stored
  WallTime at{};  // never before the conversation's last
};
/// ReceiverUnknown, Silenced, Blacklisted, NotFriends; in this order.
Answer<SendPlan> decide_send(const SendFacts& facts, const SendRules& rules);

struct RecallFacts {
  bool visible = false;  // to who asks: there, of his conversation, not hidden from him, not behind what he cleared
  bool mine = false;
  bool recalled = false;
  bool hidden = false;  // from the receiver
  bool counts = false;
  Seq seq;
  Seq receiver_read;
  WallTime at{};
  WallTime now{};
};
struct RecallPlan {
  bool repeated = false;  // it was recalled before: nothing happens
  bool tell_receiver = false;
  std::int64_t unread_less = 0;  // the receiver's, 0 or 1
};
/// MessageUnknown, NotTheSender, RecallTooLate; in this order.
Answer<RecallPlan> decide_recall(const RecallFacts& facts, milliseconds window);

/// Where a read mark stands after a report of `asked` (nullopt: all): it only advances, and never beyond the head.
Seq advanced_read(Seq read, Seq head, std::optional<Seq> asked) noexcept;

}  // namespace nightpost::im
