#include "app/shard.h"

#include <pthread.h>

#include <boost/asio/post.hpp>
#include <span>

#include "app/vendors.h"
#include "kafka/pending_record.h"

namespace nightpost::app {
namespace {

/// Ops hear what becomes of the lanes' connections.
LaneSettings watched(LaneSettings lanes, OpsLog& ops, SkewWatch skew) {
  lanes.skew = std::move(skew);
  lanes.watch = [&ops](const dispatch::Route& route, const net::LaneEvent& event) {
    ops.lane_event(route.certificate, event);
  };
  return lanes;
}

PostgresSourceOptions source_options(const Config& config) {
  return {.url = config.store_url.place,
          .store = config.store,
          .lookup_timeout = config.lookup_timeout,
          .connections = config.lookup_connections,
          .ids_max = config.resolve.routes_cached_max};
}

}  // namespace

Shard::Shard(const Config& config, ShardStore store, TokenRemover& remover, resolve::GrantBook& grants,
             net::TrustStores& trust_stores, dispatch::SignerLedger& signers, dispatch::RecallBook& recalls,
             KafkaSettler& settler, const Clock& clock, observe::Log& log, ShardMetrics& metrics,
             std::unique_ptr<dispatch::Tracer> tracer)
    : metrics_(metrics),
      skew_warn_(config.skew_warn),
      clock_(clock),
      monitor_(config.stall, coarse_clock_, metrics.loop),
      settler_(settler),
      ops_(log, clock),
      file_(std::move(store.file)),
      timed_source_(file_ ? static_cast<resolve::Source&>(file_source_.emplace(
                                *file_, StoreSource::Removals{remover, loop_, [this] { core_.schedule_after_work(); }}))
                          : server_.emplace(loop_, source_options(config), remover, monitor_,
                                            [this] { core_.schedule_after_work(); }),
                    monitor_),
      resolver_(config.resolve, timed_source_, grants, make_vendor_parts, clock, metrics.resolve),
      names_(loop_, config.dns),
      lanes_(lane_settings(config, {trust_stores, names_, config.proxy.through})),
      fetcher_(
          loop_, lanes_.http, config.grants.fetch_deadline, grants, clock, metrics.grant_lanes, metrics.grants,
          [this](const Certificate& certificate, const net::LaneEvent& event) { ops_.lane_event(certificate, event); },
          skew_watch()),
      ports_(
          resolver_, fetcher_, [this](std::function<void()> work) { boost::asio::post(loop_, std::move(work)); },
          [this](std::uint64_t route) { core_.on_grant(route); }, metrics.grants, config.resolve.routes_cached_max),
      tracer_(std::move(tracer)),
      transport_(loop_, watched(lanes_, ops_, skew_watch()), metrics.lanes, metrics.curl_lanes, clock, monitor_,
                 [this] { core_.schedule_after_work(); }),
      core_(turns_, config.dispatch, ports_, ports_, transport_, settler, clock, metrics.dispatch, monitor_, &ops_,
            tracer_.get(), &signers, &recalls) {
  if (server_)
    store.feed->subscribe(
        [this](const StoreNews& news) { boost::asio::post(loop_, [this, news] { server_->take(news); }); });
}

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
  boost::asio::post(
      loop_, [this, batch = kafka::WaitingBatch(std::move(batch))]() mutable { core_.enqueue(std::move(batch)); });
}

void Shard::hand_back(std::function<bool(kafka::Stay)> which) {
  boost::asio::post(loop_, [this, which = std::move(which)] { core_.hand_back(which); });
}

void Shard::on_room() {
  boost::asio::post(loop_, [this] { core_.on_room(); });
}

SkewWatch Shard::skew_watch() {
  return [this](const Certificate& certificate, std::string_view origin, milliseconds skew) {
    metrics_.skew.set(certificate.vendor, {skew, clock_.wall()});
    if (std::chrono::abs(skew) > skew_warn_) ops_.clock_skew(certificate, origin, skew);
  };
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
