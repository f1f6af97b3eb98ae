#include "net/h2_connection.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <exception>

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

MonoTime clock_now() { return std::chrono::steady_clock::now(); }

}  // namespace

H2Connection::H2Connection(asio::io_context& loop, NameResolver& names, std::shared_ptr<const TlsClient> tls,
                           const Options& options, ConnectionOwner& owner, LaneMetrics& metrics, std::uint64_t id)
    : loop_(loop),
      tls_client_(std::move(tls)),
      options_(options),
      owner_(&owner),
      metrics_(&metrics),
      id_(id),
      dialer_(loop, names),
      socket_(loop),
      session_(options.session) {}

void H2Connection::start(Order order, MonoTime now) {
  connect_by_ = now + options_.connect_timeout;
  asio::co_spawn(loop_, live(shared_from_this(), std::move(order)), rethrow);
}

void H2Connection::orphan() {
  owner_ = nullptr;
  metrics_ = nullptr;
  if (state_ == State::Ready || state_ == State::Draining) tls_.say_goodbye();
  state_ = State::Closed;
  dialer_.cancel();
  error_code ignored;
  socket_.close(ignored);
}

void H2Connection::close(CloseReason reason, Error why) {
  if (over()) return;
  reason_ = reason;
  why_ = std::move(why);
  if (state_ == State::Ready || state_ == State::Draining) tls_.say_goodbye();
  state_ = State::Closing;
  dialer_.cancel();
  error_code ignored;
  socket_.close(ignored);  // wakes live(), which says on_closed()
}

void H2Connection::drain(CloseReason reason, MonoTime until) {
  if (state_ == State::Connecting) return close(reason, {Errc::ConnectionLost, "not needed any longer"});
  if (state_ != State::Ready && state_ != State::Draining) return;
  if (state_ == State::Ready) reason_ = reason;
  state_ = State::Draining;
  drained_by_ = std::min(drained_by_, until);
  session_.withdraw_unsent();
}

void H2Connection::settle_if_drained() {
  if (state_ == State::Draining && session_.streams_open() == 0 && !writing_waits_)
    close(reason_, {Errc::ConnectionLost, "closed after its last answer"});
}

// ---- time

void H2Connection::on_time(MonoTime now) {
  if (over()) return;
  if (state_ == State::Connecting) {
    if (now < connect_by_) return;
    const std::string dialing = dialer_.progress();
    return close(CloseReason::Error,
                 {Errc::Timeout, "connecting took too long: " + (dialing.empty() ? connecting_ : dialing)});
  }
  if (now >= drained_by_)
    return close(reason_, {Errc::ConnectionLost, "connection was replaced before the answer came"});
  if (session_.pings_acked() < pings_sent_) {
    if (now >= ping_sent_at_ + options_.ping_timeout)
      close(CloseReason::Ping, {Errc::ConnectionLost, "PING was not acknowledged"});
  } else if (now >= heard_at_ + options_.ping_interval) {
    session_.ping();
    ++pings_sent_;
    ping_sent_at_ = now;
    write();
  }
}

MonoTime H2Connection::next_due() const {
  if (over()) return MonoTime::max();
  if (state_ == State::Connecting) return connect_by_;
  const bool asked = session_.pings_acked() < pings_sent_;
  return std::min(drained_by_, asked ? ping_sent_at_ + options_.ping_timeout : heard_at_ + options_.ping_interval);
}

// ---- connecting

asio::awaitable<bool> H2Connection::connect(Order order) {
  auto dialed = co_await dialer_.dial(options_.origin.host, options_.origin.port, std::move(order), connect_by_);
  if (over()) co_return false;
  if (!dialed) {
    why_ = std::move(dialed.error());
    co_return false;
  }
  socket_ = std::move(dialed->socket);
  endpoint_ = dialed->endpoint;
  co_return true;
}

asio::awaitable<bool> H2Connection::wait_for(TlsSocket::Io io) {
  error_code failed;
  const auto what = io == TlsSocket::Io::WantWrite ? tcp::socket::wait_write : tcp::socket::wait_read;
  co_await socket_.async_wait(what, asio::redirect_error(asio::use_awaitable, failed));
  co_return !over();  // write() cancels the wait to have the last bytes read
}

