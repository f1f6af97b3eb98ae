#include "providers/jwt.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/obj_mac.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include <array>
#include <climits>
#include <utility>

#include "core/text.h"
#include "providers/openssl_errors.h"

namespace nightpost {
namespace {

constexpr std::size_t kPemBytesMax = 16'384;  // a P-256 key is 250 bytes, one of RSA with 8192 bits 6,400
constexpr int kRsaBitsMin = 2048;             // RFC 7518 §3.3
constexpr int kRsaBitsMax = 8192;             // Huawei issues 4096
constexpr int kPssSaltBytes = 32;             // RFC 7518 §3.5: as long as the hash
constexpr int kCoordinateBytes = 32;          // RFC 7518 §3.4: R and S as 32 octets each

void free_openssl(void* memory) { OPENSSL_free(memory); }
template <class T>
using Owned = Handle<T, free_openssl>;

/// The first block of a PEM file. Wiped when it goes.
struct PemBlock {
  PemBlock() = default;
  PemBlock(const PemBlock&) = delete;
  PemBlock& operator=(const PemBlock&) = delete;
  ~PemBlock() {
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_clear_free(data, static_cast<std::size_t>(size));
  }
  char* name = nullptr;
  char* header = nullptr;
  unsigned char* data = nullptr;
  long size = 0;
};

std::string fingerprint_of(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  if (size <= 0) return {};
  const Owned<unsigned char> owner(der);
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  if (!SHA256(der, static_cast<std::size_t>(size), digest.data())) return {};
  return hex({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

/// The first block with line ends as PEM wants them: consoles and environment variables flatten keys to one line, or
/// leave the two characters \n where a line ended. Empty where that is no block of Base64 alone.
std::string in_lines(std::string_view pem) {
  constexpr std::string_view kBegin = "-----BEGIN ", kEnd = "-----END ", kDashes = "-----";
  constexpr std::size_t kLineBytes = 64;
  const std::size_t begin = pem.find(kBegin);
  if (begin == pem.npos) return {};
  pem.remove_prefix(begin + kBegin.size());
  const std::string_view label = pem.substr(0, pem.find(kDashes));
  if (label.size() == pem.size() || label.contains('\n')) return {};
  pem.remove_prefix(label.size() + kDashes.size());
  const std::size_t end = pem.find(kEnd);
  if (end == pem.npos || !pem.substr(end + kEnd.size()).starts_with(std::string(label) + std::string(kDashes)))
    return {};
  std::string out;
  out.reserve(pem.size() + pem.size() / 32 + 256);  // never moved, so no copy of the key stays behind
  out.append(kBegin).append(label).append(kDashes);
  std::size_t in_block = 0;
  for (std::size_t i = 0; i < end; ++i) {
    const char c = pem[i];
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') continue;
    if (c == '\\' && i + 1 < end && (pem[i + 1] == 'n' || pem[i + 1] == 'r')) {
      ++i;
      continue;
    }
    const bool base64 =
        (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/' || c == '=';
    if (!base64) return {};
    if (in_block++ % kLineBytes == 0) out += '\n';
    out += c;
  }
  out.append("\n").append(kEnd).append(label).append(kDashes).append("\n");
  return out;
}

/// The key of an unencrypted PKCS#8 PEM, of whatever kind.
Result<PrivateKey> opened_in_lines(std::string_view pem) {
  const Handle<BIO, BIO_free> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  PemBlock block;
  if (!bio || PEM_read_bio(bio.get(), &block.name, &block.header, &block.data, &block.size) != 1)
    return fail(Errc::Malformed, "not a PEM file: the text between BEGIN and END PRIVATE KEY is missing or damaged");
  const std::string_view name = block.name;
  if (name == PEM_STRING_PKCS8 || *block.header != '\0')
    return fail(Errc::Malformed, "the key is encrypted; give it as the vendor handed it out, without a passphrase");
  if (name != PEM_STRING_PKCS8INF) {
    std::string label(name.substr(0, 40));
    return fail(Errc::Malformed, "holds \"" + label + "\", not a PKCS#8 \"PRIVATE KEY\"");
  }
  const unsigned char* at = block.data;
  const Handle<PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free> info(d2i_PKCS8_PRIV_KEY_INFO(nullptr, &at, block.size));
  PrivateKey key(info ? EVP_PKCS82PKEY(info.get()) : nullptr);
  if (!key) return fail(Errc::Malformed, "no private key inside: the PEM's content is damaged");
  return key;
}

Result<PrivateKey> opened(std::string_view pem) {
  if (pem.size() > kPemBytesMax) return fail(Errc::Malformed, "far too long for a signing key");
  std::string lines = in_lines(pem);
  Result<PrivateKey> key = opened_in_lines(lines.empty() ? pem : std::string_view(lines));
  OPENSSL_cleanse(lines.data(), lines.size());
  return key;
}

std::string signing_input(std::string_view header, std::string_view claims) {
  return base64url(header) + '.' + base64url(claims);
}

}  // namespace

Result<Es256Key> Es256Key::from_pkcs8_pem(std::string_view pem) {
  const ErrorQueueGuard guard;
  Result<PrivateKey> key = opened(pem);
  if (!key) return std::unexpected(std::move(key.error()));
  if (EVP_PKEY_get_base_id(key->get()) != EVP_PKEY_EC)
    return fail(Errc::Malformed, "not an elliptic-curve key; ES256 needs P-256");
  std::array<char, 64> curve{};
  if (EVP_PKEY_get_group_name(key->get(), curve.data(), curve.size(), nullptr) != 1 ||
      std::string_view(curve.data()) != SN_X9_62_prime256v1)
    return fail(Errc::Malformed, "a key on another curve; ES256 needs P-256");
  std::string fingerprint = fingerprint_of(key->get());
  if (fingerprint.empty()) return fail(Errc::Malformed, "the key has no public half");
  return Es256Key(*std::move(key), std::move(fingerprint));
}

Result<std::string> Es256Key::sign(std::string_view header, std::string_view claims) const {
  const ErrorQueueGuard guard;
  std::string jwt = signing_input(header, claims);
  const Handle<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
  std::array<unsigned char, 80> der{};  // two 33-byte integers and their frames are 72
  std::size_t size = der.size();
  if (!context || EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) != 1 ||
      EVP_DigestSign(context.get(), der.data(), &size, reinterpret_cast<const unsigned char*>(jwt.data()),
                     jwt.size()) != 1)
    return fail(Errc::Io, "libcrypto could not sign");
  const unsigned char* at = der.data();
  const Handle<ECDSA_SIG, ECDSA_SIG_free> signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size)));
  std::array<unsigned char, std::size_t{2} * kCoordinateBytes> raw{};
  if (!signature || BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), raw.data(), kCoordinateBytes) != kCoordinateBytes ||
      BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), raw.data() + kCoordinateBytes, kCoordinateBytes) !=
          kCoordinateBytes)
    return fail(Errc::Io, "libcrypto made a signature it cannot read");
  jwt += '.';
  jwt += base64url({reinterpret_cast<const char*>(raw.data()), raw.size()});
  return jwt;
}

