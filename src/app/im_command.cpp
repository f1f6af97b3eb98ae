// nightpost im: the companion IM server as a service.
#include <fmt/format.h>
#include <unistd.h>

#include <memory>

#include "app/certificate_dates.h"
#include "app/commands.h"
#include "app/im_node_metrics.h"
#include "app/im_server.h"
#include "app/kafka_event_sink.h"
#include "app/limit_metrics.h"
#include "app/output.h"
#include "app/server_options.h"
#include "app/service.h"
#include "im/rest/commands.h"

namespace nightpost::app {
namespace {

struct ImCommandOptions {
  CommonOptions common;
  std::string ready_file;
};

int run_im(const ImCommandOptions& options) {
  const auto config = options.common.load();
  if (!config) return config.error();
  observe::Log log(config->log_level, config->log_lines_max);
  const SystemClock clock;
  server::ServerOptions http = config->http_server;
  http.host = config->im.http_host;
  http.port = config->im.http_port;
  Service service(
      {.name = "im", .ready_file = options.ready_file, .drain_limit = config->drain_limit, .http = std::move(http)},
      &log);
  ImMetrics metrics;
  const auto outlet = [&](EventLoop& loop) -> Result<std::unique_ptr<EventOutlet>> {
    auto producer = start_event_producer(*config, log, [&service](const Error&) { service.fail(); }, metrics.producer);
    if (!producer) return std::unexpected(producer.error());
    return std::make_unique<KafkaEventSink>(*std::move(producer), config->topics.offline, loop);
  };
  auto started = ImServer::start(*config, clock, log, outlet, metrics, [&service](const Error&) { service.fail(); });
  if (!started) return say_error(started.error());
  const std::unique_ptr<ImServer> im = *std::move(started);
  register_im_metrics(service.page(), metrics);
  register_node_metrics(service.page(), metrics.service, config->im);
  if (config->im.has_peers()) register_peer_metrics(service.page(), metrics.redis, metrics.nodes, config->im);
  register_build_info(service.page());
  register_server_metrics(service.page(), "im", metrics.server);
  register_server_metrics(service.page(), "im_rest", metrics.rest_server);
  register_listener_certificate(service.page(), "im", [&] { return im->certificate_ends(); });
  register_listener_certificate(service.page(), "im_rest", [&] { return im->rest_certificate_ends(); });
  service.add_condition([&] { return im->unready(); });
  if (const auto listens = service.listen(); !listens) return say_error(listens.error());
  const std::string socket =
      fmt::format("ws{}://{}:{}/ws", config->im.tls.certificate.empty() ? "" : "s", config->im.host, im->port());
  log.info("im.started", {observe::kv("clients", socket), observe::kv("brokers", config->producer.kafka.brokers),
                          observe::kv("topic", config->topics.offline), observe::kv("store", config->store_url.shown()),
                          observe::kv("apps", config->im.key_files.size()), observe::kv("rest", im->rest_url()),
                          observe::kv("redis", config->im.has_peers() ? config->im.redis.url.shown() : "")});
  service.announce([&] {
    nlohmann::json ready = {{"ws", socket},
                            {"http", fmt::format("http://{}:{}", config->im.http_host, service.http_port())},
                            {"pid", ::getpid()}};
    if (const std::string rest = im->rest_url(); !rest.empty()) ready["rest"] = rest;
    return ready;
  });
  return service.run([&](MonoTime deadline) { return im->drain(deadline); });
}

}  // namespace

void add_im_command(CLI::App& root, int& exit_code) {
  auto options = std::make_shared<ImCommandOptions>();
  CLI::App* im = root.add_subcommand("im", "The companion IM server until SIGTERM: its messages make the events");
  options->common.add_config(*im);
  im->add_option("--ready-file", options->ready_file, "written once clients may connect")->type_name("FILE");
  im->footer(
      "Clients connect to im.listen, business servers to im.rest.listen where im.rest.administrators names somebody;\n"
      "/metrics, /healthz and /readyz are at im.http_listen. What happens is posted to an app's server that\n"
      "im.callbacks.urls names; im.callbacks.before_commands says what that server is asked before.\n"
      "nightpost im-words and im-settings change what an app's users may say, and what it has otherwise than the "
      "config.\n"
      "Several on one PostgreSQL tell each other what happens by the Redis that im.redis.url names.\n\n"
      "The server API, POST https://HOST/v4/SERVICE/COMMAND, called by an " +
      std::string(im::RestCommand::kWho) + " of the app;\neach command is there since " + std::string(im::kRestSince) +
      " where nothing else is said:\n" + im::command_list(im::rest_commands()) +
      "\n\nExample:\n  nightpost im --config config/dev.json");
  im->callback([options, &exit_code] { exit_code = run_im(*options); });
}

}  // namespace nightpost::app
