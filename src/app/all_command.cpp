// nightpost all: the companion IM server and the dispatcher in one process on one SQLite file, with an in-process
// broker between them that forgets. What must not be forgotten stands in the file.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <future>
#include <memory>
#include <thread>

#include "app/certificate_dates.h"
#include "app/commands.h"
#include "app/console_server.h"
#include "app/im_node_metrics.h"
#include "app/im_server.h"
#include "app/limit_metrics.h"
#include "app/outcome_event_sink.h"
#include "app/output.h"
#include "app/server_options.h"
#include "app/service.h"
#include "app/worker.h"
#include "app/worker_watch.h"

namespace nightpost::app {
namespace {

struct AllCommandOptions {
  CommonOptions common;
  std::string ready_file;
  bool console = false;
};

constexpr seconds kAssignedWait{20};
constexpr seconds kSession{60};             // nobody waits to take the worker's place
constexpr std::size_t kPartitions = 4;      // at least; a shard without one would be idle
constexpr milliseconds kLookEvery{10};      // while a drain waits
constexpr milliseconds kLastOutcomes{500};  // from the worker's end until its outcomes are heard

Result<void> check(const Config& config) {
  const kafka::ClientOptions& kafka = config.producer.kafka;
  if (config.store_url.kind != store::StoreUrl::Kind::Sqlite)
    return fail(Errc::Malformed,
                "store.url: nightpost all is for one machine and one SQLite file: give it sqlite:PATH, or run "
                "nightpost im and nightpost worker on this server");
  if (kafka.brokers != kafka::ClientOptions().brokers || !kafka.client.empty() || !kafka.client_files.empty())
    return fail(Errc::Malformed,
                "kafka: nightpost all has a broker of its own and sends nothing to those of the config; leave out "
                "brokers, client and client_files, or run nightpost im and nightpost worker");
  return check_store_folder(config);
}

/// The same config on the broker in this process.
Config on_embedded(const Config& config, const std::string& brokers) {
  Config own = config;
  own.consumer.kafka.brokers = own.producer.kafka.brokers = brokers;
  own.consumer.group_instance_id.clear();
  own.consumer.start_at = {};  // from the beginning: it is empty
  own.consumer.group_timing.session = std::max<milliseconds>(own.consumer.group_timing.session, kSession);
  own.producer.linger = std::min(own.producer.linger, milliseconds(1));
  own.im.relay.in_flight_bytes_max = std::min(own.im.relay.in_flight_bytes_max, own.all.unsettled_bytes_max);
  return own;
}

Result<std::unique_ptr<kafka::EmbeddedBroker>> start_broker(const Config& config) {
  const int partitions = static_cast<int>(std::max(kPartitions, config.shards));
  std::vector<std::pair<std::string, int>> topics = {
      {config.topics.offline, partitions}, {config.topics.results, 1}, {config.topics.dead, 1}};
  for (const std::string& retry : config.topics.retry) topics.emplace_back(retry, partitions);
  return kafka::EmbeddedBroker::start(topics);
}

/// Both parts, and what lies between them. Ends in the opposite order.
class Both {
 public:
  /// `on_fatal`: any thread.
  static Result<std::unique_ptr<Both>> start(const Config& config, const Clock& clock, observe::Log& log,
                                             std::function<void(const Error&)> on_fatal) {
    std::unique_ptr<Both> both(new Both);
    auto broker = start_broker(config);
    if (!broker) return std::unexpected(broker.error());
    both->broker_ = *std::move(broker);
    both->config_ = on_embedded(config, both->broker_->brokers());
    auto assigned = std::make_shared<std::promise<void>>();
    auto is_assigned = assigned->get_future();
    auto worker = Worker::start(both->config_, clock, log, {[assigned] { assigned->set_value(); }, on_fatal});
    if (!worker) return std::unexpected(worker.error());
    both->worker_ = *std::move(worker);
    if (is_assigned.wait_for(kAssignedWait) != std::future_status::ready)
      return fail(Errc::Timeout, "the dispatcher was assigned no partitions of the in-process broker");
    const auto make_outlet = [&](EventLoop& loop) -> Result<std::unique_ptr<EventOutlet>> {
      auto producer = start_event_producer(both->config_, log, on_fatal, both->im_metrics_.producer);
      if (!producer) return std::unexpected(producer.error());
      auto sink = OutcomeEventSink::start(both->config_, *std::move(producer), loop, both->sink_metrics_);
      if (!sink) return std::unexpected(sink.error());
      both->sink_ = sink->get();
      return *std::move(sink);
    };
    auto im = ImServer::start(both->config_, clock, log, make_outlet, both->im_metrics_);
    if (!im) return std::unexpected(im.error());
    both->im_ = *std::move(im);
    return both;
  }

