// nightpost worker: the dispatcher as a service.
#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <filesystem>
#include <memory>

#include "app/certificate_dates.h"
#include "app/commands.h"
#include "app/limit_metrics.h"
#include "app/output.h"
#include "app/service.h"
#include "app/stall_log.h"
#include "app/worker.h"

namespace nightpost::app {
namespace {

struct Options {
  CommonOptions common;
  std::string ready_file;
};

/// Says once a second what ops should hear of: counters that must not rise have risen, the brokers went or came back, a
/// shard's loop stood still. Once a minute it reads when certificates end.
class Watch {
 public:
  Watch(boost::asio::io_context& loop, Worker& worker, CertificateDates& dates, const Clock& clock, observe::Log& log)
      : timer_(loop),
        worker_(worker),
        metrics_(worker.metrics()),
        dates_(dates),
        clock_(clock),
        log_(log),
        stalls_(log) {}

  void start() {
    timer_.expires_after(seconds(1));
    timer_.async_wait([this](const boost::system::error_code& error) {
      if (error) return;
      look();
      start();
    });
  }

 private:
  void look() {
    std::uint64_t internal = 0;
    for (const ShardMetrics& shard : metrics_.shards)
      internal += shard.dispatch.internal_errors.read() + shard.resolve.internal_errors.read();
    risen("worker.internal_errors", internal, internal_);
    risen("worker.commit_errors", kafka::read(metrics_.consumer.commit_errors), commit_errors_);
    const bool down = kafka::read(metrics_.consumer.brokers_down) != 0;
    if (down && !down_) log_.error("worker.brokers_down");
    if (!down && down_) log_.info("worker.brokers_back");
    down_ = down;
    const MonoTime now = clock_.mono();
    dates_.look(now);
    for (std::size_t i = 0; i < worker_.shards(); ++i) stalls_.hear(i, worker_.loop_report(i, now), now);
  }
  void risen(const char* event, std::uint64_t now, std::uint64_t& before) {
    if (now > before) log_.error(event, {observe::kv("new", now - before), observe::kv("total", now)});
    before = now;
  }

  boost::asio::steady_timer timer_;
  Worker& worker_;
  const WorkerMetrics& metrics_;
  CertificateDates& dates_;
  const Clock& clock_;
  observe::Log& log_;
  StallLog stalls_;
  std::uint64_t internal_ = 0, commit_errors_ = 0;
  bool down_ = false;
};

int run_worker(const Options& options) {
  const auto config = options.common.load();
  if (!config) return config.error();
  const bool on_server = config->store_url.kind == store::StoreUrl::Kind::Postgres;
  // A new store would know no app, and every event would be a dead letter. In a folder that is there it may be the
  // first start; where even that is missing the path is wrong, or a volume is not mounted.
  const std::filesystem::path folder =
      on_server ? std::filesystem::path() : std::filesystem::path(config->store_url.place).parent_path();
  if (std::error_code ignored; !folder.empty() && !std::filesystem::is_directory(folder, ignored))
    return say_error(Error{Errc::NotFound, "store.url: the folder " + folder.string() +
                                               " is not there; correct it, mount it, or make the store with nightpost "
                                               "cert add"});
  observe::Log log(config->log_level, config->log_lines_max);
  const SystemClock clock;
  StoreFeedMetrics feed_metrics;
  server::ServerOptions http = config->http_server;
  http.host = config->http_host;
  http.port = config->http_port;
  Service service(
      {.name = "worker", .ready_file = options.ready_file, .drain_limit = config->drain_limit, .http = std::move(http)},
      &log);

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
        ready["receipts"] = fmt::format("http{}://{}:{}", config->receipts.tls_certificate_file.empty() ? "" : "s",
                                        config->receipts.host, worker->receipts_port());
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
  register_metrics(service.page(), worker->metrics(), worker->signers());
  register_limits(service.page(), *config);
  dates.register_series(service.page());
  register_listener_certificate(service.page(), "receipts", config->receipts.tls_certificate_file);
  if (!on_server)
    if (const auto listens = service.listen(); !listens) return say_error(listens.error());
  Watch watch(service.loop(), *worker, dates, clock, log);
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
