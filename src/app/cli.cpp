#include "app/cli.h"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "app/commands.h"
#include "app/output.h"
#include "app/worker.h"

namespace nightpost::app {

void CommonOptions::add_config(CLI::App& command) {
  command.add_option("--config", config_path, "config file; absent: the built-in defaults")
      ->envname("NIGHTPOST_CONFIG")
      ->type_name("FILE");
}

void CommonOptions::add_store(CLI::App& command) {
  add_config(command);
  command
      .add_option("--server", remote.server,
                  "work through the admin API of a console, https://console.example.com, instead of on the store")
      ->type_name("URL")
      // A script's variable that is not set must not turn to the store of this machine.
      ->check([](const std::string& url) { return std::string(url.empty() ? "the address is missing" : ""); });
  command
      .add_option("--token-file", remote.token_file,
                  "with --server: the API token, in a file that you alone can read; absent: NIGHTPOST_TOKEN")
      ->type_name("FILE");
  command.add_option("--server-ca", remote.ca_file, "with --server: PEM of who signed its certificate")
      ->type_name("FILE");
}

void CommonOptions::add_json(CLI::App& command) { command.add_flag("--json", json, "print JSON instead of a table"); }

std::expected<Config, int> CommonOptions::load() const {
  if (is_remote())
    return std::unexpected(say_error(
        "--server: the admin API has no route for this; run it where the config is, without --server", kBadUsage));
  auto config = config_path.empty() ? parse_config("{}") : load_config(config_path);
  if (config) return *std::move(config);
  for (const std::string& line : config.error().lines)
    say_error(config_path.empty() ? line : fmt::format("{}: {}", config_path, line), kBadUsage);
  return std::unexpected(int{kBadUsage});
}

Result<std::string> read_file(const std::string& path) {
  std::ostringstream text;
  if (path == "-") {
    text << std::cin.rdbuf();
    return text.str();
  }
  std::ifstream file(path, std::ios::binary);
  if (!file || !(text << file.rdbuf() || file.peek() == std::ifstream::traits_type::eof()))
    return fail(Errc::Malformed, path + ": cannot be read");
  return text.str();
}

std::string system_user() {
  if (const char* by_sudo = std::getenv("SUDO_USER");
      by_sudo != nullptr && *by_sudo != '\0')  // NOLINT(concurrency-mt-unsafe)
    return by_sudo;
  const passwd* entry = ::getpwuid(::geteuid());  // NOLINT(concurrency-mt-unsafe): commands have one thread
  return entry != nullptr ? entry->pw_name : std::to_string(::geteuid());
}

std::expected<std::unique_ptr<store::Store>, int> open_store(const CommonOptions& options, bool with_secrets) {
  const auto config = options.load();
  if (!config) return std::unexpected(config.error());
  auto store = open_store(*config, with_secrets);
  if (!store) return std::unexpected(say_error(store.error()));
  (*store)->write_as("cli:" + system_user());
  return *std::move(store);
}

int run(int argc, char** argv) {
  CLI::App root(
      "Nightpost wakes phones: it takes offline-message events from Kafka and delivers them through the vendors' push\n"
      "services, losing nothing and telling afterwards what happened to every single push.",
      "nightpost");
  root.require_subcommand(1);
  root.set_version_flag("--version", "nightpost " NIGHTPOST_VERSION);
  root.get_formatter()->column_width(34);
  root.footer(
      "Every command has --help with an example. Exit codes: 0 done, 1 done but not all went well, 2 bad usage\n"
      "or config, 3 could not reach what it needs.");
  int exit_code = kDone;
  add_worker_command(root, exit_code);
  add_im_command(root, exit_code);
  add_all_command(root, exit_code);
  add_sandbox_command(root, exit_code);
  add_demo_command(root, exit_code);
  add_send_command(root, exit_code);
  add_event_command(root, exit_code);
  add_cert_command(root, exit_code);
  add_device_command(root, exit_code);
  add_user_command(root, exit_code);
  add_trace_command(root, exit_code);
  add_config_command(root, exit_code);
  add_dlq_command(root, exit_code);
  add_doctor_command(root, exit_code);
  add_console_command(root, exit_code);
  add_token_command(root, exit_code);
  add_session_command(root, exit_code);
  add_audit_command(root, exit_code);
  add_account_command(root, exit_code);
  add_chat_command(root, exit_code);
  add_im_words_command(root, exit_code);
  add_im_settings_command(root, exit_code);
  try {
    root.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int shown = root.exit(error);  // prints help, the version or what is wrong
    return shown == 0 ? int{kDone} : int{kBadUsage};
  } catch (const nlohmann::json::exception&) {  // members that an answer of ours would have
    return say_error("--server: the answer has another shape than this version knows; is it a console of this version?",
                     kUnreachable);
  }
  return exit_code;
}

}  // namespace nightpost::app
