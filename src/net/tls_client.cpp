#include "net/tls_client.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <new>
#include <system_error>

#include "core/pem.h"
#include "net/openssl_error.h"

namespace nightpost::net {
namespace {

using X509Handle = Handle<X509, X509_free>;
using KeyHandle = Handle<EVP_PKEY, EVP_PKEY_free>;
using BioHandle = Handle<BIO, BIO_free_all>;

constexpr std::array<unsigned char, 3> kAlpn = {2, 'h', '2'};  // RFC 9113 §3.2
constexpr std::size_t kReadAhead = 65'536;                     // several records a system call

// OpenSSL's own socket BIO writes with write(2), which raises SIGPIPE; a library must not lean on the process having
// that ignored.
int socket_of(BIO* bio) { return static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio))); }
int bio_read(BIO* bio, char* into, int size) {
  BIO_clear_retry_flags(bio);
  const auto got = ::recv(socket_of(bio), into, static_cast<std::size_t>(size), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_read(bio);
  return static_cast<int>(got);
}
int bio_write(BIO* bio, const char* from, int size) {
  BIO_clear_retry_flags(bio);
  const auto sent = ::send(socket_of(bio), from, static_cast<std::size_t>(size), MSG_NOSIGNAL);
  if (sent < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_write(bio);
  return static_cast<int>(sent);
}
long bio_ctrl(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

/// Made once: OpenSSL has 127 numbers for kinds of BIO in a process, and none comes back.
const BIO_METHOD* socket_method() {
  static const Handle<BIO_METHOD, BIO_meth_free> kMethod = [] {
    Handle<BIO_METHOD, BIO_meth_free> made(
        BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "socket without SIGPIPE"));
    if (!made || BIO_meth_set_read(made.get(), bio_read) != 1 || BIO_meth_set_write(made.get(), bio_write) != 1 ||
        BIO_meth_set_ctrl(made.get(), bio_ctrl) != 1)
      throw std::bad_alloc();
    return made;
  }();
  return kMethod.get();
}

bool alert_blames_certificate(unsigned long code, bool has_identity) {
  if (ERR_GET_LIB(code) != ERR_LIB_SSL) return false;
  switch (ERR_GET_REASON(code)) {
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
      return true;
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
      return has_identity;
    default:
      return false;
  }
}

BioHandle bio_of(const std::string& pem) {
  BioHandle bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (!bio) throw std::bad_alloc();
  return bio;
}
X509Handle next_certificate(BIO* pem) { return X509Handle(PEM_read_bio_X509(pem, nullptr, nullptr, kNoPassphrase)); }

Result<void> identify(SSL_CTX* context, const TlsIdentity& identity) {
  const BioHandle chain = bio_of(identity.certificate_pem);
  const X509Handle leaf = next_certificate(chain.get());
  if (!leaf || SSL_CTX_use_certificate(context, leaf.get()) != 1)
    return fail(Errc::Malformed, "client certificate cannot be read: " + take_openssl_error());
  while (const X509Handle link = next_certificate(chain.get()))
    if (SSL_CTX_add1_chain_cert(context, link.get()) != 1)
      return fail(Errc::Malformed, "chain of the client certificate cannot be used: " + take_openssl_error());
  if (!end_of_pem())
    return fail(Errc::Malformed, "chain of the client certificate cannot be read: " + take_openssl_error());
  const BioHandle bio = bio_of(identity.private_key_pem);
  const KeyHandle key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, kNoPassphrase));
  if (!key && is_encrypted_pem(identity.private_key_pem))
    return fail(Errc::Malformed, "client key is encrypted; give it without a passphrase");
  if (!key) return fail(Errc::Malformed, "client key cannot be read: " + take_openssl_error());
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1 || SSL_CTX_check_private_key(context) != 1)
    return fail(Errc::Malformed, "client key and certificate do not belong together: " + take_openssl_error());
  return {};
}

}  // namespace

