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
LaneSettings watched(LaneSettings lanes, OpsLog& ops, SkewWatch skew) {
  lanes.skew = std::move(skew);
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
      skew_warn_(config.skew_warn),
      clock_(clock),
      monitor_(config.stall, coarse_clock_, metrics.loop),
      settler_(settler),
      ops_(log, clock),
      store_(std::move(store)),
      source_(*store_),
      resolver_(config.resolve, timed_source_, grants, make_vendor_parts, clock, metrics.resolve),
      names_(loop_, config.dns),
      lanes_(lane_settings(config, {trust_stores, names_, config.proxy.through})),
      fetcher_(
          loop_, lanes_.http, config.grants.fetch_deadline, grants, clock, metrics.grant_lanes, metrics.grants,
          [this](const Certificate& certificate, const net::LaneEvent& event) { ops_.lane_event(certificate, event); },
          skew_watch()),
      ports_(
          resolver_, fetcher_, [this](std::function<void()> work) { boost::asio::post(loop_, std::move(work)); },
          [this](std::uint64_t route) {
            const LoopMonitor::Working working(monitor_, LoopPart::Grants);
            dispatcher_.on_grant(route);
            schedule_after_work();
          },
          metrics.grants, config.resolve.routes_cached_max),
      transport_(loop_, watched(lanes_, ops_, skew_watch()), metrics.lanes, metrics.curl_lanes, clock, monitor_,
                 [this] { schedule_after_work(); }),
      dispatcher_(of_one_shard(config), ports_, ports_, transport_, settler, clock, metrics.dispatch, &ops_) {}

Shard::~Shard() { stop(); }

void Shard::start() {
  arm_sweep();
  arm_beat();
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
  boost::asio::post(loop_, [this, batch = std::move(batch)]() mutable {
    waiting_.push_back(std::move(batch));
    accept_what_fits();
  });
}

void Shard::hand_back(std::function<bool(kafka::Stay)> which) {
  boost::asio::post(loop_, [this, which = std::move(which)] {
    const LoopMonitor::Working working(monitor_, LoopPart::HandBack);
    const auto stale = [&](dispatch::RecordId pending) { return which(pending_record_of(pending)->stay()); };
    dispatcher_.hand_back(stale);
    // A batch is of one partition's assignment or several; a record that is not stale must not be lost with it.
    // What is accepted of the first one was handed back above.
    const kafka::Batch* const first = waiting_.empty() ? nullptr : waiting_.front().get();
    std::erase_if(waiting_, [&](const auto& batch) {
      return std::ranges::all_of(batch->records(), [&](const auto& record) { return which(record.stay); });
    });
    if (waiting_.empty() || waiting_.front().get() != first) accepted_ = 0;
    accept_what_fits();
  });
}

void Shard::on_room() {
  boost::asio::post(loop_, [this] {
    const LoopMonitor::Working working(monitor_, LoopPart::Accept);
    dispatcher_.on_room();
    schedule_after_work();
  });
}

void Shard::accept_what_fits() {
  const LoopMonitor::Working working(monitor_, LoopPart::Accept);
  while (!waiting_.empty() && dispatcher_.has_capacity()) {
    const std::span<const kafka::SourceRecord> all = waiting_.front()->records();
    records_.clear();
    for (std::size_t bytes = 0; accepted_ < all.size() && bytes < kBiteBytes; ++accepted_) {
      const kafka::SourceRecord& record = all[accepted_];
      records_.push_back({record_id_of(record.pending), record.key, record.value, record.traceparent});
      bytes += record.value.size();
    }
    dispatcher_.accept(records_);
    if (accepted_ < all.size()) continue;
    waiting_.pop_front();
    accepted_ = 0;
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
  monitor_.count_turn();
  if (!waiting_.empty() && dispatcher_.has_capacity()) accept_what_fits();
  {
    const LoopMonitor::Working working(monitor_, LoopPart::Outcomes);
    settler_.flush();
  }
  transport_.flush();
  arm_timer();
  // Planning stands still for want of room: the producer calls once there is some, or there is some by now.
  if (dispatcher_.wants_room() && !settler_.await_room(dispatcher_.pushes_open())) on_room();
}

SkewWatch Shard::skew_watch() {
  return [this](const Certificate& certificate, std::string_view origin, milliseconds skew) {
    metrics_.skew.set(certificate.vendor, {skew, clock_.wall()});
    if (std::chrono::abs(skew) > skew_warn_) ops_.clock_skew(certificate, origin, skew);
  };
}

void Shard::arm_timer() {
  const std::optional<MonoTime> wanted = dispatcher_.next_wakeup();
  if (!wanted || (armed_for_ && *armed_for_ <= *wanted)) return;
  armed_for_ = wanted;
  timer_.expires_at(*wanted);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;  // re-armed for an earlier time
    armed_for_.reset();
    const LoopMonitor::Working working(monitor_, LoopPart::Timers);
    dispatcher_.wake();
    schedule_after_work();
  });
}

void Shard::arm_sweep() {
  sweep_timer_.expires_after(std::chrono::minutes(1));
  sweep_timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    const LoopMonitor::Working working(monitor_, LoopPart::Sweep);
    transport_.sweep();
    fetcher_.sweep();
    arm_sweep();
  });
}

void Shard::arm_beat() {
  beat_timer_.expires_after(monitor_.interval());
  beat_timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    monitor_.beat(clock_.mono(), thread_cpu_time());
    arm_beat();
  });
}

}  // namespace nightpost::app
