#include "providers/meizu/signature.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "core/c_handle.h"
#include "core/text.h"
#include "providers/openssl_errors.h"

namespace nightpost::meizu {

std::string signature_of(std::vector<std::pair<std::string_view, std::string_view>> parameters,
                         std::string_view app_secret) {
  const ErrorQueueGuard guard;
  std::ranges::sort(parameters);
  const Handle<EVP_MD_CTX, EVP_MD_CTX_free> md5(EVP_MD_CTX_new());
  bool good = md5 && EVP_DigestInit_ex(md5.get(), EVP_md5(), nullptr) == 1;
  const auto add = [&](std::string_view text) {
    good = good && EVP_DigestUpdate(md5.get(), text.data(), text.size()) == 1;
  };
  for (const auto& [name, value] : parameters) {
    add(name);
    add("=");
    add(value);
  }
  add(app_secret);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (!good || EVP_DigestFinal_ex(md5.get(), digest.data(), &size) != 1) return {};
  return hex({reinterpret_cast<const char*>(digest.data()), size});
}

}  // namespace nightpost::meizu