  Worker& worker() noexcept { return *worker_; }
  const ImServer& im() const noexcept { return *im_; }
  const Config& config() const noexcept { return config_; }
  std::vector<Unready> unready() const {
    std::vector<Unready> all = worker_->unready();
    std::ranges::move(im_->unready(), std::back_inserter(all));
    return all;
  }
  void register_series(observe::MetricsPage& page) const {
    register_metrics(page, worker_->metrics(), worker_->signers(), worker_->recalls());
    register_im_metrics(page, im_metrics_);
    register_node_metrics(page, im_metrics_.service, config_.im);
    register_server_metrics(page, "im", im_metrics_.server);
    register_server_metrics(page, "im_rest", im_metrics_.rest_server);
    const auto cell = [](const Counter& counter) { return [&counter] { return static_cast<double>(counter.read()); }; };
    page.add_gauge("nightpost_all_unsettled_bytes", "Bytes of events whose pushes are not over", {},
                   cell(sink_metrics_.unsettled_bytes));
    page.add_gauge("nightpost_all_unsettled_bytes_limit", "all.unsettled_bytes_max", {},
                   [max = config_.im.relay.in_flight_bytes_max] { return static_cast<double>(max); });
    page.add_gauge("nightpost_all_put_off", "Events that wait for a later try alone", {}, cell(sink_metrics_.put_off));
    page.add_counter("nightpost_all_repeated_total", "Events published again, for nothing was heard of them", {},
                     cell(sink_metrics_.repeated));
    page.add_counter("nightpost_all_unreadable_total", "Results that are no outcomes: each is a bug", {},
                     cell(sink_metrics_.unreadable));
  }

  /// Clients go, what the dispatcher is at work on ends, what is over is saved. What is put off stands in the store, as
  /// what waits for room does. False: something was cut short, and comes again with the next start.
  bool drain(MonoTime deadline) {
    const MonoTime now = std::chrono::steady_clock::now();
    const milliseconds all = std::max(std::chrono::floor<milliseconds>(deadline - now), milliseconds(0));
    im_->let_clients_go(now + all / 4);
    await_quiet(now + all * 3 / 8);
    sink_->close();
    await_quiet(now + all / 2);
    const bool settled = worker_->drain(deadline - std::min(all / 8, 2 * kLastOutcomes));
    const bool quiet = await_quiet(std::min(deadline, MonoTime(std::chrono::steady_clock::now() + kLastOutcomes)));
    im_->save();
    return settled && quiet;
  }

 private:
  Both() = default;
  bool await_quiet(MonoTime until) const {
    while (!sink_->quiet()) {
      if (std::chrono::steady_clock::now() >= until) return false;
      std::this_thread::sleep_for(kLookEvery);
    }
    return true;
  }

