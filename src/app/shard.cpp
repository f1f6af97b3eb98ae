#include "app/shard.h"

#include <pthread.h>

#include <boost/asio/post.hpp>
#include <span>

#include "app/vendors.h"
#include "kafka/pending_record.h"

namespace nightpost::app {
namespace {

/// Of a batch, accepted before the limits are looked at again: all of it where events have one receiver, few of those
/// with thousands.
constexpr std::size_t kBiteBytes = 1u << 20;

/// What is limited for the worker is divided among its shards.
dispatch::Options of_one_shard(const Config& config) {
  dispatch::Options options = config.dispatch;
  options.quota_share /= static_cast<double>(config.shards);
  return options;
}

/// Ops hear what becomes of the lanes' connections.
LaneSettings watched(LaneSettings lanes, OpsLog& ops) {
  lanes.watch = [&ops](const dispatch::Route& route, const net::LaneEvent& event) {
    ops.lane_event(route.certificate, event);
  };
  return lanes;
}

}  // namespace

Shard::Shard(const Config& config, std::unique_ptr<store::Store> store, resolve::GrantBook& grants,
             net::TrustStores& trust_stores, KafkaSettler& settler, const Clock& clock, observe::Log& log,
             ShardMetrics& metrics)
    : metrics_(metrics),
      settler_(settler),
      ops_(log, clock),
      store_(std::move(store)),
      source_(*store_),
      resolver_(config.resolve, source_, grants, make_vendor_parts, clock, metrics.resolve),
      names_(loop_, config.dns),
      lanes_(lane_settings(config, {trust_stores, names_})),
      fetcher_(
          loop_, lanes_.http, config.grants.fetch_deadline, grants, clock, metrics.grant_lanes, metrics.grants,
          [this](const Certificate& certificate, const net::LaneEvent& event) { ops_.lane_event(certificate, event); }),
      ports_(
          resolver_, fetcher_, [this](std::function<void()> work) { boost::asio::post(loop_, std::move(work)); },
          [this](std::uint64_t route) {
            dispatcher_.on_grant(route);
            schedule_after_work();
          },
          metrics.grants, config.resolve.routes_cached_max),
      transport_(loop_, watched(lanes_, ops_), metrics.lanes, metrics.curl_lanes, clock,
                 [this] { schedule_after_work(); }),
      dispatcher_(of_one_shard(config), ports_, ports_, transport_, settler, clock, metrics.dispatch, &ops_) {}

Shard::~Shard() { stop(); }

void Shard::start() {
  arm_sweep();
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "shard");
    loop_.run();
  });
}

void Shard::stop() {
  loop_.stop();
  if (thread_.joinable()) thread_.join();
  settler_.flush();  // of a turn that the stop has cut
}

void Shard::enqueue(std::unique_ptr<kafka::Batch> batch) {
  boost::asio::post(loop_, [this, batch = kafka::WaitingBatch(std::move(batch))]() mutable {
    waiting_.push_back(std::move(batch));
    accept_what_fits();
  });
}

void Shard::hand_back(std::function<bool(kafka::Stay)> which) {
  boost::asio::post(loop_, [this, which = std::move(which)] {
    const auto stale = [&](dispatch::RecordId pending) { return which(pending_record_of(pending)->stay()); };
    dispatcher_.hand_back(stale);
    // A batch may be of several stays: a record that is not stale must not be lost with it.
    for (kafka::WaitingBatch& batch : waiting_) batch.give_back(which);
    std::erase_if(waiting_, [](const kafka::WaitingBatch& batch) { return batch.empty(); });
    accept_what_fits();
  });
}

void Shard::on_room() {
  boost::asio::post(loop_, [this] {
    dispatcher_.on_room();
    schedule_after_work();
  });
}

void Shard::accept_what_fits() {
  while (!waiting_.empty() && dispatcher_.has_capacity()) {
    kafka::WaitingBatch& first = waiting_.front();
    records_.clear();
    for (const kafka::SourceRecord& record : first.take(kBiteBytes))
      records_.push_back({record_id_of(record.pending), record.key, record.value, record.traceparent});
    dispatcher_.accept(records_);
    if (first.empty()) waiting_.pop_front();
  }
  schedule_after_work();
}

void Shard::schedule_after_work() {
  if (after_work_scheduled_) return;
  after_work_scheduled_ = true;
  boost::asio::post(loop_, [this] { after_work(); });
}

void Shard::after_work() {
  after_work_scheduled_ = false;
  if (!waiting_.empty() && dispatcher_.has_capacity()) accept_what_fits();
  settler_.flush();
  transport_.flush();
  arm_timer();
  // Planning stands still for want of room: the producer calls once there is some, or there is some by now.
  if (dispatcher_.wants_room() && !settler_.await_room(dispatcher_.pushes_open())) on_room();
}

void Shard::arm_timer() {
  const std::optional<MonoTime> wanted = dispatcher_.next_wakeup();
  if (!wanted || (armed_for_ && *armed_for_ <= *wanted)) return;
  armed_for_ = wanted;
  timer_.expires_at(*wanted);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;  // re-armed for an earlier time
    armed_for_.reset();
    dispatcher_.wake();
    schedule_after_work();
  });
}

void Shard::arm_sweep() {
  sweep_timer_.expires_after(std::chrono::minutes(1));
  sweep_timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    transport_.sweep();
    fetcher_.sweep();
    arm_sweep();
  });
}

}  // namespace nightpost::app
