// Where the companion's events go, with all that it runs on.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "app/service.h"
#include "core/event_loop.h"
#include "core/result.h"
#include "im/relay/event_sink.h"

namespace nightpost::app {

class EventOutlet : public im::EventSink {
 public:
  /// Blocks until the broker has what was published, or `wait` is over. Any thread.
  virtual void flush(milliseconds wait) = 0;
  /// Why it should not be counted on. Any thread.
  virtual std::vector<Unready> unready() const = 0;
};

/// Made for the relay's loop, which outlives it. Ended while the loop stands still.
using MakeOutlet = std::function<Result<std::unique_ptr<EventOutlet>>(EventLoop& loop)>;

}  // namespace nightpost::app
