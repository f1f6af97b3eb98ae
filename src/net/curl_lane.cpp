#include "net/curl_lane.h"

#include <algorithm>
#include <boost/intrusive/list.hpp>
#include <cassert>
#include <optional>
#include <random>
#include <span>
#include <utility>
#include <vector>

#include "core/slab.h"
#include "net/asio_loop.h"
#include "net/back_off.h"
#include "net/curl_metrics.h"
#include "net/curl_multi.h"
#include "net/curl_transfer.h"
#include "net/deadline_wheel.h"
#include "net/lane_turns.h"
#include "net/origin.h"
#include "net/peak_watch.h"
#include "net/trust_store.h"

namespace nightpost::net {
namespace {

namespace asio = boost::asio;
namespace bi = boost::intrusive;

/// Requests in a row that a host which has answered before may leave without an answer (a connection that ended, a
/// time-out) until it counts as unreachable. One that never answered has no such credit.
constexpr int kUnansweredMax = 3;
constexpr std::size_t kSpareTransfersMax = 64;  // some 25 KiB each

/// A request from send() to its answer. Lives in a slab: its transfer borrows `request`, wheel and queue link it.
struct Job : OnWheel {
  bi::list_member_hook<bi::link_mode<bi::safe_link>> queue_hook;
  HttpRequest request;
  MonoTime deadline{};
  std::uint64_t id = 0;   // in the slab, and whose its transfer says it is
  std::uint64_t tag = 0;  // what its sender calls it
  LaneHandler* handler = nullptr;
  std::uint64_t group = 0;
  CurlMulti* multi = nullptr;  // null: it waits in the queue
  MonoTime started{};          // handed to that
  std::unique_ptr<CurlTransfer> transfer;
};
using Queue = bi::list<Job, bi::member_hook<Job, bi::list_member_hook<bi::link_mode<bi::safe_link>>, &Job::queue_hook>>;

}  // namespace

struct CurlLane::Impl final : LaneTurns, CurlMultiOwner {
  Impl(asio::io_context& l, CurlLaneOptions o, CurlMetrics& m)
      : LaneTurns(std::make_unique<AsioLoop>(l)),
        context(l),
        options(std::move(o)),
        metrics(m),
        connections_gauge(m.connections),
        open_gauge(m.open),
        queued_gauge(m.queued),
        kept_bytes_gauge(m.kept_bytes),
        peaks(options.trim_interval),
        wheel(clock_now()),
        back_off(options.reconnect_first, options.reconnect_max,
                 options.jitter_seed ? options.jitter_seed : std::random_device{}()) {
    if (auto fit = prepare(); !fit) unusable = Error{Errc::Unauthorized, std::move(fit.error().detail)};
  }

  asio::io_context& context;
  const CurlLaneOptions options;
  CurlMetrics& metrics;
  GaugeShare connections_gauge, open_gauge, queued_gauge, kept_bytes_gauge;
  TrustStore trust;
  std::optional<Error> unusable;  // the options are wrong: nothing can ever be sent
  // Shared with themselves alone, while they call back. `old` takes no new requests and goes once its own are answered.
  std::shared_ptr<CurlMulti> multi, old;
  std::size_t opened_counted = 0;  // of multi's connections
  Slab<Job> jobs;
  std::vector<std::unique_ptr<CurlTransfer>> spare_transfers;
  PeakWatch peaks;  // of jobs
  DeadlineWheel wheel;
  Queue queue;
  BackOff back_off;
  MonoTime connect_not_before{};
  MonoTime backed_away{};    // the last time
  bool unreachable = false;  // the last connect failed, or nothing answers: one request at a time tries
  bool answered = false;     // at least once
  int unanswered_in_a_row = 0;
  std::uint64_t failures_told = 0;  // to the watch, since the last answer
  bool http2 = false;               // what the last answer came by
  Job* growing = nullptr;           // had to find a further HTTP/2 connection, and has not yet
  std::size_t width = 1;            // HTTP/2 connections that are there
  int timeouts_in_a_row = 0;
  MonoTime idle_since{};

