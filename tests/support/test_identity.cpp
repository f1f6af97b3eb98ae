#include "support/test_identity.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace nightpost::probe {
namespace {

using Certificate = Handle<X509, X509_free>;
using Key = Handle<EVP_PKEY, EVP_PKEY_free>;
using Extension = Handle<X509_EXTENSION, X509_EXTENSION_free>;
using Bio = Handle<BIO, BIO_free_all>;

std::string text_in(BIO* bio) {
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio, &text);
  return {text, static_cast<std::size_t>(size)};
}

struct Making {
  Certificate certificate{X509_new()};
  Key key{EVP_EC_gen("P-256")};

  Making(long not_before_s, long not_after_s) {
    X509_set_version(certificate.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), not_before_s);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), not_after_s);
    X509_set_pubkey(certificate.get(), key.get());
  }
  void name(const char* field, const std::string& value) {
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), field, MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(value.data()), static_cast<int>(value.size()), -1,
                               0);
  }
  void extend(int nid, const char* value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate.get(), certificate.get(), nullptr, nullptr, 0);
    X509_add_ext(certificate.get(), Extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value)).get(), -1);
  }
  void extend(const std::string& oid, const std::string& der) {
    const Handle<ASN1_OBJECT, ASN1_OBJECT_free> object(OBJ_txt2obj(oid.c_str(), 1));
    const Handle<ASN1_OCTET_STRING, ASN1_OCTET_STRING_free> value(ASN1_OCTET_STRING_new());
    ASN1_OCTET_STRING_set(value.get(), reinterpret_cast<const unsigned char*>(der.data()),
                          static_cast<int>(der.size()));
    X509_add_ext(certificate.get(),
                 Extension(X509_EXTENSION_create_by_OBJ(nullptr, object.get(), 0, value.get())).get(), -1);
  }
  Identity done() {
    X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate.get()));
    X509_sign(certificate.get(), key.get(), EVP_sha256());
    const Bio pem(BIO_new(BIO_s_mem()));
    const Bio key_pem(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(pem.get(), certificate.get());
    PEM_write_bio_PrivateKey(key_pem.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    return {text_in(pem.get()), text_in(key_pem.get())};
  }
};

/// DER of one element shorter than 64 KiB.
std::string der(char tag, const std::string& content) {
  const std::size_t size = content.size();
  std::string out(1, tag);
  if (size < 128) {
    out += static_cast<char>(size);
  } else {
    out += '\x82';
    out += static_cast<char>(size >> 8);
    out += static_cast<char>(size & 0xff);
  }
  return out + content;
}

}  // namespace

Identity server_identity() {
  Making making(-86'400, 86'400);
  making.name("CN", "localhost");
  making.extend(NID_basic_constraints, "critical,CA:TRUE");
  making.extend(NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
  return making.done();
}

Identity client_identity(const CertificateWish& wish) {
  Making making(wish.not_before_s, wish.not_after_s);
  making.name("CN", "Apple Push Services");
  if (!wish.uid.empty()) making.name("UID", wish.uid);
  for (const std::string& oid : wish.oids) making.extend(oid, std::string("\x05\x00", 2));  // NULL
  if (!wish.topics.empty()) {
    constexpr char kUtf8 = 0x0c;
    constexpr char kSequence = 0x30;
    std::string list;
    for (const std::string& topic : wish.topics) list += der(kUtf8, topic) + der(kSequence, der(kUtf8, "app"));
    making.extend("1.2.840.113635.100.6.3.6", der(kSequence, list));
  }
  return making.done();
}

std::string encrypted(const std::string& private_key_pem, bool pkcs8) {
  const Bio in(BIO_new_mem_buf(private_key_pem.data(), static_cast<int>(private_key_pem.size())));
  const Key key(PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr));
  const Bio out(BIO_new(BIO_s_mem()));
  unsigned char words[] = "secret";
  if (pkcs8) {
    PEM_write_bio_PKCS8PrivateKey(out.get(), key.get(), EVP_aes_128_cbc(), "secret", 6, nullptr, nullptr);
  } else {
    PEM_write_bio_PrivateKey_traditional(out.get(), key.get(), EVP_aes_128_cbc(), words, 6, nullptr, nullptr);
  }
  return text_in(out.get());
}

}  // namespace nightpost::probe
