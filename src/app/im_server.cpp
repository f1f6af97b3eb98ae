#include "app/im_server.h"

#include <boost/asio/post.hpp>
#include <future>
#include <random>
#include <utility>

#include "app/commands.h"
#include "app/worker.h"
#include "store/secret_file.h"

namespace nightpost::app {
namespace {

constexpr milliseconds kMeasureEvery{1'000};
constexpr milliseconds kLookEvery{10};  // while a drain waits

/// The text of a key file without the line's end that editors leave.
Result<std::string> read_key(AppId app, const std::string& file) {
  auto key = store::read_secret_file("key file of app " + std::to_string(app.value), file);
  if (!key) return key;
  while (key->ends_with('\n') || key->ends_with('\r')) key->pop_back();
  if (key->empty()) return fail(Errc::Malformed, "key file " + file + " is empty");
  return key;
}

Result<im::AppKeys> read_keys(const ImOptions& options) {
  im::AppKeys keys;
  for (const auto* files : {&options.key_files, &options.next_key_files})
    for (const auto& [app, file] : *files) {
      auto key = read_key(app, file);
      if (!key) return std::unexpected(key.error());
      keys[app].push_back(*std::move(key));
    }
  if (keys.empty())
    return fail(Errc::Malformed,
                "im.key_files names no app: without a key no userSig can be checked, so nobody could log in");
  return keys;
}

template <class Done>
bool wait_until(MonoTime end, Done done) {
  while (!done()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(kLookEvery);
  }
  return true;
}

}  // namespace

ImServer::ImServer(const Config& config, const Clock& clock, observe::Log& log, ImMetrics& metrics)
    : options_(config.im),
      clock_(clock),
      log_(log),
      metrics_(metrics),
      keep_(context_.get_executor()),
      loop_(context_) {}

Result<std::unique_ptr<ImServer>> ImServer::start(const Config& config, const Clock& clock, observe::Log& log,
                                                  const MakeOutlet& make_outlet, ImMetrics& metrics,
                                                  std::function<void(const Error&)> on_fatal) {
  std::unique_ptr<ImServer> made(new ImServer(config, clock, log, metrics));
  auto outlet = make_outlet(made->loop_);
  if (!outlet) return std::unexpected(outlet.error());
  made->outlet_ = *std::move(outlet);
  if (const auto opened = made->open_service(config, std::move(on_fatal)); !opened)
    return std::unexpected(opened.error());
  if (const auto listens = made->listen(); !listens) return fail(listens.error().code, "im: " + listens.error().detail);
  made->relay_->start();
  made->measure_timer_ = made->loop_.make_timer([self = made.get()] { self->measure(); });
  made->measure();
  made->thread_ = std::thread([context = &made->context_] { context->run(); });
  return made;
}

Result<void> ImServer::open_service(const Config& config, std::function<void(const Error&)> on_fatal) {
  auto keys = read_keys(options_);
  if (!keys) return std::unexpected(keys.error());
  auto push_store = open_store(config, false);  // makes the file where there is none, or the tables
  if (!push_store) return std::unexpected(push_store.error());
  auto service =
      im::StoreService::open(config.store_url, config.store, *std::move(push_store), *std::move(keys), options_.service,
                             {loop_, clock_, *this, log_, &metrics_.service,
                              [&log = log_, on_fatal = std::move(on_fatal)](const Error& error) {
                                log.error("im.store_lost", {observe::kv("why", error.detail)});
                                if (on_fatal) on_fatal(error);
                              }});
  if (!service) return std::unexpected(service.error());
  service_ = *std::move(service);
  gateway_ = std::make_unique<im::Gateway>(im::Gateway::Parts{.loop = loop_,
                                                              .clock = clock_,
                                                              .service = *service_,
                                                              .metrics = metrics_.gateway,
                                                              .log = &log_,
                                                              .seed = std::random_device()()},
                                           options_.gateway);
  relay_ = std::make_unique<im::Relay>(options_.relay, *service_, *gateway_, *outlet_, loop_, metrics_.relay);
  gateway_->tell(relay_.get());
  return {};
}

Result<void> ImServer::listen() {
  server::ServerOptions server = im::server_options(options_.gateway);
  server.host = options_.host;
  server.port = options_.port;
  server.name = "im";
  server.log = &log_;
  server.metrics = &metrics_.server;
  auto listener = TlsOrPlain::start(context_, std::move(server), options_.tls_certificate_file, options_.tls_key_file,
                                    {}, gateway_->handler());
  if (!listener) return std::unexpected(std::move(listener.error()));
  listener_ = *std::move(listener);
  return {};
}

ImServer::~ImServer() {
  keep_.reset();
  context_.stop();
  if (thread_.joinable()) thread_.join();
  listener_.reset();
  if (gateway_) gateway_->tell(nullptr);
  relay_.reset();
  if (service_) service_->stop();  // tells its last commit, to the gateway alone
  gateway_.reset();
  service_.reset();
  outlet_.reset();
}

std::vector<Unready> ImServer::unready() const {
  std::vector<Unready> all = outlet_->unready();
  if (std::string trouble = service_->trouble(); !trouble.empty()) all.push_back({"store", std::move(trouble)});
  return all;
}

void ImServer::committed(im::Committed what) {
  if (gateway_) gateway_->committed(what);
  if (relay_) relay_->committed(what);
}

void ImServer::measure() {
  relay_->measure();
  measure_timer_->arm(loop_.now() + kMeasureEvery);
}

template <class Ask>
auto ImServer::on_loop(Ask ask) {
  std::packaged_task<decltype(ask())()> task(std::move(ask));
  auto answer = task.get_future();
  boost::asio::post(context_, [&task] { task(); });
  return answer.get();
}

void ImServer::let_clients_go(MonoTime until) {
  on_loop([this] { gateway_->drain(); });
  wait_until(until, [this] { return on_loop([this] { return gateway_->connections() == 0; }); });
}

bool ImServer::await_idle(MonoTime until) {
  return wait_until(until, [this] {
    outlet_->flush(kLookEvery);
    return on_loop([this] { return relay_->idle(); });
  });
}

void ImServer::save() {
  on_loop([this] { service_->stop(); });
}

bool ImServer::drain(MonoTime deadline) {
  const MonoTime now = std::chrono::steady_clock::now();
  let_clients_go(now + (deadline - now) / 3);
  const bool idle = await_idle(now + (deadline - now) * 3 / 4);
  save();
  return idle;
}

void register_im_metrics(observe::MetricsPage& page, const ImMetrics& metrics) {
  const auto cell = [](const Counter& counter) { return [&counter] { return static_cast<double>(counter.read()); }; };
  const im::GatewayMetrics& g = metrics.gateway;
  page.add_gauge("nightpost_im_connections", "WebSockets of clients that are open", {}, cell(g.connections));
  page.add_gauge("nightpost_im_online", "Devices that are logged in on a connection", {}, cell(g.online));
  page.add_counter("nightpost_im_logins_total", "Logins by what became of them", {{"result", "ok"}}, cell(g.logins));
  page.add_counter("nightpost_im_logins_total", "Logins by what became of them", {{"result", "refused"}},
                   cell(g.logins_failed));
  page.add_counter("nightpost_im_logins_total", "Logins by what became of them", {{"result", "put_off"}},
                   cell(g.logins_put_off));
  page.add_counter("nightpost_im_logins_held_total", "Refusals told late, for their address makes many", {},
                   cell(g.logins_held));
  page.add_counter("nightpost_im_frames_total", "Frames of clients", {{"kind", "received"}}, cell(g.frames_received));
  page.add_counter("nightpost_im_frames_total", "Frames of clients", {{"kind", "malformed"}}, cell(g.frames_malformed));
  page.add_counter("nightpost_im_frames_total", "Frames of clients", {{"kind", "too_long"}}, cell(g.frames_too_long));
  page.add_counter("nightpost_im_frames_total", "Frames of clients", {{"kind", "too_fast"}}, cell(g.requests_too_fast));
  page.add_counter("nightpost_im_delivered_total", "Deliver frames queued", {}, cell(g.delivered));
  page.add_counter("nightpost_im_behind_total", "Times a client was told that it is behind", {}, cell(g.behind));
  page.add_counter("nightpost_im_overdue_total", "Times a device in the foreground did not acknowledge in time", {},
                   cell(g.overdue));
  for (std::size_t i = 0; i < g.byes.size(); ++i)
    page.add_counter("nightpost_im_byes_total", "Connections ended by the server, by reason",
                     {{"reason", std::string(im::name_of(static_cast<im::Bye>(i)))}}, cell(g.byes[i]));
  page.add_counter("nightpost_im_commits_total", "Commits of the IM server's writer, a sync of the disk each", {},
                   cell(metrics.service.commits));
  page.add_counter("nightpost_im_commits_unknown_total", "Commits that the store's server did not answer: looked up",
                   {}, cell(metrics.service.commits_unknown));
  page.add_counter("nightpost_im_commands_total", "Commands in them: sends, logins, read marks, what it saves itself",
                   {}, cell(metrics.service.commands));
  const im::RelayMetrics& r = metrics.relay;
  page.add_counter("nightpost_im_intents_total", "Stored messages that somebody may have needed a push for", {},
                   cell(r.intents));
  page.add_counter("nightpost_im_intents_ended_total", "Intents that ended without an event", {{"why", "acknowledged"}},
                   cell(r.acknowledged));
  page.add_counter("nightpost_im_intents_ended_total", "Intents that ended without an event", {{"why", "withdrawn"}},
                   cell(r.withdrawn));
  page.add_counter("nightpost_im_events_total", "Offline events published", {}, cell(r.events));
  page.add_counter("nightpost_im_late_events_total", "Of them: for devices that looked alive and did not acknowledge",
                   {}, cell(r.late_events));
  page.add_counter("nightpost_im_intents_reread_total", "Intents taken up from the store", {}, cell(r.repeated));
  page.add_gauge("nightpost_im_intents_held", "Intents in memory", {}, cell(r.held));
  page.add_gauge("nightpost_im_events_in_flight", "Events that the broker has not acknowledged", {}, cell(r.in_flight));
  page.add_gauge("nightpost_im_relay_lag_seconds", "Age of the oldest of them", {},
                 [&r] { return static_cast<double>(r.oldest_ms.read()) / 1000; });
}

}  // namespace nightpost::app
