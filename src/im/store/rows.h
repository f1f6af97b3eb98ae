// The companion's rows as values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/platform.h"
#include "core/time.h"
#include "im/domain/ids.h"
#include "im/domain/login_policy.h"
#include "im/domain/message.h"

namespace nightpost::im {

struct AccountRow {
  Ver ver, floor;
  std::int64_t unread = 0;
  WallTime valid_from{};
  bool removed = false;
  std::string nick, face;
};

struct TerminalRow {
  std::string device;
  Platform platform = Platform::Ios;
  TerminalState state = TerminalState::LoggedIn;
  Epoch epoch;
  std::string language;
  bool auto_read = false;
  Ver acked;
  bool foreground = true;
  std::int64_t badge = 0;
};

/// One-to-one, `a` <= `b`; the same user twice is who writes to himself. A group's has an empty `a`.
struct ConvRow {
  ConvId id;
  AppId app;
  std::string a, b;
  Seq seq;
  std::int64_t changes = 0;
  WallTime last_at{};

  bool is_group() const { return a.empty(); }
  bool holds(const UserKey& user) const { return user.app == app && !is_group() && (user.user == a || user.user == b); }
  /// Whether a user of it is `b`.
  bool is_b(const std::string& user) const { return user != a; }
  const std::string& other(const std::string& user) const { return is_b(user) ? a : b; }
};

struct ChatRow {
  UserKey owner;
  ConvId conv;
  std::string peer;
  Ver ver;
  Seq head;
  WallTime head_at{};
  Seq read, peer_read, cleared, last;
  std::int64_t unread = 0;
  bool pinned = false;
  bool gone = false;
  std::string mark;
};

/// What moved with a message: both accounts' ver at that moment.
struct MessageVers {
  Ver a, b;
};

struct SentRow {
  MessageId id;
  WallTime at{};
  Ver ver;
};

struct IntentRow {
  std::int64_t id = 0;
  UserKey to;
  MessageId message;
  Ver ver;
  std::int32_t events = 0;
  std::vector<std::string> pushed;
};

/// What a node says of itself: for ops, who compare the nodes of a store.
struct NodeFacts {
  milliseconds clock_ahead{0};         // of the store's server
  std::int64_t message_bytes_max = 0;  // between nodes; 0: it tells the others nothing
  std::string channel;                 // where it tells them: server and channel; empty: nowhere
};
/// An IM server that shares the store.
struct NodeRow {
  std::int64_t id = 0;
  std::string name;
  bool over = false;
  WallTime seen_at{};  // by the server's clock
  NodeFacts facts;
};

/// What pushes made before are to be told.
struct FollowUpRow {
  std::int64_t id = 0;
  UserKey to;
  std::int64_t kind = 0;
  MessageId message;
  Ver ver;
  WallTime at{};
};

/// What the app's server calls a message (im_messages.wire_seq and so on).
struct WireName {
  std::uint32_t seq = 0, random = 0;
  WallTime imported_at{};  // the epoch: `at` is the time
};

struct SilenceRow {
  WallTime chats_until{}, groups_until{};
};

struct FriendRow {
  std::string user;
  WallTime added_at{};
  std::string source, remark, wording;
  std::vector<std::string> labels;
};

/// What became of a message, for who has a copy of it.
struct ChangeRow {
  enum class What : std::uint8_t { Recalled, Edited, Removed };  // as in the column `edited`; Removed: for `by` alone
  std::int64_t change = 0;
  Seq seq;
  std::string by;
  WallTime at{};
  What what = What::Recalled;
};
/// Changes by their number.
struct ChangesPage {
  std::vector<ChangeRow> changes;
  std::optional<std::int64_t> to;  // not all were looked at: up to this one
};

}  // namespace nightpost::im
