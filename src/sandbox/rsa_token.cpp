#include "sandbox/rsa_token.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "core/c_handle.h"
#include "core/pem.h"
#include "core/text.h"

namespace nightpost::sandbox {
namespace {

using nlohmann::json;
using Bio = Handle<BIO, BIO_free_all>;

constexpr std::size_t kTokenBytesMax = 8192;
constexpr int kKeyBitsMin = 2048;
constexpr int kSaltBytes = 32;  // RFC 7518 §3.5: as long as the digest

json object_of(std::string_view part) {
  const auto text = from_base64url(part);
  json value = text ? json::parse(*text, nullptr, false) : json();
  return value.is_object() ? value : json();
}

std::string text_in(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

RsaKey read_rsa_key(std::string_view pem) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  EVP_PKEY* key = nullptr;
  if (pem.contains("CERTIFICATE")) {
    const Handle<X509, X509_free> certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, kNoPassphrase));
    key = certificate ? X509_get_pubkey(certificate.get()) : nullptr;
  } else {
    key = PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, kNoPassphrase);
  }
  ERR_clear_error();
  RsaKey owned(key, EVP_PKEY_free);
  const bool good = key && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA && EVP_PKEY_get_bits(key) >= kKeyBitsMin;
  return good ? owned : nullptr;
}

std::string RsaToken::header_text(const char* name) const { return text_in(header, name); }
std::string RsaToken::claim_text(const char* name) const { return text_in(claims, name); }

std::optional<std::int64_t> RsaToken::claim_number(const char* name) const {
  const auto found = claims.find(name);
  if (found == claims.end() || !found->is_number_integer()) return std::nullopt;
  if (found->is_number_unsigned() && found->get<std::uint64_t>() > INT64_MAX) return std::nullopt;
  return found->get<std::int64_t>();
}

std::optional<RsaToken> parse_rsa_token(std::string_view text) {
  const std::size_t first = text.find('.');
  const std::size_t second = first == text.npos ? text.npos : text.find('.', first + 1);
  if (second == text.npos || text.size() > kTokenBytesMax) return std::nullopt;
  auto signature = from_base64url(text.substr(second + 1));
  RsaToken token{.header = object_of(text.substr(0, first)),
                 .claims = object_of(text.substr(first + 1, second - first - 1)),
                 .signed_part = text.substr(0, second),
                 .signature = signature.value_or("")};
  if (!token.header.is_object() || !token.claims.is_object() || token.signature.empty()) return std::nullopt;
  return token;
}

bool signed_by(const RsaToken& token, const RsaKey& key, RsaScheme scheme) {
  const Handle<EVP_MD_CTX, EVP_MD_CTX_free> digest(EVP_MD_CTX_new());
  EVP_PKEY_CTX* context = nullptr;  // the digest's
  bool good = digest && EVP_DigestVerifyInit(digest.get(), &context, EVP_sha256(), nullptr, key.get()) == 1;
  if (good && scheme == RsaScheme::Pss) {
    good = EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) > 0 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()) > 0 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(context, kSaltBytes) > 0;
  }
  good =
      good && EVP_DigestVerify(digest.get(), reinterpret_cast<const unsigned char*>(token.signature.data()),
                               token.signature.size(), reinterpret_cast<const unsigned char*>(token.signed_part.data()),
                               token.signed_part.size()) == 1;
  ERR_clear_error();
  return good;
}

}  // namespace nightpost::sandbox
