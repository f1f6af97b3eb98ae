#include "im/gateway/gateway_options.h"

namespace nightpost::im {

server::ServerOptions server_options(const GatewayOptions& options) {
  server::ServerOptions server;
  server.body_bytes_max = 1'024;
  server.headers_bytes_max = 8'192;
  server.connections_max = options.connections_max;
  // Behind a proxy all clients have its address: there the gateway counts by the forwarded one.
  server.connections_per_address_max =
      options.trusted_proxies.empty() ? options.connections_per_address_max : options.connections_max;
  server.write_timeout = seconds(120);  // a phone that stops reading for a minute goes on
  server.transfer_bytes_per_second_min = 4'096;
  server.idle_timeout = 4 * options.heartbeat;  // ours of 2.5 comes first, with a word
  server.output_bytes_max = 262'144;
  return server;
}

}  // namespace nightpost::im
