#include "server/server_connection.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <exception>
#include <typeinfo>
#include <utility>

#include "server/h2_server_session.h"
#include "server/http1_server_session.h"

namespace nightpost::server {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

/// Somebody overdoes it, or is held back by somebody who does.
constexpr bool is_limit(ServerRefusal why) noexcept {
  switch (why) {
    case ServerRefusal::HandshakeFailed:
    case ServerRefusal::IdleTimeout:
    case ServerRefusal::HeadTooLarge:
    case ServerRefusal::BodyTooLarge:
    case ServerRefusal::Malformed:
      return false;
    default:
      return true;
  }
}

constexpr int kReadsInARowMax = 4;                         // then the other connections have their turn
constexpr auto kLinger = std::chrono::milliseconds(2000);  // for the peer to close after us

}  // namespace

void ServerShared::refuse(ServerRefusal why, const asio::ip::address& peer) {
  counts().refusals[std::size_t(why)].add();
  if (!options.log) return;
  const auto line = {observe::kv("listener", options.name), observe::kv("reason", name_of(why)),
                     observe::kv("address", peer.to_string())};
  if (is_limit(why)) return options.log->warn("server.limit", line);
  options.log->debug("server.refused", line);
}

/// The exception's words may quote the request, with its keys and tokens, so only its type is said.
void ServerShared::handler_failed(const std::string& method, const asio::ip::address& peer, std::string_view type) {
  counts().handler_failures.add();
  if (!options.log) return;
  options.log->error("server.handler_failed",
                     {observe::kv("listener", options.name), observe::kv("address", peer.to_string()),
                      observe::kv("method", method), observe::kv("exception", type)});
}

ServerConnection::ServerConnection(tcp::socket socket, std::uint64_t id, asio::ip::address peer,
                                   const ConnectionSlots::Holder& holder, std::shared_ptr<ServerShared> shared,
                                   Closed closed)
    : socket_(std::move(socket)),
      id_(id),
      peer_(std::move(peer)),
      holder_(holder),
      shared_(std::move(shared)),
      closed_(std::move(closed)),
      delay_(socket_.get_executor()),
      watch_(socket_.get_executor()),
      accepted_(std::chrono::steady_clock::now()),
      last_byte_(accepted_),
      last_request_(accepted_) {}

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
  const SessionLimits limits{.body_bytes_max = options.body_bytes_max,
                             .headers_bytes_max = options.headers_bytes_max,
                             .unfinished_bytes_max = std::max(options.unfinished_bytes_max,
                                                              options.body_bytes_max + options.headers_bytes_max),
                             .head_timeout = options.head_timeout,
                             .body_timeout = options.body_timeout,
                             .write_timeout = options.write_timeout,
                             .transfer_bytes_per_second_min = options.transfer_bytes_per_second_min};
  const MonoTime now = std::chrono::steady_clock::now();
  http2_ = tls_ && tls_->chose_h2();
  if (tls_) peer_certificate_pem_ = tls_->peer_certificate_pem();
  if (http2_) {
    session_ =
        std::make_unique<H2ServerSession>(H2ServerSession::Options{.limits = limits,
                                                                   .streams_max_first = shared_->tls.streams_max_first,
                                                                   .window_first = shared_->tls.window_first,
                                                                   .any_scheme = shared_->tls.any_scheme,
                                                                   .floods = shared_->tls.floods},
                                          now);
  } else {
    session_ = std::make_unique<Http1ServerSession>(limits, now);
  }
}

void ServerConnection::wait_readable() {
  if (upgraded_ && !upgraded_->reader && !ending_) return;
  if (reading_ || input_ended_ || !socket_.is_open() || out_.size() - sent_ > shared_->options.output_bytes_max) return;
  reading_ = true;
  socket_.async_wait(tcp::socket::wait_read, [self = shared_from_this()](const error_code& error) {
    self->reading_ = false;
    if (!error) self->on_readable();
  });
}

void ServerConnection::on_readable() {
  if (upgraded_ && !upgraded_->reader && !ending_) return;  // nobody wants it now
  std::string& buffer = shared_->read_buffer;
  in_turn_ = true;
  for (int reads = 0; reads < kReadsInARowMax && socket_.is_open(); ++reads) {
    error_code error;
    const std::size_t count = socket_.read_some(asio::buffer(buffer), error);
    if (error == asio::error::would_block) break;
    if (error == asio::error::eof && !shut_) {  // HTTP/1.1: the peer may still listen
      in_turn_ = false;
      return on_input_end();
    }
    if (error) return close(error);
    const MonoTime now = std::chrono::steady_clock::now();
    if (!shut_) last_byte_ = now;
    if (!ending_) on_bytes({buffer.data(), count}, now);
    if (count < buffer.size() || (upgraded_ && !upgraded_->reader)) break;
  }
  in_turn_ = false;
  flush();
  wait_readable();
}

