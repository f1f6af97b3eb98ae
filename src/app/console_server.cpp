#include "app/console_server.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/ip/address_v4.hpp>
#include <boost/asio/ip/address_v6.hpp>
#include <boost/asio/post.hpp>
#include <condition_variable>
#include <cstdio>
#include <filesystem>
#include <future>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>

#include "admin/api.h"
#include "admin/call_queue.h"
#include "admin/routes.h"
#include "app/certificate_dates.h"
#include "app/console_companion.h"
#include "app/console_desks.h"
#include "app/event_publish.h"
#include "app/live_reader.h"
#include "app/server_options.h"
#include "app/tls_or_plain.h"
#include "app/worker.h"
#include "app/worker_looks.h"
#include "core/text.h"
#include "im/service/app_rules.h"
#include "store/admin_store.h"
#include "store/secret_file.h"

namespace nightpost::app {
namespace {

constexpr seconds kAuditPrunedEvery{600};
constexpr seconds kStoreLookedEvery{1};
constexpr seconds kPageWait{1};
constexpr std::size_t kPrunedAtOnce = 1'000;  // audit entries, in one commit, a look at the store
constexpr std::uint32_t kConsoleStreamsMax = 100;

/// "10.0.0.7", "2001:db8::1"; of IPv6 the first 64 bits are what one host is given.
std::pair<std::string, std::string> address_texts(const server::AddressBytes& bytes) {
  boost::asio::ip::address_v6 v6(bytes);
  if (v6.is_v4_mapped()) {
    std::string text = boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, v6).to_string();
    return {text, text};
  }
  server::AddressBytes network = bytes;
  std::fill(network.begin() + 8, network.end(), std::uint8_t{0});
  return {v6.to_string(), boost::asio::ip::address_v6(network).to_string() + "/64"};
}

admin::HttpCall call_of(const server::ServerRequest& request, const std::vector<server::AddressRange>& proxies) {
  auto [from, counted_as] = address_texts(request.address);
  return {
      .method = request.method,
      .target = request.target,
      .headers = request.headers,
      .body = request.body,
      .from = std::move(from),
      .from_proxy = std::ranges::any_of(proxies, [&](const auto& range) { return range.contains(request.address); }),
      .counted_as = std::move(counted_as)};
}

server::ServerResponse response_of(admin::HttpAnswer answer) {
  return {answer.status, std::move(answer.headers), std::move(answer.body)};
}

bool is_of_api(std::string_view target) {
  const std::string_view path = target.substr(0, target.find('?'));
  return path == "/v1" || path.starts_with("/v1/");
}

server::ServerResponse busy_answer(std::string why) {
  return response_of(admin::as_http(admin::Refusal{503, "unavailable", std::move(why), "", "1"}));
}

/// What one thread answers with.
struct Answerer {
  std::unique_ptr<store::Store> store;
  std::unique_ptr<store::AdminStore> admin;
  im::ConsoleReader companion;
  im::ConsoleEditor editor;
};

/// The page, read on the loop's thread. Timeout: that is busy, or stops.
Result<std::string> rendered_on(boost::asio::io_context& loop, const observe::MetricsPage& page) {
  const auto text = std::make_shared<std::promise<std::string>>();  // the loop may come to it after we have left
  std::future<std::string> ready = text->get_future();
  boost::asio::post(loop, [text, &page] { text->set_value(page.render()); });
  if (ready.wait_for(kPageWait) != std::future_status::ready) return fail(Errc::Timeout, "the loop is busy");
  return ready.get();
}

struct ConsoleJob {
  admin::HttpCall call;
  server::Responder responder;
};

/// Threads, and the calls that wait for one of them. Those that may take long have a room of their own, so that a
/// vendor or a broker that hangs holds nobody else.
struct ConsoleRoom {
  ConsoleRoom(std::size_t waiting_max, const char* when_full, Counter& gauge)
      : queue(waiting_max), full(when_full), waiting(gauge) {}
  admin::CallQueue<ConsoleJob> queue;
  const char* const full;
  Counter& waiting;
  std::vector<Answerer> answerers;
};

}  // namespace

