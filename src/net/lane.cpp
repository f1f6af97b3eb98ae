#include "net/lane.h"

#include <algorithm>
#include <array>
#include <boost/intrusive/list.hpp>
#include <cassert>
#include <random>
#include <utility>
#include <vector>

#include "core/slab.h"
#include "net/asio_loop.h"
#include "net/back_off.h"
#include "net/deadline_wheel.h"
#include "net/h2_connection.h"
#include "net/lane_metrics.h"
#include "net/lane_turns.h"
#include "net/origin.h"

namespace nightpost::net {
namespace {

namespace asio = boost::asio;
namespace bi = boost::intrusive;
using Fate = H2Session::Fate;
using Connection = std::shared_ptr<LaneConnection>;

constexpr int kBusyPercent = 80;

/// A request from send() to its answer. Lives in a slab: its session borrows `request`, wheel and queue link it.
struct LaneJob : OnWheel {
  bi::list_member_hook<bi::link_mode<bi::safe_link>> queue_hook;
  HttpRequest request;
  MonoTime deadline{};
  std::uint64_t id = 0;   // in the slab, and what its session calls it
  std::uint64_t tag = 0;  // what its sender calls it
  LaneHandler* handler = nullptr;
  LaneConnection* connection = nullptr;  // null: it waits in the queue
  std::int32_t stream = 0;
  int replays = 0;
  std::uint64_t avoid = 0;  // the connection that would not have it
  std::uint64_t group = 0;
  bool touched = false;  // at least a byte of it was handed to a socket, at any try
  bool written = false;  // whole; from then on `due` is the response timeout's
};
using LaneQueue =
    bi::list<LaneJob,
             bi::member_hook<LaneJob, bi::list_member_hook<bi::link_mode<bi::safe_link>>, &LaneJob::queue_hook>>;

}  // namespace

struct Lane::Impl final : LaneTurns, ConnectionOwner {
  Impl(LaneGround ground, LaneOptions o, LaneMetrics& m)
      : LaneTurns(std::move(ground.loop)),
        connector(std::move(ground.connector)),
        options(std::move(o)),
        metrics(m),
        wheel(loop().now()),
        random(options.jitter_seed ? options.jitter_seed : std::random_device{}()),
        back_off(options.reconnect_first, options.reconnect_max, random()) {
    if (auto ready_to_use = prepare(); !ready_to_use)
      unusable = Error{Errc::Unauthorized, std::move(ready_to_use.error().detail)};
  }

  const std::unique_ptr<LaneConnector> connector;
  LaneOptions options;
  LaneMetrics& metrics;
  struct Gauges {  // a shard's lanes add up
    GaugeShare connections, streams_limit, open, queued, draining, kept_bytes;
    explicit Gauges(LaneMetrics& m)
        : connections(m.connections),
          streams_limit(m.streams_limit),
          open(m.open),
          queued(m.queued),
          draining(m.draining),
          kept_bytes(m.kept_bytes) {}
  } gauges{metrics};
  Origin origin;
  std::optional<Error> unusable;  // the options are wrong: nothing can ever be sent
  Slab<LaneJob> jobs;
  DeadlineWheel wheel;
  LaneQueue queue;
  std::vector<Connection> connections;
  std::vector<H2Session::Done> collected;
  PeakWatch peaks;  // of jobs
  std::mt19937_64 random;
  BackOff back_off;
  std::string connect_fault;        // why the last connect failed; empty once one succeeded
  std::uint64_t failures_told = 0;  // to the watch, since a connection was last ready
  MonoTime connect_not_before{};
  std::optional<MonoTime> busy_since;
  std::uint64_t last_id = 0;
  std::uint64_t drains = 0;  // begun
  bool wanted = false;       // somebody sent since the lane was made or its credential refused

  Result<void> prepare() {
    auto parsed = parse_origin(options.origin);
    if (!parsed) return std::unexpected(std::move(parsed.error()));
    origin = std::move(*parsed);
    return connector->prepare(origin, options);
  }

