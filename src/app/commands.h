// The subcommands: each adds itself to the command line; when it is the one called, it runs and leaves its exit code.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "app/config.h"
#include "app/remote_api.h"
#include "core/result.h"
#include "store/store.h"

namespace nightpost::app {

void add_worker_command(CLI::App& root, int& exit_code);
void add_im_command(CLI::App& root, int& exit_code);
void add_all_command(CLI::App& root, int& exit_code);
void add_sandbox_command(CLI::App& root, int& exit_code);
void add_demo_command(CLI::App& root, int& exit_code);
void add_send_command(CLI::App& root, int& exit_code);
void add_event_command(CLI::App& root, int& exit_code);
void add_cert_command(CLI::App& root, int& exit_code);
void add_device_command(CLI::App& root, int& exit_code);
void add_user_command(CLI::App& root, int& exit_code);
void add_trace_command(CLI::App& root, int& exit_code);
void add_config_command(CLI::App& root, int& exit_code);
void add_dlq_command(CLI::App& root, int& exit_code);
void add_doctor_command(CLI::App& root, int& exit_code);
void add_console_command(CLI::App& root, int& exit_code);
void add_token_command(CLI::App& root, int& exit_code);
void add_session_command(CLI::App& root, int& exit_code);
void add_audit_command(CLI::App& root, int& exit_code);
void add_account_command(CLI::App& root, int& exit_code);
void add_chat_command(CLI::App& root, int& exit_code);
void add_im_words_command(CLI::App& root, int& exit_code);
void add_im_settings_command(CLI::App& root, int& exit_code);

/// versions, rollback, copy, rekey and the like below `cert`.
void add_cert_history_commands(CLI::App& cert, int& exit_code);
/// held and approve-removals below `cert`.
void add_cert_removal_commands(CLI::App& cert, int& exit_code);

/// import and export below `device` and `user`.
void add_device_file_commands(CLI::App& device, int& exit_code);
void add_user_file_commands(CLI::App& user, int& exit_code);

/// What every command that reads a config or prints a result takes.
struct CommonOptions {
  std::string config_path;
  bool json = false;
  RemoteOptions remote;

  void add_config(CLI::App& command);
  /// For commands on the store: that of the config, or what a console elsewhere serves.
  void add_store(CLI::App& command);
  bool is_remote() const noexcept { return !remote.server.empty(); }
  void add_json(CLI::App& command);
  /// The config named, or the defaults. Its mistakes are printed; then the exit code is kBadUsage. So it is with
  /// --server: what gets here works on the store itself, for the admin API has no route for it.
  std::expected<Config, int> load() const;
};

/// The whole file, "-" is stdin. NotFound if it cannot be read.
Result<std::string> read_file(const std::string& path);

/// Who runs this: the name of the account, behind sudo that of the person.
std::string system_user();

/// The store of `options`' config, written as that person; a failure is printed and its exit code returned.
std::expected<std::unique_ptr<store::Store>, int> open_store(const CommonOptions& options, bool with_secrets);

}  // namespace nightpost::app
