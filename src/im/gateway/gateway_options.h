// What the gateway is set to, and what that asks of the server it stands on.
#pragma once

#include <cstddef>
#include <vector>

#include "core/time.h"
#include "im/gateway/websocket.h"
#include "server/address_range.h"
#include "server/http_server.h"

namespace nightpost::im {

/// An answer of ours is never longer: documented to clients.
inline constexpr std::size_t kServerFrameBytesMax = 262'144;
inline constexpr std::size_t kJsonDepthMax = 16;

struct GatewayOptions {
  // Frames of a client.
  std::size_t hello_bytes_max = 4'096;
  std::size_t frame_bytes_max = 65'536;       // a longer one is skipped and answered with the limit
  std::size_t skipped_bytes_max = 1'048'576;  // beyond, the connection ends
  std::size_t requests_open_max = 32;         // a connection; one more is TooFast

  // What is not acknowledged or not read. A connection holds at most output_bytes_max and one answer.
  std::size_t unacked_frames_max = 64;       // deliver frames; beyond, the client is behind
  std::size_t unacked_bytes_max = 262'144;   // likewise
  std::size_t output_bytes_max = 1'048'576;  // queued or promised to open requests; beyond, nothing is read

  // Times.
  milliseconds hello_timeout{10'000};  // from the handshake's end
  milliseconds ack_timeout{10'000};    // then a device in the foreground counts as away
  milliseconds heartbeat{30'000};     // a client speaks this often; it ends after 2.5 silent ones. Below a proxy's 60 s
  milliseconds close_timeout{2'000};  // for the peer's Close after ours
  milliseconds drain_spread{10'000};  // clients of a server that goes down come back over this long

  // Who may come.
  std::size_t connections_max = 20'000;
  std::size_t connections_per_address_max = 1'000;  // an IPv6 /64 is one address
  /// Whose X-Forwarded-For says the client's address; others' is not believed.
  std::vector<server::AddressRange> trusted_proxies;
  std::size_t logins_open_max = 256;          // at the service at once; further ones are told when to come again
  milliseconds login_retry{5'000};            // ... within this long, each another time
  unsigned failed_logins_per_minute = 30;     // of an address, and as many at once; beyond, their answers come late
  milliseconds failed_login_delay{5'000};     // that late at most. A good signature is never held back
  std::size_t failed_addresses_max = 10'000;  // remembered
};

/// For the server under the gateway: host, port, name, log and metrics are the caller's to add.
server::ServerOptions server_options(const GatewayOptions& options);

}  // namespace nightpost::im
