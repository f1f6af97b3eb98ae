// How much one caller may have on its way to the brokers, so that producing never has to block. The caller looks at
// room() before it begins work that ends in messages, and stops beginning while there is none; what it began goes out
// all the same.
//
// The bound: a caller that begins at most room() pieces of work of one message each never passes `messages`. A shard
// reserves so for every open push (dispatch/capacity.h); beyond that it may owe what needs no push: one message a
// receiver not yet planned (twice dispatch.receivers_unplanned_max) and one dead letter an open event
// (dispatch.events_open_max, events_open_bytes_max). So the memory of what waits for the brokers is bounded by the
// limits here and there together, while the loop goes on serving answers and timers.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <mutex>
#include <utility>

namespace nightpost::kafka {

/// Two threads: the owner's and the producer's. No lock a message, no allocation.
class ProduceCredit {
 public:
  struct Limits {
    std::size_t messages = 500'000;
    std::size_t bytes = 256u << 20;  // keys, values and headers; passed by the messages that room() let begin
  };
  /// `on_room` is called on the producer's thread, once for each await(); it may only post.
  explicit ProduceCredit(Limits limits, std::function<void()> on_room = {})
      : limits_(limits), on_room_(std::move(on_room)) {}
  ProduceCredit(const ProduceCredit&) = delete;
  ProduceCredit& operator=(const ProduceCredit&) = delete;

  // The owner's thread.
  /// Messages that may still come; 0 once either limit is reached.
  std::size_t room() const noexcept {
    const std::size_t queued = queued_.load();
    if (queued >= limits_.messages || bytes_.load() >= limits_.bytes) return 0;
    return limits_.messages - queued;
  }
  void charge(std::size_t messages, std::size_t bytes) noexcept {
    queued_.fetch_add(messages, std::memory_order_relaxed);
    bytes_.fetch_add(bytes, std::memory_order_relaxed);
  }
  /// Asks for one call of `on_room` when messages are reported on. False: that has happened since the owner saw `seen`
  /// messages of room, so it should look again instead.
  bool await(std::size_t seen) noexcept {
    awaited_.store(true);
    if (room() <= seen) return true;
    return !awaited_.exchange(false);  // the producer was faster: its call comes
  }
  /// No call of `on_room` after this.
  void disconnect() {
    const std::scoped_lock lock(mutex_);
    on_room_ = nullptr;
  }

  // The producer's thread.
  /// True: the owner waited for it.
  bool refund(std::size_t messages, std::size_t bytes) {
    queued_.fetch_sub(messages);
    bytes_.fetch_sub(bytes);
    if (!awaited_.load() || !awaited_.exchange(false)) return false;
    const std::scoped_lock lock(mutex_);
    if (on_room_) on_room_();
    return true;
  }

  // Any thread.
  std::size_t queued() const noexcept { return queued_.load(std::memory_order_relaxed); }
  std::size_t bytes() const noexcept { return bytes_.load(std::memory_order_relaxed); }

 private:
  const Limits limits_;
  std::atomic<std::size_t> queued_{0}, bytes_{0};
  std::atomic<bool> awaited_{false};
  std::mutex mutex_;  // of on_room_ alone
  std::function<void()> on_room_;
};

}  // namespace nightpost::kafka
