// nightpost worker: the dispatcher as a service.
#include <fmt/format.h>

#include <memory>

#include "app/certificate_dates.h"
#include "app/commands.h"
#include "app/console_server.h"
#include "app/limit_metrics.h"
#include "app/output.h"
#include "app/service.h"
#include "app/worker.h"
#include "app/worker_watch.h"

namespace nightpost::app {
namespace {

struct WorkerCommandOptions {
  CommonOptions common;
  std::string ready_file;
  bool console = false;
};

int run_worker(const WorkerCommandOptions& options) {
  const auto config = options.common.load();
  if (!config) return config.error();
  const bool on_server = config->store_url.kind == store::StoreUrl::Kind::Postgres;
  if (!on_server)
    if (const auto there = check_store_folder(*config); !there) return say_error(there.error());
  observe::Log log(config->log_level, config->log_lines_max);
  const SystemClock clock;
  StoreFeedMetrics feed_metrics;
  server::ServerOptions http = config->http_server;
  http.host = config->http_host;
  http.port = config->http_port;
  Service service(
      {.name = "worker", .ready_file = options.ready_file, .drain_limit = config->drain_limit, .http = std::move(http)},
      &log);

  ConsoleMetrics console_metrics;
  std::unique_ptr<Console> console;  // with --console
  std::unique_ptr<StoreFeed> feed;
  std::unique_ptr<Worker> worker;
  service.add_condition([&]() -> std::vector<Unready> {
    if (worker) return worker->unready();
    const std::string trouble = feed ? feed->trouble() : std::string();
    return {{"store", trouble.empty() ? "not read yet" : trouble}};
  });
  if (on_server) {
    auto begun = start_feed(*config, log, feed_metrics);
    if (!begun) return say_error(begun.error());
    feed = *std::move(begun);
    register_store_feed(service.page(), feed_metrics);
    if (const auto listens = service.listen(); !listens) return say_error(listens.error());
    log.info("worker.waiting", {observe::kv("http", fmt::format("{}:{}", config->http_host, service.http_port()))});
    // However long it takes: whoever started us reads on /readyz what we wait for.
    const StoreFeed& waited = *feed;
    if (!service.serve_until([&] { return waited.loaded() || waited.hopeless(); })) return service.exit_code();
    if (const auto hopeless = feed->hopeless()) return say_error(*hopeless);
  }
  const StoreFeed* const books = feed.get();

  Worker::Handlers handlers;
  handlers.on_ready = [&] {
    service.announce([&] {
      const std::string address = fmt::format("{}:{}", config->http_host, service.http_port());
      log.info("worker.ready", {observe::kv("http", address)});
      nlohmann::json ready = {{"http", fmt::format("http://{}", address)}, {"pid", ::getpid()}};
      if (worker->receipts_port() != 0)
        ready["receipts"] = fmt::format("http{}://{}:{}", config->receipts.tls.certificate.empty() ? "" : "s",
                                        config->receipts.host, worker->receipts_port());
      if (console) ready["console"] = console->url();
      return ready;
    });
  };
  handlers.on_fatal = [&](const Error&) { service.fail(); };
  auto started = Worker::start(*config, clock, log, std::move(handlers), std::move(feed));
  if (!started) return say_error(started.error());
  worker = *std::move(started);

  CertificateDates::Read read_certificates;
  if (on_server) {
    read_certificates = [books] {
      std::vector<Certificate> all;
      for (const auto& [id, entry] : books->book()->entries) all.push_back(entry->certificate);
      return all;
    };
  } else {
    auto store = open_store(*config, false);
    if (!store) return say_error(store.error());
    read_certificates = [store = *std::move(store)] { return store->certificates(std::nullopt); };
  }
  CertificateDates dates(std::move(read_certificates));
  dates.look(clock.mono());
  register_metrics(service.page(), worker->metrics(), worker->signers(), worker->recalls());
  register_limits(service.page(), *config);
  dates.register_series(service.page());
  register_listener_certificate(service.page(), "receipts", [&] { return worker->receipts_certificate_ends(); });
  if (options.console) {
    auto added = add_console(service, *config, clock, log, console_metrics);
    if (!added) return say_error(added.error());
    console = *std::move(added);
  }
  if (!on_server)
    if (const auto listens = service.listen(); !listens) return say_error(listens.error());
  WorkerWatch watch(service.loop(), *worker, dates, clock, log);
  watch.start();
  log.info("worker.started",
           {observe::kv("brokers", config->consumer.kafka.brokers), observe::kv("topic", config->consumer.topic),
            observe::kv("group", config->consumer.group_id), observe::kv("shards", config->shards),
            observe::kv("proxy", config->proxy.through ? config->proxy.through->authority() : "")});
  return service.run([&](MonoTime deadline) {
    const bool settled = worker->drain(deadline);
    return (console == nullptr || console->drain(deadline)) && settled;
  });
}

}  // namespace

void add_worker_command(CLI::App& root, int& exit_code) {
  auto options = std::make_shared<WorkerCommandOptions>();
  CLI::App* worker = root.add_subcommand("worker", "Dispatch events from Kafka until SIGTERM, then drain and exit 0");
  options->common.add_config(*worker);
  worker->add_option("--ready-file", options->ready_file, "written once the first assignment has come")
      ->type_name("FILE");
  worker->add_flag("--console", options->console, "with the admin API and its page inside, at console.listen");
  worker->footer("Example:\n  nightpost worker --config config/dev.json");
  worker->callback([options, &exit_code] { exit_code = run_worker(*options); });
}

}  // namespace nightpost::app