void ServerConnection::on_bytes(std::string_view received, MonoTime now) {
  std::string_view plain = received;
  if (tls_) {
    shared_->plain_in.clear();
    if (!tls_->feed(received, shared_->plain_in)) {
      if (!session_) refuse(ServerRefusal::HandshakeFailed);
      return end(asio::error::connection_reset);
    }
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
  if (upgraded_) {
    upgraded_->received += plain;
    input_ended_ = tls_ && tls_->closed_by_peer();
    return serve_reader();
  }
  const bool heard = plain.empty() || session_->feed(plain, now).has_value();
  refuse_as_noted();
  serve();
  if (!socket_.is_open()) return;
  if (!heard || (tls_ && tls_->closed_by_peer())) end();
}

/// A plain HTTP/1.1 peer may still listen for its answer; any other is gone.
void ServerConnection::on_input_end() {
  input_ended_ = true;
  if (upgraded_ && !ending_) {
    if (tls_) return close(asio::error::connection_reset);  // without close_notify: cut by somebody
    serve_reader();
    return flush();
  }
  if (tls_ || ending_ || !session_->serving()) return end();
  flush();
}

/// Hands complete requests to the handler.
void ServerConnection::serve() {
  while (session_) {
    std::vector<ServerRequest> requests = session_->take_requests();
    if (requests.empty()) return;
    last_request_ = std::chrono::steady_clock::now();
    served_ = true;
    shared_->counts().requests.add(requests.size());
    for (ServerRequest& request : requests) {
      request.connection = id_;
      request.address = bytes_of(peer_);
      request.peer_certificate_pem = peer_certificate_pem_;
      if (!shared_->handler) return;
      try {
        shared_->handler(request, Responder(weak_from_this(), request.stream));  // which says 500 as it goes
      } catch (const std::exception& thrown) {
        shared_->handler_failed(request.method, peer_, typeid(thrown).name());
      } catch (...) {
        shared_->handler_failed(request.method, peer_, "no std::exception");
      }
      if (!socket_.is_open()) return;
    }
  }
}

void ServerConnection::respond(std::int32_t stream, const ServerResponse& response) {
  if (!socket_.is_open() || !session_) return;
  session_->respond(stream, response, std::chrono::steady_clock::now());
  answer_soon();
}

/// Answers that come one by one in a turn of the loop leave together.
void ServerConnection::answer_soon() {
  if (in_turn_ || std::exchange(answer_posted_, true)) return;
  asio::post(socket_.get_executor(), [self = shared_from_this()] {
    self->answer_posted_ = false;
    if (!self->socket_.is_open()) return;
    self->serve();  // HTTP/1.1: what was pipelined behind the answer
    self->flush();
  });
}

void ServerConnection::perform(std::int32_t stream, FaultAction action) {
  if (!socket_.is_open()) return;
  if (action.delay <= milliseconds(0)) {
    carry_out(stream, action);
    return answer_soon();
  }
  const MonoTime due = std::chrono::steady_clock::now() + action.delay;
  const auto place = delayed_.emplace(due, std::pair(stream, std::move(action)));
  if (place == delayed_.begin()) wait_delay();
}

void ServerConnection::carry_out(std::int32_t stream, const FaultAction& action) {
  if (action.drop) return close();
  if (!session_) return;
  session_->announce(action.settings);
  if (stream != 0 || !http2_) {
    if (action.reset) {
      session_->reset(stream, *action.reset);
    } else if (action.respond) {
      session_->respond(stream, *action.respond, std::chrono::steady_clock::now());
    }
  }
  if (action.goaway) session_->goaway(*action.goaway);
}

void ServerConnection::inject(const FaultAction& action) {
  carry_out(0, {.goaway = action.goaway, .settings = action.settings, .drop = action.drop});
  flush();
}

void ServerConnection::refuse_as_noted() {
  for (const ServerRefusal why : session_->take_refusals()) refuse(why);
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
      self->carry_out(stream, action);
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
      std::string& plain = tls_ ? shared_->plain_out : out_;
      if (tls_) plain.clear();
      session_->pull_output(plain);
      if (upgraded_) plain += std::exchange(upgraded_->outgoing, {});
      if (tls_ && !tls_->write(plain)) return close();
      if (session_->finished() || (input_ended_ && !session_->serving())) {
        ending_ = true;
        abandon_upgraded(asio::error::operation_aborted);
      }
      refuse_as_noted();
    }
    farewell_said_ = ending_;
    if (ending_ && tls_) tls_->close();
    if (tls_) tls_->pull(out_);
  }
  if (writing_) return;
  while (sent_ < out_.size()) {
    error_code error;
    const std::size_t count = socket_.write_some(asio::buffer(out_.data() + sent_, out_.size() - sent_), error);
    if (error == asio::error::would_block) {
      if (unsent_since_ == MonoTime{}) {
        unsent_since_ = std::chrono::steady_clock::now();
        sent_since_ = 0;  // what the kernel took without waiting shows no reader
      }
      return wait_writable();
    }
    if (error) return close(error);
    sent_ += count;
    sent_since_ += count;
    last_byte_ = std::chrono::steady_clock::now();
  }
  out_.clear();
  sent_ = 0;
  unsent_since_ = {};
  if (upgraded_) serve_writer();
  if (ending_ && input_ended_) return close();
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

