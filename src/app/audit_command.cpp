// nightpost audit: who changed what through the admin API, on the store itself.
#include <fmt/format.h>

#include "admin/views.h"
#include "app/commands.h"
#include "app/console_server.h"
#include "app/output.h"
#include "app/when.h"

namespace nightpost::app {
namespace {

struct AuditListOptions {
  CommonOptions common;
  std::vector<std::int64_t> apps;
  std::string who, what, since, until;
  std::size_t limit = 100;
};

int list_audit(const AuditListOptions& options) {
  const auto config = options.common.load();
  if (!config) return config.error();
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
  auto store = open_admin_store(*config);
  if (!store) return say_error(store.error());
  const auto found = (*store)->audit(query, options.limit);
  if (!found) return say_error(found.error());
  if (options.common.json) {
    for (const store::AuditEntry& entry : *found) print_json(admin::audit_view(entry));
    return kDone;
  }
  Table table({"TIME (UTC)", "WHO", "FROM", "APP", "WHAT", "OBJECT", "OUTCOME"});
  for (const store::AuditEntry& entry : *found)
    table.row({shown_time(to_ms(entry.at)), printable(entry.who), printable(entry.origin),
               entry.app.value == 0 ? "" : std::to_string(entry.app.value), printable(entry.what),
               printable(entry.object), printable(entry.outcome)});
  fmt::print("{}", table.text("no entries"));
  if (found->size() == options.limit)
    fmt::print(stderr, "nightpost: only the latest {}; --limit shows more\n", options.limit);
  return kDone;
}

}  // namespace

void add_audit_command(CLI::App& root, int& exit_code) {
  CLI::App* audit = root.add_subcommand("audit", "Who changed what through the admin API: list");
  audit->require_subcommand(1);
  auto options = std::make_shared<AuditListOptions>();
  CLI::App* list_command =
      audit->add_subcommand("list", "The latest first; with --json what was before and after, too");
  options->common.add_config(*list_command);
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
