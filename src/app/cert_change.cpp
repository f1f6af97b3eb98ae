#include "app/cert_change.h"

#include <fmt/format.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>

#include "app/vendors.h"
#include "core/text.h"

namespace nightpost::app {
namespace {

constexpr std::size_t kReceiptKeyBytes = 16;  // 32 hex digits: fits into the shortest receipt URL a vendor allows

auto mistaken(std::string message, std::string path = {}) {
  return std::unexpected(CertificateMistake{std::move(message), std::move(path)});
}

std::expected<std::string, CertificateMistake> random_key() {
  std::array<unsigned char, kReceiptKeyBytes> bytes{};
  if (RAND_bytes(bytes.data(), bytes.size()) != 1) return mistaken("the system gave no random bytes");
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

std::expected<void, CertificateMistake> put_choices(Certificate& to, const admin::CertificateChange& change) {
  if (change.name) to.name = *change.name;
  if (change.bundle_id) to.bundle_id = *change.bundle_id;
  if (change.host) to.host_override = *change.host;
  if (change.ca) to.ca_pem = *change.ca;
  if (to.vendor != Vendor::Apns && (change.key_id || change.team_id))
    return mistaken(fmt::format("key id and team id are apns's, not {}'s", name_of(to.vendor)),
                    change.key_id ? "key_id" : "team_id");
  if (change.key_id) to.facts["key_id"] = *change.key_id;
  if (change.team_id) to.facts["team_id"] = *change.team_id;
  for (const auto& [name, value] : change.settings) {
    if (!value || value->empty())
      to.settings.erase(name);
    else
      to.settings[name] = *value;
  }
  return {};
}

std::expected<void, CertificateMistake> put_secrets(store::NewCertificate& to, const admin::CertificateChange& change) {
  if (change.file && change.secret) return mistaken("give the secret as a file or as a line, not both", "secret");
  if (change.file || change.secret) {
    to.secret.bytes = change.file ? *change.file : *change.secret;
    to.secret.password.clear();  // the old file's
    if (to.secret.bytes.empty()) return mistaken("is empty", change.file ? "file" : "secret");
    if (change.secret && to.secret.bytes.contains('\n')) return mistaken("has more than one line", "secret");
  }
  if (to.secret.bytes.empty()) return mistaken("no secret was given", "file");
  if (change.password) to.secret.password = *change.password;

  const bool receipts = receipt_reader_of(to.facts.vendor) != nullptr;
  const bool asked = change.new_receipt_key || change.receipt_key;
  if (!receipts && asked)
    return mistaken(fmt::format("{} sends no receipts, so it has no receipt key", name_of(to.facts.vendor)),
                    "receipt_key");
  if (!receipts) return {};
  const std::string old_key = to.secret.receipt_key;
  if (change.receipt_key) {
    to.secret.receipt_key = *change.receipt_key;
  } else if (asked || old_key.empty()) {
    auto key = random_key();
    if (!key) return std::unexpected(std::move(key.error()));
    to.secret.receipt_key = *std::move(key);
  }
  if (const auto url = to.facts.settings.find("receipt_url"); url != to.facts.settings.end())
    put_key_into(url->second, old_key, to.secret.receipt_key);
  return {};
}

struct MistakeWord {
  std::string_view word;  // what a sentence about the member holds
  std::string_view path;
};

/// In this order: the first that a sentence holds decides.
constexpr MistakeWord kMistakeWords[] = {
    {"has no password", "password"},
    {"the password", "password"},
    {"certificate's name may have", "name"},
    {"certificate name", "name"},
    {"needs its key id", "key_id"},
    {"needs the team id", "team_id"},
    {"bundle id", "bundle_id"},
    {"may not push to", "bundle_id"},
    {"topic for VoIP", "bundle_id"},
    {"package name", "bundle_id"},
    {"was asked for", "environment"},
    {"the host must be", "host"},
    {"trust anchor", "ca"},
    {".p12", "file"},
    {".p8", "file"},
    {"this certificate", "file"},
    {"push certificate", "file"},
    {"in the file", "file"},
    {"the file", "file"},
    {"service account", "file"},
    {"service_account", "file"},
    {"PEM", "file"},
    {"AppSecret", "secret"},
    {"app secret", "secret"},
    {"client secret", "secret"},
    {"MasterSecret", "secret"},
    {"secret", "secret"},
};

}  // namespace

std::string member_of_mistake(std::string_view sentence, Vendor vendor) {
  for (const SettingField& field : settings_of(vendor))
    if (sentence.starts_with(field.name) && sentence.substr(field.name.size()).starts_with(":"))
      return "settings." + std::string(field.name);
  if (const std::size_t at = sentence.find(": no such setting");
      at != sentence.npos && !sentence.substr(0, at).contains(';'))
    return "settings." + std::string(sentence.substr(0, at));
  for (const auto& [word, path] : kMistakeWords)
    if (sentence.contains(word)) return std::string(path);
  return "";
}

std::expected<store::NewCertificate, CertificateMistake> changed_certificate(store::NewCertificate before,
                                                                             const admin::CertificateChange& change,
                                                                             WallTime now) {
  store::NewCertificate after = std::move(before);
  if (const auto put = put_choices(after.facts, change); !put) return std::unexpected(put.error());
  if (const auto put = put_secrets(after, change); !put) return std::unexpected(put.error());
  std::optional<Environment> asked;
  if (change.environment && !change.environment->empty()) {
    asked = environment_from(*change.environment);
    if (!asked) return mistaken("neither production nor development", "environment");
    after.facts.environment = *asked;
  }
  const Vendor vendor = after.facts.vendor;
  auto inspected = inspect_upload(std::move(after.facts), after.secret, now, asked);
  if (!inspected) return mistaken(inspected.error().detail, member_of_mistake(inspected.error().detail, vendor));
  after.facts = *std::move(inspected);
  // A shard sends with exactly these parts; what would fail there fails here.
  if (const auto parts = make_vendor_parts(after.facts, after.secret); !parts)
    return mistaken(parts.error().detail, member_of_mistake(parts.error().detail, vendor));
  return after;
}

}  // namespace nightpost::app
