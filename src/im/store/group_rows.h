// The rows of groups as values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/time.h"
#include "im/domain/group.h"
#include "im/domain/group_rules.h"
#include "im/domain/ids.h"
#include "im/domain/message.h"

namespace nightpost::im {

/// A group and its conversation.
struct GroupRow {
  ConvId conv;
  AppId app;
  std::string id;
  GroupType type = GroupType::Work;
  std::string name, introduction, notification, face;
  std::string owner;  // empty: none
  JoinOption join = JoinOption::Free;
  std::int64_t members = 0;
  std::int64_t members_max = 0;
  bool all_silenced = false;
  std::string fields;  // JSON object
  InviteOption invite = InviteOption::Free;
  bool invite_consent = false;
  WallTime created_at{};
  WallTime info_at{};
  bool dismissed = false;
  // The conversation's.
  Seq seq;
  std::int64_t changes = 0;
  WallTime last_at{};
  std::int64_t counted = 0;
  std::int64_t erased = 0;
  Seq recalled_to;
};

struct MemberRow {
  UserKey who;
  ConvId conv;
  GroupRole role = GroupRole::Member;
  WallTime joined_at{};
  std::optional<WallTime> left_at;
  Seq cleared, read;
  std::int64_t read_count = 0;
  std::int64_t own_since = 0;
  ReceiveOption option = ReceiveOption::Notify;
  WallTime silenced_until{};
  WallTime last_sent_at{};
  std::string card;
  bool pinned = false;
  Seq hidden_to;
  std::string mark;
  Ver ver;

  bool left() const { return left_at.has_value(); }
};

struct ApplicationRow {
  enum class State : std::uint8_t { Waits, Agreed, Refused };
  std::string user;
  State state = State::Waits;
  WallTime at{};
  std::string note, by, answer;
  WallTime decided_at{};
  std::string inviter;    // empty: he applied himself
  bool for_user = false;  // it waits for the invited, else for owner and admins
};

/// One that waits for a user's answer.
struct InvitationRow {
  ConvId conv;
  std::string by;
  WallTime at{};
  std::string note;
};

/// Who may not speak in a live room, or not be there; the past: he may.
struct LiveRule {
  std::string user;
  WallTime silenced_until{}, banned_until{};
};

/// A message of a group beside its text: whether it raises unread, and how many do up to it.
struct MessageCount {
  bool counts = false;
  std::int64_t counted = 0;
};

struct GroupIntentRow {
  std::int64_t id = 0;
  MessageId message;
  std::int64_t ranges = 1;
  std::int64_t done = 0;
};

/// Of the members of a range, one that a message may be pushed to.
struct ReceiverRow {
  std::string user;
  ReceiveOption option = ReceiveOption::Notify;
  bool mentioned = false;
};

}  // namespace nightpost::im
