// nightpost token: who may call the admin API, on the store itself: for the first one, and where no console runs.
#include <fmt/format.h>

#include "admin/access.h"
#include "admin/secrets.h"
#include "admin/views.h"
#include "app/cli_audit.h"
#include "app/command_print.h"
#include "app/commands.h"
#include "app/console_server.h"
#include "app/output.h"

namespace nightpost::app {
namespace {

std::expected<std::unique_ptr<store::AdminStore>, int> admin_store_of(const CommonOptions& common) {
  const auto config = common.load();
  if (!config) return std::unexpected(config.error());
  auto store = open_admin_store(*config);
  if (!store) return std::unexpected(say_error(store.error()));
  return *std::move(store);
}

void note_token(store::AuditEntry& entry, const store::AdminToken& token) {
  entry.app = token.apps.size() == 1 ? token.apps.front() : AppId{0};
  entry.object = token.name;
}

struct TokenAddOptions {
  CommonOptions common;
  std::string name, role;
  std::vector<std::int64_t> apps;
  std::int64_t days = 0;
  bool reader = false;
};

int say_added(const TokenAddOptions& options, const nlohmann::json& token) {
  if (options.common.json)
    print_json(token);
  else
    fmt::print("{}\n", token.at("secret").get<std::string>());
  return kDone;
}

int add_remotely(const TokenAddOptions& options) {
  nlohmann::json body = {{"name", options.name}, {"role", options.role}};
  if (options.reader) body["reader"] = true;
  if (!options.apps.empty()) body["apps"] = options.apps;
  if (options.days > 0) body["expires_at"] = to_ms(SystemClock().wall() + std::chrono::days(options.days));
  const auto heard = ask_server(options.common.remote, "POST", "/v1/tokens", body);
  return heard ? say_added(options, *heard) : heard.error();
}

int add_token(const TokenAddOptions& options) {
  if (options.common.is_remote()) return add_remotely(options);
  auto store = admin_store_of(options.common);
  if (!store) return store.error();
  auto secret = admin::new_secret(admin::kTokenPrefix);
  if (!secret) return say_error(secret.error());
  const WallTime now = SystemClock().wall();
  store::AdminToken token{.name = options.name,
                          .role = options.role,
                          .created_at = now,
                          .created_by = "cli:" + system_user(),
                          .reader = options.reader};
  for (const std::int64_t app : options.apps) token.apps.push_back(AppId{app});
  if (options.days > 0) token.expires_at = now + std::chrono::days(options.days);
  const auto added = recorded(**store, "token.add", [&](store::AuditEntry& entry) {
    auto made = (*store)->add_token(token, admin::hash_of(*secret));
    note_token(entry, token);
    if (made) entry.after = admin::token_view(*made, now).dump();
    return made;
  });
  if (!added) return say_error(added.error());
  nlohmann::json json = admin::token_view(*added, now);
  json["secret"] = *secret;
  return say_added(options, json);
}

int list_tokens(const CommonOptions& common) {
  if (common.is_remote()) {
    const auto heard = ask_server(common.remote, "GET", "/v1/tokens");
    if (heard) print_tokens(heard->at("items"), common.json);
    return heard ? int{kDone} : heard.error();
  }
  auto store = admin_store_of(common);
  if (!store) return store.error();
  const auto all = (*store)->tokens(admin::kTokensListedMax);
  if (!all) return say_error(all.error());
  const WallTime now = SystemClock().wall();
  nlohmann::json json = nlohmann::json::array();
  for (const store::AdminToken& token : *all) json.push_back(admin::token_view(token, now));
  print_tokens(json, common.json);
  return kDone;
}

int revoke_token(const CommonOptions& common, std::int64_t id) {
  if (common.is_remote()) {
    const auto heard = ask_server(common.remote, "DELETE", fmt::format("/v1/tokens/{}", id));
    if (heard && common.json) print_json({{"revoked", id}});
    return heard ? int{kDone} : heard.error();
  }
  auto store = admin_store_of(common);
  if (!store) return store.error();
  const WallTime now = SystemClock().wall();
  const auto revoked = recorded(**store, "token.revoke", [&](store::AuditEntry& entry) -> Result<void> {
    const auto token = (*store)->token(id);
    if (!token) return std::unexpected(token.error());
    note_token(entry, *token);
    entry.before = admin::token_view(*token, now).dump();
    return (*store)->revoke_token(id, now);
  });
  if (!revoked) return say_error(revoked.error());
  if (common.json) print_json({{"revoked", id}});
  return kDone;
}

}  // namespace

void add_token_command(CLI::App& root, int& exit_code) {
  CLI::App* token = root.add_subcommand("token", "Tokens of the admin API: add, list, revoke");
  token->require_subcommand(1);

  auto added = std::make_shared<TokenAddOptions>();
  CLI::App* add_command = token->add_subcommand("add", "Make one; its text is printed this once");
  added->common.add_store(*add_command);
  added->common.add_json(*add_command);
  add_command->add_option("--name", added->name, "letters, digits, '-', '_', '.', '@'")->required();
  add_command
      ->add_option("--role", added->role,
                   "viewer looks; sender also sends test pushes; operator also changes; admin does everything")
      ->required()
      ->check(CLI::IsMember({"viewer", "sender", "operator", "admin"}));
  add_command->add_flag("--reader", added->reader,
                        "and reads private messages of the companion, each look with a reason in the audit log");
  add_command->add_option("--app", added->apps, "only for this app; may be repeated; absent: for all")
      ->check(CLI::PositiveNumber);
  add_command->add_option("--days", added->days, "until it expires; absent: never")->check(CLI::Range(1, 36'500));
  add_command->footer(
      "Example:\n  nightpost token add --config config/dev.json --name ci --role sender --app 1400000001 --days 90");
  add_command->callback([added, &exit_code] { exit_code = add_token(*added); });

  auto listed = std::make_shared<CommonOptions>();
  CLI::App* list_command = token->add_subcommand("list", "All tokens, without their texts");
  listed->add_store(*list_command);
  listed->add_json(*list_command);
  list_command->footer("Example:\n  nightpost token list --config config/dev.json");
  list_command->callback([listed, &exit_code] { exit_code = list_tokens(*listed); });

  auto revoked = std::make_shared<CommonOptions>();
  auto id = std::make_shared<std::int64_t>(0);
  CLI::App* revoke_command = token->add_subcommand("revoke", "End it, and the sessions that it began");
  revoked->add_store(*revoke_command);
  revoked->add_json(*revoke_command);
  revoke_command->add_option("id", *id, "as list shows it")->required();
  revoke_command->footer("Example:\n  nightpost token revoke 4 --config config/dev.json");
  revoke_command->callback([revoked, id, &exit_code] { exit_code = revoke_token(*revoked, *id); });
}

}  // namespace nightpost::app
