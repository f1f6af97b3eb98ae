#include "unit/providers/made_keys.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <string_view>

#include "core/c_handle.h"
#include "core/text.h"

namespace nightpost::test {
namespace {

using Key = Handle<EVP_PKEY, EVP_PKEY_free>;
using Cert = Handle<X509, X509_free>;
using Bio = Handle<BIO, BIO_free>;

Key made_key(const char* kind, OSSL_LIB_CTX* context = nullptr) {
  const std::string_view name = kind;
  if (name == "RSA") return Key(EVP_PKEY_Q_keygen(context, nullptr, "RSA", std::size_t{2048}));
  if (name == "ED25519") return Key(EVP_PKEY_Q_keygen(context, nullptr, "ED25519"));
  return Key(EVP_PKEY_Q_keygen(context, nullptr, "EC", kind));
}

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

std::string der(unsigned char tag, std::string_view content) {
  std::string out(1, static_cast<char>(tag));
  if (content.size() >= 128) {
    out += '\x82';
    out += static_cast<char>(content.size() >> 8);
  }
  out += static_cast<char>(content.size() & 255);
  return out.append(content);
}

std::string topics_der(const P12Wish& wish) {
  std::string list;
  for (const auto& [topic, services] : wish.topics) {
    std::string names;
    for (const std::string& service : services) names += der(0x0c, service);
    list += der(0x0c, topic) + der(0x30, names);
  }
  return der(0x30, list);
}

void add_extension(X509* certificate, const char* oid, const std::string& content) {
  const Handle<ASN1_OBJECT, ASN1_OBJECT_free> object(OBJ_txt2obj(oid, 1));
  const Handle<ASN1_OCTET_STRING, ASN1_OCTET_STRING_free> bytes(ASN1_OCTET_STRING_new());
  ASN1_OCTET_STRING_set(bytes.get(), reinterpret_cast<const unsigned char*>(content.data()),
                        static_cast<int>(content.size()));
  const Handle<X509_EXTENSION, X509_EXTENSION_free> extension(
      X509_EXTENSION_create_by_OBJ(nullptr, object.get(), 0, bytes.get()));
  X509_add_ext(certificate, extension.get(), -1);
}

Cert made_certificate(const P12Wish& wish, EVP_PKEY* key, OSSL_LIB_CTX* context) {
  Cert certificate(X509_new_ex(context, nullptr));
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 7);
  ASN1_TIME_set(X509_getm_notBefore(certificate.get()), to_ms(wish.not_before) / 1000);
  ASN1_TIME_set(X509_getm_notAfter(certificate.get()), to_ms(wish.not_after) / 1000);
  X509_NAME* subject = X509_get_subject_name(certificate.get());
  const auto add = [&](const char* field, const std::string& value) {
    X509_NAME_add_entry_by_txt(subject, field, MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(value.data()),
                               static_cast<int>(value.size()), -1, 0);
  };
  if (!wish.uid.empty()) add("UID", wish.uid);
  add("CN", "Apple Push Services: " + wish.uid);
  X509_set_issuer_name(certificate.get(), subject);
  X509_set_pubkey(certificate.get(), key);
  const std::string null_der("\x05\x00", 2);
  if (wish.development) add_extension(certificate.get(), "1.2.840.113635.100.6.3.1", null_der);
  if (wish.production) add_extension(certificate.get(), "1.2.840.113635.100.6.3.2", null_der);
  if (wish.voip) add_extension(certificate.get(), "1.2.840.113635.100.6.3.4", null_der);
  if (wish.topics_der || !wish.topics.empty())
    add_extension(certificate.get(), "1.2.840.113635.100.6.3.6", wish.topics_der.value_or(topics_der(wish)));
  X509_sign(certificate.get(), key, EVP_sha256());
  return certificate;
}

/// Writes other counts of rounds over those that were done.
void name_rounds(PKCS12* p12, const P12Wish& wish) {
  const auto scheme = [&](long rounds) {
    return wish.cipher == P12Wish::Cipher::Modern
               ? PKCS5_pbe2_set(EVP_aes_256_cbc(), static_cast<int>(rounds), nullptr, 0)
               : PKCS5_pbe_set(NID_pbe_WithSHA1And3_Key_TripleDES_CBC, static_cast<int>(rounds), nullptr, 0);
  };
  if (wish.certificate_rounds > 0 || wish.key_rounds > 0) {
    STACK_OF(PKCS7)* contents = PKCS12_unpack_authsafes(p12);
    for (int i = 0; i < sk_PKCS7_num(contents); ++i) {
      PKCS7* content = sk_PKCS7_value(contents, i);
      if (PKCS7_type_is_encrypted(content) && wish.certificate_rounds > 0) {
        X509_ALGOR_free(content->d.encrypted->enc_data->algorithm);
        content->d.encrypted->enc_data->algorithm = scheme(wish.certificate_rounds);
      } else if (PKCS7_type_is_data(content) && wish.key_rounds > 0) {
        STACK_OF(PKCS12_SAFEBAG)* bags = PKCS12_unpack_p7data(content);
        X509_ALGOR *old = nullptr, *named = scheme(wish.key_rounds);
        X509_SIG_getm(const_cast<X509_SIG*>(PKCS12_SAFEBAG_get0_pkcs8(sk_PKCS12_SAFEBAG_value(bags, 0))), &old,
                      nullptr);
        X509_ALGOR_copy(old, named);
        X509_ALGOR_free(named);
        PKCS7_free(content);
        sk_PKCS7_set(contents, i, PKCS12_pack_p7data(bags));
        sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
      }
    }
    PKCS12_pack_authsafes(p12, contents);
    sk_PKCS7_pop_free(contents, PKCS7_free);
    PKCS12_set_mac(p12, wish.password->c_str(), -1, nullptr, 0, 1'000, nullptr);
  }
  if (wish.mac_rounds > 0) {
    const ASN1_INTEGER* rounds = nullptr;
    PKCS12_get0_mac(nullptr, nullptr, nullptr, &rounds, p12);
    ASN1_INTEGER_set(const_cast<ASN1_INTEGER*>(rounds), wish.mac_rounds);
  }
}

}  // namespace

std::string made_key_pem(const char* kind) {
  const Key key = made_key(kind);
  const Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return text_of(bio.get());
}

std::string made_encrypted_key_pem(const char* password) {
  const Key key = made_key("P-256");
  const Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), EVP_aes_256_cbc(), password,
                                static_cast<int>(std::string_view(password).size()), nullptr, nullptr);
  return text_of(bio.get());
}

