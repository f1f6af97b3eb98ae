// The threads that only read: each with a connection, a read transaction a look.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "im/service/mailbox.h"
#include "im/store/node.h"
#include "observe/log.h"

namespace nightpost::im {

/// A look begins after it was added, so it sees every commit that the loop was told of before (Node::look).
class Readers {
 public:
  /// A thread each. `node`, `options`, `clock` and `log` outlive it.
  Readers(std::vector<Tables> tables, const Node& node, const ServiceOptions& options, const Clock& clock,
          observe::Log& log, std::shared_ptr<Mailbox> mailbox);
  ~Readers();
  Readers(const Readers&) = delete;
  Readers& operator=(const Readers&) = delete;

  /// False: no room, or stopped; `command` is as it was.
  bool add(std::unique_ptr<Command>& command);
  /// Ends with the looks in hand, and gives back what was never run.
  std::vector<std::unique_ptr<Command>> stop();

 private:
  void run(Tables& tables);
  Result<sql::Transaction> look(Tables& tables, Command& command);

  std::vector<Tables> tables_;
  const Node& node_;
  const ServiceOptions& options_;
  const Clock& clock_;
  observe::Log& log_;
  const std::shared_ptr<Mailbox> mailbox_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<Command>> waiting_;  // under the mutex
  bool stop_ = false;                             // likewise
  std::vector<std::thread> threads_;
};

}  // namespace nightpost::im
