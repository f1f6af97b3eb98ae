// The one thread that writes: what waits shares a commit.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "im/service/mailbox.h"
#include "im/service/service_metrics.h"
#include "im/store/node.h"
#include "observe/log.h"

namespace nightpost::im {

/// Takes up to `batch_max` waiting commands (those, too, that come while it waits for other nodes' commits), runs each
/// in a savepoint of one transaction and commits; then what they have for the dispatcher's store, in their order, and
/// one Done for the loop. Fails the commit, then all of them are answered so and nothing else happens. Where the answer
/// to a commit is lost, they wait until it is known whether it happened; what comes meanwhile is answered Busy.
///
/// On PostgreSQL other nodes write the dispatcher's store, too, and the later in the order of commits must have the
/// last word: a device that logs out here and registers there. So all of it is written while a transaction holds its
/// place in that order: what commands set at the end of their own, before it commits (fails that, it is there, and the
/// client repeats it); tokens to be taken away, which must not go for a logout that did not happen, at the begin of the
/// next, by the rows of that moment. That one follows at once, and answers wait for it.
class Writer {
 public:
  /// `clock`: read on this thread. `node` (that has taken `tables`' database), `options`, `rules`, `clock`, `log` and
  /// `metrics` (null: nothing is counted) outlive it.
  Writer(Tables tables, Node& node, std::unique_ptr<store::Store> push_store, const ServiceOptions& options,
         const RuleCell& rules, const Clock& clock, observe::Log& log, std::shared_ptr<Mailbox> mailbox,
         ServiceMetrics* metrics);
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  enum class Kind : std::uint8_t { Call, Upkeep };  // Upkeep passes the limit: it has one of its kind at most
  /// False: no room, or stopped; `command` is as it was.
  bool add(std::unique_ptr<Command>& command, Kind kind);
  /// Ends with the batch in hand, runs `last` in a commit of their own, and gives back what was never run.
  std::vector<std::unique_ptr<Command>> stop(std::vector<std::unique_ptr<Command>> last);
  /// Why the last commit failed for want of the store; empty: it did not. Any thread.
  std::string trouble() const;
  /// The first of the numbers of commits that may be on their way to the loop, which calls taken() for each; 0: none.
  /// Any thread.
  std::int64_t in_hand() const;
  void taken(std::int64_t number);
  /// There are other nodes, or it is not known: commits say in the store whom they concern. Any thread.
  void set_shared(bool on) noexcept { shared_ = on; }

 private:
  using Batch = std::vector<std::unique_ptr<Command>>;
  struct AfterCommit {
    Command* command = nullptr;
    std::vector<Tables::Unbind> unbound, rebound;
  };

  void run();
  void heal();
  void execute(Batch batch);
  bool run_batch(Batch batch, Done& done);
  bool in_order() noexcept { return tables_.database().server() != nullptr; }
  void take_waiting(Batch& batch);  // up to the limit; under the mutex
  /// nullopt: committed. Else what everybody is answered.
  std::optional<Refusal> commit(Batch& batch, Committed& told, std::vector<AfterCommit>& after);
  void begin_batch(Batch& batch, std::int64_t number);
  /// False: the whole transaction is over.
  bool run_one(Command& command, Committed& told, std::vector<AfterCommit>& after);
  Refusal refusal_of(const Error& error);
  /// After a commit whose answer was lost. nullopt: it happened.
  std::optional<Refusal> learn_commit();
  bool refuse_waiting();  // false: it is to stop
  void count_callbacks();
  void set_trouble(std::string trouble);
  void write_to_push_store(std::vector<AfterCommit>& after);
  void unbind_in_order();
  bool unbind_pending();  // false: the dispatcher's store does not take it

  Tables tables_;
  Node& node_;
  const std::unique_ptr<store::Store> push_store_;
  const ServiceOptions& options_;
  const RuleCell& rules_;
  const Clock& clock_;
  observe::Log& log_;
  const std::shared_ptr<Mailbox> mailbox_;
  ServiceMetrics* const metrics_;
  // The thread's.
  std::vector<Tables::Unbind> unbind_;   // still to be done
  std::vector<Tables::Unbind> unbound_;  // done; their rows go with the next commit
  CallbackRoom callback_room_;
  std::uint64_t callbacks_dropped_ = 0;  // that were told
  MonoTime say_dropped_at_{};            // not before
  bool set_back_ = false;                // which no commit has told of yet
  bool unbind_fails_ = false;
  std::atomic<bool> shared_{true};

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<Command>> waiting_;  // under the mutex, as what follows
  Batch last_;
  bool stop_ = false;
  std::string trouble_;
  std::deque<std::int64_t> in_hand_;  // rising
  std::thread thread_;
};

}  // namespace nightpost::im
