// nightpost worker: the dispatcher as a service.
#include <fmt/format.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include "app/commands.h"
#include "app/output.h"
#include "app/ready_file.h"
#include "app/server_options.h"
#include "app/worker.h"
#include "server/http_server.h"

namespace nightpost::app {
namespace {

struct Options {
  CommonOptions common;
  std::string ready_file;
};

/// What SREs and orchestrators ask: alive, willing, numbers.
server::ServerResponse answer(const server::ServerRequest& request, const observe::MetricsPage& page,
                              const Worker& worker, const std::atomic<bool>& failed) {
  const auto text = [](int status, std::string body, std::string type = "text/plain; charset=utf-8") {
    return server::ServerResponse{status, {{"content-type", std::move(type)}}, std::move(body)};
  };
  if (request.method != "GET" && request.method != "HEAD") return text(405, "only GET\n");
  const std::string path = request.target.substr(0, request.target.find('?'));
  if (path == "/metrics") return text(200, page.render(), "text/plain; version=0.0.4; charset=utf-8");
  if (path == "/healthz") return failed ? text(503, "failed\n") : text(200, "ok\n");
  if (path == "/readyz")
    return worker.ready() ? text(200, "ready\n") : text(503, "not ready: no partitions yet, or draining\n");
  return text(404, "here are /metrics, /healthz and /readyz\n");
}

/// Says once a second what ops should hear of: counters that must not rise have risen, the brokers went or came back.
class Watch {
 public:
  Watch(boost::asio::io_context& loop, const WorkerMetrics& metrics, observe::Log& log)
      : timer_(loop), metrics_(metrics), log_(log) {}

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
  }
  void risen(const char* event, std::uint64_t now, std::uint64_t& before) {
    if (now > before) log_.error(event, {observe::kv("new", now - before), observe::kv("total", now)});
    before = now;
  }

  boost::asio::steady_timer timer_;
  const WorkerMetrics& metrics_;
  observe::Log& log_;
  std::uint64_t internal_ = 0, commit_errors_ = 0;
  bool down_ = false;
};

int run_worker(const Options& options) {
  const auto config = options.common.load();
  if (!config) return config.error();
  observe::Log log(config->log_level, config->log_lines_max);
  const SystemClock clock;
  boost::asio::io_context loop(1);
  const auto keep = boost::asio::make_work_guard(loop);
  boost::asio::signal_set signals(loop, SIGTERM, SIGINT);
  signals.async_wait([&](const boost::system::error_code& error, int signal) {
    if (error) return;
    log.info("worker.draining", {observe::kv("signal", signal)});
    loop.stop();
  });

  std::atomic<bool> failed = false;
  std::uint16_t http_port = 0;
  std::uint16_t receipts_port = 0;
  Worker::Handlers handlers;
  handlers.on_ready = [&] {
    boost::asio::post(loop, [&] {
      log.info("worker.ready", {observe::kv("http", fmt::format("{}:{}", config->http_host, http_port))});
      nlohmann::json ready = {{"http", fmt::format("http://{}:{}", config->http_host, http_port)}, {"pid", ::getpid()}};
      if (receipts_port != 0)
        ready["receipts"] = fmt::format("http{}://{}:{}", config->receipts.tls_certificate_file.empty() ? "" : "s",
                                        config->receipts.host, receipts_port);
      const auto written = write_ready_file(options.ready_file, ready);
      if (!written) log.warn("worker.ready_file", {observe::kv("detail", written.error().detail)});
    });
  };
  handlers.on_fatal = [&](const Error&) {
    failed = true;
    loop.stop();
  };
  auto worker = Worker::start(*config, clock, log, std::move(handlers));
  if (!worker) return say_error(worker.error());

  observe::MetricsPage page;
  register_metrics(page, (*worker)->metrics());
  server::ServerMetrics http_metrics;
  register_server_metrics(page, "http", http_metrics);
  server::ServerOptions http = config->http_server;
  http.host = config->http_host;
  http.port = config->http_port;
  http.log = &log;
  http.metrics = &http_metrics;
  auto server = server::HttpServer::start(loop, std::move(http),
                                          server::answered_at_once([&](const server::ServerRequest& request) {
                                            return answer(request, page, **worker, failed);
                                          }));
  if (!server) return say_error(server.error());
  http_port = (*server)->port();
  receipts_port = (*worker)->receipts_port();
  Watch watch(loop, (*worker)->metrics(), log);
  watch.start();
  log.info("worker.started",
           {observe::kv("brokers", config->consumer.kafka.brokers), observe::kv("topic", config->consumer.topic),
            observe::kv("group", config->consumer.group_id), observe::kv("shards", config->shards)});
  loop.run();

  if (failed) return kUnreachable;  // nothing more is committed: what was in flight comes again
  const bool settled = (*worker)->drain();
  log.info("worker.stopped", {observe::kv("all_settled", settled)});
  return kDone;
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
