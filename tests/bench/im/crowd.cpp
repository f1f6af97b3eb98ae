#include "bench/im/crowd.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "bench/im/bed.h"
#include "im/domain/user_sig.h"
#include "im/gateway/handshake.h"

namespace nightpost::bench {
namespace {

using namespace std::chrono_literals;

constexpr auto kStandstill = 30s;
constexpr auto kSilence = 20s;
constexpr std::size_t kClientsAnAddress = 900;  // below what the server lets one address have
constexpr im::WsLimits kLimits{.message_bytes_max = 262'144, .skipped_bytes_max = 262'144};
constexpr std::array<std::uint8_t, 16> kNonce{'b', 'e', 'n', 'c', 'h'};

[[noreturn]] void broken(const char* what) {
  throw std::runtime_error(fmt::format("{}: {}", what, std::strerror(errno)));
}

/// The `number`th of 127.0.1.0/24 and on.
sockaddr_in address(std::uint32_t host, std::uint16_t port) {
  sockaddr_in made{};
  made.sin_family = AF_INET;
  made.sin_addr.s_addr = htonl(host);
  made.sin_port = htons(port);
  return made;
}

}  // namespace

Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

struct Crowd::Client {
  std::string user, hello;
  State state = State::Cut;
  Descriptor socket;
  Handle<SSL, SSL_free> tls;
  Handle<SSL_SESSION, SSL_SESSION_free> session;  // the last one
  std::string head;                               // of the answer to the upgrade, as far as it came
  std::string out;
  std::size_t out_at = 0;
  bool is_dirty = false, watches_writing = false;
  Clock::time_point said;
  im::WsDecoder decoder{im::WsRole::Client, kLimits};
};

Crowd::Crowd(std::uint16_t port, bool tls) : port_(port), epoll_(::epoll_create1(EPOLL_CLOEXEC)), buffer_(65'536) {
  if (epoll_.get() < 0) broken("epoll_create1");
  if (!tls) return;
  tls_.reset(SSL_CTX_new(TLS_client_method()));
  if (!tls_ || SSL_CTX_set_min_proto_version(tls_.get(), TLS1_3_VERSION) != 1) throw std::runtime_error("no TLS 1.3");
  SSL_CTX_set_verify(tls_.get(), SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_mode(tls_.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(tls_.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(tls_.get(), &Crowd::keep_session);
}

/// 1: it is ours.
int Crowd::keep_session(SSL* tls, SSL_SESSION* session) {
  static_cast<Client*>(SSL_get_app_data(tls))->session.reset(session);
  return 1;
}

Crowd::~Crowd() {
  for (Index i = 0; i < clients_.size(); ++i) cut(i);
}

void Crowd::refuse(Index index, const std::string& why) const {
  throw std::runtime_error(fmt::format("client {} ({}): {}", index, clients_[index]->user, why));
}

Crowd::Index Crowd::add(const std::string& user, std::string_view platform) {
  auto client = std::make_unique<Client>();
  client->user = user;
  const std::string sig =
      im::make_user_sig(AppId{kApp}, user, kAppKey,
                        std::chrono::time_point_cast<WallTime::duration>(std::chrono::system_clock::now()), 24h);
  client->hello = fmt::format(
      R"({{"type":"hello","versions":[1],"app":{},"user":"{}","sig":"{}","device":"{}-1","platform":"{}"}})", kApp,
      user, sig, platform, platform);
  clients_.push_back(std::move(client));
  return clients_.size() - 1;
}

void Crowd::login(Index index) {
  Client& client = *clients_[index];
  client.socket = Descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int fd = client.socket.get();
  if (fd < 0) broken("socket");
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  // Each address of the loopback has ports and, at the server, connections of its own.
  const sockaddr_in from = address(INADDR_LOOPBACK + 256 + static_cast<std::uint32_t>(index / kClientsAnAddress), 0);
  const sockaddr_in to = address(INADDR_LOOPBACK, port_);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&from), sizeof from) != 0) broken("bind");
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0 && errno != EINPROGRESS) broken("connect");
  client.state = State::Connecting;
  client.watches_writing = true;
  epoll_event event{.events = EPOLLIN | EPOLLOUT, .data = {.u64 = index}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) broken("epoll_ctl");
}

void Crowd::login_all(Index first, std::size_t at_once) {
  const std::size_t online_before = online_;
  Index next = first;
  const auto start = [&] {
    if (next < size()) login(next++);
  };
  const auto told = std::exchange(events.welcome, [&](Index index, std::int64_t ver) {
    say(index, fmt::format(R"({{"type":"ack","ver":{}}})", ver));
    start();
  });
  for (std::size_t i = 0; i < at_once; ++i) start();
  turn_until([&] { return online_ - online_before == size() - first; }, "logins");
  events.welcome = told;
}