Result<std::shared_ptr<const TlsClient>> TlsClient::make(const std::string& host, TrustStore trust,
                                                         const std::optional<TlsIdentity>& identity) {
  // An empty name would switch the comparison off, and one with a zero byte would be compared up to it.
  if (host.empty() || host.contains('\0')) return fail(Errc::Malformed, "host name is none");
  ERR_clear_error();
  // shared: a connection that is closing outlives its lane until the loop has run its last handler.
  std::shared_ptr<TlsClient> client(new TlsClient);
  client->host_ = host;
  client->trust_ = std::move(trust);
  const Handle<ASN1_OCTET_STRING, ASN1_OCTET_STRING_free> address(a2i_IPADDRESS(host.c_str()));
  ERR_clear_error();
  client->host_is_address_ = address != nullptr;
  client->has_identity_ = identity.has_value();
  client->context_.reset(SSL_CTX_new(TLS_client_method()));
  if (!client->context_) throw std::bad_alloc();

  SSL_CTX* const context = client->context_.get();
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_default_read_buffer_len(context, kReadAhead);
  SSL_CTX_set1_cert_store(context, client->trust_.get());
  X509_VERIFY_PARAM* const verify = SSL_CTX_get0_param(context);
  X509_VERIFY_PARAM_set_hostflags(verify, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  const bool name_set = client->host_is_address_ ? X509_VERIFY_PARAM_set1_ip_asc(verify, host.c_str()) == 1
                                                 : X509_VERIFY_PARAM_set1_host(verify, host.data(), host.size()) == 1;
  if (!name_set) return fail(Errc::Malformed, "host name cannot be verified: " + take_openssl_error());
  if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_alpn_protos(context, kAlpn.data(), kAlpn.size()) != 0)  // zero is its success
    return fail(Errc::Io, "TLS cannot be set up: " + take_openssl_error());
  if (identity)
    if (auto done = identify(context, *identity); !done) return std::unexpected(done.error());
  return client;
}

Result<TlsSocket> TlsClient::open(int socket) const {
  ERR_clear_error();
  TlsSocket tls;
  tls.has_identity_ = has_identity_;
  tls.ssl_.reset(SSL_new(context_.get()));
  BIO* bio = BIO_new(socket_method());
  if (!tls.ssl_ || !bio) throw std::bad_alloc();
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(socket)));
  BIO_set_init(bio, 1);
  SSL_set_bio(tls.ssl_.get(), bio, bio);  // takes it over
  if (!host_is_address_ && SSL_set_tlsext_host_name(tls.ssl_.get(), host_.c_str()) != 1)
    return fail(Errc::Malformed, "host name cannot be sent (SNI): " + take_openssl_error());
  SSL_set_connect_state(tls.ssl_.get());
  return tls;
}

TlsSocket::Step TlsSocket::step_of(int result, std::size_t bytes) {
  if (result == 1) return {Io::Done, bytes};
  const int saved = errno;
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return {Io::WantRead};
    case SSL_ERROR_WANT_WRITE:
      return {Io::WantWrite};
    case SSL_ERROR_ZERO_RETURN:
      return {Io::Eof};
    case SSL_ERROR_SYSCALL:
      if (saved == 0) return {Io::Eof};
      why_ = std::generic_category().message(saved);
      return {Io::Failed};
    default:
      break;
  }
  const unsigned long code = ERR_peek_error();
  // OpenSSL 3 reports a connection that ends without close_notify as an error; HTTP/2 has its own ends.
  if (ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
    ERR_clear_error();
    return {Io::Eof};
  }
  credential_refused_ = alert_blames_certificate(code, has_identity_);
  const long verdict = SSL_get_verify_result(ssl_.get());
  why_ = take_openssl_error();
  peer_untrusted_ = verdict != X509_V_OK;
  if (peer_untrusted_) why_ = std::string("certificate: ") + X509_verify_cert_error_string(verdict);
  return {Io::Failed};
}

TlsSocket::Step TlsSocket::handshake() {
  ERR_clear_error();
  errno = 0;
  return step_of(SSL_do_handshake(ssl_.get()), 0);
}
TlsSocket::Step TlsSocket::read(std::span<std::uint8_t> into) {
  ERR_clear_error();
  errno = 0;
  std::size_t bytes = 0;
  const int result = SSL_read_ex(ssl_.get(), into.data(), into.size(), &bytes);
  return step_of(result, bytes);
}
TlsSocket::Step TlsSocket::write(std::span<const std::uint8_t> from) {
  ERR_clear_error();
  errno = 0;
  std::size_t bytes = 0;
  const int result = SSL_write_ex(ssl_.get(), from.data(), from.size(), &bytes);
  return step_of(result, bytes);
}
void TlsSocket::say_goodbye() {
  if (ssl_ && SSL_is_init_finished(ssl_.get())) SSL_shutdown(ssl_.get());
  ERR_clear_error();
}
bool TlsSocket::speaks_h2() const {
  const unsigned char* name = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &name, &size);
  return std::string_view(reinterpret_cast<const char*>(name), size) == "h2";
}

}  // namespace nightpost::net
