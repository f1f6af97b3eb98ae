#include "server/upgraded_stream.h"

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include "server/server_connection.h"

namespace nightpost::server {

namespace asio = boost::asio;
using boost::system::error_code;

UpgradedStream::UpgradedStream(std::weak_ptr<ServerConnection> connection, executor_type executor)
    : connection_(std::move(connection)), executor_(std::move(executor)) {}

UpgradedStream::UpgradedStream(UpgradedStream&& other) noexcept
    : connection_(std::exchange(other.connection_, {})), executor_(other.executor_) {}

UpgradedStream& UpgradedStream::operator=(UpgradedStream&& other) noexcept {
  if (this == &other) return *this;
  close();
  connection_ = std::exchange(other.connection_, {});
  executor_ = other.executor_;
  return *this;
}

UpgradedStream::~UpgradedStream() { close(); }

bool UpgradedStream::is_open() const noexcept {
  const auto connection = connection_.lock();
  return connection && connection->upgraded_open();
}

void UpgradedStream::close() noexcept {
  if (const auto connection = std::exchange(connection_, {}).lock()) connection->close_upgraded();
}

void UpgradedStream::read(asio::mutable_buffer to, Done done) {
  if (const auto connection = connection_.lock()) return connection->read_upgraded(to, std::move(done));
  asio::post(executor_, [done = std::move(done)]() mutable { done(asio::error::not_connected, 0); });
}

void UpgradedStream::write(std::span<const asio::const_buffer> from, Done done) {
  if (const auto connection = connection_.lock()) return connection->write_upgraded(from, std::move(done));
  asio::post(executor_, [done = std::move(done)]() mutable { done(asio::error::not_connected, 0); });
}

void UpgradedStream::cancel_read(const std::weak_ptr<ServerConnection>& connection) {
  if (const auto open = connection.lock()) open->cancel_upgraded_read();
}

void UpgradedStream::cancel_write(const std::weak_ptr<ServerConnection>& connection) {
  if (const auto open = connection.lock()) open->cancel_upgraded_write();
}

// The connection's side.

namespace {

constexpr std::size_t kWriteBytesMax = 16'384;  // of one write
constexpr std::size_t kIdleBytesKept = 4'096;   // of each buffer, between reads and writes

}  // namespace

Result<UpgradedStream> ServerConnection::upgrade(std::int32_t stream, std::string_view protocol,
                                                 const ServerHeaders& headers) {
  if (!socket_.is_open() || ending_ || !session_) return fail(Errc::ConnectionLost, "the connection is gone");
  auto received = session_->upgrade(stream, protocol, headers);
  if (!received) return std::unexpected(received.error());
  upgraded_ = std::make_unique<Upgraded>();
  upgraded_->received = *std::move(received);
  answer_soon();
  return UpgradedStream(weak_from_this(), socket_.get_executor());
}

bool ServerConnection::upgraded_open() const noexcept { return socket_.is_open() && upgraded_ && !ending_; }

void ServerConnection::complete(UpgradedStream::Done& waiting, error_code error, std::size_t count) {
  if (!waiting) return;
  asio::post(socket_.get_executor(),
             [done = std::exchange(waiting, nullptr), error, count]() mutable { done(error, count); });
}

void ServerConnection::read_upgraded(asio::mutable_buffer to, UpgradedStream::Done done) {
  if (!upgraded_open()) return complete(done, asio::error::not_connected, 0);
  if (upgraded_->reader) return complete(done, asio::error::already_started, 0);
  if (to.size() == 0) return complete(done, {}, 0);
  upgraded_->room = to;
  upgraded_->reader = std::move(done);
  serve_reader();
  wait_readable();
}

/// Gives the reader what is here.
void ServerConnection::serve_reader() {
  Upgraded& own = *upgraded_;
  if (!own.reader) return;
  const std::size_t left = own.received.size() - own.taken;
  if (left == 0 && !input_ended_) return;
  if (left == 0) return complete(own.reader, asio::error::eof, 0);
  const std::size_t count = asio::buffer_copy(own.room, asio::buffer(own.received) + own.taken);
  own.taken += count;
  if (own.taken == own.received.size()) {
    own.taken = 0;
    own.received.clear();
    if (own.received.capacity() > kIdleBytesKept) std::string().swap(own.received);
  }
  complete(own.reader, {}, count);
}

void ServerConnection::write_upgraded(std::span<const asio::const_buffer> from, UpgradedStream::Done done) {
  if (!upgraded_open()) return complete(done, asio::error::not_connected, 0);
  if (upgraded_->writer) return complete(done, asio::error::already_started, 0);
  std::string& outgoing = upgraded_->outgoing;
  std::size_t count = 0;
  for (const asio::const_buffer& each : from) {
    const std::size_t size = std::min(each.size(), kWriteBytesMax - count);
    outgoing.append(static_cast<const char*>(each.data()), size);
    count += size;
  }
  if (count == 0) return complete(done, {}, 0);
  upgraded_->written = count;
  upgraded_->writer = std::move(done);
  if (!in_turn_) flush();
}

/// All of the output left.
void ServerConnection::serve_writer() {
  if (out_.capacity() > kIdleBytesKept) std::string().swap(out_);
  complete(upgraded_->writer, {}, upgraded_->written);
}

void ServerConnection::cancel_upgraded_read() {
  if (upgraded_) complete(upgraded_->reader, asio::error::operation_aborted, 0);
}

void ServerConnection::cancel_upgraded_write() {
  if (upgraded_) complete(upgraded_->writer, asio::error::operation_aborted, 0);
}

void ServerConnection::close_upgraded() {
  if (upgraded_open()) end();
}

void ServerConnection::abandon_upgraded(error_code why) {
  if (!upgraded_) return;
  complete(upgraded_->reader, why, 0);
  complete(upgraded_->writer, why, 0);
}

}  // namespace nightpost::server
