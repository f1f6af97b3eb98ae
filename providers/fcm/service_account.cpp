#include "providers/fcm/service_account.h"

#include <algorithm>
#include <array>
#include <utility>

#include "providers/https_url.h"
#include "providers/reply_json.h"

namespace nightpost::fcm {
namespace {

constexpr std::size_t kFileBytesMax = 65'536;  // a key file is a few thousand
constexpr std::size_t kFieldBytesMax = 512;

/// Nobody but Google is to be handed an assertion that Google would take.
bool is_googles(std::string_view host) {
  constexpr std::array<std::string_view, 2> kDomains = {"googleapis.com", "google.com"};
  return std::ranges::any_of(kDomains, [&](std::string_view domain) {
    if (!host.ends_with(domain)) return false;
    host.remove_suffix(domain.size());
    return host.empty() || host.ends_with('.');
  });
}

bool is_project_id(std::string_view id) {  // "demo-project", "example.com:demo", or the number
  return !id.empty() && std::ranges::all_of(id, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == ':';
  });
}

std::unexpected<Error> not_json(std::string_view file) {
  if (file.starts_with("AAAA") || file.starts_with("AIza"))
    return fail(
        Errc::Malformed,
        "this is a server key of the old FCM interface, which Google switched off in 2024: give the private key "
        "file (JSON) of a service account, from Firebase console, Project settings, Service accounts");
  return fail(Errc::Malformed, "not JSON: expected the private key file of a service account");
}

std::unexpected<Error> other_file(const nlohmann::json& json) {
  if (member(json, "project_info") != nullptr || member(json, "client") != nullptr)
    return fail(
        Errc::Malformed,
        "this is google-services.json, which goes into the app: give the private key file of a service account");
  return fail(Errc::Malformed, "type is \"" + printable(text_in(json, "type")) + "\", expected \"service_account\"");
}

}  // namespace

Result<ServiceAccount> read_service_account(std::string_view file, const Certificate& certificate) {
  if (file.empty()) return fail(Errc::Malformed, "the file is empty");
  if (file.size() > kFileBytesMax) return fail(Errc::Malformed, "far too long for a service account's file");
  const nlohmann::json json = parsed(file);
  if (!json.is_object()) return not_json(file);
  if (text_in(json, "type") != "service_account") return other_file(json);

  std::array<std::string, 5> fields;
  constexpr std::array kNames = {"project_id", "client_email", "private_key_id", "token_uri", "private_key"};
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    fields[i] = text_in(json, kNames[i]);
    if (fields[i].empty()) return fail(Errc::Malformed, std::string("the file lacks ") + kNames[i]);
    const bool fact = i < 4;
    if (fact && (fields[i].size() > kFieldBytesMax || printable(fields[i], kFieldBytesMax) != fields[i]))
      return fail(Errc::Malformed, std::string(kNames[i]) + " in the file is not plain text");
  }
  auto& [project_id, client_email, private_key_id, token_uri, private_key] = fields;
  if (!is_project_id(project_id)) return fail(Errc::Malformed, "project_id in the file is not one of Google's");
  const auto url = https_url(token_uri);
  if (!url) return fail(Errc::Malformed, "token_uri in the file is not an https address");
  if (certificate.host_override.empty() && !is_googles(url->host))
    return fail(Errc::Malformed, "token_uri in the file names " + url->host + ", which is not Google's");
  Result<std::string> origin = origin_of(certificate, url->origin);
  if (!origin) return std::unexpected(std::move(origin.error()));
  Result<RsaKey> key = RsaKey::from_pkcs8_pem(private_key);
  if (!key) return fail(Errc::Malformed, "private_key in the file: " + key.error().detail);
  return ServiceAccount{.project_id = std::move(project_id),
                        .client_email = std::move(client_email),
                        .private_key_id = std::move(private_key_id),
                        .token_uri = std::move(token_uri),
                        .grant_origin = *std::move(origin),
                        .grant_path = url->path,
                        .key = *std::move(key)};
}

}  // namespace nightpost::fcm
