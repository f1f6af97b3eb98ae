#include "made_token.h"

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/pem.h>

#include "core/text.h"

namespace nightpost::sandbox {

SigningKey::SigningKey() : key_(EVP_EC_gen("P-256")) {}

std::string SigningKey::public_pem() const {
  const Handle<BIO, BIO_free_all> out(BIO_new(BIO_s_mem()));
  PEM_write_bio_PUBKEY(out.get(), key_.get());
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

std::string SigningKey::signature(const std::string& input, bool der) const {
  const Handle<EVP_MD_CTX, EVP_MD_CTX_free> digest(EVP_MD_CTX_new());
  std::string bytes(128, '\0');
  std::size_t size = bytes.size();
  EVP_DigestSignInit(digest.get(), nullptr, EVP_sha256(), nullptr, key_.get());
  EVP_DigestSign(digest.get(), reinterpret_cast<unsigned char*>(bytes.data()), &size,
                 reinterpret_cast<const unsigned char*>(input.data()), input.size());
  bytes.resize(size);
  if (der) return bytes;
  const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
  const Handle<ECDSA_SIG, ECDSA_SIG_free> parts(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size)));
  std::string raw(64, '\0');
  BN_bn2binpad(ECDSA_SIG_get0_r(parts.get()), reinterpret_cast<unsigned char*>(raw.data()), 32);
  BN_bn2binpad(ECDSA_SIG_get0_s(parts.get()), reinterpret_cast<unsigned char*>(raw.data() + 32), 32);
  return raw;
}

std::string made_token(const SigningKey& key, const TokenWish& wish) {
  const std::string header = wish.header.empty() ? R"({"alg":"ES256","kid":")" + wish.kid + R"("})" : wish.header;
  const std::string claims =
      wish.claims.empty() ? R"({"iss":")" + wish.iss + R"(","iat":)" + std::to_string(wish.iat) + "}" : wish.claims;
  const std::string input = base64url(header) + "." + base64url(claims);
  return "bearer " + input + "." + base64url(key.signature(input, wish.der));
}

}  // namespace nightpost::sandbox
