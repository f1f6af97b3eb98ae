// Where the companion's events go, with all that it runs on.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "app/service.h"
#include "core/event_loop.h"
#include "core/result.h"
#include "im/relay/event_sink.h"
#include "im/service/callback_book.h"

namespace nightpost::app {

class EventOutlet : public im::EventSink {
 public:
  /// Blocks until the broker has what was published, or `wait` is over. Any thread.
  virtual void flush(milliseconds wait) = 0;
  /// Why it should not be counted on. Any thread.
  virtual std::vector<Unready> unready() const = 0;

  using Taken = std::move_only_function<void()>;
  using HearOutcomes = std::move_only_function<void(std::vector<im::PushOutcome>, Taken)>;
  /// On the loop, before anything is published: what became of pushes goes to `hear`, and no event is called durable
  /// before `hear` has taken its outcomes. False: nothing is heard of it here, and `hear` is dropped.
  virtual bool on_outcomes(HearOutcomes hear) {
    (void)hear;
    return false;
  }
};

/// Made for the relay's loop, which outlives it. Ended while the loop stands still.
using MakeOutlet = std::function<Result<std::unique_ptr<EventOutlet>>(EventLoop& loop)>;

}  // namespace nightpost::app
