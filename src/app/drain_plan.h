// How the waits of a drain share its one deadline. Pure.
#pragma once

#include <algorithm>

#include "core/time.h"

namespace nightpost::app {

/// Each wait ends at its moment or as soon as there is nothing left to wait for. `over` is when the process should have
/// gone: what is left after `flushed` is for the commit, the group and the clients' end.
struct DrainPlan {
  MonoTime answered;     // what is in flight has its last word by then, or is handed back
  MonoTime handed_back;  // what was in the air then has its answer
  MonoTime flushed;      // the brokers have all of it
  MonoTime over;
};

/// A static member's partitions wait for its return and nobody else reads them meanwhile: it ends soon and leaves the
/// slow rest to its successor. Whoever hangs at a vendor for longer is sent again (and shown once).
constexpr milliseconds kStaticAnswered{1'000};
constexpr milliseconds kStaticHandedBack{1'500};

constexpr DrainPlan plan_drain(MonoTime start, milliseconds limit, bool is_static_member) noexcept {
  const milliseconds answered = limit * 56 / 100, handed_back = limit * 68 / 100;
  return {.answered = start + (is_static_member ? std::min(answered, kStaticAnswered) : answered),
          .handed_back = start + (is_static_member ? std::min(handed_back, kStaticHandedBack) : handed_back),
          .flushed = start + limit * 76 / 100,
          .over = start + limit};
}
/// The part of `limit` that is the consumer's, at most what is configured.
constexpr milliseconds commit_wait_of(milliseconds limit, milliseconds configured) noexcept {
  return std::min(configured, std::max(limit * 12 / 100, milliseconds(100)));
}

}  // namespace nightpost::app
