#include "made_rsa.h"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <stdexcept>

#include "core/text.h"

namespace nightpost::sandbox {

RsaSigner::RsaSigner() : key_(EVP_RSA_gen(2048)) {
  if (!key_) throw std::runtime_error("no RSA key");
}

std::string RsaSigner::public_pem() const {
  const Handle<BIO, BIO_free_all> bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PUBKEY(bio.get(), key_.get());
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

std::string RsaSigner::token(const std::string& header, const std::string& claims, bool pss) const {
  const std::string input = base64url(header) + '.' + base64url(claims);
  const Handle<EVP_MD_CTX, EVP_MD_CTX_free> digest(EVP_MD_CTX_new());
  EVP_PKEY_CTX* context = nullptr;
  EVP_DigestSignInit(digest.get(), &context, EVP_sha256(), nullptr, key_.get());
  if (pss) {
    EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING);
    EVP_PKEY_CTX_set_rsa_pss_saltlen(context, 32);
  }
  std::string signature(512, '\0');
  std::size_t size = signature.size();
  const int good = EVP_DigestSign(digest.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                                  reinterpret_cast<const unsigned char*>(input.data()), input.size());
  if (good != 1) throw std::runtime_error("cannot sign");
  signature.resize(size);
  return input + '.' + base64url(signature);
}

}  // namespace nightpost::sandbox