struct Console::Impl {
  Impl(boost::asio::io_context& on, const Config& from, const Clock& by, observe::Log& to, ConsoleMetrics& counted)
      : loop(on),
        config(from),
        clock(by),
        log(to),
        metrics(counted),
        gate(from.console.gate),
        producer(from, to),
        live(from.console.live_rows_max, from.console.live_rows_per_second_max),
        live_reader(from, by, live),
        quick(from.console.requests_queued_max, "too many requests wait: repeat", counted.waiting),
        lasting(from.console.long_requests_queued_max,
                "too many requests that may take long (test pushes, vendors asked, dead letters, events) wait: repeat",
                counted.waiting_long) {
    options.access = from.console.access;
    options.version = NIGHTPOST_VERSION;
    options.started_at = by.wall();
    options.events_max = from.console.events_per_request_max;
    for (const auto& [app, file] : from.im.key_files) options.companion.apps.insert(app);
    options.companion.settings = im::default_settings(from.im.service);
    options.companion.words_max = from.im.service.words_max;
  }
  /// On the loop.
  void take(const server::ServerRequest& request, server::Responder responder) {
    if (!is_of_api(request.target)) return responder.respond(response_of(admin::page_answer(call_of(request, {}))));
    ConsoleRoom& room = admin::waits_for_others(request.method, request.target) ? lasting : quick;
    using Put = admin::CallQueue<ConsoleJob>::Put;
    ConsoleJob job{call_of(request, config.console.proxy_addresses), std::move(responder)};
    const Put put = room.queue.put(std::move(job));
    room.waiting.set(room.queue.waiting());
    if (put == Put::Taken) return;
    metrics.busy.add();
    job.responder.respond(busy_answer(put == Put::Closed ? "the server is stopping" : room.full));
  }

  /// A thread's life.
  void answer_all(const std::stop_token& stop, ConsoleRoom& room, Answerer& answerer) {
    ConsoleCertificates certificates(config, clock);
    ConsoleTraces traces(config);
    ConsoleLetters letters(config, clock);
    ConsolePushes pushes(config, *answerer.store, clock);
    ConsoleEvents events(config, producer, clock);
    ConsoleRows rows(*answerer.store);
    ConsoleCompanion im_server(config, clock);
    const admin::Tools tools{
        *answerer.store,    *answerer.admin, certificates, traces, letters, pushes, events, rows,
        answerer.companion, answerer.editor, im_server,    live,   rates,   gate,   clock,  options};
    while (auto job = room.queue.next(stop)) {
      // A call that lasts is not one that waits: the gauge has it right meanwhile.
      boost::asio::post(loop, [&room] { room.waiting.set(room.queue.waiting()); });
      admin::Answered answered = admin::answer(job->call, tools, &log);
      boost::asio::post(loop,
                        [this, &room, responder = std::move(job->responder), answered = std::move(answered)]() mutable {
                          count(answered);
                          room.waiting.set(room.queue.waiting());
                          responder.respond(response_of(std::move(answered.http)));
                        });
      room.queue.done();
    }
  }

  /// A thread's life: a store behind a network may answer late or never, and the loop must not wait for it. It also
  /// forgets old entries of the audit log, whether anybody calls or not.
  void watch_store(const std::stop_token& stop) {
    MonoTime prune_at{};
    while (!stop.stop_requested()) {
      const auto looked = health->tokens(1);
      if (looked && clock.mono() >= prune_at && !prune()) prune_at = clock.mono() + kAuditPrunedEvery;
      std::unique_lock lock(mutex);
      store_trouble = looked ? std::nullopt : std::optional(looked.error().detail);
      look.wait_for(lock, stop, kStoreLookedEvery, [] { return false; });
    }
  }

  /// True: there may be more to forget.
  bool prune() {
    const ConsoleOptions& console = config.console;
    const WallTime now = clock.wall();
    const auto gone = health->prune_audit({.before = now - console.audit_keep,
                                           .rows_max = console.audit_rows_max,
                                           .rows_before = now - console.audit_keep_least},
                                          kPrunedAtOnce);
    if (!gone) log.warn("console.not_pruned", {observe::kv("why", gone.error().detail)});
    return gone && *gone == kPrunedAtOnce;
  }

  void count(const admin::Answered& answered) {
    const int status = answered.http.status;
    if (status < 400) metrics.done.add();
    if (status == 401) metrics.unauthorized.add();
    if (status == 429) metrics.throttled.add();
    if (status >= 400 && status < 500) metrics.refused.add();
    if (status >= 500) metrics.failed.add();
    if (answered.changed) metrics.changes.add();
    if (answered.not_recorded) metrics.not_recorded.add();
  }