  Result<void> prepare() {
    if (auto origin = parse_origin(options.origin); !origin) return std::unexpected(std::move(origin.error()));
    auto made = trust_store_from(options.trust_stores, options.ca_pem);
    if (!made) return std::unexpected(std::move(made.error()));
    trust = std::move(*made);
    return CurlTransfer::usable(options, trust.get());
  }

  void stop() {
    end_turns();
    jobs.for_each([&](std::uint64_t, Job& job) {
      if (job.multi != nullptr) job.multi->remove(job.transfer->easy());
      wheel.remove(job);
    });
    queue.clear();
    multi.reset();
    old.reset();
    for (GaugeShare* gauge : {&connections_gauge, &open_gauge, &queued_gauge, &kept_bytes_gauge}) gauge->set(0);
  }

  std::size_t at_work() const noexcept { return (multi ? multi->transfers() : 0) + (old ? old->transfers() : 0); }

  // ---- jobs

  Job& take_job(HttpRequest request, MonoTime deadline, std::uint64_t tag, LaneHandler& handler, std::uint64_t group) {
    const auto [id, slot] = jobs.acquire();
    Job& job = *slot;
    job.id = id;
    job.request = std::move(request);
    job.deadline = deadline;
    job.tag = tag;
    job.handler = &handler;
    job.group = group;
    return job;
  }

  /// The job is done with; its answer goes out at the end of the turn. REQUIRED: its transfer is in no multi.
  void answer(Job& job, LaneReply reply) {
    reply.written = reply.maybe_sent || reply.response.has_value();
    collect_answer(*job.handler, job.tag, std::move(reply));
    if (job.queue_hook.is_linked()) queue.erase(queue.iterator_to(job));
    wheel.remove(job);
    if (growing == &job) growing = nullptr;
    release(job.request);
    job.multi = nullptr;
    if (job.transfer && spare_transfers.size() < kSpareTransfersMax) {
      job.transfer->trim();
      spare_transfers.push_back(std::move(job.transfer));
    }
    job.transfer.reset();
    jobs.put_back(job.id);
  }
  void fail_job(Job& job, Errc code, std::string detail, bool maybe_sent) {
    answer(job, {fail(code, std::move(detail)), maybe_sent});
  }

  void send(HttpRequest request, MonoTime deadline, std::uint64_t tag, LaneHandler& handler, std::uint64_t group) {
    metrics.requests.add();
    if (unusable || queue.size() >= options.queue_max) {
      if (!unusable) metrics.overloads.add();
      const Error why = unusable ? *unusable : Error{Errc::Overloaded, "lane's queue is full"};
      collect_answer(handler, tag, {std::unexpected(why)});
      peaks.saw(1);
      return post_turn();
    }
    Job& job = take_job(std::move(request), deadline, tag, handler, group);
    queue.push_back(job);
    wheel.set(job, deadline);
    peaks.saw(jobs.used());
  }

  void withdraw_queued(std::uint64_t group, const std::string& why) {
    for (auto at = queue.begin(); at != queue.end();) {
      Job& job = *at++;
      if (job.group == group) fail_job(job, Errc::ConnectionLost, why, false);
    }
    if (has_answers()) post_turn();
  }

