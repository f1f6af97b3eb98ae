#include "im/service/readers.h"

#include <pthread.h>

#include <iterator>
#include <utility>

namespace nightpost::im {

Readers::Readers(std::vector<Tables> tables, const Node& node, const ServiceOptions& options, const Clock& clock,
                 observe::Log& log, std::shared_ptr<Mailbox> mailbox)
    : tables_(std::move(tables)),
      node_(node),
      options_(options),
      clock_(clock),
      log_(log),
      mailbox_(std::move(mailbox)) {
  for (Tables& each : tables_)
    threads_.emplace_back([this, &each] {
      pthread_setname_np(pthread_self(), "im-reader");
      run(each);
    });
}

Readers::~Readers() { stop(); }

bool Readers::add(std::unique_ptr<Command>& command) {
  {
    const std::lock_guard lock(mutex_);
    if (stop_ || waiting_.size() >= options_.reads_max) return false;
    waiting_.push_back(std::move(command));
  }
  changed_.notify_one();
  return true;
}

std::vector<std::unique_ptr<Command>> Readers::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_)
    if (thread.joinable()) thread.join();
  std::vector<std::unique_ptr<Command>> never_run(std::make_move_iterator(waiting_.begin()),
                                                  std::make_move_iterator(waiting_.end()));
  waiting_.clear();
  return never_run;
}

void Readers::run(Tables& tables) {
  for (;;) {
    Done done;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stop_ || !waiting_.empty(); });
      if (stop_) return;
      done.commands.push_back(std::move(waiting_.front()));
      waiting_.pop_front();
    }
    // Rolled back at the end of the turn, for nothing was written: the answer need not wait for that.
    const auto transaction = look(tables, *done.commands.front());
    if (!transaction) {
      const Error& error = transaction.error();
      log_.error("im.read_failed", {observe::kv("code", name_of(error.code)), observe::kv("why", error.detail)});
      done.commands.front()->fail({Code::Busy, "the store is busy or away, try again"});
    }
    mailbox_->put(std::move(done));
  }
}

Result<sql::Transaction> Readers::look(Tables& tables, Command& command) {
  tables.forget_failure();
  auto transaction = node_.look(tables.database());
  if (!transaction) return transaction;
  Work work{.tables = tables, .options = options_, .now = clock_.wall()};
  command.run(work);
  if (tables.failure()) return std::unexpected(*tables.failure());
  return transaction;
}

}  // namespace nightpost::im