std::string made_sec1_key_pem() {
  const Key key = made_key("P-256");
  const Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey_traditional(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return text_of(bio.get());
}

bool jwt_verifies(const std::string& jwt, const std::string& key_pem) {
  const std::size_t dot = jwt.rfind('.');
  const auto raw = from_base64url(std::string_view(jwt).substr(dot + 1));
  if (!raw || raw->size() != 64) return false;
  const auto* bytes = reinterpret_cast<const unsigned char*>(raw->data());
  const Handle<ECDSA_SIG, ECDSA_SIG_free> signature(ECDSA_SIG_new());
  ECDSA_SIG_set0(signature.get(), BN_bin2bn(bytes, 32, nullptr), BN_bin2bn(bytes + 32, 32, nullptr));
  unsigned char* encoded = nullptr;
  const int size = i2d_ECDSA_SIG(signature.get(), &encoded);
  const Bio bio(BIO_new_mem_buf(key_pem.data(), static_cast<int>(key_pem.size())));
  const Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  const Handle<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
  const bool good = EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
                    EVP_DigestVerify(context.get(), encoded, static_cast<std::size_t>(size),
                                     reinterpret_cast<const unsigned char*>(jwt.data()), dot) == 1;
  OPENSSL_free(encoded);
  return good;
}

std::string made_p12(const P12Wish& wish) {
  const Handle<OSSL_LIB_CTX, OSSL_LIB_CTX_free> context(OSSL_LIB_CTX_new());
  const Handle<OSSL_PROVIDER, OSSL_PROVIDER_unload> standard(OSSL_PROVIDER_load(context.get(), "default"));
  const Handle<OSSL_PROVIDER, OSSL_PROVIDER_unload> legacy(OSSL_PROVIDER_load(context.get(), "legacy"));
  const Key key = made_key("P-256", context.get());
  const Cert certificate = made_certificate(wish, key.get(), context.get());
  STACK_OF(X509)* others = sk_X509_new_null();
  for (int i = 0; i < wish.chain; ++i) {
    P12Wish issuer;
    issuer.uid = "issuer." + std::to_string(i);
    const Key issuer_key = made_key("P-256", context.get());
    sk_X509_push(others, made_certificate(issuer, issuer_key.get(), context.get()).release());
  }
  const bool modern = wish.cipher == P12Wish::Cipher::Modern;
  const Handle<PKCS12, PKCS12_free> p12(PKCS12_create_ex(
      wish.password ? wish.password->c_str() : nullptr, "shop",
      wish.content == P12Wish::Content::CertificateOnly ? nullptr : key.get(),
      wish.content == P12Wish::Content::KeyOnly ? nullptr : certificate.get(), others,
      modern ? NID_aes_256_cbc : NID_pbe_WithSHA1And3_Key_TripleDES_CBC,
      modern ? NID_aes_256_cbc : NID_pbe_WithSHA1And40BitRC2_CBC, 1'000, 1'000, 0, context.get(), nullptr));
  sk_X509_pop_free(others, X509_free);
  name_rounds(p12.get(), wish);
  unsigned char* bytes = nullptr;
  const int size = i2d_PKCS12(p12.get(), &bytes);
  std::string file(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size > 0 ? size : 0));
  OPENSSL_free(bytes);
  return file;
}

}  // namespace nightpost::test
