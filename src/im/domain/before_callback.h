// What the app's own server is asked before it happens: the one table of those commands. Pure.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "im/domain/codes.h"

namespace nightpost::im {

enum class Before : std::uint8_t { Send, GroupSend, GroupCreate, GroupJoin, GroupInvite, FriendAdd };
inline constexpr std::size_t kBefores = 6;

struct BeforeTraits {
  std::string_view command;  // "C2C.CallbackBeforeSendMsg"
  std::string_view when;     // for people
  /// Members of the body beside CallbackCommand; a '?' at the end: not in each.
  std::span<const std::string_view> fields;
  Code refused = Code::CallbackRefused;  // where the app's server says no without a code of its own
  bool content = false;                  // the answer may hold another MsgBody, CloudCustomData, OfflinePushInfo
  bool drops = false;                    // ... may drop it, and the sender sees success
};
const BeforeTraits& traits_of(Before what) noexcept;
std::optional<Before> before_from(std::string_view command) noexcept;

/// Whether an app's server may choose this code itself: it reaches the client as it is.
constexpr bool is_apps_code(std::int64_t code) noexcept { return code >= 120'001 && code <= 130'000; }

/// Those that an app wants to be asked.
class BeforeSet {
 public:
  void add(Before what) noexcept { bits_.set(static_cast<std::size_t>(what)); }
  bool contains(Before what) const noexcept { return bits_.test(static_cast<std::size_t>(what)); }
  bool empty() const noexcept { return bits_.none(); }

 private:
  std::bitset<kBefores> bits_;
};

}  // namespace nightpost::im