  void stop() {
    end_turns();
    for (const Connection& c : connections) c->orphan();
    connections.clear();
    queue.clear();
    jobs.for_each([&](std::uint64_t, LaneJob& job) { wheel.remove(job); });
    for (GaugeShare* gauge : {&gauges.connections, &gauges.streams_limit, &gauges.open, &gauges.queued,
                              &gauges.draining, &gauges.kept_bytes})
      gauge->set(0);
  }

  // ---- jobs

  LaneJob& take_job(HttpRequest request, MonoTime deadline, std::uint64_t tag, LaneHandler& handler,
                    std::uint64_t group) {
    const auto [id, slot] = jobs.acquire();
    LaneJob& job = *slot;
    job.id = id;
    job.request = std::move(request);
    job.deadline = deadline;
    job.tag = tag;
    job.handler = &handler;
    job.connection = nullptr;
    job.replays = 0;
    job.avoid = 0;
    job.group = group;
    job.touched = false;
    job.written = false;
    return job;
  }

  /// The job that `said_it` speaks of. nullptr: it has been answered since, which only a bug of ours can bring about;
  /// to drop it is better than to answer another's request.
  LaneJob* open_job(std::uint64_t id, const LaneConnection& said_it) {
    LaneJob* const job = jobs.find(id);
    if (job && job->connection == &said_it) return job;
    metrics.stray_answers.add();
    assert(!"an answer for a request that is not open");
    return nullptr;
  }

  /// The job is done with; its answer goes out at the end of the turn.
  void answer(LaneJob& job, LaneReply reply) {
    reply.connection = job.connection ? job.connection->id() : 0;
    reply.written = job.touched || reply.maybe_sent || reply.response.has_value();
    if (!reply.response && reply.response.error().code == Errc::Timeout) metrics.timeouts.add();
    collect_answer(*job.handler, job.tag, std::move(reply));
    if (job.queue_hook.is_linked()) queue.erase(queue.iterator_to(job));
    wheel.remove(job);
    release(job.request);
    jobs.put_back(job.id);
  }
  void fail_job(LaneJob& job, Errc code, std::string detail, bool maybe_sent) {
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
    wanted = true;
    LaneJob& job = take_job(std::move(request), deadline, tag, handler, group);
    queue.push_back(job);
    wheel.set(job, deadline);
    peaks.saw(jobs.used());
  }

  void withdraw_queued(std::uint64_t group, const std::string& why) {
    for (auto at = queue.begin(); at != queue.end();) {
      LaneJob& job = *at++;
      if (job.group == group) fail_job(job, Errc::ConnectionLost, why, false);
    }
    if (has_answers()) post_turn();
  }

  /// Back to the head of the queue, or failed if it was already tried too often.
  void replay(LaneJob& job, const H2Session::Done& done, LaneQueue& again) {
    const bool tried = done.fate == Fate::NotProcessed;
    job.touched |= tried;
    if (tried && ++job.replays > options.replays_max) {
      const std::string& detail = done.reply.error().detail;
      return fail_job(job, Errc::ConnectionLost, "not processed, " + std::to_string(job.replays) + " times: " + detail,
                      false);
    }
    if (tried) metrics.replays.add();
    job.avoid = job.connection->id();
    job.connection = nullptr;
    job.written = false;
    wheel.set(job, job.deadline);
    again.push_back(job);
  }

