#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>

#include "support/h2_peer.h"

namespace nightpost::support {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using X509Handle = Handle<X509, X509_free>;
using KeyHandle = Handle<EVP_PKEY, EVP_PKEY_free>;
using BioHandle = Handle<BIO, BIO_free_all>;

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}
std::string pem_of(X509* certificate) {
  const BioHandle bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), certificate);
  return text_of(bio.get());
}
std::string pem_of(EVP_PKEY* key) {
  const BioHandle bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  return text_of(bio.get());
}

X509Handle sign(long serial, const char* name, const char* alternatives, EVP_PKEY* key, X509* issuer,
                EVP_PKEY* issuer_key) {
  X509Handle made(X509_new());
  X509_set_version(made.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), serial);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), 86'400);
  X509_set_pubkey(made.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  X509_set_issuer_name(made.get(), X509_get_subject_name(issuer ? issuer : made.get()));
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer ? issuer : made.get(), made.get(), nullptr, nullptr, 0);
  const auto extend = [&](int what, const char* value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, what, value);
    X509_add_ext(made.get(), extension, -1);
    X509_EXTENSION_free(extension);
  };
  if (!issuer) extend(NID_basic_constraints, "critical,CA:TRUE");
  if (alternatives) extend(NID_subject_alt_name, alternatives);
  X509_sign(made.get(), issuer_key, EVP_sha256());
  return made;
}

}  // namespace

TestPki::TestPki() {
  const KeyHandle ca_key(EVP_EC_gen("P-256")), server_key(EVP_EC_gen("P-256")), client_key(EVP_EC_gen("P-256"));
  const X509Handle ca = sign(1, "test authority", nullptr, ca_key.get(), nullptr, ca_key.get());
  const X509Handle server =
      sign(2, "server", "DNS:localhost,IP:127.0.0.1,IP:::1", server_key.get(), ca.get(), ca_key.get());
  const X509Handle client = sign(3, "client", nullptr, client_key.get(), ca.get(), ca_key.get());
  const X509Handle other = sign(4, "other", "DNS:elsewhere.test", server_key.get(), ca.get(), ca_key.get());
  ca_pem = pem_of(ca.get());
  server_pem = pem_of(server.get());
  server_key_pem = other_server_key_pem = pem_of(server_key.get());
  client_pem = pem_of(client.get());
  client_key_pem = pem_of(client_key.get());
  other_server_pem = pem_of(other.get());
}

const TestPki& test_pki() {
  static const TestPki pki;
  return pki;
}

struct TlsPeer::Impl : std::enable_shared_from_this<Impl> {
  struct Connection {
    Connection(tcp::socket socket, asio::ssl::context& tls, const TlsPeerOptions& o)
        : stream(std::move(socket), tls), session(o.settings, o.open_windows) {}
    asio::ssl::stream<tcp::socket> stream;
    H2Peer session;
    std::array<std::uint8_t, 16'384> in;
    std::vector<std::uint8_t> out;
    bool writing = false, muted = false, dropping = false, open = true;
  };
  using Shared = std::shared_ptr<Connection>;  // with the handlers of its reads and writes

