#include "chaos/relay.h"

#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <charconv>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace nightpost::chaos {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
template <class T>
using Awaitable = asio::awaitable<T>;
using namespace std::chrono_literals;
using namespace asio::experimental::awaitable_operators;

constexpr auto kLook = 50ms;  // how often a silent connection looks whether it may go on
constexpr auto kSlowByte = 100ms;
constexpr std::size_t kHeadMax = 8'192;

auto into(boost::system::error_code& failed) { return asio::redirect_error(asio::use_awaitable, failed); }

void reset(tcp::socket& socket) {
  boost::system::error_code ignored;
  socket.set_option(tcp::socket::linger(true, 0), ignored);  // RST instead of FIN
  socket.close(ignored);
}

/// The port of "CONNECT host:port HTTP/1.1".
std::optional<std::uint16_t> port_in(std::string_view head) {
  const std::string_view target = head.substr(0, head.find(" HTTP/"));
  const std::string_view digits = target.substr(std::min(target.rfind(':'), target.size() - 1) + 1);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  return head.starts_with("CONNECT ") && error == std::errc() && end == digits.data() + digits.size()
             ? std::optional(port)
             : std::nullopt;
}

}  // namespace

struct Relay::State {
  explicit State(asio::io_context& loop) : acceptor(loop, {asio::ip::address_v4::loopback(), 0}) {}
  tcp::acceptor acceptor;
  std::atomic<Line> line = Line::Well;
  std::atomic<std::uint16_t> target = 0;
  std::atomic<std::uint64_t> connections = 0;
  std::set<tcp::socket*> open;  // on the loop
};

namespace {

using Shared = std::shared_ptr<Relay::State>;

/// In the set as long as it lives.
struct Listed {
  Listed(Relay::State& its_state, tcp::socket& its_socket) : state(its_state), socket(its_socket) {
    state.open.insert(&socket);
  }
  ~Listed() { state.open.erase(&socket); }
  Listed(const Listed&) = delete;
  Relay::State& state;
  tcp::socket& socket;
};

/// Ends when either end does.
Awaitable<void> pass(Shared state, tcp::socket& from, tcp::socket& to, bool answers) {
  std::array<char, 16'384> bytes;
  boost::system::error_code failed;
  asio::steady_timer timer(from.get_executor());
  const auto wait = [&](std::chrono::milliseconds time) {
    timer.expires_after(time);
    return timer.async_wait(into(failed));
  };
  for (;;) {
    const std::size_t size = co_await from.async_read_some(asio::buffer(bytes), into(failed));
    if (failed) co_return;
    for (std::size_t sent = 0; sent < size;) {
      const Line line = state->line;
      if (line == Line::Silent) {
        co_await wait(kLook);
        continue;
      }
      const bool slow = answers && line == Line::Slow;
      const std::size_t now = slow ? 1 : size - sent;
      co_await asio::async_write(to, asio::buffer(bytes.data() + sent, now), into(failed));
      if (failed) co_return;
      sent += now;
      if (slow) co_await wait(kSlowByte);
    }
  }
}

Awaitable<std::optional<std::uint16_t>> target_of(Shared state, tcp::socket& client) {
  if (const std::uint16_t fixed = state->target; fixed != 0) co_return fixed;
  std::string head;
  boost::system::error_code failed;
  co_await asio::async_read_until(client, asio::dynamic_buffer(head, kHeadMax), "\r\n\r\n", into(failed));
  if (failed) co_return std::nullopt;
  co_return port_in(head);
}

Awaitable<void> serve(Shared state, tcp::socket client) {
  const Listed one(*state, client);
  boost::system::error_code failed;
  const bool asked = state->target == 0;
  const std::optional<std::uint16_t> port = co_await target_of(state, client);
  if (!port) co_return;
  tcp::socket server(client.get_executor());
  const Listed other(*state, server);
  co_await server.async_connect({asio::ip::address_v4::loopback(), *port}, into(failed));
  if (failed) co_return reset(client);
  client.set_option(tcp::no_delay(true), failed);
  server.set_option(tcp::no_delay(true), failed);
  if (asked)
    co_await asio::async_write(client, asio::buffer(std::string_view("HTTP/1.1 200 Connection established\r\n\r\n")),
                               into(failed));
  co_await (pass(state, client, server, false) || pass(state, server, client, true));
}

Awaitable<void> accept(Shared state) {
  for (;;) {
    boost::system::error_code failed;
    tcp::socket socket = co_await state->acceptor.async_accept(into(failed));
    if (!state->acceptor.is_open()) co_return;
    if (failed) continue;
    ++state->connections;
    if (state->line == Line::Refused) {
      reset(socket);
      continue;
    }
    asio::co_spawn(state->acceptor.get_executor(), serve(state, std::move(socket)), asio::detached);
  }
}

void cut_all(Relay::State& state) {
  for (tcp::socket* socket : state.open) reset(*socket);
}

}  // namespace

Relay::Relay(Relays& relays, std::uint16_t port) : relays_(relays), state_(std::make_shared<State>(relays.loop())) {
  state_->target = port;
  asio::co_spawn(relays_.loop(), accept(state_), asio::detached);
}

Relay::~Relay() {
  asio::post(relays_.loop(), [state = state_] {
    boost::system::error_code ignored;
    state->acceptor.close(ignored);
    cut_all(*state);
  });
}

std::uint16_t Relay::port() const noexcept {
  boost::system::error_code ignored;
  return state_->acceptor.local_endpoint(ignored).port();
}

void Relay::be(Line line) {
  state_->line = line;
  if (line == Line::Refused) cut();
}

void Relay::lead_to(std::uint16_t port) { state_->target = port; }

void Relay::cut() {
  asio::post(relays_.loop(), [state = state_] { cut_all(*state); });
}

std::uint64_t Relay::connections() const noexcept { return state_->connections; }

Relays::Relays() : thread_([this] { loop_.run(); }) {}

Relays::~Relays() {
  guard_.reset();
  loop_.stop();
  thread_.join();
}

}  // namespace nightpost::chaos
