// Which device is next: the events whose devices are known, oldest first, as far as the shard's limits allow.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/device.h"
#include "dispatch/bulk_turn.h"
#include "dispatch/capacity.h"
#include "dispatch/now.h"
#include "dispatch/open_events.h"
#include "dispatch/options.h"
#include "dispatch/timer_heap.h"
#include "dispatch/two_lines.h"

namespace nightpost::dispatch {

/// Each device of each event, or each that is left of it, is named once by next(), or ends here by a rule or because
/// its event is late, or goes on to a delay topic because it came too early; in the order of the events, but for bulk,
/// which takes turns with the others and is named and ended a part a call, and nothing is named or ended beyond the
/// limits.
class Planner {
 public:
  /// Borrowed; all must outlive it.
  Planner(const Options& options, const Now& now, OpenEvents& events, Capacity& capacity, TimerHeap& timers,
          BulkTurn& turn)
      : now_(now), events_(events), capacity_(capacity), timers_(timers), turn_(turn), ready_(options.bulk_share) {}

  struct Target {
    OpenEvent* event = nullptr;
    std::size_t receiver = 0;
    const Device* device = nullptr;
    const DeviceLeft* left = nullptr;  // how far it had come; null: it was not tried yet
  };

  /// The event's receivers are known.
  void add(OpenEvent& open);
  /// The next device to begin a push for; nullopt: there is none, or a limit is reached.
  std::optional<Target> next();
  /// The end of the event's window has come: what is not planned ends, as far as the settler has room.
  void end_late(OpenEvent& open);
  /// Call once a turn, when all is planned that may be: those left over are woken at the end of their windows.
  void set_timers();

 private:
  enum class Step : std::uint8_t { Device, Full, Done };  // Full: also, bulk has had its turn
  Step advance(OpenEvent& open, Target& target);
  bool may_begin(const OpenEvent& open) const noexcept;
  OpenEvent* first_of(Audience whose);

  const Now& now_;
  OpenEvents& events_;
  Capacity& capacity_;
  TimerHeap& timers_;
  BulkTurn& turn_;
  TwoLines<std::uint64_t> ready_;         // oldest first; some may be over
  std::array<std::size_t, 2> untimed_{};  // the last so many of each line have no timer yet
};

}  // namespace nightpost::dispatch
