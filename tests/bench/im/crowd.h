// Many clients of the companion's protocol (src/im/PROTOCOL.md) on one epoll and one thread: a load, not a judge of the
// protocol. What a load must not meet (a refusal, a bye, an end, silence) throws std::runtime_error.
#pragma once

#include <openssl/ssl.h>

#include <simdjson.h>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "bench/im/measure.h"
#include "core/c_handle.h"
#include "im/gateway/websocket.h"

namespace nightpost::bench {

/// A descriptor, closed with its owner.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) noexcept : fd_(fd) {}
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  int get() const noexcept { return fd_; }

 private:
  int fd_;
};

class Crowd {
 public:
  using Json = simdjson::dom::element;
  using Index = std::size_t;

  struct Events {
    std::function<void(Index, std::int64_t ver)> welcome;        // it is logged in; `ver` is its account's
    std::function<void(Index, std::int64_t id, Json body)> res;  // of code 0
    std::function<void(Index, Json frame)> deliver;
    std::function<bool(Index, std::string_view frame)> raw;  // first, once online; true: it needs no parser
  };
  /// Of a server at 127.0.0.1:`port`; `tls`: TLS 1.3 that trusts anything.
  Crowd(std::uint16_t port, bool tls);
  ~Crowd();
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;

  Events events;

  /// A client that is not connected yet; their indexes count up from 0. Its signature is made here.
  Index add(const std::string& user, std::string_view platform = "ios");
  std::size_t size() const noexcept { return clients_.size(); }
  /// Connects, upgrades, says hello. REQUIRED: not connected.
  void login(Index client);
  /// All of [first, size()) log in, `at_once` of them at any moment, and acknowledge what there was.
  void login_all(Index first, std::size_t at_once);
  /// A text frame, sent at the end of this turn.
  void say(Index client, std::string_view json);
  /// From now on logins resume the TLS session that the client had before, if it has one.
  void resume_sessions() noexcept { resumes_ = true; }
  std::size_t resumed() const noexcept { return resumed_; }  // handshakes
  /// Ends it without a word, and without a port that waits.
  void cut(Index client);
  std::size_t online() const noexcept { return online_; }
  std::uint64_t reads() const noexcept { return reads_; }  // of sockets, that brought something

  /// Waits for what comes, until `until` at most, and tells of it. Whoever was silent for 20 s says ping.
  void turn(Clock::time_point until);
  /// Turns until `done`. Throws after 30 s in which nothing came.
  void turn_until(const std::function<bool()>& done, std::string_view what);

 private:
  enum class State : std::uint8_t { Cut, Connecting, Tls, Upgrading, Welcoming, Online };
  struct Client;

  static int keep_session(SSL* tls, SSL_SESSION* session);
  void ready(Index index, std::uint32_t happened);
  bool shake_hands(Index index);
  void read(Index index);
  /// Of what has come: the bytes behind the answer's head.
  void upgraded(Index index, std::string_view bytes);
  void take(Index index, std::string_view bytes);
  void take_frame(Index index, std::string_view text);
  void dirty(Index index);
  void flush(Index index);
  void watch(Index index, bool writing);
  void ping_silent();
  [[noreturn]] void refuse(Index index, const std::string& why) const;

  std::uint16_t port_;
  Handle<SSL_CTX, SSL_CTX_free> tls_;
  Descriptor epoll_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<Index> dirty_;
  std::size_t online_ = 0, resumed_ = 0;
  bool resumes_ = false;
  std::uint64_t frames_ = 0, reads_ = 0;
  Clock::time_point pinged_ = Clock::now();
  std::vector<char> buffer_;
  simdjson::dom::parser parser_;
  std::mt19937 random_{1};  // of masks: no proxy stands between
};

}  // namespace nightpost::bench
