// nightpost worker: the dispatcher as a service.
#include <fmt/format.h>

#include <memory>

#include "app/certificate_dates.h"
#include "app/commands.h"
#include "app/limit_metrics.h"
#include "app/output.h"
#include "app/service.h"
#include "app/worker.h"
#include "app/worker_watch.h"

namespace nightpost::app {
namespace {

struct Options {
  CommonOptions common;
  std::string ready_file;
};

int run_worker(const Options& options) {
  const auto config = options.common.load();
  if (!config) return config.error();
  // Its answers are waited for on the shards' loops, which must not stand still for a network.
  if (config->store_url.kind == store::StoreUrl::Kind::Postgres)
    return say_error(Error{Errc::Malformed,
                           "store.url: the worker cannot use PostgreSQL yet; give it sqlite:PATH (all "
                           "commands but worker take both)"});
  if (const auto there = check_store_folder(*config); !there) return say_error(there.error());
  observe::Log log(config->log_level, config->log_lines_max);
  const SystemClock clock;
  server::ServerOptions http = config->http_server;
  http.host = config->http_host;
  http.port = config->http_port;
  Service service(
      {.name = "worker", .ready_file = options.ready_file, .drain_limit = config->drain_limit, .http = std::move(http)},
      &log);

  std::unique_ptr<Worker> worker;
  Worker::Handlers handlers;
  handlers.on_ready = [&] {
    service.announce([&] {
      const std::string address = fmt::format("{}:{}", config->http_host, service.http_port());
      log.info("worker.ready", {observe::kv("http", address)});
      nlohmann::json ready = {{"http", fmt::format("http://{}", address)}, {"pid", ::getpid()}};
      if (worker->receipts_port() != 0)
        ready["receipts"] = fmt::format("http{}://{}:{}", config->receipts.tls_certificate_file.empty() ? "" : "s",
                                        config->receipts.host, worker->receipts_port());
      return ready;
    });
  };
  handlers.on_fatal = [&](const Error&) { service.fail(); };
  auto started = Worker::start(*config, clock, log, std::move(handlers));
  if (!started) return say_error(started.error());
  worker = *std::move(started);

  auto store = open_store(*config, false);
  if (!store) return say_error(store.error());
  CertificateDates dates(*std::move(store));
  dates.look(clock.mono());
  register_metrics(service.page(), worker->metrics(), worker->signers());
  register_limits(service.page(), *config);
  dates.register_series(service.page());
  register_listener_certificate(service.page(), "receipts", config->receipts.tls_certificate_file);
  service.add_condition([&] { return worker->unready(); });
  if (const auto listens = service.listen(); !listens) return say_error(listens.error());
  WorkerWatch watch(service.loop(), *worker, dates, clock, log);
  watch.start();
  log.info("worker.started",
           {observe::kv("brokers", config->consumer.kafka.brokers), observe::kv("topic", config->consumer.topic),
            observe::kv("group", config->consumer.group_id), observe::kv("shards", config->shards),
            observe::kv("proxy", config->proxy.through ? config->proxy.through->authority() : "")});
  return service.run([&](MonoTime deadline) { return worker->drain(deadline); });
}

}  // namespace

void add_worker_command(CLI::App& root, int& exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* worker = root.add_subcommand("worker", "Dispatch events from Kafka until SIGTERM, then drain and exit 0");
  options->common.add_config(*worker);
  worker->add_option("--ready-file", options->ready_file, "written once the first assignment has come")
      ->type_name("FILE");
  worker->footer("Example:\n  nightpost worker --config config/dev.json");
  worker->callback([options, &exit_code] { exit_code = run_worker(*options); });
}

}  // namespace nightpost::app
