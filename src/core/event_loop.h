// What single-threaded code needs of the loop that it runs on: the time, a turn of its own, a timer. So tests/sim can
// be the loop and its clock.
#pragma once

#include <functional>
#include <memory>

#include "core/time.h"

namespace nightpost {

/// One pending wake-up. Destroying it cancels.
class LoopTimer {
 public:
  virtual ~LoopTimer() = default;
  /// Fires once at `due`, from the loop; replaces the time it was armed for. A wake-up that was on its way to the loop
  /// already may still come: whoever is woken looks at the time.
  virtual void arm(MonoTime due) = 0;
};

/// The loop's thread alone, but post(), which may be called from any thread where the implementation says so.
class EventLoop {
 public:
  virtual ~EventLoop() = default;
  virtual MonoTime now() const noexcept = 0;
  /// Runs `work` from the loop, in the order of the calls, never from inside this one.
  virtual void post(std::move_only_function<void()> work) = 0;
  /// Calls `fire` each time that it was armed for. The loop outlives the timer.
  virtual std::unique_ptr<LoopTimer> make_timer(std::function<void()> fire) = 0;
};

}  // namespace nightpost
