// The bytes of a connection that left HTTP/1.1 by an Upgrade (RFC 9110 §7.8), for WebSocket and its like.
#pragma once

#include <algorithm>
#include <array>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/system/error_code.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <utility>

namespace nightpost::server {

class ServerConnection;

/// Move-only owner of the connection, over TLS or plain: an asio AsyncReadStream and AsyncWriteStream. On the server's
/// loop only. The first bytes read are those that came behind the request's head.
///
/// The server's limits go on to hold: the connection keeps its slot and its address's share (it is never closed for
/// another), it is closed after `idle_timeout` without a byte either way (so send pings, and see yourself whether they
/// are answered), and by `write_timeout` and `transfer_bytes_per_second_min` if the peer does not read. Nothing is read
/// from the socket while no read waits.
///
/// A wait ends with `eof` once the peer has closed its half (writing still works), `timed_out`, `connection_reset`, or
/// `operation_aborted` after close(), the server's end, or a cancellation. After the end each call says
/// `not_connected`. One read and one write may wait at a time; another says `already_started`. Safe after its
/// connection or server is gone.
class UpgradedStream {
 public:
  using executor_type = boost::asio::any_io_executor;
  using Signature = void(boost::system::error_code, std::size_t);
  using Done = std::move_only_function<Signature>;

  UpgradedStream(std::weak_ptr<ServerConnection> connection, executor_type executor);
  UpgradedStream(UpgradedStream&& other) noexcept;
  UpgradedStream& operator=(UpgradedStream&& other) noexcept;  // after close() of its own
  ~UpgradedStream();                                           // close()

  executor_type get_executor() const noexcept { return executor_; }
  bool is_open() const noexcept;

  /// At least one byte, into the first of `buffers` that has room. A cancelled read has taken none.
  template <class Buffers, boost::asio::completion_token_for<Signature> Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, Signature>(Read{this}, token, first_of(buffers));
  }

  /// At least one byte: done when the kernel took what was written. Only a terminal cancellation ends the wait; the
  /// stream is then good for close() only, since how much of it leaves is not known.
  template <class Buffers, boost::asio::completion_token_for<Signature> Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, Signature>(Write{this}, token, some_of(buffers));
  }

  /// What was written goes out, then the connection ends. Waits end with `operation_aborted`.
  void close() noexcept;

 private:
  static constexpr std::size_t kPiecesMax = 8;
  struct Pieces {
    std::array<boost::asio::const_buffer, kPiecesMax> piece;
    std::size_t count = 0;
  };
  /// Carries a handler to its executor, and keeps that one at work meanwhile.
  template <class Handler>
  struct Carrier {
    Carrier(Handler carried, const executor_type& executor)
        : handler(std::move(carried)), work(boost::asio::make_work_guard(handler, executor)) {}
    Handler handler;
    decltype(boost::asio::make_work_guard(std::declval<Handler&>(), std::declval<const executor_type&>())) work;

    void operator()(boost::system::error_code error, std::size_t count) {
      if (auto slot = boost::asio::get_associated_cancellation_slot(handler); slot.is_connected()) slot.clear();
      const auto executor = work.get_executor();
      work.reset();
      boost::asio::dispatch(
          executor, [handler = std::move(handler), error, count]() mutable { std::move(handler)(error, count); });
    }
  };
  struct Read {
    UpgradedStream* stream;
    template <class Handler>
    void operator()(Handler handler, boost::asio::mutable_buffer to) const {
      if (auto slot = boost::asio::get_associated_cancellation_slot(handler); slot.is_connected())
        slot.assign([connection = stream->connection_](boost::asio::cancellation_type) { cancel_read(connection); });
      stream->read(to, Carrier<Handler>(std::move(handler), stream->executor_));
    }
  };
  struct Write {
    UpgradedStream* stream;
    template <class Handler>
    void operator()(Handler handler, const Pieces& from) const {
      if (auto slot = boost::asio::get_associated_cancellation_slot(handler); slot.is_connected())
        slot.assign([connection = stream->connection_](boost::asio::cancellation_type type) {
          constexpr auto kTerminal = boost::asio::cancellation_type::terminal;
          if ((type & kTerminal) != boost::asio::cancellation_type::none) cancel_write(connection);
        });
      stream->write(std::span(from.piece).first(from.count), Carrier<Handler>(std::move(handler), stream->executor_));
    }
  };

  template <class Buffers>
  static boost::asio::mutable_buffer first_of(const Buffers& buffers) {
    const auto end = boost::asio::buffer_sequence_end(buffers);
    for (auto each = boost::asio::buffer_sequence_begin(buffers); each != end; ++each)
      if (const boost::asio::mutable_buffer one(*each); one.size() > 0) return one;
    return {};
  }
  template <class Buffers>
  static Pieces some_of(const Buffers& buffers) {
    Pieces pieces;
    const auto end = boost::asio::buffer_sequence_end(buffers);
    for (auto each = boost::asio::buffer_sequence_begin(buffers); each != end && pieces.count < kPiecesMax; ++each)
      if (const boost::asio::const_buffer one(*each); one.size() > 0) pieces.piece[pieces.count++] = one;
    return pieces;
  }

  void read(boost::asio::mutable_buffer to, Done done);
  void write(std::span<const boost::asio::const_buffer> from, Done done);
  static void cancel_read(const std::weak_ptr<ServerConnection>& connection);
  static void cancel_write(const std::weak_ptr<ServerConnection>& connection);

  std::weak_ptr<ServerConnection> connection_;
  executor_type executor_;
};

}  // namespace nightpost::server
