#include "sandbox/throwaway_ca.h"

#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "core/c_handle.h"
#include "core/pem.h"

namespace nightpost::sandbox {
namespace {

using Bio = Handle<BIO, BIO_free_all>;
using Certificate = Handle<X509, X509_free>;
using Extension = Handle<X509_EXTENSION, X509_EXTENSION_free>;
using PrivateKey = Handle<EVP_PKEY, EVP_PKEY_free>;
using std::chrono::days;

constexpr auto kCaLife = days(3650);
constexpr auto kServerLife = days(365);
constexpr auto kRenewBefore = days(7);
constexpr auto kBackdate = days(1);  // for clients whose clock is behind

struct Pair {
  Certificate certificate;
  PrivateKey key;
  explicit operator bool() const noexcept { return certificate && key; }
};

std::time_t unix_seconds(WallTime time) { return std::chrono::duration_cast<seconds>(time.time_since_epoch()).count(); }

bool extend(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

/// Signed by `ca`, or by itself as a CA if that is null.
Pair make_pair_of(const char* name, const Pair* ca, WallTime now, days life) {
  Pair made{Certificate(X509_new()), PrivateKey(EVP_EC_gen("P-256"))};
  if (!made) return {};
  X509* certificate = made.certificate.get();
  X509* issuer = ca ? ca->certificate.get() : certificate;
  unsigned char serial[16];
  if (RAND_bytes(serial, sizeof serial) != 1) return {};
  serial[0] &= 0x7f;  // RFC 5280 §4.1.2.2: positive
  const Handle<BIGNUM, BN_free> number(BN_bin2bn(serial, sizeof serial, nullptr));
  const auto* text = reinterpret_cast<const unsigned char*>(name);
  bool good =
      number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) &&
      X509_set_version(certificate, X509_VERSION_3) == 1 &&
      ASN1_TIME_set(X509_getm_notBefore(certificate), unix_seconds(now - kBackdate)) &&
      ASN1_TIME_set(X509_getm_notAfter(certificate), unix_seconds(now + life)) &&
      X509_set_pubkey(certificate, made.key.get()) == 1 &&
      X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8, text, -1, -1, 0) == 1 &&
      X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1 &&
      extend(certificate, issuer, NID_subject_key_identifier, "hash") &&
      extend(certificate, issuer, NID_authority_key_identifier, "keyid:always");
  if (ca) {
    good = good && extend(certificate, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
           extend(certificate, issuer, NID_key_usage, "critical,digitalSignature") &&
           extend(certificate, issuer, NID_ext_key_usage, "serverAuth") &&
           extend(certificate, issuer, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:::1");
  } else {
    good = good && extend(certificate, issuer, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
           extend(certificate, issuer, NID_key_usage, "critical,keyCertSign,cRLSign");
  }
  EVP_PKEY* signer = ca ? ca->key.get() : made.key.get();
  return good && X509_sign(certificate, signer, EVP_sha256()) > 0 ? std::move(made) : Pair{};
}

std::string text_in(const Bio& bio, bool written) {
  if (!written) throw std::runtime_error("OpenSSL cannot write PEM");
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

std::string pem_of(X509* certificate) {
  const Bio out(BIO_new(BIO_s_mem()));
  return text_in(out, out && PEM_write_bio_X509(out.get(), certificate) == 1);
}

std::string pem_of(EVP_PKEY* key) {
  const Bio out(BIO_new(BIO_s_mem()));
  return text_in(out, out && PEM_write_bio_PrivateKey(out.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
}

Pair make_ca(WallTime now) { return make_pair_of("Nightpost sandbox CA", nullptr, now, kCaLife); }
Pair make_server(const Pair& ca, WallTime now) { return make_pair_of("localhost", &ca, now, kServerLife); }

ServerIdentity identity_of(const Pair& ca, const Pair& server) {
  return {pem_of(ca.certificate.get()), pem_of(server.certificate.get()), pem_of(server.key.get())};
}

/// Null unless certificate and key belong together and are good for another while.
Pair read_pair(const std::filesystem::path& certificate_file, const std::filesystem::path& key_file, WallTime now) {
  const auto slurp = [](const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  const std::string certificate = slurp(certificate_file);
  const std::string key = slurp(key_file);
  const Bio certificate_bio(BIO_new_mem_buf(certificate.data(), static_cast<int>(certificate.size())));
  const Bio key_bio(BIO_new_mem_buf(key.data(), static_cast<int>(key.size())));
  Pair pair{Certificate(PEM_read_bio_X509(certificate_bio.get(), nullptr, nullptr, kNoPassphrase)),
            PrivateKey(PEM_read_bio_PrivateKey(key_bio.get(), nullptr, nullptr, kNoPassphrase))};
  bool good = static_cast<bool>(pair);
  if (good) {
    std::time_t needed = unix_seconds(now + kRenewBefore);
    good = X509_check_private_key(pair.certificate.get(), pair.key.get()) == 1 &&
           X509_cmp_time(X509_get0_notAfter(pair.certificate.get()), &needed) > 0;
  }
  ERR_clear_error();
  return good ? std::move(pair) : Pair{};
}

/// Whole or not at all: written beside, then renamed.
Result<void> write_file(const std::filesystem::path& file, const std::string& text, mode_t mode) {
  const std::string beside = file.string() + ".new";
  const auto refused = [&] { return fail(Errc::Io, "cannot write " + file.string() + ": " + std::strerror(errno)); };
  ::unlink(beside.c_str());
  const int fd = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (fd < 0) return refused();
  const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (::close(fd) != 0 || !written || ::rename(beside.c_str(), file.c_str()) != 0) return refused();
  return {};
}

Result<void> write_pair(const Pair& pair, const std::filesystem::path& certificate_file,
                        const std::filesystem::path& key_file) {
  if (auto key = write_file(key_file, pem_of(pair.key.get()), 0600); !key) return key;
  return write_file(certificate_file, pem_of(pair.certificate.get()), 0644);
}

}  // namespace

Result<ServerIdentity> make_identity(WallTime now) {
  const Pair ca = make_ca(now);
  const Pair server = ca ? make_server(ca, now) : Pair{};
  if (!server) return fail(Errc::Io, "OpenSSL cannot make a certificate");
  return identity_of(ca, server);
}

Result<ServerIdentity> identity_in(const std::string& folder, WallTime now) {
  const std::filesystem::path root(folder);
  std::error_code error;
  std::filesystem::create_directories(root, error);
  if (error) return fail(Errc::Io, "cannot make " + folder + ": " + error.message());
  Pair ca = read_pair(root / "ca.pem", root / "ca.key", now);
  Pair server;
  if (ca) {
    server = read_pair(root / "server.pem", root / "server.key", now);
  } else {
    ca = make_ca(now);
    if (!ca) return fail(Errc::Io, "OpenSSL cannot make a certificate");
    if (auto written = write_pair(ca, root / "ca.pem", root / "ca.key"); !written)
      return std::unexpected(written.error());
  }
  const bool ours = server && X509_verify(server.certificate.get(), X509_get0_pubkey(ca.certificate.get())) == 1;
  ERR_clear_error();
  if (!ours) {
    server = make_server(ca, now);
    if (!server) return fail(Errc::Io, "OpenSSL cannot make a certificate");
    if (auto written = write_pair(server, root / "server.pem", root / "server.key"); !written)
      return std::unexpected(written.error());
  }
  return identity_of(ca, server);
}

}  // namespace nightpost::sandbox
