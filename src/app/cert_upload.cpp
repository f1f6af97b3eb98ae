#include "app/cert_upload.h"

#include <fmt/format.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>

#include "app/commands.h"
#include "app/vendors.h"
#include "core/text.h"

namespace nightpost::app {
namespace {

constexpr std::size_t kReceiptKeyBytes = 16;  // 32 hex digits: fits into the shortest receipt URL a vendor allows

/// A file that holds one line: without the line end that editors put behind it.
Result<std::string> read_line_of(const std::string& option, const std::string& path) {
  auto text = read_file(path);
  if (!text) return fail(text.error().code, option + " " + text.error().detail);
  text->resize(text->find_last_not_of("\r\n") + 1);  // npos + 1 is 0
  if (text->empty()) return fail(Errc::Malformed, fmt::format("{} {}: is empty", option, path));
  if (text->contains('\n')) return fail(Errc::Malformed, fmt::format("{} {}: has more than one line", option, path));
  return text;
}

Result<std::string> random_key() {
  std::array<unsigned char, kReceiptKeyBytes> bytes{};
  if (RAND_bytes(bytes.data(), bytes.size()) != 1) return fail(Errc::Io, "the system gave no random bytes");
  return hex({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

/// A receipt URL follows its key: "{key}", or the key there was, becomes the key there is.
void put_key_into(std::string& url, const std::string& old_key, const std::string& key) {
  const auto escaped = [](const std::string& text) {
    std::string out;
    append_form_escaped(out, text);
    return out;
  };
  for (const std::string& from : {std::string("{key}"), escaped(old_key)})
    if (const std::size_t at = from.empty() ? std::string::npos : url.find(from); at != std::string::npos)
      url.replace(at, from.size(), escaped(key));
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
  const std::array files = {file, secret_file, password_file, ca_file, receipt_key_file};
  if (std::ranges::count(files, "-") > 1) return fail(Errc::Malformed, "only one file can be - (stdin)");
  store::NewCertificate after = std::move(before);
  if (const auto read = read_choices(after.facts); !read) return std::unexpected(read.error());
  if (const auto read = read_secrets(after); !read) return std::unexpected(read.error());
  std::optional<Environment> asked;
  if (!environment.empty()) {
    asked = environment_from(environment);
    if (!asked)
      return fail(Errc::Malformed, fmt::format("--environment {}: neither production nor development", environment));
    after.facts.environment = *asked;
  }
  auto inspected = inspect_upload(std::move(after.facts), after.secret, now, asked);
  if (!inspected) return std::unexpected(inspected.error());
  after.facts = *std::move(inspected);
  // A shard sends with exactly these parts; what would fail there fails here.
  if (const auto parts = make_vendor_parts(after.facts, after.secret); !parts) return std::unexpected(parts.error());
  return after;
}

Result<void> CertificateUpload::read_choices(Certificate& to) const {
  if (name) to.name = *name;
  if (bundle_id) to.bundle_id = *bundle_id;
  if (host) to.host_override = *host;
  if (to.vendor != Vendor::Apns && (key_id || team_id))
    return fail(Errc::Malformed, fmt::format("--key-id and --team-id are apns's, not {}'s", name_of(to.vendor)));
  if (key_id) to.facts["key_id"] = *key_id;
  if (team_id) to.facts["team_id"] = *team_id;
  for (const std::string& given : settings) {
    const std::size_t equals = given.find('=');
    if (equals == 0 || equals == std::string::npos)
      return fail(Errc::Malformed, fmt::format("--set {}: not NAME=VALUE", given));
    std::string value = given.substr(equals + 1);
    if (value.empty())
      to.settings.erase(given.substr(0, equals));
    else
      to.settings[given.substr(0, equals)] = std::move(value);
  }
  if (!ca_file.empty()) {
    auto ca = read_file(ca_file);
    if (!ca) return fail(ca.error().code, "--ca-file " + ca.error().detail);
    to.ca_pem = *std::move(ca);
  }
  return {};
}

Result<void> CertificateUpload::read_secrets(store::NewCertificate& to) const {
  if (!file.empty() || !secret_file.empty()) {
    auto secret = file.empty() ? read_line_of("--secret-file", secret_file) : read_file(file);
    if (!secret) return fail(secret.error().code, (file.empty() ? "" : "--file ") + secret.error().detail);
    to.secret.bytes = *std::move(secret);
    to.secret.password.clear();  // the old file's
  }
  if (to.secret.bytes.empty())
    return fail(Errc::Malformed, "no secret: give --file, or --secret-file for one that is a line of text");
  if (!password.empty()) to.secret.password = password;
  if (!password_file.empty()) {
    auto read = read_line_of("--password-file", password_file);
    if (!read) return std::unexpected(read.error());
    to.secret.password = *std::move(read);
  }

  const bool receipts = receipt_reader_of(to.facts.vendor) != nullptr;
  const bool asked = new_receipt_key || !receipt_key_file.empty();
  if (!receipts && asked)
    return fail(Errc::Malformed,
                fmt::format("{} sends no receipts, so it has no receipt key", name_of(to.facts.vendor)));
  if (!receipts) return {};
  const std::string old_key = to.secret.receipt_key;
  if (asked || old_key.empty()) {
    auto key = receipt_key_file.empty() ? random_key() : read_line_of("--receipt-key-file", receipt_key_file);
    if (!key) return std::unexpected(key.error());
    to.secret.receipt_key = *std::move(key);
  }
  if (const auto url = to.facts.settings.find("receipt_url"); url != to.facts.settings.end())
    put_key_into(url->second, old_key, to.secret.receipt_key);
  return {};
}

}  // namespace nightpost::app
