#include "support/h2_probe.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstring>
#include <stdexcept>

namespace nightpost::probe {
namespace {

using Bio = Handle<BIO, BIO_free_all>;
using std::chrono::steady_clock;

int connect_to(std::uint16_t port, const std::string& from = "") {
  std::signal(SIGPIPE, SIG_IGN);
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in source{};
  source.sin_family = AF_INET;
  if (!from.empty() && (::inet_pton(AF_INET, from.c_str(), &source.sin_addr) != 1 ||
                        ::bind(fd, reinterpret_cast<const sockaddr*>(&source), sizeof source) != 0)) {
    ::close(fd);
    throw std::runtime_error("cannot bind to " + from);
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    ::close(fd);
    throw std::runtime_error("cannot connect");
  }
  return fd;
}

bool readable(int fd, int timeout_ms) {
  pollfd wait{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&wait, 1, timeout_ms) > 0;
}

Bio bio_of(const std::string& text) { return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))); }

}  // namespace

TlsProbe::TlsProbe(std::uint16_t port, const std::string& ca_pem, std::string_view alpn, const Identity* identity,
                   SSL_SESSION* resume)
    : fd_(connect_to(port)), context_(SSL_CTX_new(TLS_client_method())) {
  const Handle<X509, X509_free> ca(PEM_read_bio_X509(bio_of(ca_pem).get(), nullptr, nullptr, nullptr));
  X509_STORE_add_cert(SSL_CTX_get_cert_store(context_.get()), ca.get());
  SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
  if (identity) {
    const Handle<X509, X509_free> mine(
        PEM_read_bio_X509(bio_of(identity->certificate_pem).get(), nullptr, nullptr, nullptr));
    const Handle<EVP_PKEY, EVP_PKEY_free> key(
        PEM_read_bio_PrivateKey(bio_of(identity->private_key_pem).get(), nullptr, nullptr, nullptr));
    SSL_CTX_use_certificate(context_.get(), mine.get());
    SSL_CTX_use_PrivateKey(context_.get(), key.get());
  }
  ssl_.reset(SSL_new(context_.get()));
  std::string wire;
  if (!alpn.empty()) {
    wire = static_cast<char>(alpn.size()) + std::string(alpn);
    SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>(wire.data()),
                        static_cast<unsigned>(wire.size()));
  }
  SSL_set1_host(ssl_.get(), "localhost");
  SSL_set_tlsext_host_name(ssl_.get(), "localhost");
  if (resume) SSL_set_session(ssl_.get(), resume);
  SSL_set_fd(ssl_.get(), fd_);
  if (SSL_connect(ssl_.get()) != 1) {
    const std::string words = X509_verify_cert_error_string(SSL_get_verify_result(ssl_.get()));
    ssl_.reset();
    ::close(fd_);
    throw std::runtime_error("TLS handshake: " + words);
  }
}

TlsProbe::~TlsProbe() { ::close(fd_); }

std::string TlsProbe::alpn() const {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

Handle<SSL_SESSION, SSL_SESSION_free> TlsProbe::session() const {
  return Handle<SSL_SESSION, SSL_SESSION_free>(SSL_get1_session(ssl_.get()));
}

bool TlsProbe::resumed() const { return SSL_session_reused(ssl_.get()) == 1; }

void TlsProbe::write(std::string_view bytes) {
  std::size_t written = 0;
  if (!bytes.empty() && SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &written) != 1) ended_ = true;
  ERR_clear_error();
}

