// The companion's offline events on a broker that forgets: durable is what has its outcome.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "app/config.h"
#include "app/event_outlet.h"
#include "app/kafka_event_sink.h"
#include "app/outcome_book.h"
#include "core/counter.h"
#include "kafka/tail.h"

namespace nightpost::app {

struct OutcomeSinkMetrics {
  Counter unsettled_bytes;  // of the events whose pushes are not over
  Counter put_off;          // of them: events that wait in the delay topics alone
  Counter repeated;         // events published again, for nothing was heard of them
  Counter unreadable;       // results that are no outcomes
};

/// Calls an event durable once each of its devices has its final outcome on the results topic, or the dispatcher could
/// not read it, which the dead topic says. Until then its intent stands in the store, so a killed process loses none. A
/// thread reads the topics; all else is the loop's.
class OutcomeEventSink final : public EventOutlet {
 public:
  /// Timeout, NotFound: of kafka::Tail.
  static Result<std::unique_ptr<OutcomeEventSink>> start(const Config& config,
                                                         std::unique_ptr<kafka::Producer> producer, EventLoop& loop,
                                                         OutcomeSinkMetrics& metrics);
  ~OutcomeEventSink() override;

  void publish(std::string_view key, std::string_view event, std::uint64_t ticket) override;
  void on_durable(Durable durable) override { durable_ = std::move(durable); }
  bool on_outcomes(HearOutcomes hear) override;
  void flush(milliseconds wait) override { producer_->flush(wait); }
  std::vector<Unready> unready() const override { return unready_of(*producer_); }
  /// From now on nothing is published: what comes stays in the store. Any thread.
  void close() noexcept { closed_.store(true, std::memory_order_release); }
  /// No event is there but those that are put off. Any thread.
  bool quiet() const noexcept { return at_work_.load(std::memory_order_acquire) == 0; }

 private:
  OutcomeEventSink(const Config& config, std::unique_ptr<kafka::Producer> producer, std::unique_ptr<kafka::Tail> tail,
                   EventLoop& loop, OutcomeSinkMetrics& metrics);
  struct Heard {  // one of the first two
    std::optional<DeviceOutcome> outcome;
    std::optional<NamedDevices> unread;
    std::optional<im::PushOutcome> told;  // of an outcome, for who wants to hear of it
  };
  struct Lot {                        // outcomes that hear_ was given
    std::vector<std::uint64_t> over;  // events that are durable once this lot and those before it are taken
    bool taken = false;
  };
  void read(const std::stop_token& stop);
  void look();
  void lot_taken(std::uint64_t lot);
  void say_durable(const std::vector<std::uint64_t>& tickets);
  void measure();

  const std::string offline_, dead_;
  std::unique_ptr<kafka::Producer> producer_;
  std::unique_ptr<kafka::Tail> tail_;
  EventLoop& loop_;
  OutcomeSinkMetrics& metrics_;
  OutcomeBook book_;
  std::vector<std::uint64_t> over_;  // told at the next look
  Durable durable_;
  HearOutcomes hear_;
  std::deque<Lot> lots_;  // by the order of their outcomes
  std::uint64_t first_lot_ = 0;
  MonoTime repeat_look_{};
  bool looking_ = false;
  std::unique_ptr<LoopTimer> timer_;
  std::atomic<std::size_t> at_work_{0};
  std::atomic<bool> closed_{false};
  std::atomic<bool> hearing_{false};
  std::mutex mutex_;
  std::vector<Heard> heard_;  // by mutex_
  std::jthread thread_;       // last: ends first
};

}  // namespace nightpost::app
