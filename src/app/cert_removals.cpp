// nightpost cert held, cert approve-removals: dead tokens that are not removed since too many died at once, and ops'
// word that they are dead.
#include <fmt/format.h>

#include <memory>
#include <optional>
#include <string>

#include "app/cli_audit.h"
#include "app/command_print.h"
#include "app/commands.h"
#include "app/held_removals.h"
#include "app/output.h"

namespace nightpost::app {
namespace {

constexpr std::size_t kRemovedAtOnce = 500;  // devices in a commit, so that nobody waits for the store for long

int list_held(const CommonOptions& common, std::optional<std::int64_t> app) {
  if (common.is_remote()) {
    const std::string only_app = app ? std::to_string(*app) : "";
    const auto heard = ask_server(common.remote, "GET", target_of("/v1/removals/held", {{"app", only_app}}));
    if (heard) print_held(heard->at("items"), common.json);
    return heard ? int{kDone} : heard.error();
  }
  auto store = open_store(common, false);
  if (!store) return store.error();
  const auto only = app ? std::optional(AppId{*app}) : std::nullopt;
  const auto certificates = (*store)->certificates(only);
  if (!certificates) return say_error(certificates.error());
  const auto holds = (*store)->removal_holds(only);
  if (!holds) return say_error(holds.error());
  const auto approvals = (*store)->removal_approvals();
  if (!approvals) return say_error(approvals.error());
  nlohmann::json json = nlohmann::json::array();
  for (const HeldRow& row : held_rows(*certificates, *holds, *approvals, SystemClock().wall()))
    json.push_back(held_json(row));
  print_held(json, common.json);
  return kDone;
}

/// What a removal of held devices came to.
struct HeldEnd {
  std::size_t looked_at = 0, removed = 0;
  std::int64_t until_ms = 0;
};

/// A request removes a bounded number; the same one goes on.
std::expected<HeldEnd, int> approve_remotely(const CommonOptions& common, std::int64_t id, milliseconds time) {
  HeldEnd end;
  for (bool more = true; more;) {
    const auto heard = ask_server(common.remote, "POST", fmt::format("/v1/certificates/{}/approve-removals", id),
                                  {{"for_ms", time.count()}});
    if (!heard) return std::unexpected(heard.error());
    end.looked_at += heard->at("held").get<std::size_t>();
    end.removed += heard->at("removed").get<std::size_t>();
    end.until_ms = heard->at("approved_until").get<std::int64_t>();
    more = heard->at("stopped").get<bool>();
  }
  return end;
}

int say_approved(const CommonOptions& common, std::int64_t id, const HeldEnd& end) {
  if (common.json)
    print_json({{"id", id}, {"held", end.looked_at}, {"removed", end.removed}, {"approved_until", end.until_ms}});
  else
    fmt::print("removed {} of {} held; until {} (UTC) dead tokens of certificate {} are removed, however many\n",
               counted(end.removed, "device"), end.looked_at, shown_time(end.until_ms), id);
  return kDone;
}

int approve(const CommonOptions& common, std::int64_t id, const std::string& for_text) {
  const auto time = parse_approval(for_text);
  if (!time) return say_error(time.error().detail, kBadUsage);
  if (common.is_remote()) {
    const auto end = approve_remotely(common, id, *time);
    return end ? say_approved(common, id, *end) : end.error();
  }
  auto store = open_store(common, false);
  if (!store) return store.error();
  const WallTime until = SystemClock().wall() + *time;
  // First the word, then the removal: what workers hold meanwhile they remove themselves.
  const auto said = recorded(**store, "certificate.approve_removals", [&](store::AuditEntry& entry) -> Result<void> {
    const auto found = (*store)->certificate({id});
    if (!found) return std::unexpected(found.error());
    entry.app = found->app;
    entry.object = std::to_string(id);
    entry.after = nlohmann::json{{"approved_until", to_ms(until)}}.dump();
    return (*store)->approve_removals({id}, until);
  });
  if (!said) return say_error(said.error());
  HeldEnd end{.until_ms = to_ms(until)};
  for (;;) {
    const auto told = (*store)->remove_held({id}, kRemovedAtOnce);
    if (!told) return say_error(told.error());
    end.looked_at += told->looked_at;
    end.removed += told->removed;
    if (told->looked_at < kRemovedAtOnce) break;
  }
  return say_approved(common, id, end);
}

}  // namespace

void add_cert_removal_commands(CLI::App& cert, int& exit_code) {
  auto listed = std::make_shared<CommonOptions>();
  auto listed_app = std::make_shared<std::optional<std::int64_t>>();
  CLI::App* held = cert.add_subcommand("held", "Dead tokens that are not removed, since too many died at once");
  listed->add_store(*held);
  listed->add_json(*held);
  held->add_option("--app", *listed_app, "only this app's");
  held->footer("Example:\n  nightpost cert held --config config/dev.json");
  held->callback([listed, listed_app, &exit_code] { exit_code = list_held(*listed, *listed_app); });

  struct ApproveOptions {
    CommonOptions common;
    std::int64_t id = 0;
    std::string for_text = "1h";
  };
  auto approved = std::make_shared<ApproveOptions>();
  CLI::App* approve_command = cert.add_subcommand(
      "approve-removals", "They are dead indeed: remove what is held, and hold nothing of the certificate for a while");
  approved->common.add_store(*approve_command);
  approved->common.add_json(*approve_command);
  approve_command->add_option("id", approved->id, "certificate id")->required();
  approve_command->add_option("--for", approved->for_text, "how long dead tokens are removed however many: 1m to 7d")
      ->capture_default_str();
  approve_command->footer(
      "A device that has registered again since it was held stays. Workers hear of it within a second. An edit of the\n"
      "certificate ends it.\n"
      "Example:\n  nightpost cert approve-removals 3 --for 6h --config config/dev.json");
  approve_command->callback(
      [approved, &exit_code] { exit_code = approve(approved->common, approved->id, approved->for_text); });
}

}  // namespace nightpost::app