  void tell(LaneEvent::What what, std::string_view detail) {
    if (what != LaneEvent::What::Reconnected) ++failures_told;
    const auto wait =
        unreachable ? std::max(connect_not_before - clock_now(), MonoTime::duration(0)) : MonoTime::duration(0);
    if (options.watch)
      options.watch({.what = what,
                     .origin = options.origin,
                     .detail = detail,
                     .wait = std::chrono::ceil<milliseconds>(wait),
                     .failures = failures_told});
    if (what == LaneEvent::What::Reconnected) failures_told = 0;
  }
  /// Those that were under way together are one failure: what fails of them later makes nobody wait longer.
  bool is_counted(MonoTime started) const noexcept { return unreachable && started <= backed_away; }
  void back_away(MonoTime started) {
    if (is_counted(started)) return;
    unreachable = true;
    backed_away = clock_now();
    connect_not_before = backed_away + back_off.after_failure();
  }
  /// A host that takes requests and answers none, be it in silence or by hanging up, is not stormed either.
  void count_unanswered(MonoTime started, std::string_view detail) {
    if (is_counted(started) || ++unanswered_in_a_row < (answered ? kUnansweredMax : 1)) return;
    back_away(started);
    tell(LaneEvent::What::ConnectionLost, detail);
  }

  /// REQUIRED: `job` heads the queue.
  void start(Job& job, MonoTime now) {
    if (spare_transfers.empty()) spare_transfers.push_back(std::make_unique<CurlTransfer>(options, trust.get()));
    job.transfer = std::move(spare_transfers.back());
    spare_transfers.pop_back();
    if (auto fit = job.transfer->begin(job.request); !fit)
      return fail_job(job, fit.error().code, std::move(fit.error().detail), false);
    if (!multi) {
      opened_counted = 0;
      multi = std::make_shared<CurlMulti>(context,
                                          CurlMulti::Options{.connections_max = options.connections_max,
                                                             .streams_max = options.streams_max,
                                                             .unacknowledged_max = options.response_timeout},
                                          *this);
    }
    job.transfer->owner = job.id;
    if (!multi->add(job.transfer->easy())) return fail_job(job, Errc::Overloaded, "libcurl is out of memory", false);
    job.multi = multi.get();
    job.started = clock_now();
    queue.pop_front();
    wheel.set(job, std::min(job.deadline, now + options.response_timeout));
    if (http2 && at_work() > width * options.streams_max) growing = &job;
  }

  void on_transfers_done(CurlMulti& from, std::span<const CurlDone> done) override {
    for (const CurlDone& one : done) {
      CurlTransfer& transfer = CurlTransfer::of(one.easy);
      Job* const job = jobs.find(transfer.owner);
      if (!job || job->transfer.get() != &transfer || job->multi != &from) {  // answered since: only a bug of ours
        metrics.stray_answers.add();
        assert(!"an answer for a request that is not open");
        continue;
      }
      const bool began = transfer.began();
      auto response = transfer.finish(one.code);
      if (response) {
        http2 = transfer.spoke_http2();
        timeouts_in_a_row = unanswered_in_a_row = 0;
        unreachable = false;
        answered = true;
        back_off.succeeded();
        if (failures_told > 0) tell(LaneEvent::What::Reconnected, {});
        metrics.bytes_in.add(response->body.size());
      } else if (began) {
        metrics.lost.add();
        count_unanswered(job->started, response.error().detail);
      } else {
        metrics.connects_failed.add();
        // While other connections work, a further one that fails is no reason to hold anything.
        if (from.connections() == 0) back_away(job->started);
        tell(one.code == CURLE_PEER_FAILED_VERIFICATION ? LaneEvent::What::UntrustedPeer
                                                        : LaneEvent::What::ConnectFailed,
             response.error().detail);
      }
      const bool maybe_sent = began && !response;
      answer(*job, {std::move(response), maybe_sent});
    }
    end_turn();
  }

  void late(Job& job) {
    metrics.timeouts.add();
    if (job.multi == nullptr) return fail_job(job, Errc::Timeout, "no connection was free in time", false);
    const bool began = job.transfer->began();
    const MonoTime started = job.started;
    job.multi->remove(job.transfer->easy());
    fail_job(job, Errc::Timeout, began ? "no answer in time" : "not connected in time", began);
    if (began)
      count_unanswered(started, "no answer in time");
    else
      tell(LaneEvent::What::ConnectFailed, "not connected in time");
    // On HTTP/1.1 a connection ends with its request's time-out.
    if (began && http2 && ++timeouts_in_a_row >= options.timeouts_in_a_row_max && !old) {
      timeouts_in_a_row = 0;
      count_opened();
      old = std::move(multi);
    }
  }

