#include "providers/apns/push_certificate.h"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/provider.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "core/c_handle.h"
#include "core/text.h"
#include "providers/openssl_errors.h"

namespace nightpost::apns {
namespace {

constexpr std::size_t kP12BytesMax = 262'144;  // Apple's are 3 to 6 KB
// Rounds of hashing that all passwords of a file may cost together, about two seconds. Keychain Access writes 1 to
// 2,000 each, OpenSSL 2,048, NSS up to 600,000; a file may ask for 2^31, and OpenSSL would do them.
constexpr std::int64_t kP12RoundsMax = 4'000'000;

using Certificates = STACK_OF(X509);
void free_certificates(Certificates* stack) { sk_X509_pop_free(stack, X509_free); }

/// A library context with the ciphers of old .p12 files, used by whoever is handed it and by nobody else.
class LegacyContext {
 public:
  LegacyContext() : context_(OSSL_LIB_CTX_new()) {
    if (!context_) return;
    default_.reset(OSSL_PROVIDER_load(context_.get(), "default"));
    legacy_.reset(OSSL_PROVIDER_load(context_.get(), "legacy"));
  }
  OSSL_LIB_CTX* get() const noexcept { return context_.get(); }
  bool legacy() const noexcept { return legacy_ != nullptr; }

 private:
  Handle<OSSL_LIB_CTX, OSSL_LIB_CTX_free> context_;
  Handle<OSSL_PROVIDER, OSSL_PROVIDER_unload> default_;
  Handle<OSSL_PROVIDER, OSSL_PROVIDER_unload> legacy_;
};

/// What `write` puts into a memory BIO, which OpenSSL wipes when it frees it.
template <class Write>
std::string pem_of(const Write& write) {
  const Handle<BIO, BIO_free> bio(BIO_new(BIO_s_mem()));
  if (!bio || !write(bio.get())) return {};
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

/// Adds up what the file asks for before it is done.
class RoundBudget {
 public:
  /// Of the MAC; nullptr: one.
  bool spend(const ASN1_INTEGER* rounds) {
    std::int64_t count = 1;
    if (rounds != nullptr && (ASN1_INTEGER_get_int64(&count, rounds) != 1 || count < 1)) return false;
    if (count > left_) return false;
    left_ -= count;
    return true;
  }
  /// Of a key by a password: PKCS#5 v2 with PBKDF2, or a scheme of PKCS#12. No exporter of Apple's uses scrypt.
  bool spend(const X509_ALGOR* scheme) {
    if (OBJ_obj2nid(scheme->algorithm) != NID_pbes2) {
      const auto pbe = unpacked<PBEPARAM, PBEPARAM_free>(ASN1_ITEM_rptr(PBEPARAM), scheme);
      return pbe && spend(pbe->iter);
    }
    const auto pbes2 = unpacked<PBE2PARAM, PBE2PARAM_free>(ASN1_ITEM_rptr(PBE2PARAM), scheme);
    if (!pbes2 || OBJ_obj2nid(pbes2->keyfunc->algorithm) != NID_id_pbkdf2) return false;
    const auto pbkdf2 = unpacked<PBKDF2PARAM, PBKDF2PARAM_free>(ASN1_ITEM_rptr(PBKDF2PARAM), pbes2->keyfunc);
    return pbkdf2 && spend(pbkdf2->iter);
  }
  bool spend(const STACK_OF(PKCS12_SAFEBAG) * bags) {
    for (int i = 0; i < sk_PKCS12_SAFEBAG_num(bags); ++i) {
      const PKCS12_SAFEBAG* bag = sk_PKCS12_SAFEBAG_value(bags, i);
      if (PKCS12_SAFEBAG_get_nid(bag) == NID_safeContentsBag && !spend(PKCS12_SAFEBAG_get0_safes(bag))) return false;
      if (PKCS12_SAFEBAG_get_nid(bag) != NID_pkcs8ShroudedKeyBag) continue;
      const X509_ALGOR* scheme = nullptr;
      X509_SIG_get0(PKCS12_SAFEBAG_get0_pkcs8(bag), &scheme, nullptr);
      if (!spend(scheme)) return false;
    }
    return true;
  }
  /// Of all that the file holds. What does not decrypt costs no more than was spent for it.
  bool spend(const PKCS12* p12, const std::string& password) {
    const Handle<Contents, free_contents> contents(PKCS12_unpack_authsafes(p12));
    for (int i = 0; i < sk_PKCS7_num(contents.get()); ++i) {
      PKCS7* content = sk_PKCS7_value(contents.get(), i);
      Handle<Bags, free_bags> bags;
      if (PKCS7_type_is_data(content)) {
        bags.reset(PKCS12_unpack_p7data(content));
      } else if (PKCS7_type_is_encrypted(content) && content->d.encrypted != nullptr) {
        if (!spend(content->d.encrypted->enc_data->algorithm)) return false;
        bags.reset(PKCS12_unpack_p7encdata(content, password.c_str(), -1));
      }
      if (bags && !spend(bags.get())) return false;
    }
    return true;
  }

 private:
  using Contents = STACK_OF(PKCS7);
  static void free_contents(Contents* stack) { sk_PKCS7_pop_free(stack, PKCS7_free); }
  using Bags = STACK_OF(PKCS12_SAFEBAG);
  static void free_bags(Bags* stack) { sk_PKCS12_SAFEBAG_pop_free(stack, PKCS12_SAFEBAG_free); }
  template <class T, auto Free>
  static Handle<T, Free> unpacked(const ASN1_ITEM* type, const X509_ALGOR* scheme) {
    return Handle<T, Free>(static_cast<T*>(ASN1_TYPE_unpack_sequence(type, scheme->parameter)));
  }

  std::int64_t left_ = kP12RoundsMax;
};

std::optional<WallTime> wall_time(const ASN1_TIME* time) {
  const Handle<ASN1_TIME, ASN1_TIME_free> epoch(ASN1_TIME_set(nullptr, 0));
  int days = 0;
  int rest = 0;
  if (!epoch || ASN1_TIME_diff(&days, &rest, epoch.get(), time) != 1) return std::nullopt;
  return WallTime(std::chrono::days(days) + seconds(rest));
}

/// The bytes of the extension `oid`; nullptr if the certificate has none.
const ASN1_OCTET_STRING* extension(const X509* certificate, const char* oid) {
  const Handle<ASN1_OBJECT, ASN1_OBJECT_free> object(OBJ_txt2obj(oid, /*no_name=*/1));
  const int at = object ? X509_get_ext_by_OBJ(certificate, object.get(), -1) : -1;
  return at < 0 ? nullptr : X509_EXTENSION_get_data(X509_get_ext(certificate, at));
}

std::string subject_uid(const X509* certificate) {
  const X509_NAME* subject = X509_get_subject_name(certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_userId, -1);
  if (at < 0) return {};
  unsigned char* text = nullptr;
  const int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
  if (size < 0) return {};
  std::string uid(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
  OPENSSL_free(text);
  return uid;
}

/// Walks one level of DER. `der` shrinks to what is left.
struct Element {
  int tag;
  std::string_view content;
};
std::optional<Element> next_element(std::string_view& der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const auto* const start = at;
  long size = 0;
  int tag = 0;
  int kind = 0;
  if (der.empty() || (ASN1_get_object(&at, &size, &tag, &kind, static_cast<long>(der.size())) & 0x80) != 0)
    return std::nullopt;
  const auto header = static_cast<std::size_t>(at - start);
  if (size < 0 || static_cast<std::size_t>(size) > der.size() - header) return std::nullopt;
  const Element element{kind == V_ASN1_UNIVERSAL ? tag : -1, der.substr(header, static_cast<std::size_t>(size))};
  der.remove_prefix(header + static_cast<std::size_t>(size));
  return element;
}

/// SEQUENCE { UTF8String topic, SEQUENCE { UTF8String service … }, … }, as Apple's certificates have it.
std::vector<Topic> topics_in(std::string_view der) {
  std::vector<Topic> topics;
  const auto list = next_element(der);
  if (!list || list->tag != V_ASN1_SEQUENCE) return topics;
  std::string_view rest = list->content;
  while (const auto entry = next_element(rest)) {
    if (entry->tag == V_ASN1_UTF8STRING) {
      topics.push_back({std::string(entry->content), {}});
    } else if (entry->tag == V_ASN1_SEQUENCE && !topics.empty()) {
      std::string_view services = entry->content;
      while (const auto service = next_element(services))
        if (service->tag == V_ASN1_UTF8STRING) topics.back().services.emplace_back(service->content);
    }
  }
  return topics;
}

std::string fingerprint_of(const X509* certificate) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  unsigned size = 0;
  if (X509_digest(certificate, EVP_sha256(), digest.data(), &size) != 1) return {};
  return hex({reinterpret_cast<const char*>(digest.data()), size});
}

}  // namespace

Result<PushCertificate> open_p12(std::string_view bytes, const std::string& password) {
  const ErrorQueueGuard guard;
  if (bytes.size() > kP12BytesMax) return fail(Errc::Malformed, "not a .p12 file: far too long");
  const LegacyContext context;
  // Handing d2i an empty object is how PKCS#12 learns its library context.
  PKCS12* empty = context.get() ? PKCS12_init_ex(NID_pkcs7_data, context.get(), nullptr) : nullptr;
  if (!empty) return fail(Errc::Io, "libcrypto has no memory for a .p12 file");
  const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
  const Handle<PKCS12, PKCS12_free> p12(d2i_PKCS12(&empty, &at, static_cast<long>(bytes.size())));
  if (!p12) return fail(Errc::Malformed, "not a .p12 (PKCS#12) file");  // d2i has freed `empty`

  const char* const too_many =
      "this .p12 asks for far more work than any exporter does: export it again from Keychain Access";
  RoundBudget budget;
  const ASN1_INTEGER* mac_rounds = nullptr;
  PKCS12_get0_mac(nullptr, nullptr, nullptr, &mac_rounds, p12.get());
  if (!budget.spend(mac_rounds)) return fail(Errc::Malformed, too_many);
  if (password.empty()) {
    const bool open = PKCS12_verify_mac(p12.get(), nullptr, 0) == 1 || PKCS12_verify_mac(p12.get(), "", 0) == 1;
    return fail(Errc::Malformed, open ? "this .p12 has no password, and such a file gets no pushes: export it again "
                                        "from Keychain Access with one"
                                      : "the password of this .p12 is missing");
  }
  if (PKCS12_verify_mac(p12.get(), password.c_str(), static_cast<int>(password.size())) != 1)
    return fail(Errc::Malformed, "the password does not open this .p12, or the file is damaged");

  if (!budget.spend(p12.get(), password)) return fail(Errc::Malformed, too_many);

  EVP_PKEY* raw_key = nullptr;
  X509* raw_leaf = nullptr;
  Certificates* raw_chain = nullptr;
  const bool parsed = PKCS12_parse(p12.get(), password.c_str(), &raw_key, &raw_leaf, &raw_chain) == 1;
  const Handle<EVP_PKEY, EVP_PKEY_free> key(raw_key);
  const Handle<X509, X509_free> leaf(raw_leaf);
  const Handle<Certificates, free_certificates> chain(raw_chain);
  if (!parsed)
    return fail(Errc::Malformed, context.legacy() ? "the .p12 is damaged: its password is right, its content does not "
                                                    "decrypt"
                                                  : "the .p12 may use Keychain's old ciphers (RC2-40), and OpenSSL's "
                                                    "legacy module is not installed here");
  if (!key)
    return fail(Errc::Malformed,
                "this .p12 holds no private key: in Keychain Access choose the certificate together "
                "with the key below it");
  if (!leaf) return fail(Errc::Malformed, "this .p12 holds no certificate that belongs to its private key");

  PushCertificate found;
  found.identity.private_key_pem = pem_of([&](BIO* out) {
    return PEM_write_bio_PKCS8PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1;
  });
  found.identity.certificate_pem = pem_of([&](BIO* out) {
    bool good = PEM_write_bio_X509(out, leaf.get()) == 1;
    for (int i = 0; i < sk_X509_num(chain.get()); ++i)
      good = good && PEM_write_bio_X509(out, sk_X509_value(chain.get(), i)) == 1;
    return good;
  });
  found.fingerprint = fingerprint_of(leaf.get());
  const auto not_before = wall_time(X509_get0_notBefore(leaf.get()));
  const auto not_after = wall_time(X509_get0_notAfter(leaf.get()));
  if (found.identity.private_key_pem.empty() || found.identity.certificate_pem.empty() || found.fingerprint.empty() ||
      !not_before || !not_after)
    return fail(Errc::Malformed, "the certificate in this .p12 is damaged");
  found.not_before = *not_before;
  found.not_after = *not_after;
  found.uid = subject_uid(leaf.get());
  found.development = extension(leaf.get(), "1.2.840.113635.100.6.3.1") != nullptr;
  found.production = extension(leaf.get(), "1.2.840.113635.100.6.3.2") != nullptr;
  found.voip = extension(leaf.get(), "1.2.840.113635.100.6.3.4") != nullptr;
  if (const ASN1_OCTET_STRING* list = extension(leaf.get(), "1.2.840.113635.100.6.3.6"))
    found.topics = topics_in({reinterpret_cast<const char*>(ASN1_STRING_get0_data(list)),
                              static_cast<std::size_t>(ASN1_STRING_length(list))});
  return found;
}

}  // namespace nightpost::apns
