#include "app/shard_core.h"

#include <utility>

#include "kafka/pending_record.h"

namespace nightpost::app {
namespace {

/// Of a batch, accepted before the limits are looked at again: all of it where events have one receiver, few of those
/// with thousands.
constexpr std::size_t kBiteBytes = 1u << 20;

}  // namespace

ShardCore::ShardCore(EventLoop& loop, const dispatch::Options& options, dispatch::Directory& directory,
                     dispatch::Credentials& credentials, dispatch::Transport& transport, KafkaSettler& settler,
                     const Clock& clock, dispatch::Metrics& metrics, LoopMonitor& monitor, dispatch::Watcher* watcher,
                     dispatch::Tracer* tracer, dispatch::SignerLedger* ledger, dispatch::RecallBook* recalls)
    : loop_(loop),
      transport_(transport),
      settler_(settler),
      monitor_(monitor),
      dispatcher_(options, directory, credentials, transport, settler, clock, metrics, watcher, tracer, ledger,
                  recalls),
      timer_(loop.make_timer([this] { on_timer(); })) {}

void ShardCore::enqueue(kafka::WaitingBatch batch) {
  waiting_.push_back(std::move(batch));
  accept_what_fits();
}

void ShardCore::hand_back(const std::function<bool(kafka::Stay)>& which) {
  const LoopMonitor::Working working(monitor_, LoopPart::HandBack);
  dispatcher_.hand_back([&](dispatch::RecordId pending) { return which(pending_record_of(pending)->stay()); });
  // A batch may be of several stays: a record that is not stale must not be lost with it.
  for (kafka::WaitingBatch& batch : waiting_) batch.give_back(which);
  std::erase_if(waiting_, [](const kafka::WaitingBatch& batch) { return batch.empty(); });
  accept_what_fits();
}

void ShardCore::on_grant(std::uint64_t route) {
  const LoopMonitor::Working working(monitor_, LoopPart::Grants);
  dispatcher_.on_grant(route);
  schedule_after_work();
}

void ShardCore::on_room() {
  const LoopMonitor::Working working(monitor_, LoopPart::Accept);
  dispatcher_.on_room();
  schedule_after_work();
}

void ShardCore::accept_what_fits() {
  const LoopMonitor::Working working(monitor_, LoopPart::Accept);
  while (!waiting_.empty() && dispatcher_.has_capacity()) {
    kafka::WaitingBatch& first = waiting_.front();
    records_.clear();
    for (const kafka::SourceRecord& record : first.take(kBiteBytes))
      records_.push_back({record_id_of(record.pending), record.key, record.value, record.traceparent, record.remainder,
                          record.written_at});
    dispatcher_.accept(records_);
    if (first.empty()) waiting_.pop_front();
  }
  schedule_after_work();
}

void ShardCore::schedule_after_work() {
  if (after_work_scheduled_) return;
  after_work_scheduled_ = true;
  loop_.post([this] { after_work(); });
}

void ShardCore::after_work() {
  after_work_scheduled_ = false;
  monitor_.count_turn();
  if (!waiting_.empty() && dispatcher_.has_capacity()) accept_what_fits();
  {
    const LoopMonitor::Working working(monitor_, LoopPart::Outcomes);
    settler_.flush();
  }
  transport_.flush();
  arm_timer();
  // Planning stands still for want of room: the producer calls once there is some, or there is some by now.
  if (dispatcher_.wants_room() && !settler_.await_room(dispatcher_.pushes_open())) loop_.post([this] { on_room(); });
}

void ShardCore::arm_timer() {
  const std::optional<MonoTime> wanted = dispatcher_.next_wakeup();
  if (!wanted || (armed_for_ && *armed_for_ <= *wanted)) return;
  armed_for_ = wanted;
  if (*wanted > loop_.now()) return timer_->arm(*wanted);
  loop_.post([this] { on_timer(); });  // a timer would cost two system calls a turn of bulk
}

void ShardCore::on_timer() {
  const LoopMonitor::Working working(monitor_, LoopPart::Timers);
  armed_for_.reset();
  dispatcher_.wake();
  schedule_after_work();
}

}  // namespace nightpost::app
