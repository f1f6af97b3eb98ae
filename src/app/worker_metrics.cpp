// The names under which a worker's counters are exported. README.md lists what to watch.
#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

#include "app/worker.h"
#include "observe/process_metrics.h"

namespace nightpost::app {
namespace {

using observe::Labels;
using observe::MetricsPage;

std::vector<double> latency_bounds() {
  std::vector<double> bounds;
  for (const std::int64_t ms : dispatch::LatencyHistogram::kBoundsMs) bounds.push_back(static_cast<double>(ms) / 1000);
  return bounds;
}

observe::Cells no_latencies() {
  return {std::vector<std::uint64_t>(dispatch::LatencyHistogram::kBoundsMs.size() + 1), 0};
}

void add_latencies(observe::Cells& sum, const dispatch::LatencyHistogram& one) {
  for (std::size_t i = 0; i < sum.cells.size(); ++i) sum.cells[i] += one.cell(i);
  sum.sum += static_cast<double>(one.sum_ms()) / 1000;
}

/// Registers what every shard counts, summed.
class ShardSeries {
 public:
  ShardSeries(MetricsPage& page, const WorkerMetrics& metrics) : page_(page), metrics_(metrics) {}

  template <class Read>
  void counter(const char* name, const char* help, Read read, Labels labels = {}) {
    page_.add_counter(name, help, std::move(labels), summed(read));
  }
  template <class Read>
  void gauge(const char* name, const char* help, Read read, Labels labels = {}) {
    page_.add_gauge(name, help, std::move(labels), summed(read));
  }
  template <class Pick>
  void histogram(const char* name, const char* help, Pick pick, Labels labels = {}) {
    page_.add_histogram(name, help, std::move(labels), latency_bounds(), [this_metrics = &metrics_, pick] {
      observe::Cells sum = no_latencies();
      for (const ShardMetrics& shard : this_metrics->shards) add_latencies(sum, pick(shard));
      return sum;
    });
  }