void Crowd::cut(Index index) {
  Client& client = *clients_[index];
  if (client.state == State::Cut) return;
  if (client.state == State::Online) --online_;
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(client.socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  // As after a goodbye: OpenSSL holds the session of a connection that broke for spoilt.
  if (client.tls) SSL_set_shutdown(client.tls.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  client.tls.reset();
  client.socket = Descriptor();
  client.state = State::Cut;
  client.head.clear();
  client.out.clear();
  client.out_at = 0;
  client.decoder = im::WsDecoder(im::WsRole::Client, kLimits);
}

void Crowd::watch(Index index, bool writing) {
  Client& client = *clients_[index];
  if (std::exchange(client.watches_writing, writing) == writing) return;
  epoll_event event{.events = EPOLLIN | (writing ? std::uint32_t(EPOLLOUT) : 0), .data = {.u64 = index}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, client.socket.get(), &event) != 0) broken("epoll_ctl");
}

void Crowd::dirty(Index index) {
  if (!std::exchange(clients_[index]->is_dirty, true)) dirty_.push_back(index);
}

void Crowd::say(Index index, std::string_view json) {
  Client& client = *clients_[index];
  const auto bits = static_cast<std::uint32_t>(random_());
  std::array<std::uint8_t, 4> mask;
  std::memcpy(mask.data(), &bits, mask.size());
  im::append_ws_frame(client.out, im::WsOpcode::Text, json, mask);
  client.said = Clock::now();
  dirty(index);
}

void Crowd::flush(Index index) {
  Client& client = *clients_[index];
  client.is_dirty = false;
  if (client.state < State::Upgrading) return;
  while (client.out_at < client.out.size()) {
    const char* bytes = client.out.data() + client.out_at;
    const std::size_t left = client.out.size() - client.out_at;
    std::size_t written = 0;
    if (client.tls) {
      if (SSL_write_ex(client.tls.get(), bytes, left, &written) != 1) {
        if (SSL_get_error(client.tls.get(), 0) != SSL_ERROR_WANT_WRITE) refuse(index, "TLS write");
        return watch(index, true);
      }
    } else {
      const ssize_t n = ::send(client.socket.get(), bytes, left, MSG_NOSIGNAL);
      if (n < 0 && errno == EAGAIN) return watch(index, true);
      if (n < 0) refuse(index, std::strerror(errno));
      written = static_cast<std::size_t>(n);
    }
    client.out_at += written;
  }
  client.out.clear();
  client.out_at = 0;
  watch(index, false);
}

bool Crowd::shake_hands(Index index) {
  Client& client = *clients_[index];
  if (client.state == State::Connecting) {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(client.socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) refuse(index, fmt::format("connect: {}", std::strerror(error)));
    client.state = State::Tls;
    if (tls_) {
      client.tls.reset(SSL_new(tls_.get()));
      if (!client.tls || SSL_set_fd(client.tls.get(), client.socket.get()) != 1) refuse(index, "no TLS");
      SSL_set_app_data(client.tls.get(), &client);
      if (resumes_ && client.session) SSL_set_session(client.tls.get(), client.session.get());
    }
  }
  if (client.tls) {
    const int done = SSL_connect(client.tls.get());
    if (done != 1) {
      const int why = SSL_get_error(client.tls.get(), done);
      if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) refuse(index, "TLS handshake");
      watch(index, why == SSL_ERROR_WANT_WRITE);
      return false;
    }
    resumed_ += SSL_session_reused(client.tls.get()) == 1 ? 1U : 0U;
  }
  client.state = State::Upgrading;
  client.out = im::ws_client_request(fmt::format("127.0.0.1:{}", port_), "/ws", kNonce);
  dirty(index);
  return true;
}

void Crowd::ready(Index index, std::uint32_t happened) {
  Client& client = *clients_[index];
  if (client.state == State::Cut) return;  // earlier in this turn
  if (client.state < State::Upgrading && !shake_hands(index)) return;
  if ((happened & EPOLLOUT) != 0) dirty(index);
  if ((happened & ~std::uint32_t(EPOLLOUT)) != 0) read(index);
}

