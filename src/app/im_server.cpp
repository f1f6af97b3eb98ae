#include "app/im_server.h"

#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <future>
#include <random>
#include <span>
#include <utility>

#include "app/commands.h"
#include "app/push_result_reader.h"
#include "app/wait_until.h"
#include "app/worker.h"
#include "store/secret_file.h"

namespace nightpost::app {
namespace {

constexpr milliseconds kMeasureEvery{1'000};
constexpr milliseconds kOutletFlush{10};        // while a drain waits
constexpr milliseconds kCallbacksWait{1'000};   // for the answers to those on their way; else they are told again
constexpr std::uint32_t kRestStreamsMax = 100;  // of a business server's HTTP/2 connection

/// The text of a file with an app's secret without the line's end that editors leave.
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

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "";
}

/// Tells both relays.
class BothRelays final : public im::PresenceEvents {
 public:
  BothRelays(im::PresenceEvents& one, im::PresenceEvents& other) : one_(one), other_(other) {}
  void acknowledged(const im::UserKey& user, const std::string& device, im::Ver ver) override {
    one_.acknowledged(user, device, ver);
    other_.acknowledged(user, device, ver);
  }
  void has_messages(const im::UserKey& user, const std::string& device,
                    std::span<const im::MessageId> messages) override {
    one_.has_messages(user, device, messages);
    other_.has_messages(user, device, messages);
  }
  void has_all_messages(const im::UserKey& user, const std::string& device,
                        std::span<const im::MessageId> but) override {
    one_.has_all_messages(user, device, but);
    other_.has_all_messages(user, device, but);
  }
  void left_foreground(const im::UserKey& user, const std::string& device) override {
    one_.left_foreground(user, device);
    other_.left_foreground(user, device);
  }
  void came(const im::UserKey& user, const std::string& device) override {
    one_.came(user, device);
    other_.came(user, device);
  }

 private:
  im::PresenceEvents& one_;
  im::PresenceEvents& other_;
};

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
  if (const auto listens = made->listen_for_servers(); !listens)
    return fail(listens.error().code, "im.rest: " + listens.error().detail);
  if (const auto opened = made->open_callbacks(); !opened)
    return fail(opened.error().code, "im.callbacks: " + opened.error().detail);
  if (const auto reads = made->read_results(config); !reads)
    return fail(reads.error().code, "im.callbacks: " + reads.error().detail);
  if (made->peers_) {
    made->peers_->link->start();
    made->peers_->channel->start();
  }
  made->took_over();  // what an earlier process left
  if (made->service_->leads()) made->leads();
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
  im::ServiceOptions service_options = options_.service;
  if (service_options.node_name.empty()) service_options.node_name = host_name();
  auto service =
      im::StoreService::open(config.store_url, config.store, *std::move(push_store), *std::move(keys), service_options,
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
                                                              .groups = *service_,
                                                              .calls = *service_,
                                                              .metrics = metrics_.gateway,
                                                              .log = &log_,
                                                              .seed = std::random_device()()},
                                           options_.gateway);
  if (options_.has_peers()) {
    auto peers = open_peers(options_, {.context = context_,
                                       .loop = loop_,
                                       .ears = *service_,
                                       .local = *gateway_,
                                       .redis = metrics_.redis,
                                       .nodes = metrics_.nodes,
                                       .log = log_});
    if (!peers) return std::unexpected(std::move(peers.error()));
    peers_ = *std::move(peers);
    service_->set_peers(peers_->link.get());
  }
  sinks_ = std::make_unique<im::SplitSink>(*outlet_);
  relay_ = std::make_unique<im::Relay>(options_.relay, *service_, presence(), sinks_->port(0), loop_, metrics_.relay);
  group_relay_ = std::make_unique<im::GroupRelay>(options_.relay, options_.group_relay, *service_, presence(),
                                                  sinks_->port(1), loop_, metrics_.group_relay);
  mass_relay_ = std::make_unique<im::MassRelay>(
      options_.relay, options_.mass_relay, *service_, presence(), sinks_->port(2),
      [gateway = gateway_.get(), peers = peers_.get()](std::vector<im::Delivery> live) {
        im::Committed told;
        told.deliveries = std::move(live);
        if (peers) peers->link->tell(told);
        gateway->committed(told);
      },
      loop_, metrics_.mass_relay);
  presence_events_ = std::make_unique<BothRelays>(*relay_, *group_relay_);
  if (peers_) peers_->link->inform(presence_events_.get());
  gateway_->tell(peers_ ? &peers_->link->local_events() : presence_events_.get());
  return {};
}

Result<void> ImServer::listen() {
  server::ServerOptions server = im::server_options(options_.gateway);
  server.host = options_.host;
  server.port = options_.port;
  server.name = "im";
  server.log = &log_;
  server.metrics = &metrics_.server;
  auto listener = TlsOrPlain::start(context_, std::move(server), options_.tls, {}, gateway_->handler());
  if (!listener) return std::unexpected(std::move(listener.error()));
  listener_ = *std::move(listener);
  return {};
}

Result<void> ImServer::listen_for_servers() {
  if (options_.rest.administrators.empty()) return {};
  rest_ = std::make_unique<im::RestApi>(im::RestApi::Parts{.loop = loop_,
                                                           .clock = clock_,
                                                           .service = *service_,
                                                           .groups = service_.get(),
                                                           .group_admin = service_.get(),
                                                           .presence = presence(),
                                                           .metrics = metrics_.rest,
                                                           .log = &log_,
                                                           .mass = service_.get()},
                                        options_.rest);
  server::ServerOptions server = im::server_options(options_.rest);
  server.host = options_.rest_host;
  server.port = options_.rest_port;
  server.name = "im_rest";
  server.log = &log_;
  server.metrics = &metrics_.rest_server;
  auto listener = TlsOrPlain::start(context_, std::move(server),
                                    options_.rest_tls.certificate.empty() ? options_.tls : options_.rest_tls,
                                    {.streams_max_first = kRestStreamsMax}, rest_->handler());
  if (!listener) return std::unexpected(std::move(listener.error()));
  rest_listener_ = *std::move(listener);
  rest_->start();
  return {};
}

Result<void> ImServer::open_callbacks() {
  if (options_.callback_urls.empty()) return {};
  im::CallbackSenderOptions options = options_.callbacks;
  for (const auto& [app, url] : options_.callback_urls) {
    im::CallbackTarget& target = options.targets[app];
    target.url = url;
    if (const auto file = options_.callback_secret_files.find(app); file != options_.callback_secret_files.end()) {
      auto secret = read_key(app, file->second);
      if (!secret) return std::unexpected(std::move(secret.error()));
      target.secret = *std::move(secret);
    }
  }
  im::CallbackClientOptions client = options_.callback_client;
  client.connections_max =
      (options.open_max + options_.before.open_max) * options.targets.size();  // so that no app waits for another's
  callback_client_ = std::make_unique<im::CallbackClient>(std::move(client), loop_);
  callbacks_ = std::make_unique<im::CallbackSender>(im::CallbackSender::Parts{.book = *service_,
                                                                              .poster = *callback_client_,
                                                                              .loop = loop_,
                                                                              .clock = clock_,
                                                                              .metrics = metrics_.callbacks,
                                                                              .log = &log_},
                                                    options);
  ask_before(options.targets);
  return {};
}

void ImServer::ask_before(const std::map<AppId, im::CallbackTarget>& targets) {
  if (options_.service.before.wanted.empty()) return;
  im::BeforeCallerOptions options = options_.before;
  options.retry_first = options_.callbacks.retry_first;
  options.retry_max = options_.callbacks.retry_max;
  options.answers = {options_.service.elements, options_.service.cloud_data_bytes_max};
  for (const auto& [app, target] : targets)
    options.targets.emplace(app, im::BeforeTarget{target, options_.before_closed.contains(app)});
  before_ = std::make_unique<im::BeforeCaller>(
      im::BeforeCaller::Parts{
          .questioner = *callback_client_, .loop = loop_, .clock = clock_, .metrics = metrics_.before, .log = &log_},
      std::move(options));
  service_->set_asker(before_.get());
}

Result<void> ImServer::read_results(const Config& config) {
  const auto wants = [](const auto& app) {
    return app.second.contains(im::Callback::PushResult) || app.second.contains(im::Callback::MassPushResult);
  };
  if (!std::ranges::any_of(options_.service.callbacks.wanted, wants)) return {};
  outcome_writer_ = std::make_unique<im::PushOutcomeWriter>(*service_, loop_, &log_, metrics_.push_results_refused);
  const bool heard = outlet_->on_outcomes([this](std::vector<im::PushOutcome> all, EventOutlet::Taken taken) {
    outcome_writer_->write(std::move(all), [taken = std::move(taken)](bool written) mutable {
      if (written) taken();  // else they come again, with the events that are not called durable
    });
  });
  if (heard) return {};
  const auto make = [this, config](KeptReader::Failed failed) -> Result<std::shared_ptr<void>> {
    auto made = PushResultReader::start(config, loop_, *outcome_writer_, log_, std::move(failed), metrics_.results);
    if (!made) return std::unexpected(std::move(made.error()));
    return std::shared_ptr<PushResultReader>(*std::move(made));
  };
  auto reader = KeptReader::start(make, "im.push_results", {}, log_);
  if (!reader) return std::unexpected(std::move(reader.error()));
  result_reader_ = *std::move(reader);
  return {};
}

std::string ImServer::rest_url() const {
  if (!rest_listener_) return {};
  const bool tls = !options_.rest_tls.certificate.empty() || !options_.tls.certificate.empty();
  const std::string host = options_.rest_host.contains(':') ? "[" + options_.rest_host + "]" : options_.rest_host;
  return std::string(tls ? "https" : "http") + "://" + host + ":" + std::to_string(rest_listener_->port());
}

ImServer::~ImServer() {
  keep_.reset();
  context_.stop();
  if (thread_.joinable()) thread_.join();
  result_reader_.reset();
  outcome_writer_.reset();
  rest_listener_.reset();
  listener_.reset();
  if (gateway_) gateway_->tell(nullptr);
  if (peers_) peers_->link->inform(nullptr);
  presence_events_.reset();
  mass_relay_.reset();
  group_relay_.reset();
  relay_.reset();
  sinks_.reset();
  callbacks_.reset();
  if (service_) service_->set_asker(nullptr);
  before_.reset();
  callback_client_.reset();
  if (service_) service_->set_peers(nullptr);
  if (service_) service_->stop();  // tells its last commit, to the gateway alone
  peers_.reset();
  gateway_.reset();
  service_.reset();
  outlet_.reset();
}

std::vector<Unready> ImServer::unready() const {
  std::vector<Unready> all = outlet_->unready();
  if (std::string trouble = service_->trouble(); !trouble.empty()) all.push_back({"store", std::move(trouble)});
  if (std::string trouble = result_reader_ ? result_reader_->trouble() : ""; !trouble.empty())
    all.push_back({"push results", std::move(trouble), true});
  return all;
}

void ImServer::committed(im::Committed what) {
  if (gateway_) gateway_->committed(what);
  if (peers_) peers_->link->committed(what);
  if (relay_) relay_->committed(what);
  if (group_relay_) group_relay_->committed(what);
  if (mass_relay_) mass_relay_->committed(what);
  if (callbacks_ && service_->leads()) callbacks_->committed(what);
}

void ImServer::missed(WallTime since, const im::Concerned& whom) {
  if (gateway_) gateway_->missed(since, whom);
  if (relay_) relay_->missed(whom);
  if (group_relay_) group_relay_->missed(whom);
}

void ImServer::leads() {
  if (mass_relay_) mass_relay_->start();
  if (callbacks_) callbacks_->start();
}

void ImServer::took_over() {
  if (relay_) relay_->start();
  if (group_relay_) group_relay_->start();
}

const im::Presence& ImServer::presence() const noexcept {
  if (peers_) return *peers_->link;
  return *gateway_;
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
  on_loop([this] {
    if (rest_) rest_->drain();
    gateway_->drain();
    mass_relay_->drain();
  });
  wait_until(until, [this] {
    return on_loop([this] { return gateway_->connections() == 0 && (!rest_ || rest_->open() == 0); });
  });
}

bool ImServer::await_idle(MonoTime until) {
  return wait_until(until, [this] {
    outlet_->flush(kOutletFlush);
    return on_loop([this] { return relay_->idle() && group_relay_->idle() && mass_relay_->idle(); });
  });
}

void ImServer::save() {
  if (result_reader_) result_reader_->stop();
  if (callbacks_) {
    on_loop([this] { callbacks_->drain(); });
    wait_until(std::chrono::steady_clock::now() + kCallbacksWait,
               [this] { return on_loop([this] { return callbacks_->idle(); }); });
  }
  on_loop([this] {
    service_->stop();
    if (peers_) peers_->link->leave();
  });
}

bool ImServer::drain(MonoTime deadline) {
  const MonoTime now = std::chrono::steady_clock::now();
  let_clients_go(now + (deadline - now) / 3);
  const bool idle = await_idle(now + (deadline - now) * 3 / 4);
  save();
  return idle;
}

void register_rest_metrics(observe::MetricsPage& page, const im::RestMetrics& metrics) {
  const auto cell = [](const Counter& counter) { return [&counter] { return static_cast<double>(counter.read()); }; };
  const std::span<const im::RestCommand> commands = im::rest_commands();
  for (std::size_t i = 0; i < commands.size(); ++i) {
    if (commands[i].handler == nullptr) continue;
    const std::string command = std::string(commands[i].service) + "/" + std::string(commands[i].name);
    for (const bool ok : {true, false})
      page.add_counter("nightpost_im_rest_calls_total", "Calls of the server API that a command answered",
                       {{"command", command}, {"result", ok ? "ok" : "failed"}},
                       cell(ok ? metrics.commands[i].done : metrics.commands[i].failed));
  }
  for (std::size_t i = 0; i < metrics.refused.size(); ++i)
    page.add_counter("nightpost_im_rest_refused_total", "Calls of the server API refused before a command saw them",
                     {{"why", std::string(im::name_of(static_cast<im::RestRefused>(i)))}}, cell(metrics.refused[i]));
  page.add_gauge("nightpost_im_rest_open", "Calls of the server API that wait for the service", {}, cell(metrics.open));
}

void register_callback_metrics(observe::MetricsPage& page, const ImMetrics& metrics) {
  const auto cell = [](const Counter& counter) { return [&counter] { return static_cast<double>(counter.read()); }; };
  page.add_counter("nightpost_im_callbacks_total", "Callbacks written for apps' servers", {},
                   cell(metrics.service.callbacks));
  page.add_counter("nightpost_im_callbacks_ended_total", "Callbacks by what became of them", {{"why", "taken"}},
                   cell(metrics.callbacks.taken));
  page.add_counter("nightpost_im_callbacks_ended_total", "Callbacks by what became of them", {{"why", "given_up"}},
                   cell(metrics.callbacks.given_up));
  page.add_counter("nightpost_im_callbacks_ended_total", "Callbacks by what became of them", {{"why", "dropped"}},
                   [&metrics] {
                     return static_cast<double>(metrics.service.callbacks_dropped.read() +
                                                metrics.service.disconnects_dropped.read());
                   });
  page.add_counter("nightpost_im_callbacks_failed_total", "Posts to apps' servers that were not taken", {},
                   cell(metrics.callbacks.failed));
  page.add_gauge("nightpost_im_callbacks_held", "Callbacks in memory that are not taken", {},
                 cell(metrics.callbacks.held));
  page.add_counter("nightpost_im_push_results_refused_total", "Results of pushes that the store would never take", {},
                   cell(metrics.push_results_refused));
  page.add_counter("nightpost_im_push_results_read_total", "Records of the results topic that were read back", {},
                   [&metrics] { return static_cast<double>(kafka::read(metrics.results.records)); });
  page.add_gauge("nightpost_im_push_results_lag", "Records of the results topic that are not read back yet", {},
                 [&metrics] { return static_cast<double>(kafka::read(metrics.results.lag[0])); });
  page.add_gauge("nightpost_im_callbacks_failing", "Apps whose server fails now", {}, cell(metrics.callbacks.failing));
}

void register_before_metrics(observe::MetricsPage& page, const ImMetrics& metrics) {
  const auto cell = [](const Counter& counter) { return [&counter] { return static_cast<double>(counter.read()); }; };
  const im::BeforeMetrics& b = metrics.before;
  for (const auto& [result, counter] :
       {std::pair("allowed", &b.allowed), std::pair("changed", &b.changed), std::pair("refused", &b.refused),
        std::pair("dropped", &b.dropped), std::pair("failed", &b.failed)})
    page.add_counter("nightpost_im_before_callbacks_total", "Questions to apps' servers by what was answered",
                     {{"result", result}}, cell(*counter));
  page.add_counter("nightpost_im_before_unanswered_total", "Requests for which an app's choice stood for an answer",
                   {{"result", "let_by"}}, cell(b.let_by));
  page.add_counter("nightpost_im_before_unanswered_total", "Requests for which an app's choice stood for an answer",
                   {{"result", "withheld"}}, cell(b.withheld));
  page.add_gauge("nightpost_im_before_failing", "Apps whose server does not answer now", {}, cell(b.failing));
  page.add_gauge("nightpost_im_before_parked", "Requests that wait for an app's server, or behind one that does", {},
                 cell(metrics.service.before.parked));
  page.add_counter("nightpost_im_before_full_total", "Requests refused, for as many wait as may", {},
                   cell(metrics.service.before.full));
}

void register_mass_push_metrics(observe::MetricsPage& page, const im::MassRelayMetrics& metrics) {
  const auto cell = [](const Counter& counter) { return [&counter] { return static_cast<double>(counter.read()); }; };
  page.add_counter("nightpost_im_mass_push_users_total", "Users that pushes to all have come to", {},
                   cell(metrics.users));
  page.add_counter("nightpost_im_mass_push_live_total", "Messages of theirs for who was there", {}, cell(metrics.live));
  page.add_counter("nightpost_im_mass_push_events_total", "Offline events of pushes to all published", {},
                   cell(metrics.events));
  page.add_counter("nightpost_im_mass_push_event_members_total", "Users that they named", {}, cell(metrics.members));
  page.add_gauge("nightpost_im_mass_push_tasks", "Pushes to all that have users left", {}, cell(metrics.tasks));
  page.add_gauge("nightpost_im_mass_push_chunks_open", "Chunks of theirs whose events are not durable", {},
                 cell(metrics.chunks));
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
  page.add_counter("nightpost_im_calls_total", "Invitations to calls", {}, cell(metrics.service.calls));
  page.add_counter("nightpost_im_calls_timed_out_total", "Calls that somebody did not answer in time", {},
                   cell(metrics.service.calls_timed_out));
  page.add_counter("nightpost_im_commands_total", "Commands in them: sends, logins, read marks, what it saves itself",
                   {}, cell(metrics.service.commands));
  page.add_counter("nightpost_im_words_met_total", "Messages and names that an app's words met, by what was done",
                   {{"action", "refuse"}},
                   [&w = metrics.service.word_counts] { return static_cast<double>(w.refused.load()); });
  page.add_counter("nightpost_im_words_met_total", "Messages and names that an app's words met, by what was done",
                   {{"action", "mask"}},
                   [&w = metrics.service.word_counts] { return static_cast<double>(w.masked.load()); });
  page.add_counter("nightpost_im_words_met_total", "Messages and names that an app's words met, by what was done",
                   {{"action", "mark"}},
                   [&w = metrics.service.word_counts] { return static_cast<double>(w.marked.load()); });
  page.add_gauge("nightpost_im_words", "Words in effect, of all apps", {}, cell(metrics.service.words));
  page.add_counter("nightpost_im_rules_read_total", "Times that an app's words and settings were read anew", {},
                   cell(metrics.service.rules_read));
  register_rest_metrics(page, metrics.rest);
  register_callback_metrics(page, metrics);
  register_before_metrics(page, metrics);
  register_mass_push_metrics(page, metrics.mass_relay);
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
  page.add_counter("nightpost_im_follow_ups_total", "Events of pushes made before", {{"kind", "cancel"}},
                   cell(r.cancels));
  page.add_counter("nightpost_im_follow_ups_total", "Events of pushes made before", {{"kind", "badge"}},
                   cell(r.badges));
  page.add_gauge("nightpost_im_follow_ups_held", "Of what is to be told to pushes made before, in memory", {},
                 cell(r.follow_ups_held));
  page.add_counter("nightpost_im_intents_reread_total", "Intents taken up from the store", {}, cell(r.repeated));
  page.add_gauge("nightpost_im_intents_held", "Intents in memory", {}, cell(r.held));
  page.add_gauge("nightpost_im_events_in_flight", "Events that the broker has not acknowledged", {}, cell(r.in_flight));
  page.add_gauge("nightpost_im_relay_lag_seconds", "Age of the oldest of them", {},
                 [&r] { return static_cast<double>(r.oldest_ms.read()) / 1000; });
  const im::GroupRelayMetrics& a = metrics.group_relay;
  page.add_counter("nightpost_im_group_intents_total", "Stored messages of groups, one whatever the group's size", {},
                   cell(a.intents));
  page.add_counter("nightpost_im_group_ranges_total", "Parts of groups whose members were looked up for a push", {},
                   cell(a.ranges));
  page.add_counter("nightpost_im_group_acknowledged_total", "Members' devices that had a group's message in time", {},
                   cell(a.acknowledged));
  page.add_counter("nightpost_im_group_withdrawn_total", "Groups' messages recalled before all their pushes were made",
                   {}, cell(a.withdrawn));
  page.add_counter("nightpost_im_group_events_total", "Offline events of groups published", {}, cell(a.events));
  page.add_counter("nightpost_im_group_event_members_total", "Members that they named", {}, cell(a.members));
  page.add_counter("nightpost_im_group_late_events_total",
                   "Of the events: for devices that looked alive and did not acknowledge", {}, cell(a.late_events));
  page.add_gauge("nightpost_im_group_intents_held", "Messages of groups in memory", {}, cell(a.held));
  page.add_gauge("nightpost_im_group_devices_waiting", "Devices that may still acknowledge one", {}, cell(a.waiting));
  page.add_gauge("nightpost_im_group_events_in_flight", "Groups' events that the broker has not acknowledged", {},
                 cell(a.in_flight));
}

}  // namespace nightpost::app
