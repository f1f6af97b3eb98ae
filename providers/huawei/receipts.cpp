// Receipts of both versions (Huawei, Push Kit REST API): who sent them, and what they say.
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "core/text.h"
#include "providers/huawei/huawei.h"
#include "providers/huawei/limits.h"
#include "providers/huawei/verdict.h"
#include "providers/openssl_errors.h"
#include "providers/reply_json.h"

namespace nightpost::huawei {
namespace {

constexpr std::string_view kAnswer = R"({"code":"0","message":"success"})";

constexpr std::size_t kNonceBytesMax = 128;
static_assert(2 * kReceiptAgeMax <= kNonceLife, "a nonce is remembered for as long as its call could be sent again");

/// "timestamp=…; nonce=…; value=…", in any order.
struct CallbackId {
  std::string_view timestamp;
  std::string_view nonce;
  std::string_view value;
};

CallbackId callback_id_in(std::string_view header) {
  CallbackId id;
  while (!header.empty()) {
    std::string_view part = header.substr(0, header.find(';'));
    header.remove_prefix(std::min(part.size() + 1, header.size()));
    while (part.starts_with(' ')) part.remove_prefix(1);
    while (part.ends_with(' ')) part.remove_suffix(1);
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view name = part.substr(0, equals);
    if (name == "timestamp") id.timestamp = part.substr(equals + 1);
    if (name == "nonce") id.nonce = part.substr(equals + 1);
    if (name == "value") id.value = part.substr(equals + 1);
  }
  return id;
}

bool signs(std::string_view key, std::string_view text, std::string_view signature) {
  const ErrorQueueGuard guard;
  std::array<unsigned char, SHA256_DIGEST_LENGTH> wanted{};
  unsigned size = wanted.size();
  return signature.size() == wanted.size() &&
         HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
              reinterpret_cast<const unsigned char*>(text.data()), text.size(), wanted.data(), &size) != nullptr &&
         CRYPTO_memcmp(signature.data(), wanted.data(), wanted.size()) == 0;
}

/// Empty: Huawei sent it. Else what is wrong.
std::string_view forgery(const CallbackId& id, std::string_view key, std::string_view user, WallTime now) {
  if (key.empty() || user.empty()) return "the certificate lacks the receipt URL's key or its user (receipt_user)";
  std::int64_t ms = 0;
  const auto [end, error] = std::from_chars(id.timestamp.data(), id.timestamp.data() + id.timestamp.size(), ms);
  if (error != std::errc{} || end != id.timestamp.data() + id.timestamp.size() || id.nonce.empty() || id.value.empty())
    return "X-HUAWEI-CALLBACK-ID is missing or has no timestamp, nonce and value";
  if (id.nonce.size() > kNonceBytesMax) return "X-HUAWEI-CALLBACK-ID has a nonce of more than 128 bytes";
  const std::int64_t oldest = to_ms(now - kReceiptAgeMax);
  const std::int64_t newest = to_ms(now + kReceiptAgeMax);
  if (ms < oldest || ms > newest) return "X-HUAWEI-CALLBACK-ID is more than 5 minutes off; is the clock right?";
  const auto signature = from_base64(id.value);
  const std::string text = std::string(id.timestamp).append(id.nonce).append(user);
  const auto decoded = from_base64(key);  // keys issued lately are Base64, old ones plain text
  const bool good = signature && ((decoded && signs(*decoded, text, *signature)) || signs(key, text, *signature));
  return good ? std::string_view() : "X-HUAWEI-CALLBACK-ID was not made with this key and user";
}

std::optional<WallTime> time_in(const nlohmann::json& json) {
  const auto ms = integer_in(json, "timestamp");
  if (!ms || *ms <= 0) return std::nullopt;
  return wall_from_ms(*ms);
}

/// False: it names another app than the certificate's. One URL and one key may serve several apps of a developer, and
/// what Huawei says of the others' tokens is not about ours.
bool is_of(const nlohmann::json& entry, const Certificate& certificate) {
  const auto agrees = [&](const char* name, std::string_view ours) {
    const std::string theirs = text_in(entry, name);
    return theirs.empty() || ours.empty() || theirs == ours;
  };
  const std::string_view app_id = setting(certificate.settings, "app_id");
  return agrees("appid", app_id) && agrees("clientId", app_id) && agrees("appPackageName", certificate.bundle_id);
}

/// nullopt: no token or no status in it.
std::optional<Receipt> receipt_in(const nlohmann::json& entry) {
  const nlohmann::json* said = &entry;  // version 1
  const char* status_name = "status";
  for (const char* nested : {"deliveryStatus", "formStatus"}) {  // version 2
    if (const nlohmann::json* found = member(entry, nested); found != nullptr && found->is_object()) {
      said = found;
      status_name = "result";
    }
  }
  const auto status = integer_in(*said, status_name);
  std::string token = text_in(entry, "token");
  if (!status || token.empty() || token.size() > kTokenBytesMax) return std::nullopt;
  Receipt receipt{.kind = Receipt::Kind::Unknown,
                  .token = DeviceToken(std::move(token)),
                  .tag = printable(text_in(entry, "biTag")),
                  .vendor_id = printable(text_in(entry, "requestId")),
                  .code = std::to_string(*status),
                  .meaning = "Huawei sent a status unknown to us.",
                  .at = time_in(*said)};
  const auto rule = std::ranges::lower_bound(kReceiptRules, *status, {}, &ReceiptRule::status);
  if (rule != kReceiptRules.end() && rule->status == *status) {
    receipt.kind = rule->kind;
    receipt.meaning = rule->meaning;
  }
  return receipt;
}

}  // namespace

Result<ReceiptBatch> read_receipts(const Certificate& certificate, std::string_view key, const ReceiptCall& call,
                                   WallTime now) {
  std::string_view header;
  for (const HttpResponse::Field& field : call.headers)
    if (field.name == "x-huawei-callback-id") header = field.value;
  const std::string_view user = setting(certificate.settings, "receipt_user");
  const CallbackId id = callback_id_in(header);
  if (const std::string_view wrong = forgery(id, key, user, now); !wrong.empty())
    return fail(Errc::Unauthorized, std::string(wrong));

  const nlohmann::json json = parsed(call.body);
  const nlohmann::json* statuses = member(json, "statuses");
  if (statuses == nullptr || !statuses->is_array()) return fail(Errc::Malformed, "no array \"statuses\" in the body");
  if (statuses->size() > kReceiptsMax) return fail(Errc::Malformed, "statuses: more than 1,000");
  ReceiptBatch batch{.receipts = {}, .answer = std::string(kAnswer), .nonce = std::string(id.nonce)};
  batch.receipts.reserve(statuses->size());
  for (const nlohmann::json& entry : *statuses)
    if (auto receipt = receipt_in(entry); receipt && is_of(entry, certificate))
      batch.receipts.push_back(*std::move(receipt));
  return batch;
}

}  // namespace nightpost::huawei
