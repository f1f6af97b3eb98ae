// Where offline events go: Kafka's offline topic, the broker within `nightpost all`, or a test's list.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace nightpost::im {

/// On the relay's loop alone. What it took is durable once it says so; it never gives up on one by itself.
class EventSink {
 public:
  using Durable = std::function<void(std::uint64_t ticket)>;  // on the loop, never inside publish()
  virtual ~EventSink() = default;
  /// Events with one key stay in order.
  virtual void publish(std::string_view key, std::string_view event, std::uint64_t ticket) = 0;
  virtual void on_durable(Durable durable) = 0;
};

}  // namespace nightpost::im
