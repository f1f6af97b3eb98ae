// An HTTP proxy on loopback that takes CONNECT: passes bytes on to the port that was named, whatever the host, or does
// as told instead.
#pragma once

#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/text.h"
#include "net/proxy.h"

namespace nightpost::support {

/// All on one loop; open tunnels end with the loop.
class ConnectProxy {
 public:
  explicit ConnectProxy(boost::asio::io_context& loop) : state_(std::make_shared<State>(loop)) {
    boost::asio::co_spawn(loop, accept(state_), boost::asio::detached);
  }
  ~ConnectProxy() { state_->acceptor.close(); }
  /// As a lane is told of it, without credentials and exceptions.
  net::Proxy proxy() const {
    return {.host = "127.0.0.1",
            .port = state_->acceptor.local_endpoint().port(),
            .credentials = std::nullopt,
            .except = {}};
  }
  std::string url() const { return "http://" + proxy().authority(); }

  const std::vector<std::string>& heads() const { return state_->heads; }  // of requests, whole
  std::size_t tunnels() const { return state_->tunnels; }
  std::size_t closed() const { return state_->closed; }  // connections whose client went away or was sent away

  /// Others are answered 407.
  void require(const std::string& user, const std::string& password) {
    state_->wanted = "\r\nProxy-Authorization: Basic " + base64(user + ":" + password) + "\r\n";
  }
  /// Instead of a tunnel these bytes, and then the end; or, with `hang`, nothing more.
  void answer_with(std::string bytes, bool hang = false) {
    state_->answer = std::move(bytes);
    state_->hang = hang;
  }
  /// Before the tunnel opens, instead of "HTTP/1.1 200 …".
  void greet_with(std::string bytes) { state_->greeting = std::move(bytes); }

 private:
  using Socket = boost::asio::ip::tcp::socket;
  struct State {
    explicit State(boost::asio::io_context& loop) : acceptor(loop, {boost::asio::ip::address_v4::loopback(), 0}) {}
    boost::asio::ip::tcp::acceptor acceptor;
    std::vector<std::string> heads;
    std::size_t tunnels = 0, closed = 0;
    std::string wanted;
    std::optional<std::string> answer;
    bool hang = false;
    std::string greeting = "HTTP/1.1 200 Connection established\r\nX-Proxy: 1\r\n\r\n";
  };
  using Shared = std::shared_ptr<State>;  // with the coroutines
  template <class T>
  using Awaitable = boost::asio::awaitable<T>;

  static auto into(boost::system::error_code& failed) {
    return boost::asio::redirect_error(boost::asio::use_awaitable, failed);
  }
  static Awaitable<void> accept(Shared state) {
    for (;;) {
      boost::system::error_code failed;
      Socket socket = co_await state->acceptor.async_accept(into(failed));
      if (failed) co_return;
      boost::asio::co_spawn(state->acceptor.get_executor(), serve(state, std::move(socket)), boost::asio::detached);
    }
  }
  static Awaitable<void> pass(Socket& from, Socket& to) {
    std::array<char, 4096> bytes;
    boost::system::error_code failed;
    for (;;) {
      const std::size_t size = co_await from.async_read_some(boost::asio::buffer(bytes), into(failed));
      if (failed) co_return;
      co_await boost::asio::async_write(to, boost::asio::buffer(bytes, size), into(failed));
      if (failed) co_return;
    }
  }
  static Awaitable<void> serve(Shared state, Socket client) {
    co_await talk(state, client);
    ++state->closed;
  }
  static Awaitable<void> talk(Shared state, Socket& client) {
    using namespace boost::asio::experimental::awaitable_operators;
    std::string in;
    boost::system::error_code failed;
    co_await boost::asio::async_read_until(client, boost::asio::dynamic_buffer(in), "\r\n\r\n", into(failed));
    if (failed) co_return;
    state->heads.push_back(in);
    std::optional<std::string> answer = state->answer;
    if (!answer && !in.contains(state->wanted))
      answer = "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n";
    if (answer) {
      co_await boost::asio::async_write(client, boost::asio::buffer(*answer), into(failed));
      if (state->hang) co_await boost::asio::async_read(client, boost::asio::dynamic_buffer(in), into(failed));
      co_return;
    }
    const std::string target = in.substr(0, in.find(" HTTP/"));
    const auto port = static_cast<std::uint16_t>(std::stoul(target.substr(target.rfind(':') + 1)));
    Socket server(client.get_executor());
    co_await server.async_connect({boost::asio::ip::address_v4::loopback(), port}, into(failed));
    if (failed) co_return;
    ++state->tunnels;
    co_await boost::asio::async_write(client, boost::asio::buffer(state->greeting), into(failed));
    co_await (pass(client, server) || pass(server, client));
  }
  Shared state_;
};

}  // namespace nightpost::support
