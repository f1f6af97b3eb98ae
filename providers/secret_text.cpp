#include "providers/secret_text.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <stdexcept>

#include "core/text.h"
#include "providers/openssl_errors.h"

namespace nightpost {
namespace {

constexpr std::size_t kSecretBytesMax = 256;
constexpr std::size_t kSignerDigits = 16;

using Digest = std::array<unsigned char, SHA256_DIGEST_LENGTH>;

/// nullopt: libcrypto refuses SHA-256.
std::optional<Digest> sha256(std::string_view text) noexcept {
  const ErrorQueueGuard guard;
  Digest digest{};
  if (!SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data())) return std::nullopt;
  return digest;
}

}  // namespace

std::string_view trimmed_secret(std::string_view bytes) noexcept {
  while (bytes.ends_with('\n') || bytes.ends_with('\r')) bytes.remove_suffix(1);
  return bytes;
}

std::string check_secret(std::string_view trimmed, std::string_view what) {
  if (trimmed.empty()) return "the " + std::string(what) + " is empty";
  const bool plain = std::ranges::all_of(trimmed, [](char c) { return c > ' ' && c < 0x7f; });
  if (plain && trimmed.size() <= kSecretBytesMax) return {};
  return "the " + std::string(what) + " is one line of up to 256 printable ASCII characters without blanks";
}

std::string secret_fingerprint(std::string_view trimmed) {
  const auto digest = sha256(trimmed);
  if (!digest) throw std::runtime_error("libcrypto refuses SHA-256");
  return hex({reinterpret_cast<const char*>(digest->data()), digest->size()});
}

std::string secret_signer(std::string_view vendor, std::string_view app_id, std::string_view trimmed,
                          std::string_view host_override) {
  std::string signer(vendor);
  signer.append(":").append(app_id).append(":").append(secret_fingerprint(trimmed), 0, kSignerDigits);
  if (!host_override.empty()) signer.append(":").append(host_override);
  return signer;
}

bool same_secret(std::string_view given, std::string_view wanted) noexcept {
  if (given.empty() || wanted.empty()) return false;
  const auto a = sha256(given);  // of equal length whatever was given, so the length does not show either
  const auto b = sha256(wanted);
  return a && b && CRYPTO_memcmp(a->data(), b->data(), a->size()) == 0;
}

}  // namespace nightpost
