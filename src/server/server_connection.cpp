#include "server/server_connection.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <utility>

#include "server/h2_server_session.h"
#include "server/http1_server_session.h"

namespace nightpost::server {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr int kReadsInARowMax = 4;                         // then the other connections have their turn
constexpr auto kLinger = std::chrono::milliseconds(2000);  // for the peer to close after us

}  // namespace

ServerConnection::ServerConnection(tcp::socket socket, std::uint64_t id, std::shared_ptr<ServerShared> shared,
                                   Closed closed)
    : socket_(std::move(socket)),
      id_(id),
      shared_(std::move(shared)),
      closed_(std::move(closed)),
      delay_(socket_.get_executor()),
      watch_(socket_.get_executor()),
      last_byte_(std::chrono::steady_clock::now()) {}

void ServerConnection::start() {
  error_code error;
  socket_.non_blocking(true, error);
  socket_.set_option(tcp::no_delay(true), error);
  if (shared_->context) {
    tls_.emplace(*shared_->context);
  } else {
    open_session();
  }
  watch();
  wait_readable();
}

void ServerConnection::open_session() {
  const ServerOptions& options = shared_->options;
  http2_ = tls_ && tls_->chose_h2();
  if (tls_) peer_certificate_pem_ = tls_->peer_certificate_pem();
  if (http2_) {
    session_ =
        std::make_unique<H2ServerSession>(H2ServerSession::Options{.streams_max_first = shared_->tls.streams_max_first,
                                                                   .window_first = shared_->tls.window_first,
                                                                   .body_bytes_max = options.body_bytes_max,
                                                                   .headers_bytes_max = options.headers_bytes_max,
                                                                   .any_scheme = shared_->tls.any_scheme});
  } else {
    session_ = std::make_unique<Http1ServerSession>(Http1ServerSession::Options{
        .body_bytes_max = options.body_bytes_max, .headers_bytes_max = options.headers_bytes_max});
  }
}

void ServerConnection::wait_readable() {
  if (reading_ || !socket_.is_open() || out_.size() - sent_ > shared_->options.output_bytes_max) return;
  reading_ = true;
  socket_.async_wait(tcp::socket::wait_read, [self = shared_from_this()](const error_code& error) {
    self->reading_ = false;
    if (!error) self->on_readable();
  });
}

void ServerConnection::on_readable() {
  std::string& buffer = shared_->read_buffer;
  for (int reads = 0; reads < kReadsInARowMax && socket_.is_open(); ++reads) {
    error_code error;
    const std::size_t count = socket_.read_some(asio::buffer(buffer), error);
    if (error == asio::error::would_block) break;
    if (error == asio::error::eof && !shut_) {  // HTTP/1.1: the peer may still listen
      end();
      if (!writing_) close();
      return;
    }
    if (error) return close();
    if (!shut_) last_byte_ = std::chrono::steady_clock::now();
    if (!ending_) on_bytes({buffer.data(), count});
    if (count < buffer.size()) break;
  }
  flush();
  wait_readable();
}

void ServerConnection::on_bytes(std::string_view received) {
  std::string_view plain = received;
  if (tls_) {
    shared_->plain_in.clear();
    if (!tls_->feed(received, shared_->plain_in)) return end();
    plain = shared_->plain_in;
    if (!session_ && tls_->ready()) {
      open_session();
      watch();  // with another patience from here on
    }
    if (!session_) {
      if (tls_->closed_by_peer()) close();
      return;
    }
  }
  const bool heard = plain.empty() || session_->feed(plain).has_value();
  serve();
  if (!socket_.is_open()) return;
  if (!heard || (tls_ && tls_->closed_by_peer())) end();
}

/// Hands complete requests to the handler, and does what it says at once unless there is a delay.
void ServerConnection::serve() {
  for (;;) {
    std::vector<ServerRequest> requests = session_->take_requests();
    if (requests.empty()) return;
    for (ServerRequest& request : requests) {
      request.connection = id_;
      request.peer_certificate_pem = peer_certificate_pem_;
      if (!shared_->handler) return;
      ServerAction action = shared_->handler(request);
      if (action.delay <= milliseconds(0)) {
        carry_out(request.stream, std::move(action));
        if (!socket_.is_open()) return;
        continue;
      }
      const MonoTime due = std::chrono::steady_clock::now() + action.delay;
      const auto place = delayed_.emplace(due, std::pair(request.stream, std::move(action)));
      if (place == delayed_.begin()) wait_delay();
    }
  }
}

