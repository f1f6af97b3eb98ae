#include "admin/secrets.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <array>

#include "core/text.h"

namespace nightpost::admin {
namespace {

constexpr std::size_t kSecretBytes = 32;
constexpr std::size_t kSecretTextMax = 128;

/// Empty: libcrypto cannot; then nothing is found, and nothing equal.
std::string sha256(std::string_view text) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  if (SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data()) == nullptr) return "";
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

}  // namespace

Result<std::string> new_secret(std::string_view prefix) {
  std::array<unsigned char, kSecretBytes> bytes{};
  if (RAND_bytes(bytes.data(), bytes.size()) != 1) return fail(Errc::Io, "the system gave no random bytes");
  return std::string(prefix) + base64url({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

std::string hash_of(std::string_view secret) {
  return secret.empty() || secret.size() > kSecretTextMax ? "" : hex(sha256(secret));
}

std::string csrf_of(std::string_view session) { return base64url(sha256("csrf:" + std::string(session))); }

bool same_secret(std::string_view one, std::string_view two) noexcept {
  return !one.empty() && one.size() == two.size() && CRYPTO_memcmp(one.data(), two.data(), one.size()) == 0;
}

}  // namespace nightpost::admin
