#include "bench/h2_sink/tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <stdexcept>
#include <string_view>

namespace nightpost::bench {
namespace {

using Bio = Handle<BIO, BIO_free>;
using Certificate = Handle<X509, X509_free>;
using Key = Handle<EVP_PKEY, EVP_PKEY_free>;
using Extension = Handle<X509_EXTENSION, X509_EXTENSION_free>;

void need(bool ok, const char* what) {
  if (!ok) throw std::runtime_error(std::string(what) + ": " + ERR_error_string(ERR_get_error(), nullptr));
}

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

void extend(X509* certificate, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value));
  need(extension && X509_add_ext(certificate, extension.get(), -1) == 1, value);
}

/// RFC 7301: h2 or nothing.
int choose_h2(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in, unsigned in_size,
              void*) {
  static constexpr std::string_view kH2 = "\x02h2";
  const std::string_view offered(reinterpret_cast<const char*>(in), in_size);
  for (std::size_t at = 0; at < offered.size(); at += 1 + static_cast<unsigned char>(offered[at])) {
    if (!offered.substr(at).starts_with(kH2)) continue;
    *out = in + at + 1;
    *out_size = 2;
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

}  // namespace

Identity make_identity() {
  const Key key(EVP_EC_gen("P-256"));
  const Certificate certificate(X509_new());
  need(key && certificate, "new key");
  std::uint64_t serial = 0;
  need(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) == 1, "serial");
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate.get()), serial >> 1);
  X509_set_version(certificate.get(), X509_VERSION_3);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3'600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 10 * 86'400);
  X509_set_pubkey(certificate.get(), key.get());
  X509_NAME* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("h2_sink"), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  extend(certificate.get(), NID_basic_constraints, "critical,CA:TRUE");
  extend(certificate.get(), NID_key_usage, "critical,digitalSignature,keyCertSign");
  extend(certificate.get(), NID_subject_key_identifier, "hash");
  extend(certificate.get(), NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:::1");
  need(X509_sign(certificate.get(), key.get(), EVP_sha256()) > 0, "sign");

  const Bio certificate_out(BIO_new(BIO_s_mem())), key_out(BIO_new(BIO_s_mem()));
  need(PEM_write_bio_X509(certificate_out.get(), certificate.get()) == 1, "certificate");
  need(PEM_write_bio_PKCS8PrivateKey(key_out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1, "key");
  return {.certificate_pem = text_of(certificate_out.get()), .key_pem = text_of(key_out.get())};
}

SslContext make_context(const Identity& identity) {
  SslContext context(SSL_CTX_new(TLS_server_method()));
  const Bio certificate_in(BIO_new_mem_buf(identity.certificate_pem.data(), int(identity.certificate_pem.size())));
  const Bio key_in(BIO_new_mem_buf(identity.key_pem.data(), int(identity.key_pem.size())));
  const Certificate certificate(PEM_read_bio_X509(certificate_in.get(), nullptr, nullptr, nullptr));
  const Key key(PEM_read_bio_PrivateKey(key_in.get(), nullptr, nullptr, nullptr));
  need(certificate && key, "PEM");
  need(SSL_CTX_use_certificate(context.get(), certificate.get()) == 1, "certificate");
  need(SSL_CTX_use_PrivateKey(context.get(), key.get()) == 1, "key");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION);
  SSL_CTX_set_num_tickets(context.get(), 0);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_alpn_select_cb(context.get(), choose_h2, nullptr);
  // One recv() brings up to 64 KiB of records, instead of two calls a record.
  SSL_CTX_set_read_ahead(context.get(), 1);
  SSL_CTX_set_default_read_buffer_len(context.get(), 65'536);
  return context;
}

}  // namespace nightpost::bench
