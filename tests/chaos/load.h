// The IM server of a chaos run: events at a steady pace, on a thread of its own, due when they are due, however late
// Kafka takes them (so a standstill shows as latency, not as fewer events).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <thread>

#include "chaos/book.h"
#include "support/spine/topics.h"

namespace nightpost::chaos {

class Load {
 public:
  struct Options {
    std::string topic;
    std::size_t users_each = 200;  // of each vendor: user v * users_each + i is the i-th of vendor v
    std::size_t group_every = 50;  // every so many events one goes to a user of each vendor
  };
  /// All outlive it. It rests until pace().
  Load(std::string brokers, Options options, Book& book);
  ~Load();
  void pace(double per_s);  // 0: rests. Catches up with nothing
  /// Rests for good once all is durable; throws what went wrong meanwhile.
  void end();

 private:
  void run(const std::stop_token& stop);
  void produce_one(std::int64_t due_ms);

  Options options_;
  support::Topics topics_;
  Book& book_;
  std::atomic<double> per_s_ = 0;
  std::size_t produced_ = 0;
  std::exception_ptr failed_;
  std::jthread thread_;
};

/// Whose phone user `user` has.
VendorNumber vendor_of_user(std::size_t user, std::size_t users_each);

}  // namespace nightpost::chaos