  void settle(LaneConnection& connection, std::vector<H2Session::Done>& done) {
    if (done.empty()) return;
    LaneQueue again;  // in order, before what waits already
    for (H2Session::Done& d : done) {
      LaneJob* const found = open_job(d.tag, connection);
      if (!found) continue;
      LaneJob& job = *found;
      if (d.refused) metrics.refused.add();
      switch (d.fate) {
        case Fate::Answered:
          connection.timeouts_in_a_row = 0;
          connection.authenticated |= authenticates(d.reply->status);
          if (proven(connection, connection.used_at)) back_off.succeeded();
          answer(job, {std::move(d.reply)});
          break;
        case Fate::NeverSent:
        case Fate::NotProcessed:
          replay(job, d, again);
          break;
        case Fate::Unknown:
          fail_job(job, Errc::ConnectionLost, std::move(d.reply.error().detail), true);
          break;
      }
    }
    queue.splice(queue.begin(), again);
  }
  /// What a call of ours ended: drain() gave it back, or write() ended it. False: nothing.
  bool collect(LaneConnection& connection) {
    connection.session().take_done(collected);
    settle(connection, collected);
    return !collected.empty();
  }

  // ---- what connections say

  /// 429 is also how a vendor refuses whatever comes on this connection.
  static bool authenticates(int status) noexcept { return status != 401 && status != 403 && status != 429; }
  bool proven(const LaneConnection& c, MonoTime now) const {
    return c.authenticated && now - c.ready_at() >= options.reconnect_first;
  }
  /// A connection that goes before it has proven itself counts as a failed connect, whoever ends it: neither a peer
  /// that drops us at once nor one that refuses us on each connection is stormed.
  void count_end(LaneConnection& c, MonoTime now) {
    if (std::exchange(c.end_counted, true)) return;
    if (!proven(c, now)) connect_not_before = std::max(connect_not_before, now + back_off.after_failure());
  }

  void tell(LaneEvent::What what, std::string_view detail, MonoTime now) {
    if (what != LaneEvent::What::Reconnected) ++failures_told;
    if (options.watch)
      options.watch({.what = what,
                     .origin = options.origin,
                     .detail = detail,
                     .wait = std::chrono::ceil<milliseconds>(std::max(connect_not_before - now, MonoTime::duration(0))),
                     .failures = failures_told});
    if (what == LaneEvent::What::Reconnected) failures_told = 0;
  }

  void on_ready(LaneConnection& connection) override {
    connect_fault.clear();
    if (failures_told > 0) tell(LaneEvent::What::Reconnected, {}, connection.ready_at());
    const auto old = std::ranges::find_if(connections, [](const Connection& c) { return c->ageing && c->usable(); });
    if (old != connections.end() && old->get() != &connection)
      retire(**old, CloseReason::Age, connection.ready_at() + options.response_timeout);
  }

  void on_heard(LaneConnection& connection, std::vector<H2Session::Done>& done) override {
    H2Session& session = connection.session();
    if (!done.empty()) connection.used_at = loop().now();
    if (session.goaways_seen() != connection.goaways_handled) {
      connection.goaways_handled = session.goaways_seen();
      const std::string& debug = session.goaway()->debug;
      if (options.goodbye_names_credential && options.goodbye_names_credential(debug)) {
        blame_credential("connection ended by the peer: " + debug, connection, done);
        return end_turn();
      }
      count_end(connection, loop().now());
      drain(connection, CloseReason::Goaway, loop().now() + options.goaway_linger);
      collect(connection);
    } else if (session.streams_open() > session.streams_limit()) {  // SETTINGS took streams away
      session.withdraw_unsent();
      collect(connection);
    }
    settle(connection, done);
    end_turn();
  }

  void on_written(LaneConnection& connection, std::span<const std::uint64_t> tags) override {
    const MonoTime due = loop().now() + options.response_timeout;
    for (const std::uint64_t tag : tags) {
      LaneJob* const job = open_job(tag, connection);
      if (!job) continue;
      job->written = due < job->deadline;
      if (job->written) wheel.set(*job, due);
    }
  }