Result<RsaKey> RsaKey::from_pkcs8_pem(std::string_view pem) {
  const ErrorQueueGuard guard;
  Result<PrivateKey> key = opened(pem);
  if (!key) return std::unexpected(std::move(key.error()));
  if (EVP_PKEY_get_base_id(key->get()) != EVP_PKEY_RSA) return fail(Errc::Malformed, "not an RSA key");
  const int bits = EVP_PKEY_get_bits(key->get());
  if (bits < kRsaBitsMin || bits > kRsaBitsMax)
    return fail(Errc::Malformed, "an RSA key of " + std::to_string(bits) + " bits; 2048 to 8192 are taken");
  std::string fingerprint = fingerprint_of(key->get());
  if (fingerprint.empty()) return fail(Errc::Malformed, "the key has no public half");
  return RsaKey(*std::move(key), std::move(fingerprint));
}

Result<std::string> RsaKey::sign(RsaScheme scheme, std::string_view header, std::string_view claims) const {
  const ErrorQueueGuard guard;
  std::string jwt = signing_input(header, claims);
  const Handle<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* options = nullptr;  // the context's own
  bool good = context && EVP_DigestSignInit(context.get(), &options, EVP_sha256(), nullptr, key_.get()) == 1;
  if (scheme == RsaScheme::Ps256)
    good = good && EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(options, kPssSaltBytes) == 1 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md(options, EVP_sha256()) == 1;
  else
    good = good && EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PADDING) == 1;
  std::array<unsigned char, kRsaBitsMax / 8> signature{};
  std::size_t size = signature.size();
  if (!good || EVP_DigestSign(context.get(), signature.data(), &size,
                              reinterpret_cast<const unsigned char*>(jwt.data()), jwt.size()) != 1)
    return fail(Errc::Io, "libcrypto could not sign");
  jwt += '.';
  jwt += base64url({reinterpret_cast<const char*>(signature.data()), size});
  return jwt;
}

}  // namespace nightpost
