// nightpost cert versions, rollback, restore, purge, rekey: what certificates were, and the master key over all of
// them.
#include <fmt/format.h>

#include "app/cert_history.h"
#include "app/cli_audit.h"
#include "app/command_print.h"
#include "app/commands.h"
#include "app/output.h"

namespace nightpost::app {
namespace {

using Versions = std::vector<store::CertificateVersion>;

/// What made `versions[i]` of the version before it; without one, nothing. A secret that no master key opens hides
/// nothing else.
Result<std::vector<std::string>> what_changed(store::Store& store, const Versions& versions, std::size_t i) {
  if (i + 1 >= versions.size()) return std::vector<std::string>{};
  const Certificate& after = versions[i].certificate;
  const Certificate& before = versions[i + 1].certificate;
  const auto now = store.secret_of_version(after.id, after.version);
  const auto then = store.secret_of_version(before.id, before.version);
  for (const auto* read : {&now, &then})
    if (!*read && read->error().code != Errc::Unauthorized) return std::unexpected(read->error());
  if (now && then) return changes_between({before, *then}, {after, *now});
  auto changes = changes_between(before, after, false);
  changes.insert(changes.begin(), "secret not compared: " + (now ? then : now).error().detail);
  return changes;
}

int versions(const CommonOptions& common, std::int64_t id) {
  if (common.is_remote()) {
    const auto heard = ask_server(common.remote, "GET", fmt::format("/v1/certificates/{}/versions", id));
    if (heard) print_versions(heard->at("items"), common.json);
    return heard ? int{kDone} : heard.error();
  }
  auto store = open_store(common, true);
  if (!store) return store.error();
  const auto found = (*store)->certificate_versions(CertificateId{id});
  if (!found) return say_error(found.error());
  nlohmann::json json = nlohmann::json::array();
  for (std::size_t i = 0; i < found->size(); ++i) {
    const store::CertificateVersion& version = (*found)[i];
    const auto changed = what_changed(**store, *found, i);
    if (!changed) return say_error(changed.error());
    json.push_back({{"version", version.certificate.version},
                    {"written_at", to_ms(version.written_at)},
                    {"written_by", version.written_by},
                    {"in_use", version.in_use},
                    {"changes", *changed}});
  }
  print_versions(json, common.json);
  return kDone;
}

int removed(const CommonOptions& common) {
  if (common.is_remote()) {
    const auto heard = ask_server(common.remote, "GET", "/v1/certificates/removed");
    if (heard) print_removed_certificates(heard->at("items"), common.json);
    return heard ? int{kDone} : heard.error();
  }
  auto store = open_store(common, false);
  if (!store) return store.error();
  const auto found = (*store)->removed_certificates(std::nullopt);
  if (!found) return say_error(found.error());
  nlohmann::json json = nlohmann::json::array();
  for (const store::CertificateVersion& one : *found) {
    const Certificate& c = one.certificate;
    json.push_back({{"id", c.id.value},
                    {"app_id", c.app.value},
                    {"vendor", name_of(c.vendor)},
                    {"name", c.name},
                    {"bundle_id", c.bundle_id},
                    {"version", c.version}});
  }
  print_removed_certificates(json, common.json);
  return kDone;
}

int say_rolled_back(const CommonOptions& common, std::int64_t id, std::int64_t to, std::int64_t version,
                    std::string_view status) {
  if (common.json)
    print_json({{"id", id}, {"version", version}, {"as", to}, {"status", status}});
  else
    fmt::print("version {} of certificate {} is as version {} was\n", version, id, to);
  return kDone;
}

int roll_back_remotely(const CommonOptions& common, std::int64_t id, std::optional<std::int64_t> to) {
  const std::string target = fmt::format("/v1/certificates/{}/{}", id, to ? "rollback" : "restore");
  const auto heard =
      to ? ask_server(common.remote, "POST", target, {{"version", *to}}) : ask_server(common.remote, "POST", target);
  if (!heard) return heard.error();
  const auto version = heard->at("version").get<std::int64_t>();
  return say_rolled_back(common, id, to.value_or(version - 1), version, heard->at("status").get<std::string>());
}

/// nullopt: the last one, of a certificate that was removed.
int roll_back(const CommonOptions& common, std::int64_t id, std::optional<std::int64_t> to) {
  if (common.is_remote()) return roll_back_remotely(common, id, to);
  auto store = open_store(common, false);
  if (!store) return store.error();
  const bool restores = !to;
  if (restores) {
    const auto found = (*store)->certificate_versions(CertificateId{id});
    if (!found) return say_error(found.error());
    if (found->front().in_use) return say_error(fmt::format("certificate {}: was not removed", id), kBadUsage);
    to = found->front().certificate.version;
  }
  const auto changed =
      recorded(**store, restores ? "certificate.restore" : "certificate.rollback", [&](store::AuditEntry& entry) {
        const auto before = (*store)->certificate(CertificateId{id});  // none: it was removed
        auto after = (*store)->roll_back_certificate(CertificateId{id}, *to);
        if (after) note_certificate(entry, before ? &*before : nullptr, &*after);
        return after;
      });
  if (!changed) return say_error(changed.error());
  return say_rolled_back(common, id, *to, changed->version, name_of(changed->status));
}

int purge(const CommonOptions& common, std::int64_t id) {
  auto store = open_store(common, false);
  if (!store) return store.error();
  const auto gone = recorded(**store, "certificate.purge", [&](store::AuditEntry& entry) {
    auto purged = (*store)->purge_certificate(CertificateId{id});
    entry.object = std::to_string(id);
    if (purged) entry.after = nlohmann::json{{"purged", *purged}}.dump();
    return purged;
  });
  if (!gone) return say_error(gone.error());
  if (common.json)
    print_json({{"id", id}, {"purged", *gone}});
  else
    fmt::print("{} of certificate {} forgotten\n", counted(*gone, "version"), id);
  return kDone;
}

int rekey(const CommonOptions& common) {
  auto store = open_store(common, true);
  if (!store) return store.error();
  const auto done = recorded(**store, "certificate.rekey", [&](store::AuditEntry& entry) {
    auto rekeyed = (*store)->rekey_certificates();
    if (rekeyed)
      entry.after =
          nlohmann::json{{"sealed_anew", rekeyed->sealed_anew}, {"not_opened", rekeyed->not_opened.size()}}.dump();
    return rekeyed;
  });
  if (!done) return say_error(done.error());
  if (common.json)
    print_json({{"sealed_anew", done->sealed_anew}, {"current", done->current}, {"not_opened", done->not_opened}});
  else
    fmt::print("{} sealed anew, {} already by this key\n", counted(done->sealed_anew, "secret"), done->current);
  for (const std::string& line : done->not_opened) say_error(line, kNotAllWell);
  return done->not_opened.empty() ? kDone : kNotAllWell;
}

/// All certificates of the store of another config, under their ids.
int copy(const CommonOptions& common, const std::string& from_path, bool dry_run) {
  auto from = open_store(CommonOptions{.config_path = from_path}, true);
  if (!from) return from.error();
  auto to = open_store(common, true);
  if (!to) return to.error();
  const auto found = (*from)->certificates(std::nullopt);
  if (!found) return say_error(found.error());
  std::size_t copied = 0;
  bool all_well = true;
  for (const Certificate& certificate : *found) {
    const auto say = [&](const Error& error) {
      all_well = false;
      return say_error(fmt::format("certificate {} ({}): {}", certificate.id.value, certificate.name, error.detail),
                       kNotAllWell);
    };
    const auto secret = (*from)->secret(certificate.id);
    if (!secret) {
      say(secret.error());
      continue;
    }
    if (dry_run) {
      ++copied;
      continue;
    }
    const auto put = recorded(**to, "certificate.copy", [&](store::AuditEntry& entry) {
      auto there = (*to)->put_certificate(certificate.id, {certificate, *secret});
      if (there) note_certificate(entry, nullptr, &*there);
      return there;
    });
    if (!put)
      say(put.error());
    else
      ++copied;
  }
  if (common.json)
    print_json({{"found", found->size()}, {"copied", dry_run ? 0 : copied}, {"dry_run", dry_run}});
  else
    fmt::print("{} of {} {}\n", copied, found->size(), dry_run ? "can be opened here; nothing was written" : "copied");
  return all_well ? kDone : kNotAllWell;
}

}  // namespace

void add_cert_history_commands(CLI::App& cert, int& exit_code) {
  struct Options {
    CommonOptions common;
    std::int64_t id = 0;
    std::int64_t to = 0;
  };
  const auto add = [&cert, &exit_code](const char* name, const char* what, bool with_id, const char* footer, auto run) {
    auto options = std::make_shared<Options>();
    CLI::App* command = cert.add_subcommand(name, what);
    options->common.add_store(*command);
    options->common.add_json(*command);
    if (with_id) command->add_option("id", options->id, "certificate id")->required();
    command->footer(footer);
    command->callback([options, run, &exit_code] { exit_code = run(*options); });
    return std::pair(command, options);
  };
  add("versions", "What a credential was: each version, when, by whom, what changed; no secret is shown", true,
      "Example:\n  nightpost cert versions 3 --config config/dev.json",
      [](const Options& options) { return versions(options.common, options.id); });
  const auto [command, options] =
      add("rollback", "Use an earlier version again, secret included, as the next one; the status stays", true,
          "Example:\n  nightpost cert rollback 3 --to 2 --config config/dev.json",
          [](const Options& asked) { return roll_back(asked.common, asked.id, asked.to); });
  command->add_option("--to", options->to, "its number, of: nightpost cert versions")->required();
  add("removed", "Credentials that were removed and can be restored", false,
      "Example:\n  nightpost cert removed --config config/dev.json",
      [](const Options& asked) { return removed(asked.common); });
  add("restore", "Take back a removal: the credential is there again, under its id", true,
      "Example:\n  nightpost cert restore 3 --config config/dev.json",
      [](const Options& asked) { return roll_back(asked.common, asked.id, std::nullopt); });
  add("purge", "Forget earlier versions, or all of a removed credential: their secrets are gone", true,
      "Example:\n  nightpost cert purge 3 --config config/dev.json",
      [](const Options& asked) { return purge(asked.common, asked.id); });
  struct CopyOptions {
    CommonOptions common;
    std::string from;
    bool dry_run = false;
  };
  auto copied = std::make_shared<CopyOptions>();
  CLI::App* copy_command = cert.add_subcommand(
      "copy", "All credentials of another store, under the same ids, sealed by this one's master key");
  copied->common.add_store(*copy_command);
  copied->common.add_json(*copy_command);
  copy_command->add_option("--from", copied->from, "the config of the store that has them")
      ->required()
      ->type_name("FILE");
  copy_command->add_flag("--dry-run", copied->dry_run, "only see whether their secrets open");
  copy_command->footer(
      "From SQLite to PostgreSQL, say; earlier versions stay behind.\n"
      "Example:\n  nightpost cert copy --from sqlite.json --config postgres.json");
  copy_command->callback([copied, &exit_code] { exit_code = copy(copied->common, copied->from, copied->dry_run); });
  add("rekey", "Seal every secret anew by the first key of the master key file", false,
      "How to change the master key while everything runs: put the new key as the first line of the key file of each\n"
      "machine (the old one stays below it), run this once, take the old line away.\n"
      "Example:\n  nightpost cert rekey --config config/dev.json",
      [](const Options& asked) { return rekey(asked.common); });
}

}  // namespace nightpost::app
