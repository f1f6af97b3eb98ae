// What a shard does, without its thread: it feeds batches to its dispatcher as far as there is room, and once a loop
// turn hands outcomes over, flushes the lanes and looks at the timers. On the loop that it is given: a thread's
// (shard.h) or tests/sim's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "app/loop_monitor.h"
#include "app/ports.h"
#include "core/event_loop.h"
#include "dispatch/dispatcher.h"
#include "kafka/waiting_batch.h"

namespace nightpost::app {

/// Everything on the loop's thread. REQUIRED: the loop runs nothing of it once it is gone.
class ShardCore {
 public:
  /// All are borrowed.
  ShardCore(EventLoop& loop, const dispatch::Options& options, dispatch::Directory& directory,
            dispatch::Credentials& credentials, dispatch::Transport& transport, KafkaSettler& settler,
            const Clock& clock, dispatch::Metrics& metrics, LoopMonitor& monitor, dispatch::Watcher* watcher = nullptr,
            dispatch::Tracer* tracer = nullptr, dispatch::SignerLedger* ledger = nullptr,
            dispatch::RecallBook* recalls = nullptr);

  /// Batches that find no room wait; their number is bounded by the consumer's limits.
  void enqueue(kafka::WaitingBatch batch);
  /// Gives back what is not yet in the air.
  void hand_back(const std::function<bool(kafka::Stay)>& which);
  void on_grant(std::uint64_t route);
  /// The settler has room again.
  void on_room();
  /// An answer came to the dispatcher: at the end of the turn the lanes are flushed and timers looked at.
  void schedule_after_work();

  const dispatch::Dispatcher& dispatcher() const noexcept { return dispatcher_; }
  std::size_t batches_waiting() const noexcept { return waiting_.size(); }

 private:
  void accept_what_fits();
  void after_work();  // at most once per loop turn
  void arm_timer();
  void on_timer();

  EventLoop& loop_;
  dispatch::Transport& transport_;
  KafkaSettler& settler_;
  LoopMonitor& monitor_;
  dispatch::Dispatcher dispatcher_;
  std::unique_ptr<LoopTimer> timer_;
  std::optional<MonoTime> armed_for_;
  bool after_work_scheduled_ = false;
  std::deque<kafka::WaitingBatch> waiting_;
  std::vector<dispatch::Record> records_;  // reused
};

}  // namespace nightpost::app