  Impl(asio::io_context& loop, TlsPeerOptions o)
      : options(std::move(o)),
        tls(options.tls12 ? asio::ssl::context::tlsv12_server : asio::ssl::context::tls_server),
        acceptor(loop, tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {
    const TestPki& pki = test_pki();
    const std::string& certificate = options.wrong_name ? pki.other_server_pem : pki.server_pem;
    tls.use_certificate_chain(asio::buffer(certificate));
    tls.use_private_key(asio::buffer(pki.server_key_pem), asio::ssl::context::pem);
    if (options.trust_client_certificate) tls.add_certificate_authority(asio::buffer(pki.ca_pem));
    if (options.require_client_certificate)
      tls.set_verify_mode(asio::ssl::verify_peer | asio::ssl::verify_fail_if_no_peer_cert);
    SSL_CTX_set_alpn_select_cb(tls.native_handle(), select_alpn, this);
  }

  static int select_alpn(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char*, unsigned int,
                         void* self) {
    const std::string& ours = static_cast<Impl*>(self)->options.alpn;
    if (ours.empty()) return SSL_TLSEXT_ERR_NOACK;
    *out = reinterpret_cast<const unsigned char*>(ours.data());
    *out_size = static_cast<unsigned char>(ours.size());
    return SSL_TLSEXT_ERR_OK;
  }

  void accept() {
    acceptor.async_accept([self = shared_from_this()](error_code failed, tcp::socket socket) {
      if (failed) return;
      socket.set_option(tcp::no_delay(true));
      auto c = std::make_shared<Connection>(std::move(socket), self->tls, self->options);
      self->all.push_back(c);
      self->accept();
      if (!self->options.silent) self->shake_hands(c, self->all.size() - 1);
    });
  }
  void shake_hands(const Shared& c, std::size_t number) {
    c->stream.async_handshake(asio::ssl::stream_base::server, [self = shared_from_this(), c, number](error_code bad) {
      if (bad) return close(*c);
      if (*self->on_connection) (*self->on_connection)(number, c->session);
      self->write(c);
      self->read(c);
    });
  }
  void read(const Shared& c) {
    c->stream.async_read_some(asio::buffer(c->in), [self = shared_from_this(), c](error_code bad, std::size_t size) {
      if (bad || c->muted) return bad ? close(*c) : void();
      if (!c->session.feed(std::span(c->in).first(size))) return close(*c);
      self->write(c);
      self->read(c);
    });
  }
  void write(const Shared& c) {
    if (c->writing || c->muted || !c->open) return;
    c->out = c->session.output();
    if (c->out.empty()) return c->dropping ? close(*c) : void();
    c->writing = true;
    asio::async_write(c->stream, asio::buffer(c->out), [self = shared_from_this(), c](error_code bad, std::size_t) {
      c->writing = false;
      if (bad) return close(*c);
      self->write(c);
    });
  }
  static void close(Connection& c) {
    error_code ignored;
    c.open = false;
    c.stream.lowest_layer().close(ignored);
  }

  TlsPeerOptions options;
  asio::ssl::context tls;
  tcp::acceptor acceptor;
  std::vector<Shared> all;
  const std::function<void(std::size_t, H2Peer&)>* on_connection = nullptr;
};

TlsPeer::TlsPeer(asio::io_context& loop, TlsPeerOptions options)
    : impl_(std::make_shared<Impl>(loop, std::move(options))) {
  impl_->on_connection = &on_connection;
  impl_->accept();
}
TlsPeer::~TlsPeer() {
  error_code ignored;
  impl_->acceptor.close(ignored);
  for (const auto& c : impl_->all) {
    c->session.on_request = nullptr;
    c->session.on_headers = nullptr;
    Impl::close(*c);
  }
  static const std::function<void(std::size_t, H2Peer&)> kNobody;
  impl_->on_connection = &kNobody;
}
std::uint16_t TlsPeer::port() const { return impl_->acceptor.local_endpoint().port(); }
std::size_t TlsPeer::connections() const { return impl_->all.size(); }
std::size_t TlsPeer::open_connections() const {
  std::size_t count = 0;
  for (const auto& c : impl_->all) count += c->open;
  return count;
}
H2Peer& TlsPeer::peer(std::size_t connection) { return impl_->all.at(connection)->session; }
void TlsPeer::flush(std::size_t connection) { impl_->write(impl_->all.at(connection)); }
void TlsPeer::drop(std::size_t connection) {
  impl_->all.at(connection)->dropping = true;
  impl_->write(impl_->all.at(connection));
}
void TlsPeer::mute(std::size_t connection) { impl_->all.at(connection)->muted = true; }
void TlsPeer::refuse_new() {
  error_code ignored;
  impl_->acceptor.close(ignored);
}

}  // namespace nightpost::support
