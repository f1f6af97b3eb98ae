#include "net/h2_connection.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <exception>
#include <utility>

#include "net/asio_loop.h"
#include "net/http_connect.h"
#include "net/trust_store.h"

namespace nightpost::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr int kRecordsATurn = 16;  // then others on the loop have their turn

/// An escaped exception ends the loop by name: it can only be a bug or no memory.
void rethrow(std::exception_ptr escaped) {
  if (escaped) std::rethrow_exception(escaped);
}

}  // namespace

H2Connection::H2Connection(asio::io_context& loop, NameResolver& names, std::shared_ptr<const TlsClient> tls,
                           std::shared_ptr<const Proxy> proxy, Options options, ConnectionOwner& owner,
                           LaneMetrics& metrics, std::uint64_t id)
    : LaneConnection(std::move(options), owner, metrics, id),
      loop_(loop),
      tls_client_(std::move(tls)),
      proxy_(std::move(proxy)),
      dialer_(loop, names),
      socket_(loop) {}

void H2Connection::connect(Order order) { asio::co_spawn(loop_, live(self(), std::move(order)), rethrow); }

std::string H2Connection::connect_progress() const {
  const std::string dialing = dialer_.progress();
  const std::string through = proxy_ ? "proxy " + proxy_->authority() + ": " : "";
  if (!dialing.empty()) return through + dialing;
  return tunnelling_ ? through + "no answer to CONNECT yet" : "TLS handshake";
}

void H2Connection::shut(bool politely) {
  if (politely) tls_.say_goodbye();
  dialer_.cancel();
  error_code ignored;
  socket_.close(ignored);  // wakes live(), which says finish()
}

// ---- connecting

asio::awaitable<bool> H2Connection::dial(Order order) {
  const Origin& origin = options().origin;
  // Through a proxy the vendor's name is the proxy's to look up.
  auto dialed = co_await dialer_.dial(proxy_ ? proxy_->host : origin.host, proxy_ ? proxy_->port : origin.port,
                                      std::move(order), connect_by());
  if (over()) co_return false;
  if (!dialed) {
    if (proxy_) dialed.error().detail.insert(0, "proxy " + proxy_->authority() + ": ");
    blame(std::move(dialed.error()));
    co_return false;
  }
  socket_ = std::move(dialed->socket);
  connected_to(dialed->endpoint);
  co_return true;
}

asio::awaitable<bool> H2Connection::open_tunnel() {
  if (!proxy_) co_return true;
  tunnelling_ = true;
  const std::string through = "proxy " + proxy_->authority() + ": ";
  const std::string request = connect_request(options().origin, *proxy_);
  error_code failed;
  co_await asio::async_write(socket_, asio::buffer(request), asio::redirect_error(asio::use_awaitable, failed));
  ConnectAnswer answer;
  for (bool whole = false; !whole;) {
    std::size_t size = 0;
    if (!failed && !over())
      size = co_await socket_.async_read_some(asio::buffer(buffer_), asio::redirect_error(asio::use_awaitable, failed));
    if (over()) co_return false;
    if (failed) {
      blame(through + (failed == asio::error::eof ? "closed before its answer to CONNECT was whole"
                                                  : "CONNECT: " + failed.message()));
      co_return false;
    }
    const auto fed = answer.feed({reinterpret_cast<const char*>(buffer_.data()), size});
    if (!fed) {
      blame(through + fed.error().detail);
      co_return false;
    }
    whole = *fed;
  }
  tunnelling_ = false;
  // Never Unauthorized, whatever the status: that would blame the lane's own credential.
  if (!answer.tunnelled())
    blame(tunnel_refused(*proxy_, tunnel_target(options().origin), answer.status(), answer.reason()));
  co_return answer.tunnelled();
}

asio::awaitable<bool> H2Connection::wait_for(TlsSocket::Io io) {
  error_code failed;
  const auto what = io == TlsSocket::Io::WantWrite ? tcp::socket::wait_write : tcp::socket::wait_read;
  co_await socket_.async_wait(what, asio::redirect_error(asio::use_awaitable, failed));
  co_return !over();  // write() cancels the wait to have the last bytes read
}