  void on_closed(LaneConnection& connection, std::vector<H2Session::Done>& done) override {
    const auto at = std::ranges::find(connections, &connection, &Connection::get);
    const Connection keep = std::move(*at);  // alive until we are done with it
    connections.erase(at);
    const Error& why = connection.why_closed();
    const CloseReason reason = connection.close_reason();
    const MonoTime now = loop().now();
    if (connection.was_ready()) {
      metrics.connections_closed[std::size_t(reason)].add();
    } else if (reason == CloseReason::Error) {
      metrics.connects_failed.add();
      connect_fault = why.detail;
    }
    const bool ours = reason == CloseReason::Idle || reason == CloseReason::Age || reason == CloseReason::Drained ||
                      reason == CloseReason::Credential;  // whose back-off is counted once, where it is heard
    if (!ours) {
      count_end(connection, now);
      using What = LaneEvent::What;
      if (!connection.was_ready())
        tell(connection.peer_untrusted() ? What::UntrustedPeer : What::ConnectFailed, why.detail, now);
      else if (reason != CloseReason::Goaway || !proven(connection, now))
        tell(What::ConnectionLost, why.detail, now);
    }
    if (why.code == Errc::Unauthorized && reason == CloseReason::Error)
      blame_credential(why.detail, connection, done);
    else
      settle(connection, done);
    end_turn();
  }

  /// Going on would make it worse: everything ends, and only a later send() starts anew.
  void blame_credential(const std::string& why, LaneConnection& said_it, std::vector<H2Session::Done>& done) {
    const auto refuse = [&](const LaneConnection& connection, std::vector<H2Session::Done>& ended) {
      for (H2Session::Done& d : ended) {
        LaneJob* const job = open_job(d.tag, connection);
        if (!job) continue;
        job->touched |= d.fate != Fate::NeverSent;
        if (d.fate == Fate::Answered)
          answer(*job, {std::move(d.reply)});
        else
          fail_job(*job, Errc::Unauthorized, why, d.fate == Fate::Unknown);
      }
    };
    refuse(said_it, done);
    const Error error{Errc::Unauthorized, why};
    for (const Connection& c : connections) {
      c->session().abandon(error);
      c->session().take_done(collected);
      refuse(*c, collected);
      c->close(CloseReason::Credential, error);
    }
    while (!queue.empty()) fail_job(queue.front(), Errc::Unauthorized, why, false);
    if (said_it.was_ready()) connect_not_before = loop().now() + back_off.after_failure();
    wanted = false;
  }

  /// No new streams there; what it had not begun goes elsewhere.
  void retire(LaneConnection& connection, CloseReason reason, MonoTime until) {
    if (reason != CloseReason::Age && connection.usable()) count_end(connection, loop().now());
    drain(connection, reason, until);
    collect(connection);
  }
  void drain(LaneConnection& connection, CloseReason reason, MonoTime until) {
    if (connection.drain_order == 0) connection.drain_order = ++drains;
    connection.drain(reason, until);
  }
  /// A peer that sends one connection after another away and answers none does not pile them up here.
  void bound_draining() {
    for (;;) {
      std::size_t n = 0;
      LaneConnection* first = nullptr;
      for (const Connection& c : connections) {
        if (c->state() != LaneConnection::State::Draining) continue;
        ++n;
        if (!first || c->drain_order < first->drain_order) first = c.get();
      }
      gauges.draining.set(n);
      if (n <= options.draining_max) return;
      first->close(first->close_reason(), {Errc::ConnectionLost, "too many replaced connections wait for answers"});
    }
  }

  /// Memory that a peak made goes once it was not needed for a while.
  void trim_memory(MonoTime now) {
    const auto peak = peaks.look(now, jobs.used());
    if (!peak) return;
    if (outgrew(jobs.spare(), *peak)) jobs.drop_spare();
    std::size_t kept = jobs.spare_bytes();
    for (const Connection& c : connections) {
      c->trim(*peak);
      kept += c->kept_bytes();
    }
    trim(collected, *peak);
    trim_answers(*peak);
    gauges.kept_bytes.set(kept + bytes_of(collected) + answers_kept_bytes());
  }

  // ---- turns of the loop