 private:
  template <class Read>
  MetricsPage::Read summed(Read read) const {
    return [this_metrics = &metrics_, read] {
      std::uint64_t sum = 0;
      for (const ShardMetrics& shard : this_metrics->shards) sum += read(shard);
      return static_cast<double>(sum);
    };
  }
  MetricsPage& page_;
  const WorkerMetrics& metrics_;
};

void register_dispatch(ShardSeries& shards) {
  for (std::size_t v = 0; v < std::size_t(Vendor::Count); ++v) {
    const std::string vendor(name_of(static_cast<Vendor>(v)));
    for (std::size_t i = 0; i < std::size_t(Verdict::Count); ++i)
      shards.counter("nightpost_attempts_total", "Vendor answers by what they ask of us",
                     [v, i](const ShardMetrics& m) { return m.dispatch.attempts[v][i].read(); },
                     {{"vendor", vendor}, {"verdict", std::string(name_of(static_cast<Verdict>(i)))}});
    shards.counter("nightpost_vendor_requests_total", "Requests handed to lanes; one may reach many devices",
                   [v](const ShardMetrics& m) { return m.dispatch.requests[v].read(); }, {{"vendor", vendor}});
    shards.counter("nightpost_quota_spent_total", "Times that a push found a quota of its vendor used up",
                   [v](const ShardMetrics& m) { return m.dispatch.quotas_spent[v].read(); }, {{"vendor", vendor}});
    shards.histogram("nightpost_vendor_seconds", "From handing a request to its lane to the vendor's answer",
                     [v](const ShardMetrics& m) -> const auto& { return m.dispatch.vendor_latency[v]; },
                     {{"vendor", vendor}});
  }
  shards.histogram("nightpost_settle_seconds", "From the message in the IM server to the push's outcome",
                   [](const ShardMetrics& m) -> const auto& { return m.dispatch.settle_latency; });
  const auto counter = [&](const char* name, const char* help, Counter dispatch::Metrics::* member) {
    shards.counter(name, help, [member](const ShardMetrics& m) { return (m.dispatch.*member).read(); });
  };
  const auto gauge = [&](const char* name, const char* help, Counter dispatch::Metrics::* member) {
    shards.gauge(name, help, [member](const ShardMetrics& m) { return (m.dispatch.*member).read(); });
  };
  using dispatch::Metrics;
  counter("nightpost_events_taken_total", "Records taken from the offline and the delay topics",
          &Metrics::events_taken);
  counter("nightpost_events_settled_total", "Records whose every push has its outcome or was put off",
          &Metrics::events_settled);
  counter("nightpost_events_malformed_total", "Records that could not be read", &Metrics::events_malformed);
  counter("nightpost_dead_letters_total", "Records written to the dead topic", &Metrics::dead_letters);
  counter("nightpost_retries_total", "Repeats in memory", &Metrics::retries);
  for (std::size_t i = 0; i < dispatch::kTiers; ++i)
    shards.counter("nightpost_deferrals_total", "Remainders of events written to delay topics",
                   [i](const ShardMetrics& m) { return m.dispatch.deferrals[i].read(); },
                   {{"tier", std::string(name_of(dispatch::Tier(i)))}});
  for (std::size_t i = 0; i < std::size_t(dispatch::PutOff::Count); ++i)
    shards.counter("nightpost_put_off_total",
                   "Devices (receivers, where the store cannot be read) put off for a later try",
                   [i](const ShardMetrics& m) { return m.dispatch.put_off[i].read(); },
                   {{"reason", std::string(name_of(dispatch::PutOff(i)))}});
  counter("nightpost_remainders_taken_total", "Records taken that name who is left of their event: hops",
          &Metrics::remainders_taken);
  counter("nightpost_repeats_maybe_sent_total", "Repeats of a push the vendor may have taken already",
          &Metrics::repeats_maybe_sent);
  counter("nightpost_breakers_opened_total", "Credentials whose sending was stopped", &Metrics::breakers_opened);
  counter("nightpost_recalled_total", "Pushes ended before they were sent: recalled, or read on another device",
          &Metrics::recalled);
  counter("nightpost_signers_down_total", "Times that a vendor stopped answering a signer, or failed everything of it",
          &Metrics::signers_fell);
  counter("nightpost_signer_probes_total", "Requests that tried such a vendor", &Metrics::signer_probes);
  counter("nightpost_pushes_full_total", "Pushes put off because too many waited for their signer",
          &Metrics::pushes_full);
  counter("nightpost_classes_rested_total", "Times that a kind of message (channel, category) began to rest",
          &Metrics::classes_rested);
  counter("nightpost_removals_held_total", "Token removals held back by the mass-invalidation guard",
          &Metrics::removals_held);
  shards.counter(
      "nightpost_internal_errors_total", "Exceptions that ended pushes, events or certificates: each is a bug",
      [](const ShardMetrics& m) { return m.dispatch.internal_errors.read() + m.resolve.internal_errors.read(); });
  gauge("nightpost_dispatch_kept_bytes", "Memory of finished events, kept for the next ones", &Metrics::kept_bytes);
  gauge("nightpost_events_open", "Records taken and not yet released", &Metrics::events_open);
  gauge("nightpost_events_open_bytes", "Their memory", &Metrics::events_open_bytes);
  gauge("nightpost_receivers_unplanned", "Receivers of events of which not all is planned yet, bulk events left out",
        &Metrics::receivers_unplanned);
  gauge("nightpost_bulk_receivers_unplanned", "Likewise of bulk events, those that nobody looks up yet left out",
        &Metrics::bulk_receivers_unplanned);
  gauge("nightpost_removals_waiting", "Dead tokens that wait to be removed from the store", &Metrics::removals_waiting);
  gauge("nightpost_pushes_in_flight", "Requests without an answer yet", &Metrics::pushes_in_flight);
  gauge("nightpost_pushes_waiting", "Pushes waiting for a free slot or a back-off", &Metrics::pushes_waiting);
}

/// Those of shards and of receipts.
void register_outcomes(MetricsPage& page, const WorkerMetrics& metrics) {
  for (std::size_t i = 0; i < std::size_t(OutcomeKind::Count); ++i)
    page.add_counter("nightpost_outcomes_total", "What became of pushes",
                     {{"outcome", std::string(name_of(static_cast<OutcomeKind>(i)))}}, [&metrics, i] {
                       std::uint64_t sum = metrics.receipts.outcomes[i].read();
                       for (const ShardMetrics& shard : metrics.shards) sum += shard.dispatch.outcomes[i].read();
                       return static_cast<double>(sum);
                     });
}

void register_lanes(ShardSeries& shards) {
  const auto counter = [&](const char* name, const char* help, Counter net::LaneMetrics::* member) {
    shards.counter(name, help, [member](const ShardMetrics& m) { return (m.lanes.*member).read(); });
  };
  const auto gauge = [&](const char* name, const char* help, Counter net::LaneMetrics::* member) {
    shards.gauge(name, help, [member](const ShardMetrics& m) { return (m.lanes.*member).read(); });
  };
  using net::LaneMetrics;
  counter("nightpost_lane_connections_opened_total", "HTTP/2 connections made ready", &LaneMetrics::connections_opened);
  counter("nightpost_lane_connects_failed_total", "Connects that failed", &LaneMetrics::connects_failed);
  for (std::size_t i = 0; i < std::size_t(net::CloseReason::Count); ++i)
    shards.counter("nightpost_lane_connections_closed_total", "HTTP/2 connections ended",
                   [i](const ShardMetrics& m) { return m.lanes.connections_closed[i].read(); },
                   {{"reason", std::string(name_of(static_cast<net::CloseReason>(i)))}});
  counter("nightpost_lane_requests_total", "Requests taken by lanes", &LaneMetrics::requests);
  counter("nightpost_lane_replays_total", "Requests sent anew because they were surely not processed",
          &LaneMetrics::replays);
  counter("nightpost_lane_refused_total", "Streams refused or above a GOAWAY", &LaneMetrics::refused);
  counter("nightpost_lane_timeouts_total", "Requests that ran out of time", &LaneMetrics::timeouts);
  counter("nightpost_lane_overloads_total", "Requests refused because the lane's queue was full",
          &LaneMetrics::overloads);
  counter("nightpost_lane_stray_answers_total", "Answers dropped because their request was not open: a bug",
          &LaneMetrics::stray_answers);
  counter("nightpost_lane_received_bytes_total", "HTTP/2 bytes received", &LaneMetrics::bytes_in);
  counter("nightpost_lane_sent_bytes_total", "HTTP/2 bytes sent", &LaneMetrics::bytes_out);
  gauge("nightpost_lane_connections", "Connections that are ready", &LaneMetrics::connections);
  gauge("nightpost_lane_streams_limit", "Streams the vendors grant on them", &LaneMetrics::streams_limit);
  gauge("nightpost_lane_streams_open", "Streams open on them", &LaneMetrics::open);
  gauge("nightpost_lane_queued", "Requests waiting for a stream", &LaneMetrics::queued);
  gauge("nightpost_lane_draining", "Connections that take no new request", &LaneMetrics::draining);
  gauge("nightpost_lane_kept_bytes", "Memory of lanes' buffers, kept for the next requests", &LaneMetrics::kept_bytes);
}

void register_curl(ShardSeries& shards) {
  struct Use {
    const char* name;
    net::CurlMetrics ShardMetrics::* lanes;
  };
  for (const Use& use : {Use{"pushes", &ShardMetrics::curl_lanes}, Use{"grants", &ShardMetrics::grant_lanes}}) {
    const Labels labels = {{"for", use.name}};
    const auto read = [&](Counter net::CurlMetrics::* member) {
      return [lanes = use.lanes, member](const ShardMetrics& m) { return (m.*lanes.*member).read(); };
    };
    const auto counter = [&](const char* name, const char* help, Counter net::CurlMetrics::* member) {
      shards.counter(name, help, read(member), labels);
    };
    const auto gauge = [&](const char* name, const char* help, Counter net::CurlMetrics::* member) {
      shards.gauge(name, help, read(member), labels);
    };
    using net::CurlMetrics;
    counter("nightpost_http_requests_total", "Requests taken by libcurl lanes", &CurlMetrics::requests);
    counter("nightpost_http_connections_opened_total", "TCP connections begun", &CurlMetrics::connections_opened);
    counter("nightpost_http_connects_failed_total", "Requests that failed before they could be sent",
            &CurlMetrics::connects_failed);
    counter("nightpost_http_lost_total", "Requests whose connection ended, or whose answer was too large",
            &CurlMetrics::lost);
    counter("nightpost_http_timeouts_total", "Requests that ran out of time", &CurlMetrics::timeouts);
    counter("nightpost_http_overloads_total", "Requests refused because the lane's queue was full",
            &CurlMetrics::overloads);
    counter("nightpost_http_stray_answers_total", "Answers dropped because their request was not open: a bug",
            &CurlMetrics::stray_answers);
    counter("nightpost_http_received_bytes_total", "Bytes of answers' bodies", &CurlMetrics::bytes_in);
    gauge("nightpost_http_connections", "Connections that are open", &CurlMetrics::connections);
    gauge("nightpost_http_open", "Requests at work", &CurlMetrics::open);
    gauge("nightpost_http_queued", "Requests waiting for a connection", &CurlMetrics::queued);
    gauge("nightpost_http_kept_bytes", "Memory of lanes' buffers, kept for the next requests",
          &CurlMetrics::kept_bytes);
  }
}

void register_loops(ShardSeries& shards) {
  shards.counter("nightpost_loop_turns_total", "Turns of the shards' loops that had anything to do",
                 [](const ShardMetrics& m) { return m.loop.turns.read(); });
  shards.counter("nightpost_loop_answers_total", "Lanes' answers in those turns",
                 [](const ShardMetrics& m) { return m.loop.answers.read(); });
  for (std::size_t i = 0; i < std::size_t(LoopPart::Count); ++i)
    shards.counter("nightpost_loop_stalls_total", "Times a shard's loop was late by worker.stall_ms or more",
                   [i](const ShardMetrics& m) { return m.loop.stalls[i].read(); },
                   {{"part", std::string(name_of(static_cast<LoopPart>(i)))}});
  shards.histogram("nightpost_loop_stall_seconds", "How late it was those times",
                   [](const ShardMetrics& m) -> const auto& { return m.loop.stall_time; });
}

/// A signer is one, however many shards send with it; so are the tokens in doubt of a certificate.
void register_signers(MetricsPage& page, const dispatch::SignerLedger& signers) {
  page.add_gauges("nightpost_suspects", "Tokens that a vendor's answers have put in doubt",
                  [&signers] { return std::vector<observe::Sample>{{{}, static_cast<double>(signers.suspects())}}; });
  page.add_gauges("nightpost_signers", "Signers in use, by whether their vendor answers", [&signers] {
    constexpr std::array kStates = {"healthy", "silent", "failing"};
    std::vector<observe::Sample> all;
    const dispatch::SignerLedger::Counts counts = signers.count();
    for (std::size_t v = 0; v < counts.size(); ++v) {
      if (counts[v] == std::array<std::size_t, kStates.size()>{}) continue;
      for (std::size_t i = 0; i < kStates.size(); ++i)
        all.push_back({{{"vendor", std::string(name_of(static_cast<Vendor>(v)))}, {"state", kStates[i]}},
                       static_cast<double>(counts[v][i])});
    }
    return all;
  });
}

/// Of the periods that run now, as this process counts them.
void register_quotas(MetricsPage& page, const dispatch::SignerLedger& signers) {
  const auto add = [&](const char* name, const char* help, auto value_of) {
    page.add_gauges(name, help, [&signers, value_of] {
      std::vector<observe::Sample> all;
      const dispatch::SignerLedger::QuotaUses uses = signers.quotas(SystemClock().wall());
      for (std::size_t v = 0; v < uses.size(); ++v)
        for (std::size_t p = 0; p < uses[v].size(); ++p)
          if (uses[v][p].left)
            all.push_back({{{"vendor", std::string(name_of(static_cast<Vendor>(v)))},
                            {"per", std::string(name_of(static_cast<Quota::Per>(p)))}},
                           static_cast<double>(value_of(uses[v][p]))});
      return all;
    });
  };
  using Use = dispatch::SignerLedger::QuotaUse;
  add("nightpost_quota_used", "Messages counted in apps' quotas, in the period that runs",
      [](const Use& use) { return use.used; });
  add("nightpost_quota_left", "What is left of the app's quota that has the least left",
      [](const Use& use) { return *use.left; });
  page.add_gauges("nightpost_quota_devices", "Devices counted one by one, for each of their quotas", [&signers] {
    const auto devices = signers.quota_devices(SystemClock().wall());
    return std::vector<observe::Sample>{{{}, static_cast<double>(devices.counted)}};
  });
  page.add_gauges("nightpost_quota_devices_limit", "dispatch.quota_devices_max", [&signers] {
    return std::vector<observe::Sample>{{{}, static_cast<double>(signers.quota_devices(SystemClock().wall()).room)}};
  });
}

/// Of credentials that this process has sent with: of more than a page may name, those in trouble come first.
void register_credentials(MetricsPage& page, const dispatch::SignerLedger& signers) {
  const auto add = [&](const char* name, const char* help, auto value_of) {
    page.add_gauges(name, help, [&signers, value_of] {
      constexpr std::size_t kSeriesMax = 100;  // one a certificate
      using Standing = dispatch::SignerLedger::Standing;
      std::vector<Standing> standings = signers.standings(std::chrono::steady_clock::now());
      std::ranges::sort(standings, {}, [value_of](const Standing& each) {
        return std::pair(-value_of(each), each.certificate.value);
      });
      if (standings.size() > kSeriesMax) standings.resize(kSeriesMax);
      std::vector<observe::Sample> all;
      for (const Standing& each : standings)
        all.push_back(
            {{{"vendor", std::string(name_of(each.vendor))}, {"certificate", std::to_string(each.certificate.value)}},
             value_of(each)});
      return all;
    });
  };
  using Standing = dispatch::SignerLedger::Standing;
  add("nightpost_breaker_state", "Of a certificate: 0 closed, 1 half open (one request may try it), 2 open: refused",
      [](const Standing& each) { return static_cast<double>(each.breaker); });
  add("nightpost_pause_seconds", "Of a certificate: how long its vendor still wants no requests; 0: it takes them",
      [](const Standing& each) { return static_cast<double>(each.paused.count()) / 1000; });
}

/// Removals that are held, and what became of them.
void register_removals(MetricsPage& page, const RemovalKeeperMetrics& metrics, const dispatch::SignerLedger& signers) {
  constexpr std::size_t kSeriesMax = 100;  // one a certificate
  page.add_gauges(
      "nightpost_removal_holds", "1 for a certificate whose dead tokens are not removed: too many died", [&signers] {
        const MonoTime now = std::chrono::steady_clock::now();
        std::vector<observe::Sample> all;
        CertificateId last;  // two versions of one are one series; they come one after the other
        for (const auto& book : signers.held_removals(now)) {
          if (!book->holds(now) || book->certificate() == last || all.size() >= kSeriesMax) continue;
          last = book->certificate();
          all.push_back(
              {{{"vendor", std::string(name_of(book->vendor()))}, {"certificate", std::to_string(last.value)}}, 1});
        }
        return all;
      });
  const auto counter = [&page](const char* name, const char* help, const Counter& counted) {
    page.add_counter(name, help, {}, [&counted] { return static_cast<double>(counted.read()); });
  };
  counter("nightpost_held_removals_kept_total", "Held removals written to the store, for ops to decide", metrics.kept);
  counter("nightpost_held_removals_approved_total", "Of those, removed by this process because ops approved",
          metrics.removed);
  counter("nightpost_held_removals_errors_total", "Looks at held removals that the store did not answer",
          metrics.errors);
}

/// By the shard that heard last: all of them read one clock.
void register_skew(MetricsPage& page, const WorkerMetrics& metrics) {
  page.add_gauges(
      "nightpost_clock_skew_seconds",
      "This machine's clock minus the vendor's, at the least, by its last sampled answer", [&metrics] {
        std::vector<observe::Sample> all;
        for (std::size_t v = 0; v < std::size_t(Vendor::Count); ++v) {
          const auto vendor = static_cast<Vendor>(v);
          std::optional<SkewMetrics::Sample> last;
          for (const ShardMetrics& shard : metrics.shards)
            if (const auto one = shard.skew.latest(vendor); one && (!last || one->at > last->at)) last = one;
          if (last)
            all.push_back({{{"vendor", std::string(name_of(vendor))}}, static_cast<double>(last->skew.count()) / 1000});
        }
        return all;
      });
}

void register_grants(ShardSeries& shards) {
  shards.counter("nightpost_grant_fetches_total", "Grants asked for at token endpoints",
                 [](const ShardMetrics& m) { return m.grants.fetches.read(); });
  for (std::size_t i = 0; i < std::tuple_size_v<decltype(GrantMetrics::failures)>; ++i)
    shards.counter("nightpost_grant_failures_total", "Of those, failed",
                   [i](const ShardMetrics& m) { return m.grants.failures[i].read(); },
                   {{"code", std::string(name_of(static_cast<Errc>(i)))}});
  shards.gauge("nightpost_grant_waiting", "Credentials whose pushes wait for a grant",
               [](const ShardMetrics& m) { return m.grants.waiting.read(); });
}

void register_resolve(ShardSeries& shards) {
  const auto counter = [&](const char* name, const char* help, Counter resolve::ResolverMetrics::* member) {
    shards.counter(name, help, [member](const ShardMetrics& m) { return (m.resolve.*member).read(); });
  };
  using resolve::ResolverMetrics;
  counter("nightpost_resolve_hits_total", "Receivers answered by the cache", &ResolverMetrics::receiver_hits);
  counter("nightpost_resolve_misses_total", "Receivers read from the store", &ResolverMetrics::receiver_misses);
  counter("nightpost_resolve_evictions_total", "Receivers that made room for others",
          &ResolverMetrics::receiver_evictions);
  counter("nightpost_resolve_changes_total",
          "Changes of the store that the cache was told of: users, apps, certificates", &ResolverMetrics::changes);
  counter("nightpost_resolve_invalidations_total", "Times the cache was emptied: more had changed than was named",
          &ResolverMetrics::invalidations);
  counter("nightpost_resolve_store_errors_total", "Look-ups the store could not answer",
          &ResolverMetrics::store_errors);
  counter("nightpost_resolve_routes_made_total", "Certificates made ready to send with", &ResolverMetrics::routes_made);
  counter("nightpost_resolve_routes_refused_total", "Certificates that could not be", &ResolverMetrics::routes_refused);
  shards.gauge("nightpost_resolve_receivers_cached", "Receivers in the caches",
               [](const ShardMetrics& m) { return m.resolve.receivers_cached.read(); });
}

void register_kafka(MetricsPage& page, const WorkerMetrics& metrics) {
  const auto cell = [](const kafka::Cell& one) {
    return [at = &one] { return static_cast<double>(kafka::read(*at)); };
  };
  const kafka::ConsumerMetrics& c = metrics.consumer;
  page.add_counter("nightpost_kafka_records_total", "Records handed to shards", {}, cell(c.records));
  page.add_counter("nightpost_kafka_record_bytes_total", "Their bytes", {}, cell(c.bytes));
  page.add_counter("nightpost_kafka_commits_total", "Offset commits the broker took", {}, cell(c.commits));
  page.add_counter("nightpost_kafka_commit_errors_total", "Offset commits it did not", {}, cell(c.commit_errors));
  page.add_gauge("nightpost_kafka_commits_plain",
                 "1: the broker's offset.metadata.max.bytes is too small, so restarts repeat more", {},
                 cell(c.commits_plain));
  page.add_counter("nightpost_kafka_rebalances_total", "Partitions given, taken or lost", {}, cell(c.rebalances));
  page.add_counter("nightpost_kafka_assignments_lost_total", "Times the group went on without this worker", {},
                   cell(c.assignments_lost));
  page.add_counter("nightpost_kafka_stale_completions_total", "Records finished after their partition had moved", {},
                   cell(c.stale_completions));
  page.add_counter("nightpost_kafka_skipped_done_total",
                   "Records skipped because the commit's metadata said they were done", {}, cell(c.skipped_done));
  page.add_counter("nightpost_kafka_retention_lost_total", "Records that the log forgot before they were done", {},
                   cell(c.retention_lost));
  page.add_counter("nightpost_kafka_metadata_unread_total",
                   "Assignments that went on although the brokers did not say what is committed", {},
                   cell(c.metadata_unread));
  page.add_counter("nightpost_kafka_metadata_ignored_total", "Commit metadata that was not ours or broken", {},
                   cell(c.metadata_ignored));
  page.add_counter("nightpost_kafka_due_ignored_total",
                   "Records of delay topics delivered at once: their due_at is missing, malformed or absurd", {},
                   cell(c.due_ignored));
  page.add_counter("nightpost_kafka_consumer_errors_total", "Errors of the consumer's client", {}, cell(c.errors));
  page.add_gauge("nightpost_kafka_partitions_assigned", "Partitions this worker reads", {},
                 cell(c.assigned_partitions));
  page.add_gauge("nightpost_kafka_partitions_paused", "Of those, paused by a limit or the drain", {},
                 cell(c.paused_partitions));
  page.add_gauge("nightpost_kafka_partitions_waiting", "Of those, paused until their next record is due", {},
                 cell(c.waiting_partitions));
  page.add_gauge("nightpost_kafka_in_flight", "Records handed out and not settled", {}, cell(c.in_flight));
  page.add_gauge("nightpost_kafka_in_flight_bytes", "Their bytes", {}, cell(c.in_flight_bytes));
  page.add_gauge("nightpost_kafka_pending_records", "Those, and stale ones that somebody still holds", {},
                 cell(c.pending_records));
  static_assert(Worker::kSourceRoles.size() == kafka::kSourceTopicsMax);
  for (std::size_t i = 0; i < Worker::kSourceRoles.size(); ++i)
    page.add_gauge("nightpost_kafka_lag", "Records behind the end of the assigned partitions; waiting ones too",
                   {{"topic", Worker::kSourceRoles[i]}}, cell(c.lag[i]));
  page.add_gauge("nightpost_kafka_oldest_unsettled_seconds", "Age of the oldest record in flight", {},
                 [at = &c.oldest_unsettled_ms] { return static_cast<double>(kafka::read(*at)) / 1000; });
  page.add_gauge("nightpost_kafka_brokers_down", "1 while no broker has answered anything for kafka.silence_ms", {},
                 cell(c.brokers_down));
  const kafka::ProducerMetrics& p = metrics.producer;
  page.add_counter("nightpost_kafka_produced_total", "Outcomes and dead letters handed to the producer", {},
                   cell(p.messages));
  page.add_counter("nightpost_kafka_delivered_total", "Of those, acknowledged by the brokers", {}, cell(p.delivered));
  page.add_counter("nightpost_kafka_refused_total",
                   "Times a topic refused one: it is tried again, and its record not committed until it is taken", {},
                   cell(p.refused));
  page.add_counter("nightpost_kafka_letters_shortened_total",
                   "Dead letters cut to headers and their first KiB because their topic called them too large", {},
                   cell(p.letters_shortened));
  page.add_counter("nightpost_kafka_queue_full_total", "Times a shard planned nothing for want of room in the producer",
                   {}, cell(p.queue_full));
  for (std::size_t i = 0; i < Worker::kTopicRoles.size(); ++i)
    page.add_gauge("nightpost_kafka_topic_unusable",
                   "1 while a topic is missing, forbidden or refuses what it is given",
                   {{"role", Worker::kTopicRoles[i]}}, cell(p.topic_unusable[i]));
  page.add_counter("nightpost_kafka_producer_errors_total", "Errors of the producer's client", {}, cell(p.errors));
  page.add_gauge("nightpost_kafka_produce_queued", "Handed over and not yet acknowledged", {}, cell(p.queued));
}

void register_trace(MetricsPage& page, const TraceMetrics& metrics) {
  const auto cell = [](const Counter& counted) { return [&counted] { return static_cast<double>(counted.read()); }; };
  page.add_counter("nightpost_trace_rows_total", "Rows written to the trace file", {}, cell(metrics.written));
  page.add_counter("nightpost_trace_rows_deleted_total", "Rows of it that were too old or too many", {},
                   cell(metrics.deleted));
  constexpr const char* kDropped = "nightpost_trace_rows_dropped_total";
  constexpr const char* kWhy =
      "Rows that are not kept: more than trace.rows_per_second_max, the queue was full, the file could not be written";
  page.add_counter(kDropped, kWhy, {{"why", "rate"}}, cell(metrics.dropped_rate));
  page.add_counter(kDropped, kWhy, {{"why", "queue"}}, cell(metrics.dropped_queue));
  page.add_counter(kDropped, kWhy, {{"why", "store"}}, cell(metrics.dropped_store));
  page.add_counter("nightpost_trace_sampled_passed_over_total",
                   "Events of the sample that were not kept whole: they took half of trace.rows_per_second_max", {},
                   cell(metrics.sampled_passed_over));
  page.add_counter("nightpost_trace_spans_total", "Spans that the OpenTelemetry collector took", {},
                   cell(metrics.otlp.sent));
  constexpr const char* kSpans = "nightpost_trace_spans_dropped_total";
  constexpr const char* kSpansWhy = "Spans that it did not take, or that were more than trace.otlp_spans_max";
  page.add_counter(kSpans, kSpansWhy, {{"why", "refused"}}, cell(metrics.otlp.dropped_refused));
  page.add_counter(kSpans, kSpansWhy, {{"why", "queue"}}, cell(metrics.otlp.dropped_queue));
  page.add_gauge("nightpost_trace_rows_queued", "Rows on their way to the trace file", {}, cell(metrics.queued));
}

}  // namespace

void register_store_feed(MetricsPage& page, const StoreFeedMetrics& metrics) {
  const auto cell = [](const Counter& counted) { return [&counted] { return static_cast<double>(counted.read()); }; };
  page.add_counter("nightpost_store_looks_total", "Looks at the changes of the server that is the store", {},
                   cell(metrics.looks));
  page.add_counter("nightpost_store_looks_failed_total", "Of those, failed", {}, cell(metrics.looks_failed));
  page.add_gauge("nightpost_store_available", "1 while the last look was good", {}, cell(metrics.available));
  page.add_histogram("nightpost_store_change_lag_seconds",
                     "From the commit of a look's oldest change to its use by the caches, at most", {},
                     latency_bounds(), [&metrics] {
                       observe::Cells sum = no_latencies();
                       add_latencies(sum, metrics.change_lag);
                       return sum;
                     });
}

void register_metrics(MetricsPage& page, const WorkerMetrics& metrics, const dispatch::SignerLedger& signers,
                      const dispatch::RecallBook& recalls) {
  ShardSeries shards(page, metrics);
  register_dispatch(shards);
  register_outcomes(page, metrics);
  register_lanes(shards);
  register_curl(shards);
  register_loops(shards);
  register_skew(page, metrics);
  register_signers(page, signers);
  register_quotas(page, signers);
  register_credentials(page, signers);
  page.add_gauge("nightpost_recalls_kept", "Notes of what was taken back: messages, read conversations, spared devices",
                 {}, [&recalls] { return static_cast<double>(recalls.size()); });
  register_grants(shards);
  register_resolve(shards);
  register_kafka(page, metrics);
  register_receipt_metrics(page, metrics.receipts);
  register_removals(page, metrics.removals, signers);
  register_trace(page, metrics.trace);
  observe::add_process_metrics(page);
}

}  // namespace nightpost::app
