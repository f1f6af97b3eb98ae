// From the threads to the loop: what a commit did and the commands that it answers, in the order of commits.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "core/event_loop.h"
#include "im/service/command.h"

namespace nightpost::im {

struct Done {
  Committed told;
  bool of_peer = false;   // another node's
  bool set_back = false;  // the store forgot commits before this one, or is another's copy
  std::vector<std::unique_ptr<Command>> commands;
};

/// Shared by the service, the threads, and what was posted to the loop, which may run after the service is gone.
class Mailbox final : public std::enable_shared_from_this<Mailbox> {
 public:
  /// REQUIRED: the loop takes posts from any thread.
  Mailbox(EventLoop& loop, std::function<void(Done)> open) : loop_(loop), open_(std::move(open)) {}

  void put(Done done);               // any thread
  void empty();                      // on the loop: opens what is there
  void close() { open_ = nullptr; }  // on the loop: what comes later is dropped

 private:
  EventLoop& loop_;
  std::function<void(Done)> open_;  // the loop's
  std::mutex mutex_;
  std::deque<Done> waiting_;  // under the mutex
};

}  // namespace nightpost::im