void Crowd::read(Index index) {
  Client& client = *clients_[index];
  for (;;) {
    std::size_t got = 0;
    if (client.tls) {
      const int done = SSL_read_ex(client.tls.get(), buffer_.data(), buffer_.size(), &got);
      if (done != 1) {
        if (SSL_get_error(client.tls.get(), done) == SSL_ERROR_WANT_READ) return;
        refuse(index, "the connection ended");
      }
    } else {
      const ssize_t n = ::recv(client.socket.get(), buffer_.data(), buffer_.size(), 0);
      if (n < 0 && errno == EAGAIN) return;
      if (n <= 0) refuse(index, n == 0 ? "the connection ended" : std::strerror(errno));
      got = static_cast<std::size_t>(n);
    }
    ++reads_;
    const std::string_view bytes(buffer_.data(), got);
    if (client.state == State::Upgrading)
      upgraded(index, bytes);
    else
      take(index, bytes);
    if (client.state == State::Cut) return;
    if (!client.tls && got < buffer_.size()) return;
  }
}

void Crowd::upgraded(Index index, std::string_view bytes) {
  Client& client = *clients_[index];
  client.head += bytes;
  const std::size_t end = client.head.find("\r\n\r\n");
  if (end == std::string::npos) return;
  const std::string head = std::exchange(client.head, {});
  if (!im::ws_client_accepted(std::string_view(head).substr(0, end + 2), kNonce)) refuse(index, head);
  client.state = State::Welcoming;
  say(index, client.hello);
  take(index, std::string_view(head).substr(end + 4));
}

void Crowd::take(Index index, std::string_view bytes) {
  Client& client = *clients_[index];
  while (const auto event = client.decoder.next(bytes)) {
    if (event->kind != im::WsEvent::Kind::Text)
      refuse(index, fmt::format("a message of kind {}: {}", int(event->kind), event->data));
    take_frame(index, event->data);
    if (client.state == State::Cut) return;
  }
}

void Crowd::take_frame(Index index, std::string_view text) {
  ++frames_;
  Client& client = *clients_[index];
  if (client.state == State::Online && events.raw && events.raw(index, text)) return;
  try {
    const Json frame = parser_.parse(text.data(), text.size());
    const std::string_view type = frame["type"];
    if (type == "deliver") {
      events.deliver(index, frame);
    } else if (type == "res") {
      if (std::int64_t(frame["code"]) != 0) refuse(index, std::string(text));
      events.res(index, frame["id"], frame["body"]);
    } else if (type == "welcome" && client.state == State::Welcoming && std::int64_t(frame["code"]) == 0) {
      client.state = State::Online;
      ++online_;
      std::int64_t ver = 0;
      if (frame["ver"].get(ver) != simdjson::SUCCESS) ver = 0;
      events.welcome(index, ver);
    } else if (type != "pong") {
      refuse(index, std::string(text));
    }
  } catch (const simdjson::simdjson_error& error) {
    refuse(index, fmt::format("{}: {}", error.what(), text));
  }
}

void Crowd::ping_silent() {
  const auto now = Clock::now();
  if (now - pinged_ < 1s) return;
  pinged_ = now;
  for (Index i = 0; i < clients_.size(); ++i)
    if (clients_[i]->state == State::Online && now - clients_[i]->said > kSilence) say(i, R"({"type":"ping"})");
}

void Crowd::turn(Clock::time_point until) {
  ping_silent();
  for (const Index index : std::exchange(dirty_, {})) flush(index);
  const auto wait = std::max<std::chrono::nanoseconds>(until - Clock::now(), 0ns);
  const timespec most{.tv_sec = static_cast<time_t>(wait / 1s), .tv_nsec = static_cast<long>((wait % 1s).count())};
  std::array<epoll_event, 256> happened;
  const int count = ::epoll_pwait2(epoll_.get(), happened.data(), int(happened.size()), &most, nullptr);
  if (count < 0 && errno != EINTR) broken("epoll_pwait2");
  for (int i = 0; i < count; ++i) ready(happened[std::size_t(i)].data.u64, happened[std::size_t(i)].events);
  for (const Index index : std::exchange(dirty_, {})) flush(index);
}

void Crowd::turn_until(const std::function<bool()>& done, std::string_view what) {
  auto moved_at = Clock::now();
  for (std::uint64_t before = frames_; !done(); turn(Clock::now() + 100ms)) {
    const auto now = Clock::now();
    if (std::exchange(before, frames_) != frames_) moved_at = now;
    if (now - moved_at > kStandstill) throw std::runtime_error(fmt::format("{}: nothing came for 30 s", what));
  }
}

}  // namespace nightpost::bench
