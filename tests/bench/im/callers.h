// An app's servers that call the server API: connections that stay open, HTTP/1.1 or HTTP/2 over TLS, on one epoll and
// one thread. What a load must not meet (another status than 200, an end, silence) throws std::runtime_error.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bench/im/bed.h"
#include "bench/im/wire.h"

namespace nightpost::bench {

enum class RestHttp : std::uint8_t { One, Two };

class Callers {
 public:
  /// `at_once`: of HTTP/1.1 as many connections, each with one call on its way; of HTTP/2 so many streams in all, on
  /// connections of 50 each.
  Callers(const ImBed& bed, RestHttp http, std::size_t at_once);
  ~Callers();
  Callers(const Callers&) = delete;
  Callers& operator=(const Callers&) = delete;

  /// The answer to the call named `tag`; the body is valid during the call, and its ErrorCode is 0.
  std::function<void(std::uint64_t tag, std::string_view body)> answered;
  /// One call more; it waits here until a connection has room. `command`: "openim/sendmsg".
  void call(std::uint64_t tag, std::string_view command, std::string body);
  std::size_t open() const noexcept { return open_; }  // not answered, those that wait here included

  void turn(Clock::time_point until);
  /// Turns until all are answered. Throws after 30 s in which nothing came.
  void turn_until_answered(std::string_view what);
  /// A call for each of `bodies`, and waits for all. What is answered is given to `take`.
  void call_all(std::string_view command, std::vector<std::string> bodies,
                const std::function<void(std::string_view body)>& take = {});

 private:
  struct Connection;
  struct Request {
    std::uint64_t tag = 0;
    std::string path, body;
  };
  void start_waiting();
  void ready(Connection& connection, std::uint32_t happened);
  void read(Connection& connection);
  void flush(Connection& connection);
  void done(std::uint64_t tag, int status, std::string_view body);

  const ImBed& bed_;
  const RestHttp http_;
  Handle<SSL_CTX, SSL_CTX_free> tls_;
  Descriptor epoll_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::deque<Request> waiting_;
  std::size_t open_ = 0;
  std::uint64_t answers_ = 0, randoms_ = 0, keys_ = 0;
  std::size_t next_ = 0;  // of the connections
  std::vector<char> room_;
};

}  // namespace nightpost::bench
