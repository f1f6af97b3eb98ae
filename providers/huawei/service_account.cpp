#include "providers/huawei/service_account.h"

#include <algorithm>
#include <array>
#include <utility>

#include "providers/reply_json.h"

namespace nightpost::huawei {
namespace {

constexpr std::size_t kFileBytesMax = 65'536;  // a key file is a few thousand
constexpr std::size_t kFieldBytesMax = 128;

}  // namespace

bool looks_like_file(std::string_view secret) noexcept {
  const std::size_t first = secret.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && (secret[first] == '{' || secret[first] == '-');
}

Result<ServiceAccount> read_service_account(std::string_view file) {
  if (file.size() > kFileBytesMax) return fail(Errc::Malformed, "far too long for a service account's file");
  const nlohmann::json json = parsed(file);
  if (!json.is_object()) return fail(Errc::Malformed, "not JSON: expected the key file of a service account");
  if (member(json, "agcgw") != nullptr || member(json, "configuration_version") != nullptr)
    return fail(Errc::Malformed,
                "this is agconnect-services.json, which goes into the app: give the key file of a service account");
  std::array<std::string, 4> fields;
  constexpr std::array kNames = {"project_id", "key_id", "sub_account", "private_key"};
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    fields[i] = text_in(json, kNames[i]);
    if (fields[i].empty()) return fail(Errc::Malformed, std::string("the file lacks ") + kNames[i]);
    if (i < 3 && printable(fields[i], kFieldBytesMax) != fields[i])
      return fail(Errc::Malformed, std::string(kNames[i]) + " in the file is not plain text");
  }
  auto& [project_id, key_id, sub_account, private_key] = fields;
  if (!std::ranges::all_of(project_id, [](char c) { return c >= '0' && c <= '9'; }))
    return fail(Errc::Malformed, "project_id in the file is not a number");
  Result<RsaKey> key = RsaKey::from_pkcs8_pem(private_key);
  if (!key) return fail(Errc::Malformed, "private_key in the file: " + key.error().detail);
  return ServiceAccount{.project_id = std::move(project_id),
                        .key_id = std::move(key_id),
                        .sub_account = std::move(sub_account),
                        .key = *std::move(key)};
}

}  // namespace nightpost::huawei
