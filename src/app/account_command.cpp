// nightpost account: what concerns IM accounts, by hand: signatures.
#include <fmt/format.h>

#include "app/app_key.h"
#include "app/commands.h"
#include "app/output.h"

namespace nightpost::app {
namespace {

struct SigOptions {
  CommonOptions common;
  std::int64_t app = 0, expire_s = 86'400;
  std::string user, key_file;
};

int sign(const SigOptions& options) {
  const auto key = read_app_key(options.key_file);
  if (!key) return say_error(key.error());
  const WallTime now = SystemClock().wall();
  const auto signature =
      make_signature(AppId{options.app}, options.user, *key, now, std::chrono::seconds(options.expire_s));
  if (!signature) return say_error(signature.error());
  if (options.common.json) {
    const WallTime issued = std::chrono::floor<std::chrono::seconds>(now);
    print_json({{"app", options.app},
                {"user", options.user},
                {"sig", *signature},
                {"ends", to_ms(issued + std::chrono::seconds(options.expire_s))}});
  } else {
    fmt::print("{}\n", *signature);
  }
  return kDone;
}

}  // namespace

void add_account_command(CLI::App& root, int& exit_code) {
  CLI::App* account = root.add_subcommand("account", "IM accounts: sig");
  account->require_subcommand(1);
  auto options = std::make_shared<SigOptions>();
  CLI::App* command = account->add_subcommand("sig", "Print a userSig: what a client logs in with");
  options->common.add_json(*command);
  command->add_option("--app", options->app, "app (tenant) id")->required()->check(CLI::PositiveNumber);
  command->add_option("--user", options->user, "user id")->required();
  command->add_option("--key-file", options->key_file, "file with the app's key as a line of text, mode 0600")
      ->required()
      ->type_name("FILE");
  command->add_option("--expire", options->expire_s, "seconds that it is valid")->capture_default_str();
  command->footer("Example:\n  nightpost account sig --app 1400000001 --user denny --key-file app.key --expire 3600");
  command->callback([options, &exit_code] { exit_code = sign(*options); });
}

}  // namespace nightpost::app
