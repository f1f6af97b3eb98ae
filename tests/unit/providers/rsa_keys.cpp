#include "unit/providers/rsa_keys.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <string_view>

#include "core/c_handle.h"
#include "core/text.h"

namespace nightpost::test {
namespace {

using Key = Handle<EVP_PKEY, EVP_PKEY_free>;
using Bio = Handle<BIO, BIO_free>;

bool verifies(const std::string& jwt, const std::string& key_pem, bool pss) {
  const std::size_t dot = jwt.rfind('.');
  const auto raw = from_base64url(std::string_view(jwt).substr(dot + 1));
  if (!raw) return false;
  const Bio bio(BIO_new_mem_buf(key_pem.data(), static_cast<int>(key_pem.size())));
  const Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  const Handle<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* options = nullptr;
  bool good = EVP_DigestVerifyInit(context.get(), &options, EVP_sha256(), nullptr, key.get()) == 1;
  if (pss)
    good = good && EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md(options, EVP_sha256()) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(options, 32) == 1;  // exactly: a longer or shorter salt does not verify
  return good && EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(raw->data()), raw->size(),
                                  reinterpret_cast<const unsigned char*>(jwt.data()), dot) == 1;
}

}  // namespace

std::string made_rsa_pem(unsigned bits) {
  const Key key(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{bits}));
  const Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

const std::string& rsa_pem() {
  static const std::string pem = made_rsa_pem(2048);
  return pem;
}

const std::string& other_rsa_pem() {
  static const std::string pem = made_rsa_pem(2048);
  return pem;
}

bool rs256_verifies(const std::string& jwt, const std::string& key_pem) { return verifies(jwt, key_pem, false); }
bool ps256_verifies(const std::string& jwt, const std::string& key_pem) { return verifies(jwt, key_pem, true); }

}  // namespace nightpost::test
