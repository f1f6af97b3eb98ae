// nightpost sandbox: the vendors' servers on this machine.
#include <fmt/format.h>

#include "app/commands.h"
#include "app/output.h"
#include "app/ready_file.h"
#include "app/service.h"
#include "sandbox/sandbox.h"
#include "sandbox/vendor_simulator.h"

namespace nightpost::app {
namespace {

struct SandboxLineOptions {
  std::vector<std::string> vendors;
  std::string listen = "127.0.0.1:8443", ready_file, script_file, data_dir = "var/sandbox", mark;
  bool accept_any = false, receipts_anywhere = false;
};

int serve(const SandboxLineOptions& options) {
  sandbox::SandboxOptions settings;
  settings.vendors = options.vendors.empty() ? sandbox::simulated_vendors() : options.vendors;
  const auto listen = parse_host_port(options.listen);
  if (!listen) return say_error("--listen: " + listen.error().detail, kBadUsage);
  settings.host = listen->host;
  settings.port = listen->port;
  settings.data_dir = options.data_dir;
  settings.accept_any = options.accept_any;
  settings.mark = options.mark;
  settings.receipts_anywhere = options.receipts_anywhere;
  if (!options.script_file.empty()) {
    const auto script = read_file(options.script_file);
    if (!script) return say_error(script.error());
    settings.script_json = *script;
  }
  Service service({.name = "sandbox"}, nullptr);
  const auto sandbox = sandbox::Sandbox::start(service.loop(), settings);
  if (!sandbox) return say_error(sandbox.error());

  nlohmann::json ready = {{"ca_file", (*sandbox)->ca_file()}, {"vendors", nlohmann::json::object()}};
  for (const std::string& vendor : settings.vendors) {
    const std::string& url = (*sandbox)->urls().at(vendor);
    ready["vendors"][vendor] = {{"url", url}};
    fmt::print("{:<8} {}\n", vendor, url);
  }
  fmt::print("CA {}\n", (*sandbox)->ca_file());
  fmt::print("{}", options.accept_any
                       ? "every well-formed key, topic and token is taken\n"
                       : "teach them keys, apps and tokens: PUT /_sandbox/credentials, or start with --accept-any\n");
  std::fflush(stdout);
  if (const auto written = write_ready_file(options.ready_file, ready); !written) return say_error(written.error());
  return service.run([](MonoTime) { return true; });  // nothing of it has to be kept
}

}  // namespace

void add_sandbox_command(CLI::App& root, int& exit_code) {
  auto options = std::make_shared<SandboxLineOptions>();
  CLI::App* sandbox = root.add_subcommand("sandbox", "Strict simulators of the vendors' servers, until SIGTERM");
  sandbox->add_option("--vendor", options->vendors, "which; repeatable; absent: all eight");
  sandbox
      ->add_option("--listen", options->listen, "the first vendor's; the others take the next ports; 0 picks free ones")
      ->type_name("HOST:PORT")
      ->capture_default_str();
  sandbox->add_option("--ready-file", options->ready_file, "written once it serves: its CA file and URLs")
      ->type_name("FILE");
  sandbox->add_option("--script", options->script_file, "faults to play, see config/schemas/sandbox-script.schema.json")
      ->type_name("FILE");
  sandbox->add_option("--data", options->data_dir, "its CA and server certificate live here")
      ->type_name("DIR")
      ->capture_default_str();
  sandbox->add_flag("--accept-any", options->accept_any, "take every well-formed key, topic and token");
  sandbox
      ->add_option("--mark", options->mark,
                   "of each request keep only the words of its body that begin so, for tests with many requests")
      ->type_name("TEXT");
  sandbox->add_flag("--receipts-anywhere", options->receipts_anywhere,
                    "a taught receipts URL may name another machine");
  sandbox->footer(
      "Vendors: apns, fcm, huawei, honor, xiaomi, oppo, vivo, meizu; each on a port of its own, all of its hosts by "
      "path.\n"
      "Example:\n  nightpost sandbox --accept-any\n"
      "  curl --cacert var/sandbox/ca.pem 'https://localhost:8443/_sandbox/requests?vendor=apns'");
  sandbox->callback([options, &exit_code] { exit_code = serve(*options); });
}

}  // namespace nightpost::app
