// What the app's own server is told of by callbacks: the one table of commands. Pure.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/ids.h"
#include "core/time.h"

namespace nightpost::im {

enum class Callback : std::uint8_t {
  StateChanged,
  Sent,
  Read,
  Recalled,
  GroupSent,
  GroupRecalled,
  GroupCreated,
  GroupJoined,
  GroupLeft,
  GroupDismissed,
  GroupChanged,
  FriendAdded,
  FriendRemoved,
  Blacklisted,
  Unblacklisted,
  ProfileSet,
  PushResult,
  MassPushResult,
};
inline constexpr std::size_t kCallbacks = 18;

struct CallbackTraits {
  std::string_view command;  // "C2C.CallbackAfterSendMsg"
  std::string_view when;     // for people
  /// Members of the body beside CallbackCommand; a '?' at the end: not in each.
  std::span<const std::string_view> fields;
};
const CallbackTraits& traits_of(Callback what) noexcept;
std::optional<Callback> callback_from(std::string_view command) noexcept;

/// Those that an app wants.
class CallbackSet {
 public:
  static CallbackSet all() noexcept;
  void add(Callback what) noexcept { bits_.set(static_cast<std::size_t>(what)); }
  bool contains(Callback what) const noexcept { return bits_.test(static_cast<std::size_t>(what)); }
  bool empty() const noexcept { return bits_.none(); }

 private:
  std::bitset<kCallbacks> bits_;
};

/// A callback as it waits in the store.
struct CallbackJob {
  std::int64_t id = 0;  // rises in the order of commits, and is never given twice
  AppId app;
  std::string command;
  WallTime at{};
  std::string client_ip;  // empty: not known
  std::string platform;   // OptPlatform
  std::string body;       // JSON object; its MsgBody holds elements as they are stored (elements.h)
};

}  // namespace nightpost::im