asio::awaitable<bool> H2Connection::shake_hands() {
  // Who inspects TLS shows an own certificate.
  const std::string behind = proxy_ ? "behind proxy " + proxy_->authority() + ": " : "";
  auto opened = tls_client_->open(socket_.native_handle());
  if (!opened) {
    blame(behind + "TLS: " + opened.error().detail);
    co_return false;
  }
  tls_ = *std::move(opened);
  for (;;) {
    const TlsSocket::Step step = tls_.handshake();
    if (step.io == TlsSocket::Io::Done) break;
    if (step.io == TlsSocket::Io::Eof || step.io == TlsSocket::Io::Failed) {
      blame({tls_.credential_refused() ? Errc::Unauthorized : Errc::ConnectionLost,
             behind + "TLS handshake: " + (step.io == TlsSocket::Io::Eof ? "closed by the peer" : tls_.why())});
      co_return false;
    }
    if (!co_await wait_for(step.io)) co_return false;
  }
  if (!tls_.speaks_h2()) blame(behind + "peer does not speak HTTP/2 (ALPN)");
  co_return tls_.speaks_h2();
}

// ---- the loops

asio::awaitable<void> H2Connection::live(Self self, Order order) {
  H2Connection& me = *self;
  // Orphaned before its first step, it has no resolver any more.
  if (!me.over() && co_await me.dial(std::move(order)) && co_await me.open_tunnel() && co_await me.shake_hands()) {
    me.wire_is_up();
    for (Turn turn = Turn::Wait; !me.over() && turn != Turn::Over;) {
      if (turn == Turn::Wait)
        co_await me.wait_for(TlsSocket::Io::WantRead);
      else
        co_await asio::post(me.loop_, asio::use_awaitable);  // OpenSSL holds more; others first
      if (me.over()) break;
      turn = me.read_some();
      me.hear(clock_now());
    }
  }
  me.finish();
}

asio::awaitable<void> H2Connection::write_when_possible(Self self) {
  co_await self->wait_for(TlsSocket::Io::WantWrite);
  self->may_write();
}

std::size_t H2Connection::send(std::span<const std::uint8_t> bytes) {
  const TlsSocket::Step step = tls_.write(bytes);
  if (step.io == TlsSocket::Io::Done) return step.bytes;
  if (step.io == TlsSocket::Io::WantWrite) {
    wait_to_write();
    asio::co_spawn(loop_, write_when_possible(self()), rethrow);
  } else if (step.io != TlsSocket::Io::WantRead) {  // after which hear() comes back here
    writing_failed("writing: " + tls_.why());
    error_code ignored;
    socket_.cancel(ignored);  // live() reads what is there
  }
  return 0;
}

H2Connection::Turn H2Connection::read_some() {
  Turn turn = Turn::More;
  for (int i = 0; i < kRecordsATurn && turn == Turn::More; ++i) {
    const TlsSocket::Step step = tls_.read(buffer_);
    if (step.io == TlsSocket::Io::WantRead || step.io == TlsSocket::Io::WantWrite) {
      turn = write_failed() ? Turn::Over : Turn::Wait;
    } else if (step.io != TlsSocket::Io::Done) {
      if (!write_failed()) blame(step.io == TlsSocket::Io::Eof ? "closed by the peer" : "reading: " + tls_.why());
      if (tls_.credential_refused()) blame({Errc::Unauthorized, "TLS: " + tls_.why()});
      turn = Turn::Over;
    } else {
      if (!receive(std::span(buffer_).first(step.bytes))) turn = Turn::Over;
    }
  }
  if (!session().wants_io()) turn = Turn::Over;
  return turn;
}

// ----

Result<void> H2Connector::prepare(const Origin& origin, const LaneOptions& options) {
  names_ = options.names != nullptr ? options.names : &own_names_.emplace(loop_, NameResolverOptions{});
  auto trust = trust_store_from(options.trust_stores, options.ca_pem);
  if (!trust) return std::unexpected(std::move(trust.error()));
  auto made = TlsClient::make(origin.host, *std::move(trust), options.identity);
  if (!made) return std::unexpected(std::move(made.error()));
  tls_ = std::move(*made);
  if (const Proxy* proxy = proxy_for(options.proxy, origin.host)) proxy_ = std::make_shared<const Proxy>(*proxy);
  return {};
}

std::shared_ptr<LaneConnection> H2Connector::make(LaneConnection::Options options, ConnectionOwner& owner,
                                                  LaneMetrics& metrics, std::uint64_t id) {
  return std::make_shared<H2Connection>(loop_, *names_, tls_, proxy_, std::move(options), owner, metrics, id);
}

}  // namespace nightpost::net
