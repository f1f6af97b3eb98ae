// One accepted connection: moves bytes between a socket, TLS and a session, keeps delays and the idle clock.
#pragma once

#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <memory>
#include <optional>

#include "server/connection_slots.h"
#include "server/fault_injection.h"
#include "server/server_session.h"
#include "server/server_tls.h"
#include "server/upgraded_stream.h"

namespace nightpost::server {

/// What a listening server and its connections have in common. Shared by them, since what is queued on the loop may run
/// after the server object is gone: then `handler` is empty.
struct ServerShared {
  ServerOptions options;
  ServerHandler handler;
  ServerTls tls;
  SslContext context;     // null: plain HTTP
  ServerMetrics metrics;  // where the options name none
  std::string read_buffer = std::string(131'072, '\0');
  std::string plain_in;  // scratch of the connection at work
  std::string plain_out;

  ServerMetrics& counts() noexcept { return options.metrics ? *options.metrics : metrics; }
  /// Counts it, and says it where it is no everyday matter.
  void refuse(ServerRefusal why, const boost::asio::ip::address& peer);
  /// Likewise that the handler threw.
  void handler_failed(const std::string& method, const boost::asio::ip::address& peer, std::string_view type);
};

/// On its loop only. Lives as long as somebody waits on its behalf; close() ends all waits.
class ServerConnection : public std::enable_shared_from_this<ServerConnection> {
 public:
  using Closed = std::function<void(std::uint64_t id)>;
  ServerConnection(boost::asio::ip::tcp::socket socket, std::uint64_t id, boost::asio::ip::address peer,
                   const ConnectionSlots::Holder& holder, std::shared_ptr<ServerShared> shared, Closed closed);

  void start();
  bool open() const noexcept { return socket_.is_open(); }
  /// Answers a request that the handler was given, now or later. Ignored where nobody waits for it.
  void respond(std::int32_t stream, const ServerResponse& response);
  /// Answers it with 101, and lets the stream have the bytes; see Responder.
  Result<UpgradedStream> upgrade(std::int32_t stream, std::string_view protocol, const ServerHeaders& headers);
  // UpgradedStream's; nothing of `done` is called before they return.
  bool upgraded_open() const noexcept;
  void read_upgraded(boost::asio::mutable_buffer to, UpgradedStream::Done done);
  void write_upgraded(std::span<const boost::asio::const_buffer> from, UpgradedStream::Done done);
  void cancel_upgraded_read();
  void cancel_upgraded_write();
  void close_upgraded();
  /// Likewise with faults, after their delay.
  void perform(std::int32_t stream, FaultAction action);
  /// The connection's part of `action` at once: settings, goaway, drop.
  void inject(const FaultAction& action);
  /// At once and without another byte. Calls `closed` unless it was called before.
  void close(boost::system::error_code why = boost::asio::error::operation_aborted);
  /// Likewise, to make room for another.
  void evict();
  ConnectionSlots::Candidate candidate() const;
  const ConnectionSlots::Holder& holder() const noexcept { return holder_; }

 private:
  void wait_readable();
  void on_readable();
  void on_bytes(std::string_view received, MonoTime now);
  void on_input_end();
  void open_session();
  void serve();
  void carry_out(std::int32_t stream, const FaultAction& action);
  void answer_soon();
  void wait_delay();
  void flush();
  void wait_writable();
  void end(boost::system::error_code why = boost::asio::error::operation_aborted);
  void serve_reader();
  void serve_writer();
  void abandon_upgraded(boost::system::error_code why);
  void complete(UpgradedStream::Done& waiting, boost::system::error_code error, std::size_t count);
  void watch();
  void on_late(MonoTime now);
  MonoTime due() const;
  MonoTime write_due() const;
  bool unsent() const noexcept { return sent_ < out_.size(); }
  void refuse(ServerRefusal why) { shared_->refuse(why, peer_); }
  void refuse_as_noted();

  /// Of a connection that left HTTP.
  struct Upgraded {
    std::string received;  // [taken, size) is still to be read
    std::size_t taken = 0;
    boost::asio::mutable_buffer room;  // of the read that waits
    UpgradedStream::Done reader;       // empty: none waits
    std::string outgoing;              // not yet in out_
    std::size_t written = 0;           // by the write that waits
    UpgradedStream::Done writer;
  };

  boost::asio::ip::tcp::socket socket_;
  std::uint64_t id_;
  boost::asio::ip::address peer_;
  ConnectionSlots::Holder holder_;
  std::shared_ptr<ServerShared> shared_;
  Closed closed_;
  std::optional<ServerTlsEngine> tls_;
  std::unique_ptr<ServerSession> session_;  // null until the handshake is over
  bool http2_ = false;
  std::unique_ptr<Upgraded> upgraded_;
  std::string peer_certificate_pem_;
  std::string out_;  // bytes for the socket; [sent_, size) are still to go
  std::size_t sent_ = 0;
  bool in_turn_ = false;  // a read is being served: its answers go out with its end
  bool answer_posted_ = false;
  bool input_ended_ = false;
  bool reading_ = false;  // a wait is under way
  bool writing_ = false;
  bool ending_ = false;         // nothing more is served: the output goes out, then our half is closed
  bool farewell_said_ = false;  // the last of it is in out_
  bool shut_ = false;           // it is closed, the peer's half is awaited
  std::multimap<MonoTime, std::pair<std::int32_t, FaultAction>> delayed_;  // at most one a stream
  boost::asio::steady_timer delay_;
  boost::asio::steady_timer watch_;
  MonoTime accepted_;
  MonoTime last_byte_;
  MonoTime last_request_;  // whole; accepted_ before the first
  bool served_ = false;    // there was one
  MonoTime unsent_since_;  // while unsent(): when the socket took no more
  std::size_t sent_since_ = 0;
};

}  // namespace nightpost::server