  std::unique_ptr<kafka::EmbeddedBroker> broker_;
  Config config_;
  ImMetrics im_metrics_;
  OutcomeSinkMetrics sink_metrics_;
  std::unique_ptr<Worker> worker_;
  std::unique_ptr<ImServer> im_;
  OutcomeEventSink* sink_ = nullptr;  // im_'s
};

int run_all(const AllCommandOptions& options) {
  const auto config = options.common.load();
  if (!config) return config.error();
  if (const auto fits = check(*config); !fits) return say_error(fits.error());
  observe::Log log(config->log_level, config->log_lines_max);
  const SystemClock clock;
  server::ServerOptions http = config->http_server;
  http.host = config->http_host;
  http.port = config->http_port;
  Service service(
      {.name = "all", .ready_file = options.ready_file, .drain_limit = config->drain_limit, .http = std::move(http)},
      &log);
  ConsoleMetrics console_metrics;
  Config console_config = *config;
  std::unique_ptr<Console> console;  // with --console
  auto started = Both::start(*config, clock, log, [&service](const Error&) { service.fail(); });
  if (!started) return say_error(started.error());
  const std::unique_ptr<Both> both = *std::move(started);

  auto store = open_store(*config, false);
  if (!store) return say_error(store.error());
  CertificateDates dates([store = *std::move(store)] { return store->certificates(std::nullopt); });
  dates.look(clock.mono());
  both->register_series(service.page());
  register_limits(service.page(), both->config());
  dates.register_series(service.page());
  register_listener_certificate(service.page(), "receipts", [&] { return both->worker().receipts_certificate_ends(); });
  register_listener_certificate(service.page(), "im", [&] { return both->im().certificate_ends(); });
  register_listener_certificate(service.page(), "im_rest", [&] { return both->im().rest_certificate_ends(); });
  service.add_condition([&] { return both->unready(); });
  // With the config as it is, so without the broker in this process: what it acknowledges is not durable.
  if (options.console) {
    // Its IM server is here. With TLS its certificate need not be for this address: then the config says both.
    if (const std::string rest = both->im().rest_url();
        console_config.console.im_url.empty() && rest.starts_with("http://"))
      console_config.console.im_url = rest;
    auto added = add_console(service, console_config, clock, log, console_metrics);
    if (!added) return say_error(added.error());
    console = *std::move(added);
  }
  if (const auto listens = service.listen(); !listens) return say_error(listens.error());
  WorkerWatch watch(service.loop(), both->worker(), dates, clock, log);
  watch.start();
  const std::string socket =
      fmt::format("ws{}://{}:{}/ws", config->im.tls.certificate.empty() ? "" : "s", config->im.host, both->im().port());
  log.info("all.started",
           {observe::kv("clients", socket), observe::kv("shards", config->shards),
            observe::kv("apps", config->im.key_files.size()), observe::kv("rest", both->im().rest_url())});
  service.announce([&] {
    nlohmann::json ready = {{"ws", socket},
                            {"http", fmt::format("http://{}:{}", config->http_host, service.http_port())},
                            {"pid", ::getpid()}};
    if (const std::string rest = both->im().rest_url(); !rest.empty()) ready["rest"] = rest;
    if (both->worker().receipts_port() != 0)
      ready["receipts"] = fmt::format("http{}://{}:{}", config->receipts.tls.certificate.empty() ? "" : "s",
                                      config->receipts.host, both->worker().receipts_port());
    if (console) ready["console"] = console->url();
    return ready;
  });
  return service.run([&](MonoTime deadline) {
    const bool settled = both->drain(deadline);
    return (console == nullptr || console->drain(deadline)) && settled;
  });
}

}  // namespace

void add_all_command(CLI::App& root, int& exit_code) {
  auto options = std::make_shared<AllCommandOptions>();
  CLI::App* all = root.add_subcommand("all", "im and worker in one process on one SQLite file, without Kafka");
  options->common.add_config(*all);
  all->add_option("--ready-file", options->ready_file, "written once clients may connect")->type_name("FILE");
  all->add_flag("--console", options->console, "with the admin API and its page inside, at console.listen");
  all->footer(
      "One machine, nothing to install beside it. Nothing that was answered is lost, however it ends; dead letters "
      "are\n"
      "in the log and the trace alone. /metrics, /healthz and /readyz of both are at worker.http_listen.\n\n"
      "Example:\n  nightpost all --config config/dev.json");
  all->callback([options, &exit_code] { exit_code = run_all(*options); });
}

}  // namespace nightpost::app
