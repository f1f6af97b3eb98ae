// The real connection of a lane: TLS on a TCP socket, or on a proxy's tunnel: the thin shell around LaneConnection and
// TlsSocket. It moves bytes and waits.
#pragma once

#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "net/dialer.h"
#include "net/lane_connection.h"
#include "net/name_resolver.h"
#include "net/proxy.h"
#include "net/tls_client.h"

namespace nightpost::net {

/// Held by shared_ptr: its coroutines live in the loop and may be resumed once more after the lane let go of it.
class H2Connection final : public LaneConnection {
 public:
  /// `names` is used until the host's addresses are known, or the proxy's. `proxy` null: none.
  H2Connection(boost::asio::io_context& loop, NameResolver& names, std::shared_ptr<const TlsClient> tls,
               std::shared_ptr<const Proxy> proxy, Options options, ConnectionOwner& owner, LaneMetrics& metrics,
               std::uint64_t id);
  bool peer_untrusted() const noexcept override { return tls_.peer_untrusted(); }

 private:
  using Self = std::shared_ptr<H2Connection>;  // keeps the frame's object alive across its waits
  static boost::asio::awaitable<void> live(Self self, Order order);
  static boost::asio::awaitable<void> write_when_possible(Self self);
  boost::asio::awaitable<bool> dial(Order order);
  boost::asio::awaitable<bool> open_tunnel();
  boost::asio::awaitable<bool> shake_hands();
  boost::asio::awaitable<bool> wait_for(TlsSocket::Io io);
  enum class Turn : std::uint8_t { Wait, More, Over };
  Turn read_some();
  Self self() { return std::static_pointer_cast<H2Connection>(shared_from_this()); }

  void connect(Order order) override;
  std::string connect_progress() const override;
  std::size_t send(std::span<const std::uint8_t> bytes) override;
  void shut(bool politely) override;

  boost::asio::io_context& loop_;
  std::shared_ptr<const TlsClient> tls_client_;  // shared with the lane: outlives it by the last handler
  std::shared_ptr<const Proxy> proxy_;           // likewise
  bool tunnelling_ = false;
  Dialer dialer_;
  boost::asio::ip::tcp::socket socket_;
  TlsSocket tls_;
  std::array<std::uint8_t, 16'384> buffer_;  // one TLS record
};

/// Makes them for one lane.
class H2Connector final : public LaneConnector {
 public:
  explicit H2Connector(boost::asio::io_context& loop) : loop_(loop) {}
  Result<void> prepare(const Origin& origin, const LaneOptions& options) override;
  std::shared_ptr<LaneConnection> make(LaneConnection::Options options, ConnectionOwner& owner, LaneMetrics& metrics,
                                       std::uint64_t id) override;

 private:
  boost::asio::io_context& loop_;
  std::optional<NameResolver> own_names_;
  NameResolver* names_ = nullptr;
  // Shared with the connections, which may end after the lane.
  std::shared_ptr<const TlsClient> tls_;
  std::shared_ptr<const Proxy> proxy_;  // null: none, or not for this origin
};

}  // namespace nightpost::net
