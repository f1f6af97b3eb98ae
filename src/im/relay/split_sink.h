// One sink for several who publish: each has a port of its own, with tickets of its own.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "im/relay/event_sink.h"

namespace nightpost::im {

/// Borrows `sink`, and outlives those who have its ports.
class SplitSink {
 public:
  static constexpr std::size_t kPorts = 3;
  explicit SplitSink(EventSink& sink) : sink_(sink), ports_{Port(*this, 0), Port(*this, 1), Port(*this, 2)} {
    sink_.on_durable([this](std::uint64_t ticket) {
      Port& port = ports_[ticket % kPorts];
      if (port.durable) port.durable(ticket / kPorts);
    });
  }
  ~SplitSink() { sink_.on_durable({}); }
  SplitSink(const SplitSink&) = delete;
  SplitSink& operator=(const SplitSink&) = delete;

  EventSink& port(std::size_t number) { return ports_.at(number); }

 private:
  struct Port final : EventSink {
    Port(SplitSink& of, std::uint64_t number_in) : split(of), number(number_in) {}
    void publish(std::string_view key, std::string_view event, std::uint64_t ticket) override {
      split.sink_.publish(key, event, ticket * kPorts + number);
    }
    void on_durable(Durable told) override { durable = std::move(told); }
    SplitSink& split;
    const std::uint64_t number;
    Durable durable;
  };

  EventSink& sink_;
  std::array<Port, kPorts> ports_;
};

}  // namespace nightpost::im
