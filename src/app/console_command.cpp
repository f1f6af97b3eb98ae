// nightpost console: the admin API and its page as a service.
#include <fmt/format.h>
#include <unistd.h>

#include <memory>

#include "app/commands.h"
#include "app/console_server.h"
#include "app/output.h"
#include "app/ready_file.h"
#include "app/service.h"

namespace nightpost::app {
namespace {

struct ConsoleCommandOptions {
  CommonOptions common;
  std::string ready_file, listen;
  bool link = false;
};

/// The config with what the command line says of it; the exit code where that cannot be.
std::expected<Config, int> console_config(const ConsoleCommandOptions& options) {
  auto config = options.common.load();
  if (!config || options.listen.empty()) return config;
  auto address = parse_host_port(options.listen);
  if (!address) return std::unexpected(say_error(fmt::format("--listen: {}", address.error().detail), kBadUsage));
  ConsoleOptions& console = config->console;
  if (!is_this_machine(address->host) && console.tls.certificate.empty() && !console.behind_tls_proxy)
    return std::unexpected(
        say_error("--listen: beyond this machine the console wants TLS: name "
                  "console.tls_certificate_file, or say console.behind_tls_proxy",
                  kBadUsage));
  console.host = std::move(address->host);
  console.port = address->port;
  return config;
}

int run_console(const ConsoleCommandOptions& options) {
  const auto config = console_config(options);
  if (!config) return config.error();
  observe::Log log(config->log_level, config->log_lines_max);
  const SystemClock clock;
  server::ServerOptions http = config->http_server;
  http.host = config->console.http_host;
  http.port = config->console.http_port;
  Service service({.name = "console",
                   .ready_file = options.ready_file,
                   .drain_limit = config->drain_limit,
                   .http = std::move(http)},
                  &log);
  ConsoleMetrics metrics;
  auto started = add_console(service, *config, clock, log, metrics, options.link);
  if (!started) return say_error(started.error());
  const std::unique_ptr<Console> console = *std::move(started);
  if (const auto listens = service.listen(); !listens) return say_error(listens.error());
  service.announce([&] {
    return nlohmann::json{{"url", console->url()},
                          {"http", fmt::format("http://{}:{}", config->console.http_host, service.http_port())},
                          {"pid", ::getpid()}};
  });
  return service.run([&](MonoTime deadline) { return console->drain(deadline); });
}

}  // namespace

void add_console_command(CLI::App& root, int& exit_code) {
  auto options = std::make_shared<ConsoleCommandOptions>();
  CLI::App* console =
      root.add_subcommand("console", "The admin API and its web page until SIGTERM: credentials, devices, traces");
  options->common.add_config(*console);
  console->add_option("--listen", options->listen, "HOST:PORT instead of console.listen")->type_name("ADDRESS");
  console->add_option("--ready-file", options->ready_file, "written once it may be opened")->type_name("FILE");
  console->add_flag("--link", options->link, "print a log-in link even where there is an administrator");
  console->footer(
      "While nobody is an administrator, the start prints a link that logs one in, once. Tokens for programs:\n"
      "nightpost token add. Beyond this machine it wants TLS (console.tls_certificate_file). The API is described at\n"
      "/v1/openapi.json; /metrics, /healthz and /readyz are at console.http_listen. worker and all have one inside\n"
      "with --console.\n\n"
      "Example:\n  nightpost console --config config/dev.json");
  console->callback([options, &exit_code] { exit_code = run_console(*options); });
}

}  // namespace nightpost::app
