#include "app/cert_upload.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "app/cert_change.h"
#include "app/commands.h"

namespace nightpost::app {
namespace {

/// A file that holds one line: without the line end that editors put behind it.
Result<std::string> read_line_of(const std::string& option, const std::string& path) {
  auto text = read_file(path);
  if (!text) return fail(text.error().code, option + " " + text.error().detail);
  text->resize(text->find_last_not_of("\r\n") + 1);  // npos + 1 is 0
  if (text->empty()) return fail(Errc::Malformed, fmt::format("{} {}: is empty", option, path));
  if (text->contains('\n')) return fail(Errc::Malformed, fmt::format("{} {}: has more than one line", option, path));
  return text;
}

}  // namespace

void CertificateUpload::add_to(CLI::App& command) {
  auto* whole = command.add_option("--file", file, "the secret as a file: .p8, .p12, service account; - is stdin")
                    ->type_name("FILE");
  command.add_option("--secret-file", secret_file, "file with the secret as a line of text: app secret; - is stdin")
      ->type_name("FILE")
      ->excludes(whole);
  command.add_option("--set", settings, "a setting of the vendor's, see: cert fields; may be repeated")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  command.add_option("--bundle-id,--package", bundle_id, "the app's bundle id or package name");
  command.add_option("--environment", environment, "production or development");
  command
      .add_option("--receipt-key-file", receipt_key_file,
                  "file with the key its receipts are verified by; absent: a random one, see: cert show --receipt-key")
      ->type_name("FILE");
  command.add_option("--key-id", key_id, "apns .p8: the key's 10-character id");
  command.add_option("--team-id", team_id, "apns .p8: the team's 10-character id");
  command.add_option("--password-file", password_file, "apns .p12: file with its password, - is stdin")
      ->type_name("FILE");
  command.add_option("--password", password, "apns .p12: its password (other users can see it: prefer the file)")
      ->envname("NIGHTPOST_P12_PASSWORD");
  command.add_option("--host", host, "https://host:port instead of the vendor's own, e.g. the sandbox's");
  command.add_option("--ca-file", ca_file, "PEM: trust anchor for --host")->type_name("FILE");
}

Result<store::NewCertificate> CertificateUpload::applied_to(store::NewCertificate before, WallTime now) const {
  const auto given = change(before.facts.vendor, !before.secret.bytes.empty());
  if (!given) return std::unexpected(given.error());
  auto changed = changed_certificate(std::move(before), *given, now);
  if (!changed) return fail(Errc::Malformed, std::move(changed.error().message));
  return *std::move(changed);
}

Result<admin::CertificateChange> CertificateUpload::change(std::optional<Vendor> vendor, bool has_secret) const {
  const std::array files = {file, secret_file, password_file, ca_file, receipt_key_file};
  if (std::ranges::count(files, "-") > 1) return fail(Errc::Malformed, "only one file can be - (stdin)");
  admin::CertificateChange out{.name = name,
                               .bundle_id = bundle_id,
                               .host = host,
                               .key_id = key_id,
                               .team_id = team_id,
                               .new_receipt_key = new_receipt_key};
  if (const auto read = read_choices(out, vendor); !read) return std::unexpected(read.error());
  if (const auto read = read_secrets(out, has_secret); !read) return std::unexpected(read.error());
  return out;
}

Result<void> CertificateUpload::read_choices(admin::CertificateChange& to, std::optional<Vendor> vendor) const {
  if (vendor && *vendor != Vendor::Apns && (key_id || team_id))
    return fail(Errc::Malformed, fmt::format("--key-id and --team-id are apns's, not {}'s", name_of(*vendor)));
  if (!environment.empty()) {
    if (!environment_from(environment))
      return fail(Errc::Malformed, fmt::format("--environment {}: neither production nor development", environment));
    to.environment = environment;
  }
  for (const std::string& given : settings) {
    const std::size_t equals = given.find('=');
    if (equals == 0 || equals == std::string::npos)
      return fail(Errc::Malformed, fmt::format("--set {}: not NAME=VALUE", given));
    to.settings[given.substr(0, equals)] = given.substr(equals + 1);
  }
  if (!ca_file.empty()) {
    auto ca = read_file(ca_file);
    if (!ca) return fail(ca.error().code, "--ca-file " + ca.error().detail);
    to.ca = *std::move(ca);
  }
  return {};
}

Result<void> CertificateUpload::read_secrets(admin::CertificateChange& to, bool has_secret) const {
  if (!file.empty()) {
    auto secret = read_file(file);
    if (!secret) return fail(secret.error().code, "--file " + secret.error().detail);
    to.file = *std::move(secret);
  } else if (!secret_file.empty()) {
    auto secret = read_line_of("--secret-file", secret_file);
    if (!secret) return std::unexpected(secret.error());
    to.secret = *std::move(secret);
  }
  const bool none = to.file ? to.file->empty() : !to.secret && !has_secret;
  if (none) return fail(Errc::Malformed, "no secret: give --file, or --secret-file for one that is a line of text");
  if (!password.empty()) to.password = password;
  if (!password_file.empty()) {
    auto read = read_line_of("--password-file", password_file);
    if (!read) return std::unexpected(read.error());
    to.password = *std::move(read);
  }
  if (!receipt_key_file.empty()) {
    auto key = read_line_of("--receipt-key-file", receipt_key_file);
    if (!key) return std::unexpected(key.error());
    to.receipt_key = *std::move(key);
  }
  return {};
}

}  // namespace nightpost::app
