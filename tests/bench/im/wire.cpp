#include "bench/im/wire.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>

#include "support/process.h"
#include "support/test_identity.h"

namespace nightpost::bench {
namespace {

[[noreturn]] void wire_broke(const char* doing) {
  throw std::runtime_error(std::string("a client's connection: ") + doing + ": " + std::strerror(errno));
}

}  // namespace

Handle<SSL_CTX, SSL_CTX_free> client_tls(std::string_view alpn) {
  Handle<SSL_CTX, SSL_CTX_free> tls(SSL_CTX_new(TLS_client_method()));
  if (!tls || SSL_CTX_set_min_proto_version(tls.get(), TLS1_3_VERSION) != 1) throw std::runtime_error("no TLS 1.3");
  SSL_CTX_set_verify(tls.get(), SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_mode(tls.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  if (alpn.empty()) return tls;
  std::string names(1, static_cast<char>(alpn.size()));
  names += alpn;
  SSL_CTX_set_alpn_protos(tls.get(), reinterpret_cast<const unsigned char*>(names.data()), unsigned(names.size()));
  return tls;
}

Handle<SSL_CTX, SSL_CTX_free> server_tls() {
  const support::TempFolder folder("bench-tls");
  const probe::Identity identity = probe::server_identity();
  const std::string certificate = folder.write("cert.pem", identity.certificate_pem);
  const std::string key = folder.write("key.pem", identity.private_key_pem);
  Handle<SSL_CTX, SSL_CTX_free> tls(SSL_CTX_new(TLS_server_method()));
  if (!tls || SSL_CTX_use_certificate_file(tls.get(), certificate.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_use_PrivateKey_file(tls.get(), key.c_str(), SSL_FILETYPE_PEM) != 1)
    throw std::runtime_error("no certificate for a bare server");
  return tls;
}

std::pair<Descriptor, std::uint16_t> listen_anywhere() {
  Descriptor listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const raw = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener.get(), raw, size) != 0 || ::listen(listener.get(), 1'024) != 0 ||
      ::getsockname(listener.get(), raw, &size) != 0)
    wire_broke("listen");
  return {std::move(listener), ntohs(address.sin_port)};
}

Wire::Wire(std::uint16_t port, SSL_CTX* tls) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  if (fd() < 0) wire_broke("socket");
  const int on = 1;
  ::setsockopt(fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  to.sin_port = htons(port);
  if (::connect(fd(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) wire_broke("connect");
  if (tls != nullptr) {
    tls_.reset(SSL_new(tls));
    if (!tls_ || SSL_set_fd(tls_.get(), fd()) != 1 || SSL_connect(tls_.get()) != 1) wire_broke("TLS handshake");
  }
  if (::fcntl(fd(), F_SETFL, O_NONBLOCK) != 0) wire_broke("fcntl");
}

std::size_t Wire::read(std::span<char> room) {
  if (tls_) {
    std::size_t got = 0;
    const int done = SSL_read_ex(tls_.get(), room.data(), room.size(), &got);
    if (done == 1) return got;
    if (SSL_get_error(tls_.get(), done) == SSL_ERROR_WANT_READ) return 0;
    wire_broke("it ended");
  }
  const ssize_t got = ::recv(fd(), room.data(), room.size(), 0);
  if (got < 0 && errno == EAGAIN) return 0;
  if (got <= 0) wire_broke("it ended");
  return static_cast<std::size_t>(got);
}

std::size_t Wire::write(std::string_view bytes) {
  if (tls_) {
    std::size_t written = 0;
    const int done = SSL_write_ex(tls_.get(), bytes.data(), bytes.size(), &written);
    if (done == 1) return written;
    if (SSL_get_error(tls_.get(), done) == SSL_ERROR_WANT_WRITE) return 0;
    wire_broke("TLS write");
  }
  const ssize_t written = ::send(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (written < 0 && errno == EAGAIN) return 0;
  if (written < 0) wire_broke("write");
  return static_cast<std::size_t>(written);
}

}  // namespace nightpost::bench
