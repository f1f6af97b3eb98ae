#include "sandbox/apns_provider_token.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <nlohmann/json.hpp>

#include "core/pem.h"
#include "core/text.h"

namespace nightpost::sandbox::apns {
namespace {

using nlohmann::json;
using Bio = Handle<BIO, BIO_free_all>;
using Digest = Handle<EVP_MD_CTX, EVP_MD_CTX_free>;
using Signature = Handle<ECDSA_SIG, ECDSA_SIG_free>;

constexpr std::string_view kScheme = "bearer ";
constexpr std::size_t kTokenBytesMax = 4096;
constexpr std::size_t kIdBytes = 10;      // key ids and team ids
constexpr std::size_t kScalarBytes = 32;  // P-256
constexpr std::size_t kDerBytesMax = 72;  // SEQUENCE of two INTEGERs of at most 33 bytes

bool is_apple_id(const json& value) {
  if (!value.is_string()) return false;
  const auto& text = value.get_ref<const std::string&>();
  return text.size() == kIdBytes &&
         std::ranges::all_of(text, [](unsigned char c) { return std::isupper(c) || std::isdigit(c); });
}

/// A part of the token as an object; null otherwise.
json object_of(std::string_view part) {
  const auto text = from_base64url(part);
  json value = text ? json::parse(*text, nullptr, false) : json();
  return value.is_object() ? value : json();
}

const json& member(const json& object, const char* key) {
  static const json kNone;
  const auto found = object.find(key);
  return found == object.end() ? kNone : *found;
}

Signature parse_signature(std::string_view bytes) {
  const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
  if (bytes.size() != 2 * kScalarBytes) {
    const auto* end = at + bytes.size();
    Signature der(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(bytes.size())));
    return at == end ? std::move(der) : nullptr;
  }
  Signature raw(ECDSA_SIG_new());
  Handle<BIGNUM, BN_free> r(BN_bin2bn(at, kScalarBytes, nullptr));
  Handle<BIGNUM, BN_free> s(BN_bin2bn(at + kScalarBytes, kScalarBytes, nullptr));
  if (!raw || !r || !s || ECDSA_SIG_set0(raw.get(), r.get(), s.get()) != 1) return nullptr;
  r.release();  // the signature has them
  s.release();
  return raw;
}

}  // namespace

std::optional<ProviderToken> read_provider_token(std::string_view authorization) {
  if (authorization.size() <= kScheme.size() || authorization.size() > kTokenBytesMax) return std::nullopt;
  const auto same = [](unsigned char a, unsigned char b) { return std::tolower(a) == b; };
  if (!std::ranges::equal(authorization.substr(0, kScheme.size()), kScheme, same)) return std::nullopt;
  const std::string_view token = authorization.substr(kScheme.size());
  const std::size_t first = token.find('.');
  const std::size_t second = first == token.npos ? token.npos : token.find('.', first + 1);
  if (second == token.npos) return std::nullopt;

  const json header = object_of(token.substr(0, first));
  const json claims = object_of(token.substr(first + 1, second - first - 1));
  const auto signature = from_base64url(token.substr(second + 1));
  if (header.is_null() || claims.is_null() || !signature || signature->empty()) return std::nullopt;
  if (member(header, "alg") != "ES256" || !is_apple_id(member(header, "kid"))) return std::nullopt;
  if (header.contains("typ") && member(header, "typ") != "JWT") return std::nullopt;
  const json& issued = member(claims, "iat");
  constexpr std::int64_t kSecondsMax = 253'402'300'799;  // the year 9999
  if (!is_apple_id(member(claims, "iss")) || !issued.is_number_unsigned() || issued > kSecondsMax) return std::nullopt;
  if (signature->size() > kDerBytesMax || !parse_signature(*signature)) return std::nullopt;
  return ProviderToken{.key_id = header["kid"],
                       .team_id = claims["iss"],
                       .issued_at = WallTime(seconds(issued.get<std::int64_t>())),
                       .signing_input = std::string(token.substr(0, second)),
                       .signature = *signature};
}

bool signature_fits(const ProviderToken& token, EVP_PKEY& key) {
  const Signature signature = parse_signature(token.signature);
  unsigned char* encoded = nullptr;
  const int size = signature ? i2d_ECDSA_SIG(signature.get(), &encoded) : -1;
  if (size < 0) return false;
  const std::string der(reinterpret_cast<const char*>(encoded), static_cast<std::size_t>(size));
  OPENSSL_free(encoded);
  const Digest digest(EVP_MD_CTX_new());
  const bool fits = digest && EVP_DigestVerifyInit(digest.get(), nullptr, EVP_sha256(), nullptr, &key) == 1 &&
                    EVP_DigestVerify(digest.get(), reinterpret_cast<const unsigned char*>(der.data()), der.size(),
                                     reinterpret_cast<const unsigned char*>(token.signing_input.data()),
                                     token.signing_input.size()) == 1;
  ERR_clear_error();
  return fits;
}

PublicKey read_public_key(std::string_view pem) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  PublicKey key(PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, kNoPassphrase));
  ERR_clear_error();
  std::array<char, 32> group{};
  if (!key || EVP_PKEY_get_utf8_string_param(key.get(), "group", group.data(), group.size(), nullptr) != 1 ||
      std::string_view(group.data()) != "prime256v1") {
    ERR_clear_error();
    return nullptr;
  }
  return key;
}

}  // namespace nightpost::sandbox::apns
