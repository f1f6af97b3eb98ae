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

constexpr DrainPlan plan_drain(MonoTime start, milliseconds limit) noexcept {
  return {.answered = start + limit * 56 / 100,
          .handed_back = start + limit * 68 / 100,
          .flushed = start + limit * 76 / 100,
          .over = start + limit};
}
/// The part of `limit` that is the consumer's, at most what is configured.
constexpr milliseconds commit_wait_of(milliseconds limit, milliseconds configured) noexcept {
  return std::min(configured, std::max(limit * 12 / 100, milliseconds(100)));
}

}  // namespace nightpost::app