  // ---- turns of the loop

  /// How many requests libcurl gets at once: what finds no connection waits here, where it is bounded and its deadline
  /// surely means "not sent". Until HTTP/2 was heard, a connection carries one request. Where all of HTTP/2's streams
  /// are taken, one request goes ahead and finds a further connection; libcurl would open one for each.
  std::size_t limit() const noexcept {
    if (unreachable) return 1;
    if (!http2) return options.connections_max;
    return width * options.streams_max + (growing == nullptr && width < options.connections_max ? 1 : 0);
  }
  void measure() {
    if (growing != nullptr && growing->transfer->began()) growing = nullptr;
    if (growing == nullptr)
      width = std::clamp<std::size_t>(multi ? multi->connections() : 0, 1, options.connections_max);
  }

  /// Memory that a peak made goes once it was not needed for a while; an easy handle has buffers of libcurl's besides.
  void trim_memory(MonoTime now) {
    const auto peak = peaks.look(now, jobs.used());
    if (!peak) return;
    while (spare_transfers.size() > *peak) spare_transfers.pop_back();
    trim(spare_transfers, *peak);
    if (outgrew(jobs.spare(), *peak)) jobs.drop_spare();
    trim_answers(*peak);
    std::size_t kept = jobs.spare_bytes() + bytes_of(spare_transfers) + answers_kept_bytes();
    for (const auto& transfer : spare_transfers) kept += sizeof(CurlTransfer) + transfer->kept_bytes();
    kept_bytes_gauge.set(kept);
  }

  void pump() override {
    const MonoTime now = clock_now();
    trim_memory(now);
    MonoTime due = peaks.due();
    if (old && old->transfers() == 0) old.reset();
    measure();
    while (!queue.empty() && at_work() < limit()) {
      if (now < connect_not_before && unreachable) {
        due = std::min(due, connect_not_before);
        break;
      }
      start(queue.front(), now);
    }
    if (has_answers()) post_turn();
    if (at_work() > 0 || !queue.empty()) {
      idle_since = now;
    } else if (multi) {
      if (now >= idle_since + options.idle_close)
        multi.reset();  // libcurl closes idle connections only when a new request looks at them
      else
        due = std::min(due, idle_since + options.idle_close);
    }
    if (const auto next = wheel.next_due()) due = std::min(due, *next);
    wake_at(due);
    count_opened();
    connections_gauge.set((multi ? multi->connections() : 0) + (old ? old->connections() : 0));
    open_gauge.set(at_work());
    queued_gauge.set(queue.size());
  }

  void count_opened() {
    if (!multi) return;
    metrics.connections_opened.add(multi->opened() - opened_counted);
    opened_counted = multi->opened();
  }

  void on_time(MonoTime now) override {
    wheel.expire(now, [&](OnWheel& entry) { late(static_cast<Job&>(entry)); });
  }
};

CurlLane::CurlLane(asio::io_context& loop, CurlLaneOptions options, CurlMetrics& metrics)
    : impl_(std::make_shared<Impl>(loop, std::move(options), metrics)) {}
CurlLane::~CurlLane() { impl_->stop(); }

void CurlLane::send(HttpRequest request, MonoTime deadline, std::uint64_t tag, LaneHandler& handler,
                    std::uint64_t group) {
  impl_->send(std::move(request), deadline, tag, handler, group);
}
void CurlLane::withdraw_queued(std::uint64_t group, const std::string& why) { impl_->withdraw_queued(group, why); }
void CurlLane::flush() {
  if (!impl_->delivering()) impl_->pump();
}
std::size_t CurlLane::open_requests() const noexcept { return impl_->jobs.used(); }

}  // namespace nightpost::net