void ServerConnection::carry_out(std::int32_t stream, ServerAction action) {
  if (action.drop) return close();
  if (session_) session_->perform(stream, action);
}

void ServerConnection::perform(const ServerAction& action) {
  ServerAction ours{.goaway = action.goaway, .settings = action.settings, .drop = action.drop};
  carry_out(0, std::move(ours));
  flush();
}

void ServerConnection::wait_delay() {
  delay_.expires_at(delayed_.begin()->first);
  delay_.async_wait([self = shared_from_this()](const error_code& error) {
    if (error || !self->socket_.is_open()) return;
    const MonoTime now = std::chrono::steady_clock::now();
    auto& delayed = self->delayed_;
    while (!delayed.empty() && delayed.begin()->first <= now) {
      auto [stream, action] = std::move(delayed.begin()->second);
      delayed.erase(delayed.begin());
      self->carry_out(stream, std::move(action));
      if (!self->socket_.is_open()) return;
    }
    self->serve();  // HTTP/1.1: what was pipelined behind the answer
    if (!delayed.empty() && self->socket_.is_open()) self->wait_delay();
    self->flush();
  });
}

void ServerConnection::flush() {
  if (!socket_.is_open()) return;
  if (!farewell_said_) {
    if (session_) {
      std::string& plain = shared_->plain_out;
      plain.clear();
      session_->pull_output(tls_ ? plain : out_);
      if (tls_ && !tls_->write(plain)) return close();
      if (session_->finished()) ending_ = true;
    }
    farewell_said_ = ending_;
    if (ending_ && tls_) tls_->close();
    if (tls_) tls_->pull(out_);
  }
  if (writing_) return;
  while (sent_ < out_.size()) {
    error_code error;
    const std::size_t count = socket_.write_some(asio::buffer(out_.data() + sent_, out_.size() - sent_), error);
    if (error == asio::error::would_block) return wait_writable();
    if (error) return close();
    sent_ += count;
    last_byte_ = std::chrono::steady_clock::now();
  }
  out_.clear();
  sent_ = 0;
  if (ending_ && !shut_) {
    shut_ = true;
    error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
    watch();  // now with the shorter patience
  }
}

void ServerConnection::wait_writable() {
  writing_ = true;
  socket_.async_wait(tcp::socket::wait_write, [self = shared_from_this()](const error_code& error) {
    self->writing_ = false;
    if (error) return;
    self->out_.erase(0, std::exchange(self->sent_, 0));
    self->flush();
    self->wait_readable();
  });
}

void ServerConnection::end() {
  ending_ = true;
  flush();
}

milliseconds ServerConnection::patience() const noexcept {
  if (shut_) return kLinger;
  return session_ ? shared_->options.idle_timeout : shared_->options.handshake_timeout;
}

/// Closes what is silent for too long. Looks again when the present patience would end, so traffic costs no timer.
void ServerConnection::watch() {
  watch_.expires_at(last_byte_ + patience());
  watch_.async_wait([self = shared_from_this()](const error_code& error) {
    if (error || !self->socket_.is_open()) return;
    const MonoTime now = std::chrono::steady_clock::now();
    if (now < self->last_byte_ + self->patience()) return self->watch();
    if (!self->session_ || self->ending_) return self->close();
    self->last_byte_ = now;
    if (self->http2_) self->session_->perform(0, {.goaway = ServerAction::Goaway{}});
    self->end();
    if (!self->shut_ && self->socket_.is_open()) self->watch();
  });
}

void ServerConnection::close() {
  if (!socket_.is_open()) return;
  error_code ignored;
  socket_.close(ignored);
  delay_.cancel();
  watch_.cancel();
  delayed_.clear();
  if (closed_) std::exchange(closed_, nullptr)(id_);
}

}  // namespace nightpost::server
