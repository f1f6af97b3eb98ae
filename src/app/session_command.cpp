// nightpost session: who is logged in at the console, and how to end that, on the store itself.
#include <fmt/format.h>

#include "admin/access.h"
#include "admin/views.h"
#include "app/cli_audit.h"
#include "app/command_print.h"
#include "app/commands.h"
#include "app/console_server.h"
#include "app/output.h"

namespace nightpost::app {
namespace {

int list_sessions(const CommonOptions& common) {
  if (common.is_remote()) {
    const auto heard = ask_server(common.remote, "GET", "/v1/sessions");
    if (heard) print_sessions(heard->at("items"), common.json);
    return heard ? int{kDone} : heard.error();
  }
  const auto config = common.load();
  if (!config) return config.error();
  const auto store = open_admin_store(*config);
  if (!store) return say_error(store.error());
  const WallTime now = SystemClock().wall();
  const auto all = (*store)->sessions(now - config->console.access.session_idle, now, admin::kSessionsListedMax);
  if (!all) return say_error(all.error());
  nlohmann::json json = nlohmann::json::array();
  for (const store::AdminSession& session : *all) json.push_back(admin::session_view(session, false));
  print_sessions(json, common.json);
  return kDone;
}

int end_session(const CommonOptions& common, const std::string& id) {
  if (common.is_remote()) {
    const auto heard = ask_server(common.remote, "DELETE", "/v1/sessions/" + path_text(id));
    if (heard && common.json) print_json({{"ended", id}});
    return heard ? int{kDone} : heard.error();
  }
  const auto config = common.load();
  if (!config) return config.error();
  const auto store = open_admin_store(*config);
  if (!store) return say_error(store.error());
  const auto ended = recorded(**store, "session.end", [&](store::AuditEntry& entry) -> Result<void> {
    const auto session = (*store)->session_of_id(id);
    if (!session) return std::unexpected(session.error());
    if (!*session) return fail(Errc::NotFound, "no session " + printable(id));
    const auto& apps = (*session)->token.apps;
    entry.app = apps.size() == 1 ? apps.front() : AppId{0};
    entry.object = (*session)->token.name;
    entry.before = admin::session_view(**session, false).dump();
    return (*store)->remove_session_of_id(id);
  });
  if (!ended) return say_error(ended.error());
  if (common.json) print_json({{"ended", id}});
  return kDone;
}

}  // namespace

void add_session_command(CLI::App& root, int& exit_code) {
  CLI::App* session = root.add_subcommand("session", "Who is logged in at the console: list, end");
  session->require_subcommand(1);
  auto listed = std::make_shared<CommonOptions>();
  CLI::App* list_command = session->add_subcommand("list", "Sessions that are not over, the latest first");
  listed->add_store(*list_command);
  listed->add_json(*list_command);
  list_command->footer("Example:\n  nightpost session list --config config/dev.json");
  list_command->callback([listed, &exit_code] { exit_code = list_sessions(*listed); });

  auto ended = std::make_shared<CommonOptions>();
  auto id = std::make_shared<std::string>();
  CLI::App* end_command = session->add_subcommand("end", "End one; a token that began it stays good");
  ended->add_store(*end_command);
  ended->add_json(*end_command);
  end_command->add_option("id", *id, "as list shows it")->required();
  end_command->footer("Example:\n  nightpost session end 5f0c4f9d7a8b4c3e --config config/dev.json");
  end_command->callback([ended, id, &exit_code] { exit_code = end_session(*ended, *id); });
}

}  // namespace nightpost::app
