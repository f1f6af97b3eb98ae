// nightpost cert held, cert approve-removals: dead tokens that are not removed since too many died at once, and ops'
// word that they are dead.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <optional>
#include <string>

#include "app/cli_audit.h"
#include "app/commands.h"
#include "app/held_removals.h"
#include "app/output.h"

namespace nightpost::app {
namespace {

constexpr std::size_t kRemovedAtOnce = 500;  // devices in a commit, so that nobody waits for the store for long

int list_held(const CommonOptions& common, std::optional<std::int64_t> app) {
  auto store = open_store(common, false);
  if (!store) return store.error();
  const auto only = app ? std::optional(AppId{*app}) : std::nullopt;
  const auto certificates = (*store)->certificates(only);
  if (!certificates) return say_error(certificates.error());
  const auto holds = (*store)->removal_holds(only);
  if (!holds) return say_error(holds.error());
  const auto approvals = (*store)->removal_approvals();
  if (!approvals) return say_error(approvals.error());
  const auto rows = held_rows(*certificates, *holds, *approvals, SystemClock().wall());
  Table table(
      {"ID", "APP", "VENDOR", "NAME", "HELD", "SINCE (UTC)", "LAST", "SAID BY", "CODE", "WORKERS", "APPROVED UNTIL"});
  nlohmann::json json = nlohmann::json::array();
  for (const HeldRow& row : rows) {
    json.push_back(held_json(row));
    const Certificate& certificate = row.certificate;
    const HeldSummary& held = row.held;
    const auto time = [&](WallTime at) { return held.workers > 0 ? shown_time(to_ms(at)) : std::string(); };
    table.row({std::to_string(certificate.id.value), std::to_string(certificate.app.value),
               std::string(name_of(certificate.vendor)), certificate.name, shown_count(held), time(held.since),
               time(held.last), fmt::format("{}", fmt::join(held.heard, ", ")), printable(held.code),
               std::to_string(held.workers),
               row.approved_until ? shown_time(to_ms(*row.approved_until)) : std::string()});
  }
  if (common.json) {
    print_json(json);
    return kDone;
  }
  fmt::print("{}", table.text("nothing is held: dead tokens are removed as they are found"));
  if (!holds->empty())
    fmt::print(
        "\nToo many tokens died at once, as they do when a bundle id, a package or an environment is wrong.\n"
        "If these are right:  nightpost cert approve-removals ID\n"
        "If they are not:     nightpost cert update ID …, which forgets what is held\n");
  return kDone;
}

int approve(const CommonOptions& common, std::int64_t id, const std::string& for_text) {
  const auto time = parse_approval(for_text);
  if (!time) return say_error(time.error().detail, kBadUsage);
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
  std::size_t looked_at = 0, removed = 0;
  for (;;) {
    const auto told = (*store)->remove_held({id}, kRemovedAtOnce);
    if (!told) return say_error(told.error());
    looked_at += told->looked_at;
    removed += told->removed;
    if (told->looked_at < kRemovedAtOnce) break;
  }
  if (common.json) {
    print_json({{"id", id}, {"held", looked_at}, {"removed", removed}, {"approved_until", to_ms(until)}});
    return kDone;
  }
  fmt::print("removed {} of {} held; until {} (UTC) dead tokens of certificate {} are removed, however many\n",
             counted(removed, "device"), looked_at, shown_time(to_ms(until)), id);
  return kDone;
}

}  // namespace

void add_cert_removal_commands(CLI::App& cert, int& exit_code) {
  auto listed = std::make_shared<CommonOptions>();
  auto listed_app = std::make_shared<std::optional<std::int64_t>>();
  CLI::App* held = cert.add_subcommand("held", "Dead tokens that are not removed, since too many died at once");
  listed->add_config(*held);
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
  approved->common.add_config(*approve_command);
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