  Result<void> open_answerers(ConsoleRoom& room, std::size_t threads_wanted) {
    for (std::size_t i = 0; i < threads_wanted; ++i) {
      auto store = open_store(config, true);
      if (!store) return std::unexpected(store.error());
      auto tables = open_admin_store(config);
      if (!tables) return std::unexpected(tables.error());
      room.answerers.push_back(
          {*std::move(store), *std::move(tables), {config.store_url, config.store}, {config.store_url, config.store}});
    }
    return {};
  }

  boost::asio::io_context& loop;
  const Config& config;
  const Clock& clock;
  observe::Log& log;
  ConsoleMetrics& metrics;
  admin::Gate gate;
  EventProducer producer;
  admin::ApiOptions options;
  admin::LiveTail live;
  LiveReader live_reader;
  admin::RateBook rates;
  std::optional<WorkerLooks> worker_looks;    // after the book that they write
  std::unique_ptr<store::AdminStore> health;  // watch_store()'s
  ConsoleRoom quick, lasting;

  std::mutex mutex;
  std::condition_variable_any look;
  std::optional<std::string> store_trouble;  // of the last look, by mutex

  std::optional<TlsOrPlain> listener;
  std::vector<std::jthread> threads;  // last: they end first
};

Console::Console(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Console::~Console() {
  for (std::jthread& thread : impl_->threads) thread.request_stop();
  impl_->threads.clear();
}

Result<std::unique_ptr<Console>> Console::start(boost::asio::io_context& loop, const Config& config, const Clock& clock,
                                                observe::Log& log, ConsoleMetrics& metrics) {
  auto impl = std::make_unique<Impl>(loop, config, clock, log, metrics);
  if (const std::string& file = config.console.proxy_secret_file; !file.empty()) {
    auto secret = store::read_secret_file("console.proxy_secret_file", file);
    if (!secret) return std::unexpected(secret.error());
    impl->options.access.proxy.secret = trimmed(*secret);
    if (impl->options.access.proxy.secret.empty()) return fail(Errc::Malformed, "console.proxy_secret_file: is empty");
  }
  for (const auto& [room, threads] :
       {std::pair{&impl->quick, config.console.threads}, std::pair{&impl->lasting, config.console.long_threads}})
    if (auto opened = impl->open_answerers(*room, threads); !opened) return std::unexpected(opened.error());
  auto health = open_admin_store(config);
  if (!health) return std::unexpected(health.error());
  impl->health = *std::move(health);

  server::ServerOptions http = config.console.server;
  http.host = config.console.host;
  http.port = config.console.port;
  http.body_bytes_max = config.console.body_bytes_max;
  http.name = "console";
  http.log = &log;
  http.metrics = &metrics.server;
  auto listener =
      TlsOrPlain::start(loop, std::move(http), config.console.tls, {.streams_max_first = kConsoleStreamsMax},
                        [impl = impl.get()](const server::ServerRequest& request, server::Responder responder) {
                          impl->take(request, std::move(responder));
                        });
  if (!listener) return fail(listener.error().code, "console: " + listener.error().detail);
  impl->listener.emplace(*std::move(listener));
  for (ConsoleRoom* const room : {&impl->quick, &impl->lasting})
    for (Answerer& answerer : room->answerers)
      impl->threads.emplace_back([impl = impl.get(), room, &answerer](const std::stop_token& stop) {
        impl->answer_all(stop, *room, answerer);
      });
  impl->threads.emplace_back([impl = impl.get()](const std::stop_token& stop) { impl->watch_store(stop); });
  return std::unique_ptr<Console>(new Console(std::move(impl)));
}

std::string Console::url() const {
  const ConsoleOptions& console = impl_->config.console;
  const std::string host = console.host.contains(':') ? "[" + console.host + "]" : console.host;
  return fmt::format("http{}://{}:{}", console.tls.certificate.empty() ? "" : "s", host, impl_->listener->port());
}

std::optional<WallTime> Console::certificate_ends() const noexcept { return impl_->listener->certificate_ends(); }

void Console::look_at_workers(const observe::MetricsPage& own) {
  std::vector<WorkerLooks::Worker> workers;
  for (const std::string& url : impl_->config.console.metrics_urls)
    workers.push_back({url, [url] { return fetch_metrics(url); }});
  // A console in a worker's process shows that one, unless workers are named: a list that several of them share names
  // this one, too, and it must not count twice. The page is read on the loop, whose thread writes what stands on it.
  if (workers.empty() && admin::read_worker_page(own.render()))
    workers.push_back({"this process", [loop = &impl_->loop, &own] { return rendered_on(*loop, own); }});
  impl_->worker_looks.emplace(std::move(workers), impl_->clock, impl_->rates);
}

std::vector<Unready> Console::unready() {
  const std::scoped_lock lock(impl_->mutex);
  const std::optional<std::string>& trouble = impl_->store_trouble;
  return trouble ? std::vector<Unready>{{"store", *trouble}} : std::vector<Unready>();
}

bool Console::drain(MonoTime deadline) {
  impl_->lasting.queue.close();
  return impl_->quick.queue.drain(deadline) && impl_->lasting.queue.drain(deadline);
}

Result<std::optional<std::string>> Console::first_link(bool always) {
  const WallTime now = impl_->clock.wall();
  const auto tables = open_admin_store(impl_->config);
  if (!tables) return std::unexpected(tables.error());
  if (!always && impl_->config.console.access.proxy.makes_admins()) return std::nullopt;
  if (!always) {
    const auto there = admin::has_administrator(**tables, now);
    if (!there) return std::unexpected(there.error());
    if (*there) return std::nullopt;
  }
  auto link = admin::new_link(**tables, impl_->config.console.access, now);
  if (!link) return std::unexpected(link.error());
  const std::string& people = impl_->config.console.access.origin;
  return (people.empty() ? url() : people) + "/#/login?code=" + *link;
}

Result<std::unique_ptr<Console>> add_console(Service& service, const Config& config, const Clock& clock,
                                             observe::Log& log, ConsoleMetrics& metrics, bool always_link) {
  auto started = Console::start(service.loop(), config, clock, log, metrics);
  if (!started) return started;
  Console* const console = started->get();
  const auto link = console->first_link(always_link);
  if (!link) return std::unexpected(link.error());
  register_console_metrics(service.page(), metrics);
  register_server_metrics(service.page(), "console", metrics.server);
  register_listener_certificate(service.page(), "console", [console] { return console->certificate_ends(); });
  service.add_condition([console] { return console->unready(); });
  console->look_at_workers(service.page());
  if (*link) {
    fmt::print("Log in, once, within {} minutes:\n  {}\n",
               std::chrono::floor<std::chrono::minutes>(config.console.access.link_lifetime).count(), **link);
    std::fflush(stdout);
  }
  log.info("console.started", {observe::kv("url", console->url()), observe::kv("store", config.store_url.shown()),
                               observe::kv("threads", config.console.threads)});
  return started;
}

Result<std::unique_ptr<store::AdminStore>> open_admin_store(const Config& config) {
  if (config.store_url.kind == store::StoreUrl::Kind::Postgres)
    return store::open_postgres_admin(config.store_url.place, config.store);
  std::error_code ignored;  // open_sqlite_admin says what is wrong with the path
  if (const auto folder = std::filesystem::path(config.store_url.place).parent_path(); !folder.empty())
    std::filesystem::create_directories(folder, ignored);
  return store::open_sqlite_admin(config.store_url.place, config.store);
}

void register_console_metrics(observe::MetricsPage& page, const ConsoleMetrics& metrics) {
  const auto add = [&page](const char* result, const Counter& counter) {
    page.add_counter("nightpost_console_answers_total", "Answers of the admin API", {{"result", result}},
                     [&counter] { return static_cast<double>(counter.read()); });
  };
  add("done", metrics.done);
  add("refused", metrics.refused);
  add("failed", metrics.failed);
  add("busy", metrics.busy);
  const auto one = [&page](const char* name, const char* help, const Counter& counter) {
    page.add_counter(name, help, {}, [&counter] { return static_cast<double>(counter.read()); });
  };
  one("nightpost_console_unauthorized_total", "Of those refused: nobody was known by the credential",
      metrics.unauthorized);
  one("nightpost_console_throttled_total", "Of those refused: too many failed log-ins or requests", metrics.throttled);
  one("nightpost_console_changes_total", "Changes that the audit log has", metrics.changes);
  one("nightpost_console_not_recorded_total", "Changes that the audit log could not take: each is to be looked at",
      metrics.not_recorded);
  for (const auto& [room, gauge] : {std::pair{"quick", &metrics.waiting}, std::pair{"long", &metrics.waiting_long}})
    page.add_gauge("nightpost_console_requests_waiting", "Requests that wait for a thread", {{"room", room}},
                   [gauge] { return static_cast<double>(gauge->read()); });
}

}  // namespace nightpost::app
