// Accepts connections and keeps them: what HttpServer and TlsServer share.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string>
#include <unordered_map>

#include "server/server_connection.h"

namespace nightpost::server {

class ServerListener : public std::enable_shared_from_this<ServerListener> {
 public:
  ServerListener(boost::asio::io_context& loop, std::shared_ptr<ServerShared> shared);

  /// Io: cannot listen there.
  Result<void> listen();
  std::uint16_t port() const noexcept { return port_; }
  /// TlsServer's.
  Result<void> renew(std::string certificate_pem, std::string private_key_pem);
  void on_all(const FaultAction& action);
  /// Closes the listener and every connection; the handler is not called again.
  void stop();

 private:
  void accept();
  void admit(boost::asio::ip::tcp::socket socket);
  void forget(std::uint64_t id);

  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer pause_;
  std::shared_ptr<ServerShared> shared_;
  ConnectionSlots slots_;
  std::unordered_map<std::uint64_t, std::shared_ptr<ServerConnection>> open_;
  std::uint16_t port_ = 0;
};

}  // namespace nightpost::server
