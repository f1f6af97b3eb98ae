#include "sandbox/huawei_receipt.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <stdexcept>

#include "core/text.h"

namespace nightpost::sandbox::huawei {

std::string callback_id(const ReceiptSecret& secret, std::int64_t timestamp_ms, std::string_view nonce) {
  const std::string key = from_base64(secret.key).value_or(secret.key);
  const std::string timestamp = std::to_string(timestamp_ms);
  const std::string text = timestamp + std::string(nonce) + secret.user;
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (!HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()),
            text.size(), digest.data(), &size))
    throw std::runtime_error("libcrypto refuses HMAC-SHA256");
  return "timestamp=" + timestamp + "; nonce=" + std::string(nonce) +
         "; value=" + base64({reinterpret_cast<const char*>(digest.data()), size});
}

void append_entry(std::string& out, const ReceiptEvent& event, std::string_view status, std::string_view package,
                  WallTime now) {
  out += out.ends_with('[') ? "{" : ",{";
  if (event.variant == 3) {
    append_json_member(out, "token", event.token);
    out += ",\"pushType\":0";
    append_json_member(out, "appPackageName", package);
    append_json_member(out, "biTag", event.tag);
    append_json_member(out, "requestId", event.id);
    out += ",\"deliveryStatus\":{\"result\":" + std::string(status);
    append_json_member(out, "timestamp", to_ms(now));
    out += "}}";
    return;
  }
  append_json_member(out, "biTag", event.tag);
  append_json_member(out, "appid", event.app);
  append_json_member(out, "token", event.token);
  out += ",\"status\":" + std::string(status);
  append_json_member(out, "timestamp", to_ms(now));
  append_json_member(out, "requestId", event.id);
  out += '}';
}

}  // namespace nightpost::sandbox::huawei