void ServerConnection::end(error_code why) {
  ending_ = true;
  abandon_upgraded(why);
  flush();
}

MonoTime ServerConnection::write_due() const {
  const ServerOptions& options = shared_->options;
  if (!unsent() || unsent_since_ == MonoTime{}) return MonoTime::max();
  return transfer_due(unsent_since_, options.write_timeout, sent_since_, options.transfer_bytes_per_second_min);
}

/// When something is late.
MonoTime ServerConnection::due() const {
  if (shut_) return last_byte_ + kLinger;
  const ServerOptions& options = shared_->options;
  MonoTime first = std::min(last_byte_ + options.idle_timeout, write_due());
  if (!session_) return std::min(first, accepted_ + options.handshake_timeout);
  if (const auto theirs = session_->deadline(); theirs && !ending_) first = std::min(first, *theirs);
  return first;
}

/// Looks whether something is late when the next thing may be, but at least as often as the shortest timeout: so what
/// begins meanwhile is seen in time, and traffic sets no timer. Never more often than eight times in that time, however
/// a peer spreads what it owes.
void ServerConnection::watch() {
  const ServerOptions& options = shared_->options;
  const milliseconds shortest =
      std::max(std::min({options.head_timeout, options.body_timeout, options.write_timeout, options.idle_timeout}),
               milliseconds(1));
  const MonoTime now = std::chrono::steady_clock::now();
  watch_.expires_at(std::clamp(due(), now + std::chrono::microseconds(shortest) / 8, now + shortest));
  watch_.async_wait([self = shared_from_this()](const error_code& error) {
    if (error || !self->socket_.is_open()) return;
    const MonoTime woken = std::chrono::steady_clock::now();
    if (self->due() <= woken) self->on_late(woken);
    if (self->socket_.is_open()) self->watch();
  });
}

void ServerConnection::on_late(MonoTime now) {
  if (shut_) return close();
  if (write_due() <= now) {
    refuse(ServerRefusal::WriteTimeout);
    return close(asio::error::timed_out);
  }
  if (!session_) {
    refuse(ServerRefusal::HandshakeTimeout);
    return close();
  }
  if (const auto theirs = session_->deadline(); theirs && *theirs <= now && !ending_) {
    session_->expire(now);
    refuse_as_noted();
    return flush();
  }
  refuse(ServerRefusal::IdleTimeout);
  if (ending_) return close();
  last_byte_ = now;
  if (http2_) session_->goaway({});
  end(asio::error::timed_out);
}

void ServerConnection::evict() {
  refuse(ServerRefusal::Evicted);
  close();
}

ConnectionSlots::Candidate ServerConnection::candidate() const {
  const bool serving = session_ && !shut_ && (session_->serving() || unsent());
  const bool idle = served_ && session_ && !ending_ && !session_->deadline();
  return {.id = id_, .holder = holder_, .serving = serving, .idle = idle, .since = last_request_};
}

void ServerConnection::close(error_code why) {
  if (!socket_.is_open()) return;
  abandon_upgraded(why);
  error_code ignored;
  socket_.close(ignored);
  delay_.cancel();
  watch_.cancel();
  delayed_.clear();
  if (closed_) std::exchange(closed_, nullptr)(id_);
}

}  // namespace nightpost::server
