// A curl lane and peers on loopback that do as told: HTTP/1.1 over TLS here, HTTP/2 in support/h2_peer.h.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "net/curl_lane.h"
#include "net/curl_metrics.h"
#include "unit/net/lane_rig.h"

namespace nightpost::net {

using asio::ip::tcp;
using boost::system::error_code;

struct H1Request {
  std::size_t connection = 0;
  std::string head;  // with the blank line
  std::string body;
  bool has(std::string_view line) const { return head.contains("\r\n" + std::string(line) + "\r\n"); }
};

struct H1Reply {
  std::string bytes = {};  // as they are
  bool hang = false;       // nothing more on this connection
  bool close = false;      // after the bytes
};
inline H1Reply ok(const std::string& body = "", const std::string& headers = "") {
  return {"HTTP/1.1 200 OK\r\n" + headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body};
}

struct H1Options {
  std::string alpn = "http/1.1";  // empty: none agreed
  bool wrong_name = false;
  bool tls11_at_most = false;
};

/// HTTP/1.1 over TLS, on one loop. Open connections end with the loop.
class H1Peer {
 public:
  explicit H1Peer(asio::io_context& loop, H1Options options = {})
      : state_(std::make_shared<State>(loop, std::move(options))) {
    asio::co_spawn(loop, accept(state_), asio::detached);
  }
  ~H1Peer() { state_->acceptor.close(); }
  std::uint16_t port() const { return state_->acceptor.local_endpoint().port(); }
  std::size_t connections() const { return state_->connections; }
  std::size_t open() const { return state_->open; }
  const std::vector<H1Request>& requests() const { return state_->requests; }
  std::function<H1Reply(const H1Request&)>& script() { return state_->script; }

 private:
  using Stream = asio::ssl::stream<tcp::socket>;
  struct State {
    State(asio::io_context& loop, H1Options o)
        : options(std::move(o)),
          tls(asio::ssl::context::tls_server),
          acceptor(loop, {asio::ip::address_v4::loopback(), 0}) {
      const support::TestPki& pki = support::test_pki();
      tls.use_certificate_chain(asio::buffer(options.wrong_name ? pki.other_server_pem : pki.server_pem));
      tls.use_private_key(asio::buffer(pki.server_key_pem), asio::ssl::context::pem);
      if (options.tls11_at_most) SSL_CTX_set_max_proto_version(tls.native_handle(), TLS1_1_VERSION);
      SSL_CTX_set_alpn_select_cb(
          tls.native_handle(),
          [](SSL*, const unsigned char** out, unsigned char* size, const unsigned char*, unsigned int, void* self) {
            const std::string& ours = static_cast<State*>(self)->options.alpn;
            if (ours.empty()) return SSL_TLSEXT_ERR_NOACK;
            *out = reinterpret_cast<const unsigned char*>(ours.data());
            *size = static_cast<unsigned char>(ours.size());
            return SSL_TLSEXT_ERR_OK;
          },
          this);
    }
    H1Options options;
    asio::ssl::context tls;
    tcp::acceptor acceptor;
    std::size_t connections = 0, open = 0;
    std::vector<H1Request> requests;
    std::function<H1Reply(const H1Request&)> script = [](const H1Request&) { return ok(); };
  };
  using Shared = std::shared_ptr<State>;  // with the coroutines

  static asio::awaitable<void> accept(Shared state) {
    for (;;) {
      error_code failed;
      tcp::socket socket = co_await state->acceptor.async_accept(asio::redirect_error(asio::use_awaitable, failed));
      if (failed) co_return;
      asio::co_spawn(state->acceptor.get_executor(), serve(state, std::move(socket), state->connections++),
                     asio::detached);
    }
  }
  static asio::awaitable<void> serve(Shared state, tcp::socket socket, std::size_t number) {
    Stream stream(std::move(socket), state->tls);
    error_code failed;
    auto failing = asio::redirect_error(asio::use_awaitable, failed);
    co_await stream.async_handshake(Stream::server, failing);
    if (failed) co_return;
    ++state->open;
    std::string in;
    for (;;) {
      const std::size_t head = co_await asio::async_read_until(stream, asio::dynamic_buffer(in), "\r\n\r\n", failing);
      if (failed) break;
      H1Request request{number, in.substr(0, head), {}};
      const std::string_view kLength = "Content-Length: ";
      const auto at = request.head.find(kLength);
      const std::size_t size = at == std::string::npos ? 0 : std::stoul(request.head.substr(at + kLength.size()));
      in.erase(0, head);
      if (in.size() < size)
        co_await asio::async_read(stream, asio::dynamic_buffer(in), asio::transfer_exactly(size - in.size()), failing);
      if (failed) break;
      request.body = in.substr(0, size);
      in.erase(0, size);
      state->requests.push_back(request);
      const H1Reply reply = state->script(request);
      co_await asio::async_write(stream, asio::buffer(reply.bytes), failing);
      if (failed || reply.close) break;
      if (reply.hang) co_await asio::async_read(stream, asio::dynamic_buffer(in), failing);
    }
    --state->open;
  }
  Shared state_;
};

inline CurlLaneOptions quick_curl(std::uint16_t port) {
  CurlLaneOptions o;
  o.origin = "https://localhost:" + std::to_string(port);
  o.ca_pem = support::test_pki().ca_pem;
  o.reconnect_first = 4ms;
  o.reconnect_max = 8ms;
  o.jitter_seed = 42;
  return o;
}

/// A lane against whoever listens on a port.
struct CurlRig {
  void open(std::uint16_t port, const std::function<void(CurlLaneOptions&)>& adjust = {}) {
    CurlLaneOptions o = quick_curl(port);
    if (adjust) adjust(o);
    lane.emplace(loop, std::move(o), metrics);
  }
  void send(std::uint64_t tag, milliseconds deadline = 5s) {
    send({.path = "/push/" + std::to_string(tag), .headers = {}, .body = "body " + std::to_string(tag)}, tag, deadline);
  }
  void send(HttpRequest request, std::uint64_t tag, milliseconds deadline = 5s) {
    answers.inside_call = true;
    lane->send(std::move(request), in(deadline), tag, answers);
    answers.inside_call = false;
  }
  void flush() {
    answers.inside_call = true;
    lane->flush();
    answers.inside_call = false;
  }
  template <class What>
  bool until(What&& what) {
    const auto give_up = in(5s);
    while (!what() && std::chrono::steady_clock::now() < give_up) loop.run_one_for(20ms);
    return what();
  }
  bool answered(std::size_t count) {
    return until([&] { return answers.by_tag.size() >= count; });
  }
  /// One request to its answer.
  const LaneReply& ask(std::uint64_t tag, milliseconds deadline = 5s) {
    send(tag, deadline);
    flush();
    REQUIRE(until([&] { return answers.by_tag.contains(tag); }));
    return answers.by_tag.at(tag);
  }

  asio::io_context loop;
  CurlMetrics metrics;
  Answers answers;
  std::optional<CurlLane> lane;  // last: goes first
};

}  // namespace nightpost::net
