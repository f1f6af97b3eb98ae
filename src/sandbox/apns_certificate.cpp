#include "sandbox/apns_certificate.h"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "core/c_handle.h"
#include "core/pem.h"

namespace nightpost::sandbox::apns {
namespace {

using Bio = Handle<BIO, BIO_free_all>;
using X509Ptr = Handle<X509, X509_free>;
using Object = Handle<ASN1_OBJECT, ASN1_OBJECT_free>;

constexpr const char* kDevelopment = "1.2.840.113635.100.6.3.1";
constexpr const char* kProduction = "1.2.840.113635.100.6.3.2";
constexpr const char* kTopics = "1.2.840.113635.100.6.3.6";

X509_EXTENSION* extension(const X509& certificate, const char* oid) {
  const Object object(OBJ_txt2obj(oid, 1));
  const int place = object ? X509_get_ext_by_OBJ(&certificate, object.get(), -1) : -1;
  return place < 0 ? nullptr : X509_get_ext(&certificate, place);
}

/// SEQUENCE { topic UTF8String, SEQUENCE { service UTF8String … }, topic, … }: the outer strings.
std::vector<std::string> topics_of(const ASN1_OCTET_STRING& value) {
  std::vector<std::string> topics;
  const unsigned char* at = ASN1_STRING_get0_data(&value);
  long size = 0;
  int tag = 0;
  int kind = 0;
  const long whole = ASN1_STRING_length(&value);
  if (ASN1_get_object(&at, &size, &tag, &kind, whole) & 0x80 || tag != V_ASN1_SEQUENCE) return topics;
  const unsigned char* end = at + size;
  while (at < end) {
    if (ASN1_get_object(&at, &size, &tag, &kind, end - at) & 0x80) break;
    if (tag == V_ASN1_UTF8STRING)
      topics.emplace_back(reinterpret_cast<const char*>(at), static_cast<std::size_t>(size));
    at += size;
  }
  return topics;
}

WallTime time_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return {};
  return WallTime(seconds(timegm(&parts)));
}

std::string uid_of(const X509& certificate) {
  const X509_NAME* subject = X509_get_subject_name(&certificate);
  const int place = X509_NAME_get_index_by_NID(subject, NID_userId, -1);
  if (place < 0) return {};
  const ASN1_STRING* value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, place));
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
          static_cast<std::size_t>(ASN1_STRING_length(value))};
}

}  // namespace

std::optional<CertificateFacts> read_certificate(std::string_view pem) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const X509Ptr certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, kNoPassphrase));
  ERR_clear_error();
  if (!certificate) return std::nullopt;
  CertificateFacts facts{.bundle_id = uid_of(*certificate),
                         .development = extension(*certificate, kDevelopment) != nullptr,
                         .production = extension(*certificate, kProduction) != nullptr,
                         .not_before = time_of(X509_get0_notBefore(certificate.get())),
                         .not_after = time_of(X509_get0_notAfter(certificate.get()))};
  if (X509_EXTENSION* list = extension(*certificate, kTopics)) facts.topics = topics_of(*X509_EXTENSION_get_data(list));
  ERR_clear_error();
  return facts;
}

}  // namespace nightpost::sandbox::apns
