// Calls: who is invited by whom, and how that ends: each invited user decides once. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"
#include "im/domain/codes.h"
#include "im/domain/ids.h"

namespace nightpost::im {

enum class CallStep : std::uint8_t { Invite, Cancel, Accept, Reject, TimeOut };
std::string_view name_of(CallStep step) noexcept;  // "invite", "cancel", "accept", "reject", "timeout"

/// Of an invited user.
enum class CallState : std::uint8_t { Waits, Canceled, Accepted, Rejected, TimedOut };
inline constexpr std::size_t kCallStates = 5;
std::string_view name_of(CallState state) noexcept;  // "waits", "canceled", "accepted", "rejected", "timed_out"
CallState state_after(CallStep step) noexcept;

struct CallLimits {
  std::size_t invited_max = 50;         // users of one call
  std::size_t open_max = 20;            // calls of a user that wait for somebody
  std::size_t data_bytes_max = 4'096;   // of the app's own data, and of what a push shows
  milliseconds timeout_max{3'600'000};  // that an invite may wait
  milliseconds kept{86'400'000};        // then a call is forgotten; REQUIRED: at least timeout_max
  bool rings = true;                    // an invite rings without words, too: its events are of kind call
};

/// A step as the only element of its message.
struct CallSignal {
  CallStep step = CallStep::Invite;
  MessageId call;                  // the invite's message; of an invite itself 0-0
  std::vector<std::string> users;  // whom it concerns: the invited, or those that the step ends it for
  std::optional<WallTime> until;   // of an invite that times out
  std::string data;                // the app's own
  std::string desc;                // what a push shows
};
/// [{"type":"call","step":"invite",…}]. Clients cannot write it: elements.h has no such kind.
std::string call_elements(const CallSignal& signal);
bool is_call_invite(std::string_view elements) noexcept;
/// Whether a push of it has something to show.
bool call_shows(std::string_view elements) noexcept;
/// When the invite of these elements times out; nullopt: it is none, or never does.
std::optional<WallTime> call_until(std::string_view elements) noexcept;

struct CallFacts {
  CallStep step = CallStep::Accept;  // Cancel, Accept, Reject
  bool known = false;                // the call is there
  bool mine = false;                 // who asks is invited; of a cancel: has invited
  /// His own state; of a cancel: Waits while somebody waits, else Canceled where it was canceled before.
  CallState state = CallState::Waits;
  bool same_device = false;  // that brought the state about
  std::optional<WallTime> until;
  WallTime now{};
};
/// True: to be done. False: this device has done it before. CallOver, CallForbidden.
Answer<bool> decide_call(const CallFacts& facts);

}  // namespace nightpost::im
