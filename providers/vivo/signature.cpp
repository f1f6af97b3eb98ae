#include "providers/vivo/signature.h"

#include <openssl/evp.h>

#include <array>

#include "core/text.h"
#include "providers/openssl_errors.h"

namespace nightpost::vivo {

Result<std::string> signature_of(std::string_view app_id, std::string_view app_key, std::int64_t timestamp_ms,
                                 std::string_view app_secret) {
  std::string text(app_id);
  text.append(app_key).append(std::to_string(timestamp_ms)).append(app_secret);
  constexpr std::string_view kBlanks = " \t\r\n";
  text.erase(text.find_last_not_of(kBlanks) + 1);
  text.erase(0, text.find_first_not_of(kBlanks));

  const ErrorQueueGuard guard;
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_md5(), nullptr) != 1)
    return fail(Errc::Io, "libcrypto refuses MD5, which vivo's signatures are made of");
  return hex({reinterpret_cast<const char*>(digest.data()), size});
}

}  // namespace nightpost::vivo