std::string TlsProbe::read(int timeout_ms) {
  if (ended_ || (SSL_pending(ssl_.get()) == 0 && !readable(fd_, timeout_ms))) return {};
  std::string bytes(65'536, '\0');
  const int count = SSL_read(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
  ended_ = count <= 0;
  bytes.resize(static_cast<std::size_t>(std::max(count, 0)));
  ERR_clear_error();
  return bytes;
}

TcpProbe::TcpProbe(std::uint16_t port, const std::string& from) : fd_(connect_to(port, from)) {}
TcpProbe::~TcpProbe() { ::close(fd_); }

void TcpProbe::write(std::string_view bytes) {
  if (::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) ended_ = true;
}

void TcpProbe::finish() { ::shutdown(fd_, SHUT_WR); }

std::string TcpProbe::read(int timeout_ms) {
  if (ended_ || !readable(fd_, timeout_ms)) return {};
  std::string bytes(65'536, '\0');
  const ssize_t count = ::recv(fd_, bytes.data(), bytes.size(), 0);
  ended_ = count <= 0;
  bytes.resize(static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
  return bytes;
}

std::string Reply::header(std::string_view name) const {
  const auto found =
      std::ranges::find(headers, name, [](const auto& field) -> std::string_view { return field.first; });
  return found == headers.end() ? "" : found->second;
}

struct H2Probe::Hooks {
  static H2Probe& self(void* user) { return *static_cast<H2Probe*>(user); }

  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                       const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* user) {
    Reply& reply = self(user).replies_[frame->hd.stream_id];
    const std::string key(reinterpret_cast<const char*>(name), name_size);
    const std::string text(reinterpret_cast<const char*>(value), value_size);
    if (key == ":status") {
      reply.status = std::stoi(text);
    } else {
      reply.headers.emplace_back(key, text);
    }
    return 0;
  }
  static int on_data(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* data, std::size_t size,
                     void* user) {
    self(user).replies_[id].body.append(reinterpret_cast<const char*>(data), size);
    return 0;
  }
  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    H2Probe& me = self(user);
    if (frame->hd.type == NGHTTP2_SETTINGS && !(frame->hd.flags & NGHTTP2_FLAG_ACK)) {
      for (std::size_t i = 0; i < frame->settings.niv; ++i)
        me.settings.emplace_back(frame->settings.iv[i].settings_id, frame->settings.iv[i].value);
      me.settings_frames.push_back(static_cast<std::int32_t>(frame->settings.niv));
    } else if (frame->hd.type == NGHTTP2_GOAWAY) {
      const nghttp2_goaway& goaway = frame->goaway;
      me.goaways.push_back({goaway.error_code, goaway.last_stream_id,
                            std::string(reinterpret_cast<const char*>(goaway.opaque_data), goaway.opaque_data_len)});
    } else if ((frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
               (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) {
      me.replies_[frame->hd.stream_id].ended = true;
    }
    return 0;
  }
  static int on_close(nghttp2_session*, std::int32_t id, std::uint32_t code, void* user) {
    Reply& reply = self(user).replies_[id];
    if (!reply.ended || code != NGHTTP2_NO_ERROR) reply.reset = code;
    return 0;
  }
  static ssize_t read_body(nghttp2_session*, std::int32_t id, std::uint8_t* to, std::size_t room, std::uint32_t* flags,
                           nghttp2_data_source*, void* user) {
    auto& [body, sent] = self(user).bodies_[id];
    const std::size_t count = std::min(room, body.size() - sent);
    std::memcpy(to, body.data() + sent, count);
    sent += count;
    if (sent == body.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(count);
  }
};

H2Probe::H2Probe(std::uint16_t port, const std::string& ca_pem, const Identity* identity)
    : tls_(port, ca_pem, "h2", identity) {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, Hooks::on_header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Hooks::on_data);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Hooks::on_frame);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, Hooks::on_close);
  nghttp2_session* session = nullptr;
  nghttp2_session_client_new(&session, callbacks, this);
  nghttp2_session_callbacks_del(callbacks);
  session_.reset(session);
  nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, nullptr, 0);
}

std::int32_t H2Probe::open(std::string_view method, std::string_view path, const Headers& headers,
                           std::string_view body) {
  std::vector<nghttp2_nv> fields;
  const auto add = [&](std::string_view name, std::string_view value) {
    fields.push_back({reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
                      reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())), name.size(), value.size(),
                      NGHTTP2_NV_FLAG_NONE});
  };
  add(":method", method);
  add(":scheme", "https");
  add(":authority", "localhost");
  add(":path", path);
  for (const auto& [name, value] : headers) add(name, value);
  nghttp2_data_provider data{.source = {.ptr = nullptr}, .read_callback = Hooks::read_body};
  const std::int32_t id = nghttp2_submit_request(session_.get(), nullptr, fields.data(), fields.size(),
                                                 body.empty() ? nullptr : &data, nullptr);
  bodies_[id] = {std::string(body), 0};
  replies_[id];
  return id;
}

void H2Probe::flush() {
  const std::uint8_t* bytes = nullptr;
  for (ssize_t size = 0; (size = nghttp2_session_mem_send(session_.get(), &bytes)) > 0;)
    tls_.write({reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size)});
}

bool H2Probe::until(const std::function<bool()>& done, int timeout_ms) {
  const auto deadline = steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  flush();
  while (!done()) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - steady_clock::now()).count();
    if (left <= 0 || tls_.ended()) return done();
    const std::string bytes = tls_.read(static_cast<int>(left));
    if (nghttp2_session_mem_recv(session_.get(), reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()) < 0)
      throw std::runtime_error("not HTTP/2");
    flush();
  }
  return true;
}

const Reply& H2Probe::wait(std::int32_t stream, int timeout_ms) {
  const Reply& reply = replies_[stream];
  until([&] { return reply.ended || reply.reset; }, timeout_ms);
  return reply;
}

Reply read_http1(const std::function<std::string()>& read) {
  std::string text;
  std::size_t head = std::string::npos;
  const auto more = [&] {
    const std::string bytes = read();
    text += bytes;
    return !bytes.empty();
  };
  while ((head = text.find("\r\n\r\n")) == std::string::npos)
    if (!more()) return {};
  Reply reply{.status = std::stoi(text.substr(text.find(' ') + 1))};
  for (std::size_t at = text.find("\r\n") + 2; at < head;) {
    const std::size_t end = text.find("\r\n", at);
    const std::size_t colon = text.find(": ", at);
    reply.headers.emplace_back(text.substr(at, colon - at), text.substr(colon + 2, end - colon - 2));
    at = end + 2;
  }
  const std::string length = reply.header("content-length");
  const std::size_t size = length.empty() ? 0 : std::stoul(length);
  while (text.size() < head + 4 + size && more()) {
  }
  reply.body = text.substr(head + 4);
  reply.ended = reply.body.size() == size;
  return reply;
}

Reply https(std::uint16_t port, const std::string& ca_pem, std::string_view method, std::string_view target,
            std::string_view body) {
  TlsProbe tls(port, ca_pem, "http/1.1");
  tls.write(std::string(method) + " " + std::string(target) +
            " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) +
            "\r\n\r\n" + std::string(body));
  return read_http1([&] { return tls.read(5000); });
}

}  // namespace nightpost::probe