asio::awaitable<bool> H2Connection::shake_hands() {
  connecting_ = "TLS handshake";
  auto opened = tls_client_->open(socket_.native_handle());
  if (!opened) {
    why_.detail = "TLS: " + opened.error().detail;
    co_return false;
  }
  tls_ = *std::move(opened);
  for (;;) {
    const TlsSocket::Step step = tls_.handshake();
    if (step.io == TlsSocket::Io::Done) break;
    if (step.io == TlsSocket::Io::Eof || step.io == TlsSocket::Io::Failed) {
      why_.detail = "TLS handshake: " + (step.io == TlsSocket::Io::Eof ? "closed by the peer" : tls_.why());
      if (tls_.credential_refused()) why_.code = Errc::Unauthorized;
      co_return false;
    }
    if (!co_await wait_for(step.io)) co_return false;
  }
  if (!tls_.speaks_h2()) why_.detail = "peer does not speak HTTP/2 (ALPN)";
  co_return tls_.speaks_h2();
}

// ---- the loops

asio::awaitable<void> H2Connection::live(Self self, Order order) {
  H2Connection& me = *self;
  // Orphaned before its first step, it has no resolver any more.
  if (!me.over() && co_await me.connect(std::move(order)) && co_await me.shake_hands()) {
    me.tls_up_ = true;
    me.connecting_ = "no SETTINGS from the peer yet";
    me.write();  // preface and SETTINGS
    for (Turn turn = Turn::Wait; !me.over() && turn != Turn::Over;) {
      if (turn == Turn::Wait)
        co_await me.wait_for(TlsSocket::Io::WantRead);
      else
        co_await asio::post(me.loop_, asio::use_awaitable);  // OpenSSL holds more; others first
      if (me.over()) break;
      turn = me.read_some();
      me.heard();
    }
  }
  me.finish();
}

asio::awaitable<void> H2Connection::write_when_possible(Self self) {
  co_await self->wait_for(TlsSocket::Io::WantWrite);
  self->writing_waits_ = false;
  if (!self->over()) self->heard();
}

void H2Connection::write() {
  if (over() || writing_waits_ || write_failed_ || !tls_up_) return;
  for (auto output = session_.next_output(); !output.empty(); output = session_.next_output()) {
    const TlsSocket::Step step = tls_.write(output);
    if (step.io == TlsSocket::Io::Done) {
      session_.mark_sent(step.bytes);
      metrics_->bytes_out.add(step.bytes);
      continue;
    }
    if (step.io == TlsSocket::Io::WantWrite) {
      writing_waits_ = true;
      asio::co_spawn(loop_, write_when_possible(shared_from_this()), rethrow);
    } else if (step.io != TlsSocket::Io::WantRead) {  // read_some() comes back here
      // What the peer said before it hung up, a GOAWAY perhaps, still stands in our socket: live() reads it.
      write_failed_ = true;
      why_.detail = "writing: " + tls_.why();
      error_code ignored;
      socket_.cancel(ignored);
    }
    break;
  }
  session_.take_written(written_);
  if (!written_.empty()) owner_->on_written(*this, written_);
  settle_if_drained();
}

H2Connection::Turn H2Connection::read_some() {
  Turn turn = Turn::More;
  for (int i = 0; i < kRecordsATurn && turn == Turn::More; ++i) {
    const TlsSocket::Step step = tls_.read(buffer_);
    if (step.io == TlsSocket::Io::WantRead || step.io == TlsSocket::Io::WantWrite) {
      turn = write_failed_ ? Turn::Over : Turn::Wait;
    } else if (step.io != TlsSocket::Io::Done) {
      if (!write_failed_) why_.detail = step.io == TlsSocket::Io::Eof ? "closed by the peer" : "reading: " + tls_.why();
      if (tls_.credential_refused()) why_ = {Errc::Unauthorized, "TLS: " + tls_.why()};
      turn = Turn::Over;
    } else {
      metrics_->bytes_in.add(step.bytes);
      if (const auto fed = session_.feed(std::span(buffer_).first(step.bytes)); !fed) {
        why_ = fed.error();
        turn = Turn::Over;
      }
    }
  }
  heard_at_ = clock_now();
  if (!session_.wants_io()) turn = Turn::Over;
  return turn;
}

void H2Connection::heard() {
  if (state_ == State::Connecting && session_.settings_seen()) {
    state_ = State::Ready;
    ready_at_ = used_at = heard_at_;
    metrics_->connections_opened.add();
    owner_->on_ready(*this);
  }
  write();  // acknowledgements, window updates, RST_STREAM that ends what broke HTTP, GOAWAY if the peer broke a rule
  session_.take_done(done_);
  owner_->on_heard(*this, done_);  // may orphan us
}

void H2Connection::finish() {
  if (state_ == State::Closed) return;  // orphaned
  state_ = State::Closed;
  error_code ignored;
  socket_.close(ignored);
  session_.abandon(why_);
  session_.take_done(done_);
  owner_->on_closed(*this, done_);
}

}  // namespace nightpost::net
