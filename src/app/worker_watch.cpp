#include "app/worker_watch.h"

namespace nightpost::app {

void WorkerWatch::start() {
  timer_.expires_after(seconds(1));
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    look();
    start();
  });
}

void WorkerWatch::look() {
  std::uint64_t internal = 0;
  for (const ShardMetrics& shard : metrics_.shards)
    internal += shard.dispatch.internal_errors.read() + shard.resolve.internal_errors.read();
  risen("worker.internal_errors", internal, internal_);
  risen("worker.commit_errors", kafka::read(metrics_.consumer.commit_errors), commit_errors_);
  const bool down = kafka::read(metrics_.consumer.brokers_down) != 0;
  if (down && !down_) log_.error("worker.brokers_down");
  if (!down && down_) log_.info("worker.brokers_back");
  down_ = down;
  const MonoTime now = clock_.mono();
  dates_.look(now);
  for (std::size_t i = 0; i < worker_.shards(); ++i) stalls_.hear(i, worker_.loop_report(i, now), now);
}

void WorkerWatch::risen(const char* event, std::uint64_t now, std::uint64_t& before) {
  if (now > before) log_.error(event, {observe::kv("new", now - before), observe::kv("total", now)});
  before = now;
}

}  // namespace nightpost::app
