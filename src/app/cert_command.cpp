// nightpost cert: vendor credentials, sealed on the way in and never shown again.
#include <fmt/format.h>

#include <map>

#include "admin/views.h"
#include "app/cert_fields.h"
#include "app/cert_upload.h"
#include "app/cert_verify.h"
#include "app/cli_audit.h"
#include "app/command_print.h"
#include "app/commands.h"
#include "app/console_desks.h"
#include "app/dev_account.h"
#include "app/held_removals.h"
#include "app/output.h"
#include "app/vendors.h"
#include "app/worker.h"
#include "core/text.h"
#include "store/sealer.h"

namespace nightpost::app {
namespace {

using Held = std::map<std::int64_t, HeldSummary>;

std::vector<std::string> warnings_now(const Certificate& certificate, const Held& held = {}) {
  std::vector<std::string> all = warnings_of(certificate, SystemClock().wall());
  if (const auto found = held.find(certificate.id.value); found != held.end()) all.push_back(warning_of(found->second));
  return all;
}

/// Empty where the store does not say: what is shown beside it does not depend on it.
Held held_in(store::Store& store) {
  const auto holds = store.removal_holds(std::nullopt);
  return holds ? summarize(*holds) : Held();
}

nlohmann::json as_json(const Certificate& certificate, const Held& held = {}) {
  const Config config;
  const SystemClock clock;
  const ConsoleCertificates desk(config, clock);
  nlohmann::json json = admin::certificate_view(certificate, desk, clock.wall());
  json["warnings"] = warnings_now(certificate, held);
  return json;
}

/// Prints what was stored: JSON, or the id. `certificate`: as the admin API shows it.
int say_stored(const CommonOptions& common, const nlohmann::json& certificate) {
  if (common.json) {
    print_json(certificate);
  } else {
    fmt::print("{}\n", certificate.at("id").get<std::int64_t>());
  }
  for (const nlohmann::json& warning : certificate.at("warnings"))
    say_error("warning: " + printable(warning.get<std::string>()), kDone);
  return kDone;
}

int say_stored(const CommonOptions& common, const Result<Certificate>& stored) {
  return stored ? say_stored(common, as_json(*stored)) : say_error(stored.error());
}

/// What the server has stored.
int say_stored(const CommonOptions& common, const std::expected<nlohmann::json, int>& heard) {
  return heard ? say_stored(common, *heard) : heard.error();
}

std::string certificate_target(std::int64_t id, std::string_view behind = "") {
  return fmt::format("/v1/certificates/{}{}", id, behind);
}

/// What was given, as the members of the API's body.
nlohmann::json body_of_change(const admin::CertificateChange& change) {
  nlohmann::json body = nlohmann::json::object();
  const auto put = [&body](const char* name, const std::optional<std::string>& value) {
    if (value) body[name] = *value;
  };
  put("name", change.name);
  put("bundle_id", change.bundle_id);
  put("environment", change.environment);
  put("host", change.host);
  put("ca", change.ca);
  put("key_id", change.key_id);
  put("team_id", change.team_id);
  put("secret", change.secret);
  put("password", change.password);
  put("receipt_key", change.receipt_key);
  if (change.file) body["file"] = base64(*change.file);
  if (change.new_receipt_key) body["new_receipt_key"] = true;
  for (const auto& [name, value] : change.settings)
    body["settings"][name] = value && !value->empty() ? nlohmann::json(*value) : nlohmann::json();
  return body;
}

struct AddOptions {
  CommonOptions common;
  std::string vendor;
  std::int64_t app = 0;
  CertificateUpload upload;
};

std::expected<Vendor, int> vendor_named(const std::string& name) {
  const auto vendor = vendor_from(name);
  if (vendor && is_known(*vendor)) return *vendor;
  return std::unexpected(
      say_error(fmt::format("--vendor {}: no such vendor; known: {}", name, vendors_known()), kBadUsage));
}

int add(const AddOptions& options) {
  const auto vendor = vendor_named(options.vendor);
  if (!vendor) return vendor.error();
  if (options.common.is_remote()) {
    const auto given = options.upload.change(*vendor, false);
    if (!given) return say_error(given.error());
    nlohmann::json body = body_of_change(*given);
    body.update({{"app_id", options.app}, {"vendor", name_of(*vendor)}});
    return say_stored(options.common, ask_server(options.common.remote, "POST", "/v1/certificates", body));
  }
  store::NewCertificate empty{.facts = {.app = {options.app}, .vendor = *vendor}, .secret = {}};
  const auto given = options.upload.applied_to(std::move(empty), SystemClock().wall());
  if (!given) return say_error(given.error());
  auto store = open_store(options.common, true);
  if (!store) return store.error();
  return say_stored(options.common, recorded(**store, "certificate.add", [&](store::AuditEntry& entry) {
                      auto added = (*store)->add_certificate(*given);
                      if (added) note_certificate(entry, nullptr, &*added);
                      return added;
                    }));
}

int update(const CommonOptions& common, std::int64_t id, const CertificateUpload& upload) {
  if (common.is_remote()) {
    const auto given = upload.change(std::nullopt, true);
    if (!given) return say_error(given.error());
    return say_stored(common, ask_server(common.remote, "PATCH", certificate_target(id), body_of_change(*given)));
  }
  auto store = open_store(common, true);
  if (!store) return store.error();
  const auto certificate = (*store)->certificate(CertificateId{id});
  if (!certificate) return say_error(certificate.error());
  const auto secret = (*store)->secret(CertificateId{id});
  if (!secret) return say_error(secret.error());
  const auto changed = upload.applied_to({*certificate, *secret}, SystemClock().wall());
  if (!changed) return say_error(changed.error());
  return say_stored(common, recorded(**store, "certificate.replace", [&](store::AuditEntry& entry) {
                      auto after = (*store)->replace_certificate(CertificateId{id}, *changed, certificate->version);
                      if (after) note_certificate(entry, &*certificate, &*after);
                      return after;
                    }));
}

int set_status(const CommonOptions& common, std::int64_t id, CertificateStatus status) {
  if (common.is_remote()) {
    const bool active = status == CertificateStatus::Active;
    const auto heard = ask_server(common.remote, "POST", certificate_target(id, active ? "/enable" : "/disable"));
    if (heard && common.json) print_json(*heard);
    return heard ? int{kDone} : heard.error();
  }
  auto store = open_store(common, false);
  if (!store) return store.error();
  const auto changed =
      recorded(**store, status == CertificateStatus::Active ? "certificate.enable" : "certificate.disable",
               [&](store::AuditEntry& entry) -> Result<Certificate> {
                 const auto before = (*store)->certificate(CertificateId{id});
                 if (!before) return std::unexpected(before.error());
                 auto after = (*store)->set_certificate_status(CertificateId{id}, status);
                 if (after) note_certificate(entry, &*before, &*after);
                 return after;
               });
  if (!changed) return say_error(changed.error());
  if (common.json) print_json(as_json(*changed));
  return kDone;
}

int fields(bool json, const std::string& vendor_name) {
  std::optional<Vendor> only;
  if (!vendor_name.empty()) {
    const auto vendor = vendor_named(vendor_name);
    if (!vendor) return vendor.error();
    only = *vendor;
  }
  if (json)
    print_json(certificate_fields(only));
  else
    fmt::print("{}", certificate_fields_text(only));
  return kDone;
}

int list(const CommonOptions& common, std::optional<std::int64_t> app) {
  nlohmann::json all = nlohmann::json::array();
  if (common.is_remote()) {
    const std::string only = app ? std::to_string(*app) : "";
    auto heard = ask_server(common.remote, "GET", target_of("/v1/certificates", {{"app", only}}));
    if (!heard) return heard.error();
    all = heard->at("items");
  } else {
    auto store = open_store(common, false);
    if (!store) return store.error();
    const auto found = (*store)->certificates(app ? std::optional(AppId{*app}) : std::nullopt);
    if (!found) return say_error(found.error());
    const Held held = held_in(**store);
    for (const Certificate& certificate : *found) all.push_back(as_json(certificate, held));
  }
  print_certificates(all, common.json);
  return kDone;
}

/// `key`: what GET …/receipt-key says; null: not asked for.
int say_certificate(const CommonOptions& common, nlohmann::json certificate, const nlohmann::json& key) {
  if (!common.json) {
    print_certificate(certificate, key.is_null() ? "" : key.at("receipt_key").get<std::string>());
    return kDone;
  }
  if (!key.is_null()) certificate.update(key);
  print_json(certificate);
  return kDone;
}

int show_remotely(const CommonOptions& common, std::int64_t id, bool with_receipt_key) {
  auto found = ask_server(common.remote, "GET", certificate_target(id));
  if (!found) return found.error();
  nlohmann::json key;
  if (with_receipt_key) {
    auto heard = ask_server(common.remote, "GET", certificate_target(id, "/receipt-key"));
    if (!heard) return heard.error();
    key = *std::move(heard);
  }
  return say_certificate(common, *std::move(found), key);
}

int show(const CommonOptions& common, std::int64_t id, bool with_receipt_key) {
  if (common.is_remote()) return show_remotely(common, id, with_receipt_key);
  auto store = open_store(common, with_receipt_key);
  if (!store) return store.error();
  const auto found = (*store)->certificate(CertificateId{id});
  if (!found) return say_error(found.error());
  std::string receipt_key;
  if (with_receipt_key) {
    auto secret = (*store)->secret(found->id);
    if (!secret) return say_error(secret.error());
    receipt_key = std::move(secret->receipt_key);
    if (receipt_key.empty())
      return say_error(
          fmt::format("certificate {}: has no receipt key; cert update {} --new-receipt-key makes one", id, id),
          kNotAllWell);
    store::AuditEntry entry = cli_entry("certificate.receipt_key");
    note_certificate(entry, nullptr, &*found);
    if (const auto noted = (*store)->add_audit(entry); !noted) return say_error(noted.error());
  }
  nlohmann::json key;
  if (with_receipt_key) key = {{"receipt_key", receipt_key}, {"receipt_path", receipt_path(*found)}};
  return say_certificate(common, as_json(*found, held_in(**store)), key);
}

int remove(const CommonOptions& common, std::int64_t id) {
  if (common.is_remote()) {
    const auto heard = ask_server(common.remote, "DELETE", certificate_target(id));
    if (heard && common.json) print_json({{"removed", id}});
    return heard ? int{kDone} : heard.error();
  }
  auto store = open_store(common, false);
  if (!store) return store.error();
  const auto removed = recorded(**store, "certificate.remove", [&](store::AuditEntry& entry) -> Result<void> {
    const auto before = (*store)->certificate(CertificateId{id});
    if (!before) return std::unexpected(before.error());
    note_certificate(entry, &*before, nullptr);
    return (*store)->remove_certificate(CertificateId{id});
  });
  if (!removed) return say_error(removed.error());
  if (common.json) print_json({{"removed", id}});
  return kDone;
}

int verify(const CommonOptions& common, std::int64_t id, std::int64_t timeout_ms) {
  if (common.is_remote()) {
    auto heard = ask_server(common.remote, "POST", certificate_target(id, "/verify"));
    if (!heard) return heard.error();
    (*heard)["id"] = id;
    return print_verification(*heard, common.json);
  }
  const auto config = common.load();
  if (!config) return config.error();
  auto store = open_store(*config, true);
  if (!store) return say_error(store.error());
  const auto certificate = (*store)->certificate(CertificateId{id});
  if (!certificate) return say_error(certificate.error());
  const auto secret = (*store)->secret(CertificateId{id});
  if (!secret) return say_error(secret.error());
  const Verification found =
      verify_credential(*config, {*certificate, *secret}, milliseconds(timeout_ms), SystemClock());
  return print_verification({{"id", id},
                             {"verdict", name_of(found.verdict)},
                             {"rule", found.rule},
                             {"code", found.code},
                             {"reason", found.reason},
                             {"trouble", found.trouble}},
                            common.json);
}

int new_key(const std::string& path) {
  const auto written = write_private_file(path, store::Sealer::new_key_text() + '\n');
  return written ? int{kDone} : say_error(written.error());
}

}  // namespace

void add_cert_command(CLI::App& root, int& exit_code) {
  CLI::App* cert = root.add_subcommand(
      "cert", "Vendor credentials: add, update, verify, list, show, disable, remove, roll back, rekey, held removals");
  cert->require_subcommand(1);

  auto added = std::make_shared<AddOptions>();
  CLI::App* add_command =
      cert->add_subcommand("add", "Check a credential, seal its secret and store it; prints its id");
  added->common.add_store(*add_command);
  added->common.add_json(*add_command);
  add_command->add_option("--vendor", added->vendor, vendors_known())->required();
  add_command->add_option("--app", added->app, "app (tenant) id")->required()->check(CLI::PositiveNumber);
  add_command->add_option("--name", added->upload.name, "letters, digits, '-', '_', '.'")->required();
  added->upload.add_to(*add_command);
  add_command->footer(
      "What each vendor wants: nightpost cert fields\nExamples:\n"
      "  nightpost cert add --config config/dev.json --vendor apns --app 1400000001 --name shop-ios \\\n"
      "    --file AuthKey_ABC123DEFG.p8 --key-id ABC123DEFG --team-id DEF123GHIJ --bundle-id com.example.shop \\\n"
      "    --environment production\n"
      "  nightpost cert add --config config/dev.json --vendor xiaomi --app 1400000001 --name shop-xiaomi \\\n"
      "    --package com.example.shop --set app_id=2882303761517000001 --set channel_id=im --secret-file "
      "xiaomi.secret");
  add_command->callback([added, &exit_code] { exit_code = add(*added); });

  struct UpdateOptions {
    CommonOptions common;
    std::int64_t id = 0;
    CertificateUpload upload;
  };
  auto updated = std::make_shared<UpdateOptions>();
  CLI::App* update_command = cert->add_subcommand(
      "update", "Change what is named, leave the rest; a credential that fails the check replaces nothing");
  updated->common.add_store(*update_command);
  updated->common.add_json(*update_command);
  update_command->add_option("id", updated->id, "certificate id")->required();
  update_command->add_option("--name", updated->upload.name, "letters, digits, '-', '_', '.'");
  updated->upload.add_to(*update_command);
  update_command->add_flag("--new-receipt-key", updated->upload.new_receipt_key,
                           "a new random one; the vendor must be told it");
  update_command->footer(
      "A setting without a value is no longer set. In receipt_url, {key} stands for the receipt key.\nExamples:\n"
      "  nightpost cert update 3 --config config/dev.json --secret-file new.secret --set channel_id=im2 --set click=\n"
      "  nightpost cert update 3 --config config/dev.json \\\n"
      "    --set 'receipt_url=https://push.example.com/receipts/xiaomi/3?key={key}'");
  update_command->callback(
      [updated, &exit_code] { exit_code = update(updated->common, updated->id, updated->upload); });

  struct VerifyOptions {
    CommonOptions common;
    std::int64_t id = 0, timeout_ms = 15'000;
  };
  auto verified = std::make_shared<VerifyOptions>();
  CLI::App* verify_command =
      cert->add_subcommand("verify", "Ask the vendor whether it takes the credential, by a push to a token of nobody");
  verified->common.add_store(*verify_command);
  verified->common.add_json(*verify_command);
  verify_command->add_option("id", verified->id, "certificate id")->required();
  verify_command->add_option("--timeout-ms", verified->timeout_ms, "for the vendor's answer")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  verify_command->footer(
      "Exit codes: 0 accepted, 1 refused, 3 the vendor gave no answer that tells.\n"
      "Example:\n  nightpost cert verify 3 --config config/dev.json");
  verify_command->callback(
      [verified, &exit_code] { exit_code = verify(verified->common, verified->id, verified->timeout_ms); });

  struct FieldsOptions {
    bool json = false;
    std::string vendor;
  };
  auto asked = std::make_shared<FieldsOptions>();
  CLI::App* fields_command = cert->add_subcommand("fields", "What each vendor wants: secret, package, settings");
  fields_command->add_option("--vendor", asked->vendor, "only this one's");
  fields_command->add_flag("--json", asked->json, "print JSON instead of a table");
  fields_command->footer("Example:\n  nightpost cert fields --vendor oppo");
  fields_command->callback([asked, &exit_code] { exit_code = fields(asked->json, asked->vendor); });

  for (const auto status : {CertificateStatus::Disabled, CertificateStatus::Active}) {
    const bool off = status == CertificateStatus::Disabled;
    auto common = std::make_shared<CommonOptions>();
    auto id = std::make_shared<std::int64_t>(0);
    CLI::App* command = off ? cert->add_subcommand("disable", "Send nothing with it until it is enabled")
                            : cert->add_subcommand("enable", "Send with it again");
    common->add_store(*command);
    common->add_json(*command);
    command->add_option("id", *id, "certificate id")->required();
    command->footer(
        fmt::format("Example:\n  nightpost cert {} 3 --config config/dev.json", off ? "disable" : "enable"));
    command->callback([common, id, status, &exit_code] { exit_code = set_status(*common, *id, status); });
  }

  auto listed = std::make_shared<CommonOptions>();
  auto listed_app = std::make_shared<std::optional<std::int64_t>>();
  CLI::App* list_command = cert->add_subcommand("list", "All credentials, without their secrets");
  listed->add_store(*list_command);
  listed->add_json(*list_command);
  list_command->add_option("--app", *listed_app, "only this app's");
  list_command->footer("Example:\n  nightpost cert list --config config/dev.json --json");
  list_command->callback([listed, listed_app, &exit_code] { exit_code = list(*listed, *listed_app); });

  auto shown = std::make_shared<CommonOptions>();
  auto shown_id = std::make_shared<std::int64_t>(0);
  auto shown_key = std::make_shared<bool>(false);
  CLI::App* show_command = cert->add_subcommand("show", "One credential's facts; the secret is never shown");
  shown->add_store(*show_command);
  shown->add_json(*show_command);
  show_command->add_option("id", *shown_id, "certificate id")->required();
  show_command->add_flag("--receipt-key", *shown_key,
                         "and the key its receipts are verified by, for the vendor's console");
  show_command->footer("Example:\n  nightpost cert show 1 --config config/dev.json");
  show_command->callback([shown, shown_id, shown_key, &exit_code] { exit_code = show(*shown, *shown_id, *shown_key); });

  auto removed = std::make_shared<CommonOptions>();
  auto removed_id = std::make_shared<std::int64_t>(0);
  CLI::App* remove_command =
      cert->add_subcommand("remove", "Take a credential away (`restore` brings it back); refused while devices use it");
  removed->add_store(*remove_command);
  removed->add_json(*remove_command);
  remove_command->add_option("id", *removed_id, "certificate id")->required();
  remove_command->footer("Example:\n  nightpost cert remove 1 --config config/dev.json");
  remove_command->callback([removed, removed_id, &exit_code] { exit_code = remove(*removed, *removed_id); });

  add_cert_removal_commands(*cert, exit_code);

  auto key_path = std::make_shared<std::string>();
  CLI::App* key_command = cert->add_subcommand("new-key", "Make a master key file (mode 0600) that seals all secrets");
  key_command->add_option("file", *key_path, "where; never overwrites")->required()->type_name("FILE");
  key_command->footer("Example:\n  nightpost cert new-key /etc/nightpost/master.key");
  key_command->callback([key_path, &exit_code] { exit_code = new_key(*key_path); });

  add_cert_history_commands(*cert, exit_code);
}

}  // namespace nightpost::app