  std::size_t room(const LaneConnection& c) const {
    if (!c.usable()) return 0;
    std::size_t limit = c.session().streams_limit();
    if (options.warm_up && !c.authenticated) limit = std::min<std::size_t>(limit, 1);
    const std::size_t open = c.session().streams_open();
    return limit > open ? limit - open : 0;
  }

  /// The one with the most room, so that load spreads; one that refused the request only if there is no other.
  LaneConnection* pick(std::uint64_t avoid) const {
    LaneConnection* best = nullptr;
    std::size_t most = 0;
    for (const Connection& c : connections) {
      const std::size_t free = room(*c);
      if (free == 0 || (best && (c->id() == avoid || (best->id() != avoid && free <= most)))) continue;
      best = c.get();
      most = free;
    }
    return best;
  }

  void pump() override {
    const MonoTime now = loop().now();
    while (!queue.empty()) {
      LaneJob& job = queue.front();
      LaneConnection* c = pick(job.avoid);
      if (!c) break;
      const auto stream = c->session().submit(job.request, job.id);
      if (!stream) {
        if (stream.error().code == Errc::Overloaded) break;
        fail_job(job, stream.error().code, stream.error().detail, false);
        continue;
      }
      queue.pop_front();
      job.connection = c;
      job.stream = *stream;
      c->used_at = now;
    }
    bool ended = false;
    for (const Connection& c : connections) {
      c->write();
      ended |= collect(*c);
    }
    adjust_connections(now);
    if (has_answers() || ended) post_turn();
  }

  void on_time(MonoTime now) override {
    wheel.expire(now, [&](OnWheel& entry) { late(static_cast<LaneJob&>(entry), now); });
    for (const Connection& c : connections) c->on_time(now);
  }

  void late(LaneJob& job, MonoTime now) {
    if (!job.connection) {
      if (!connect_fault.empty())
        return fail_job(job, Errc::ConnectionLost, "no connection to " + origin.authority + ": " + connect_fault,
                        false);
      return fail_job(job, Errc::Timeout, "no free stream before the deadline", false);
    }
    LaneConnection& c = *job.connection;
    const Fate fate = c.session().cancel(job.stream);
    const bool maybe_sent = fate == Fate::Unknown;
    job.touched |= fate != Fate::NeverSent;
    const bool silent = job.written;
    fail_job(job, Errc::Timeout, maybe_sent ? "no answer in time" : "could not be written in time", maybe_sent);
    if (silent && ++c.timeouts_in_a_row >= options.timeouts_in_a_row_max && c.usable())
      retire(c, CloseReason::Timeouts, now + options.response_timeout);
  }

  // ---- how many connections

  struct Census {
    std::size_t ready = 0, ageing = 0, connecting = 0;  // ready: without the ageing
    std::size_t limit = 0, open = 0;
  };
  Census census() const {
    Census n;
    for (const Connection& c : connections) {
      n.connecting += c->state() == LaneConnection::State::Connecting;
      if (!c->usable()) continue;
      ++(c->ageing ? n.ageing : n.ready);
      n.limit += c->session().streams_limit();
      n.open += c->session().streams_open();
    }
    return n;
  }

