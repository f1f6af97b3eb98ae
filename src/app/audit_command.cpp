// nightpost audit: who changed what through the admin API, on the store itself.
#include <fmt/format.h>

#include <algorithm>

#include "admin/views.h"
#include "app/command_print.h"
#include "app/commands.h"
#include "app/console_server.h"
#include "app/output.h"
#include "app/when.h"

namespace nightpost::app {
namespace {

constexpr std::size_t kAuditPage = 1'000;  // entries, by one request to a server

struct AuditListOptions {
  CommonOptions common;
  std::vector<std::int64_t> apps;
  std::string who, what, since, until;
  std::size_t limit = 100;
};

int say_entries(const AuditListOptions& options, const nlohmann::json& entries) {
  print_audit(entries, options.common.json);
  if (!options.common.json && entries.size() == options.limit)
    fmt::print(stderr, "nightpost: only the latest {}; --limit shows more\n", options.limit);
  return kDone;
}

/// A page after the other.
int list_remotely(const AuditListOptions& options, const store::AuditQuery& query) {
  if (query.apps.size() > 1) return say_error("--app: one, with --server", kBadUsage);
  const auto time = [](const std::optional<WallTime>& at) { return at ? std::to_string(to_ms(*at)) : std::string(); };
  nlohmann::json all = nlohmann::json::array();
  for (std::string before; all.size() < options.limit;) {
    const std::string app = query.apps.empty() ? "" : std::to_string(query.apps.front().value);
    const std::string limit = std::to_string(std::min(options.limit - all.size(), kAuditPage));
    const auto heard = ask_server(options.common.remote, "GET",
                                  target_of("/v1/audit", {{"app", app},
                                                          {"who", query.who},
                                                          {"what", query.what},
                                                          {"since", time(query.since)},
                                                          {"until", time(query.until)},
                                                          {"before", before},
                                                          {"limit", limit}}));
    if (!heard) return heard.error();
    for (const nlohmann::json& entry : heard->at("items")) all.push_back(entry);
    if (heard->at("next").is_null()) break;
    before = heard->at("next").dump();
  }
  return say_entries(options, all);
}

int list_audit(const AuditListOptions& options) {
  store::AuditQuery query{.who = options.who, .what = options.what};
  for (const std::int64_t app : options.apps) query.apps.push_back(AppId{app});
  const WallTime now = SystemClock().wall();
  for (const auto& [name, text, time] :
       {std::tuple{"--since", &options.since, &query.since}, std::tuple{"--until", &options.until, &query.until}}) {
    if (text->empty()) continue;
    const auto at = parse_when(*text, now);
    if (!at) return say_error(fmt::format("{}: {}", name, at.error().detail), kBadUsage);
    *time = *at;
  }
  if (options.common.is_remote()) return list_remotely(options, query);
  const auto config = options.common.load();
  if (!config) return config.error();
  auto store = open_admin_store(*config);
  if (!store) return say_error(store.error());
  const auto found = (*store)->audit(query, options.limit);
  if (!found) return say_error(found.error());
  nlohmann::json all = nlohmann::json::array();
  for (const store::AuditEntry& entry : *found) all.push_back(admin::audit_view(entry));
  return say_entries(options, all);
}

}  // namespace

void add_audit_command(CLI::App& root, int& exit_code) {
  CLI::App* audit = root.add_subcommand("audit", "Who changed what through the admin API: list");
  audit->require_subcommand(1);
  auto options = std::make_shared<AuditListOptions>();
  CLI::App* list_command =
      audit->add_subcommand("list", "The latest first; with --json what was before and after, too");
  options->common.add_store(*list_command);
  options->common.add_json(*list_command);
  list_command->add_option("--app", options->apps, "of this app; may be repeated; absent: of all and of none")
      ->check(CLI::PositiveNumber);
  list_command->add_option("--who", options->who, "a token's name");
  list_command->add_option("--what", options->what, "how the deed begins: certificate., token.add");
  list_command->add_option("--since", options->since,
                           "from then on: 90s, 15m, 6h, 7d back, or UTC 2026-11-29T08:30:00Z");
  list_command->add_option("--until", options->until, "before, likewise");
  list_command->add_option("--limit", options->limit, "entries")->capture_default_str()->check(CLI::Range(1, 100'000));
  list_command->footer("Example:\n  nightpost audit list --config config/dev.json --what certificate. --since 7d");
  list_command->callback([options, &exit_code] { exit_code = list_audit(*options); });
}

}  // namespace nightpost::app
