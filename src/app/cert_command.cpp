// nightpost cert: vendor credentials, sealed on the way in and never shown again.
#include <fmt/format.h>

#include "app/commands.h"
#include "app/dev_key.h"
#include "app/output.h"
#include "app/vendors.h"
#include "store/sealer.h"

namespace nightpost::app {
namespace {

nlohmann::json as_json(const Certificate& certificate) {
  return {{"id", certificate.id.value},
          {"app_id", certificate.app.value},
          {"vendor", name_of(certificate.vendor)},
          {"name", certificate.name},
          {"bundle_id", certificate.bundle_id},
          {"environment", name_of(certificate.environment)},
          {"facts", certificate.facts},
          {"host", certificate.host_override},
          {"has_ca", !certificate.ca_pem.empty()},
          {"status", name_of(certificate.status)},
          {"version", certificate.version}};
}

std::string fact(const Certificate& certificate, const std::string& name) {
  const auto found = certificate.facts.find(name);
  return found == certificate.facts.end() ? "" : found->second;
}

struct AddOptions {
  CommonOptions common;
  std::string vendor, name, file, password, password_file, key_id, team_id, bundle_id, environment, host, ca_file;
  std::int64_t app = 0;
};

int add(const AddOptions& options) {
  Certificate claimed;
  const auto vendor = vendor_from(options.vendor);
  if (!vendor) return say_error(fmt::format("--vendor {}: no such vendor; known: apns", options.vendor), kBadUsage);
  claimed.vendor = *vendor;
  claimed.app = AppId{options.app};
  claimed.name = options.name;
  claimed.bundle_id = options.bundle_id;
  claimed.host_override = options.host;
  if (!options.key_id.empty()) claimed.facts["key_id"] = options.key_id;
  if (!options.team_id.empty()) claimed.facts["team_id"] = options.team_id;
  std::optional<Environment> asked;
  if (!options.environment.empty()) {
    asked = environment_from(options.environment);
    if (!asked)
      return say_error(fmt::format("--environment {}: neither production nor development", options.environment),
                       kBadUsage);
    claimed.environment = *asked;
  }
  CertificateSecret secret;
  const auto file = read_file(options.file);
  if (!file) return say_error(file.error());
  secret.bytes = *file;
  secret.password = options.password;
  if (!options.password_file.empty()) {
    const auto password = read_file(options.password_file);
    if (!password) return say_error(password.error());
    secret.password = password->substr(0, password->find_last_not_of("\r\n") + 1);
  }
  if (!options.ca_file.empty()) {
    const auto ca = read_file(options.ca_file);
    if (!ca) return say_error(ca.error());
    claimed.ca_pem = *ca;
  }
  auto inspected = inspect_upload(std::move(claimed), secret, SystemClock().wall(), asked);
  if (!inspected) return say_error(fmt::format("{}: {}", options.file, inspected.error().detail), kBadUsage);
  // The lane is built of exactly these parts; what would fail there fails here, before anything is stored.
  if (const auto parts = make_vendor_parts(*inspected, secret); !parts)
    return say_error(fmt::format("{}: {}", options.file, parts.error().detail), kBadUsage);

  auto store = open_store(options.common, true);
  if (!store) return store.error();
  const auto added = (*store)->add_certificate({*std::move(inspected), std::move(secret)});
  if (!added) return say_error(added.error());
  if (options.common.json) {
    print_json(as_json(*added));
  } else {
    fmt::print("{}\n", added->id.value);
  }
  return kDone;
}

int list(const CommonOptions& common, std::optional<std::int64_t> app) {
  auto store = open_store(common, false);
  if (!store) return store.error();
  const auto found = (*store)->certificates(app ? std::optional(AppId{*app}) : std::nullopt);
  if (!found) return say_error(found.error());
  if (common.json) {
    nlohmann::json all = nlohmann::json::array();
    for (const Certificate& certificate : *found) all.push_back(as_json(certificate));
    print_json(all);
    return kDone;
  }
  Table table({"ID", "APP", "VENDOR", "NAME", "BUNDLE ID", "ENVIRONMENT", "KIND", "EXPIRES", "STATUS"});
  for (const Certificate& c : *found)
    table.row({std::to_string(c.id.value), std::to_string(c.app.value), std::string(name_of(c.vendor)), c.name,
               c.bundle_id, std::string(name_of(c.environment)), fact(c, "kind"), fact(c, "not_after"),
               std::string(name_of(c.status))});
  fmt::print("{}", table.text("no certificates; add one with: nightpost cert add --help"));
  return kDone;
}

int show(const CommonOptions& common, std::int64_t id) {
  auto store = open_store(common, false);
  if (!store) return store.error();
  const auto found = (*store)->certificate(CertificateId{id});
  if (!found) return say_error(found.error());
  if (common.json) {
    print_json(as_json(*found));
    return kDone;
  }
  const auto line = [](std::string_view name, std::string_view value) {
    if (!value.empty()) fmt::print("{:<14} {}\n", name, value);
  };
  line("id", std::to_string(found->id.value));
  line("app", std::to_string(found->app.value));
  line("vendor", name_of(found->vendor));
  line("name", found->name);
  line("bundle id", found->bundle_id);
  line("environment", name_of(found->environment));
  for (const auto& [name, value] : found->facts) line(name, value);
  line("host", found->host_override);
  line("own CA", found->ca_pem.empty() ? "" : "yes");
  line("status", name_of(found->status));
  line("version", std::to_string(found->version));
  line("secret", "sealed, never shown");
  return kDone;
}

int remove(const CommonOptions& common, std::int64_t id) {
  auto store = open_store(common, false);
  if (!store) return store.error();
  const auto removed = (*store)->remove_certificate(CertificateId{id});
  if (!removed) return say_error(removed.error());
  if (common.json) print_json({{"removed", id}});
  return kDone;
}

int new_key(const std::string& path) {
  const auto written = write_private_file(path, store::Sealer::new_key_text() + '\n');
  return written ? int{kDone} : say_error(written.error());
}

}  // namespace

void add_cert_command(CLI::App& root, int& exit_code) {
  CLI::App* cert = root.add_subcommand("cert", "Vendor credentials: add, list, show, remove");
  cert->require_subcommand(1);

  auto added = std::make_shared<AddOptions>();
  CLI::App* add_command =
      cert->add_subcommand("add", "Check a credential, seal its secret and store it; prints its id");
  added->common.add_config(*add_command);
  added->common.add_json(*add_command);
  add_command->add_option("--vendor", added->vendor, "apns")->required();
  add_command->add_option("--app", added->app, "app (tenant) id")->required()->check(CLI::PositiveNumber);
  add_command->add_option("--name", added->name, "letters, digits, '-', '_', '.'")->required();
  add_command->add_option("--file", added->file, "the secret: AuthKey_….p8 or a .p12")->required()->type_name("FILE");
  add_command->add_option("--key-id", added->key_id, "p8: the key's 10-character id");
  add_command->add_option("--team-id", added->team_id, "p8: the team's 10-character id");
  add_command->add_option("--bundle-id", added->bundle_id, "the app's bundle id; p12: read from the certificate");
  add_command->add_option("--environment", added->environment, "production or development");
  add_command->add_option("--password-file", added->password_file, "p12: file with its password, - is stdin")
      ->type_name("FILE");
  add_command->add_option("--password", added->password, "p12: its password (other users can see it: prefer the file)")
      ->envname("NIGHTPOST_P12_PASSWORD");
  add_command->add_option("--host", added->host, "https://host:port instead of the vendor's own, e.g. the sandbox's");
  add_command->add_option("--ca-file", added->ca_file, "PEM: trust anchor for --host")->type_name("FILE");
  add_command->footer(
      "Example:\n  nightpost cert add --config config/dev.json --vendor apns --app 1400000001 --name shop-prod \\\n"
      "    --file AuthKey_ABC123DEFG.p8 --key-id ABC123DEFG --team-id DEF123GHIJ --bundle-id com.example.shop \\\n"
      "    --environment production");
  add_command->callback([added, &exit_code] { exit_code = add(*added); });

  auto listed = std::make_shared<CommonOptions>();
  auto listed_app = std::make_shared<std::optional<std::int64_t>>();
  CLI::App* list_command = cert->add_subcommand("list", "All credentials, without their secrets");
  listed->add_config(*list_command);
  listed->add_json(*list_command);
  list_command->add_option("--app", *listed_app, "only this app's");
  list_command->footer("Example:\n  nightpost cert list --config config/dev.json --json");
  list_command->callback([listed, listed_app, &exit_code] { exit_code = list(*listed, *listed_app); });

  auto shown = std::make_shared<CommonOptions>();
  auto shown_id = std::make_shared<std::int64_t>(0);
  CLI::App* show_command = cert->add_subcommand("show", "One credential's facts; the secret is never shown");
  shown->add_config(*show_command);
  shown->add_json(*show_command);
  show_command->add_option("id", *shown_id, "certificate id")->required();
  show_command->footer("Example:\n  nightpost cert show 1 --config config/dev.json");
  show_command->callback([shown, shown_id, &exit_code] { exit_code = show(*shown, *shown_id); });

  auto removed = std::make_shared<CommonOptions>();
  auto removed_id = std::make_shared<std::int64_t>(0);
  CLI::App* remove_command = cert->add_subcommand("remove", "Forget a credential; refused while devices use it");
  removed->add_config(*remove_command);
  removed->add_json(*remove_command);
  remove_command->add_option("id", *removed_id, "certificate id")->required();
  remove_command->footer("Example:\n  nightpost cert remove 1 --config config/dev.json");
  remove_command->callback([removed, removed_id, &exit_code] { exit_code = remove(*removed, *removed_id); });

  auto key_path = std::make_shared<std::string>();
  CLI::App* key_command = cert->add_subcommand("new-key", "Make a master key file (mode 0600) that seals all secrets");
  key_command->add_option("file", *key_path, "where; never overwrites")->required()->type_name("FILE");
  key_command->footer("Example:\n  nightpost cert new-key /etc/nightpost/master.key");
  key_command->callback([key_path, &exit_code] { exit_code = new_key(*key_path); });
}

}  // namespace nightpost::app