  /// Opens what is missing, closes what is too old or idle, and sets the timer for the next look.
  void adjust_connections(MonoTime now) {
    trim_memory(now);
    MonoTime due = std::min(wheel.next_due().value_or(MonoTime::max()), peaks.due());
    Census n = census();
    for (const Connection& c : connections) {
      if (!c->usable()) continue;
      if (c->session().ids_used_up()) {
        retire(*c, CloseReason::Age, now + options.response_timeout);
      } else if (!c->ageing && now >= c->ready_at() + options.age_max) {
        c->ageing = true;
      } else if (n.ready > options.connections_min && c->session().streams_open() == 0 && !c->ageing) {
        if (now >= c->used_at + options.idle_close) {
          c->close(CloseReason::Idle, {Errc::ConnectionLost, "idle"});
          --n.ready;
        } else {
          due = std::min(due, c->used_at + options.idle_close);
        }
      }
      if (!c->ageing) due = std::min(due, c->ready_at() + options.age_max);
    }
    bound_draining();
    n = census();

    std::size_t target = wanted ? std::max<std::size_t>(options.connections_min, queue.empty() ? 0 : 1) : 0;
    target = std::max(target, n.ready + n.ageing);
    const bool busy = !queue.empty() || (n.limit > 0 && n.open * 100 > n.limit * kBusyPercent);
    if (!busy || n.connecting > 0 || n.ready + n.ageing == 0) {
      busy_since.reset();
    } else if (target < options.connections_max) {
      if (!busy_since) busy_since = now;
      if (now >= *busy_since + options.grow_after)
        ++target;
      else
        due = std::min(due, *busy_since + options.grow_after);
    }
    target = std::min(target, std::max<std::size_t>(options.connections_max, 1));
    if (n.ready < target && n.connecting == 0) {
      if (now >= connect_not_before)
        open_connection(now);
      else
        due = std::min(due, connect_not_before);
    }
    for (const Connection& c : connections) due = std::min(due, c->next_due());
    wake_at(due);
    gauges.connections.set(n.ready + n.ageing);
    gauges.streams_limit.set(n.limit);
    gauges.open.set(n.open);
    gauges.queued.set(queue.size());
  }

  void open_connection(MonoTime now) {
    busy_since.reset();
    LaneConnection::Options o{
        .origin = origin,
        .session = {.authority = origin.authority,
                    .streams_max = options.streams_max,
                    .response_bytes_max = options.response_bytes_max},
        .connect_timeout = options.connect_timeout,
        .ping_interval = options.ping_interval,
        .ping_timeout = options.ping_timeout,
    };
    const Connection& c = connections.emplace_back(connector->make(std::move(o), *this, metrics, ++last_id));
    c->start(
        [weak = weak_from_this()](std::vector<LaneConnection::Endpoint>& endpoints) {
          if (const auto self = weak.lock()) static_cast<Impl&>(*self).spread(endpoints);
        },
        now);
  }

  /// At random, and those first that no connection of ours uses.
  void spread(std::vector<LaneConnection::Endpoint>& endpoints) {
    std::ranges::shuffle(endpoints, random);
    std::ranges::partition(endpoints, [&](const LaneConnection::Endpoint& e) {
      return std::ranges::none_of(connections, [&](const Connection& c) { return c->endpoint() == e; });
    });
  }
};

Lane::Lane(asio::io_context& loop, LaneOptions options, LaneMetrics& metrics)
    : Lane({std::make_unique<AsioLoop>(loop), std::make_unique<H2Connector>(loop)}, std::move(options), metrics) {}
Lane::Lane(LaneGround ground, LaneOptions options, LaneMetrics& metrics)
    : impl_(std::make_shared<Impl>(std::move(ground), std::move(options), metrics)) {}
Lane::~Lane() { impl_->stop(); }

void Lane::send(HttpRequest request, MonoTime deadline, std::uint64_t tag, LaneHandler& handler, std::uint64_t group) {
  impl_->send(std::move(request), deadline, tag, handler, group);
}
void Lane::withdraw_queued(std::uint64_t group, const std::string& why) { impl_->withdraw_queued(group, why); }
void Lane::flush() {
  if (!impl_->delivering()) impl_->pump();
}
void Lane::drain_connection(std::uint64_t connection) {
  const auto at = std::ranges::find(impl_->connections, connection, [](const Connection& c) { return c->id(); });
  if (at == impl_->connections.end()) return;
  impl_->retire(**at, CloseReason::Drained, impl_->loop().now() + impl_->options.response_timeout);
  impl_->post_turn();  // what it gave back goes elsewhere
}
std::size_t Lane::open_requests() const noexcept { return impl_->jobs.used(); }

}  // namespace nightpost::net
