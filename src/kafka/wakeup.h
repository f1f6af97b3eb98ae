// One sleep for several of librdkafka's queues.
#pragma once

#include <librdkafka/rdkafka.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>
#include <tuple>

#include "core/time.h"

namespace nightpost::kafka {

/// Of one thread, but for wake(). Outlives the queues that it watches. Throws std::system_error without a descriptor.
class Wakeup {
 public:
  Wakeup() : fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  }
  ~Wakeup() { ::close(fd_); }
  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;

  /// From here on a message that comes to `queue` while it is empty ends the sleep. REQUIRED: nothing is forwarded on
  /// from `queue`, and whoever sleeps has found empty what it does not want to miss.
  void watch(rd_kafka_queue_t* queue) { rd_kafka_queue_io_event_enable(queue, fd_, &kOne, sizeof kOne); }
  /// For a queue that is left behind.
  static void forget(rd_kafka_queue_t* queue) { rd_kafka_queue_io_event_enable(queue, -1, nullptr, 0); }
  void sleep(milliseconds at_most) {
    ::pollfd wanted = {.fd = fd_, .events = POLLIN, .revents = 0};
    if (::poll(&wanted, 1, static_cast<int>(at_most.count())) <= 0) return;
    std::uint64_t count = 0;
    std::ignore = ::read(fd_, &count, sizeof count);
  }
  /// Any thread.
  void wake() { std::ignore = ::write(fd_, &kOne, sizeof kOne); }

 private:
  static constexpr std::uint64_t kOne = 1;
  const int fd_;
};

}  // namespace nightpost::kafka
