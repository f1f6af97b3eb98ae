// The companion IM server: the config section `im`.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "app/json_section.h"
#include "app/server_options.h"
#include "core/ids.h"
#include "im/callbacks/before_caller.h"
#include "im/callbacks/callback_client.h"
#include "im/callbacks/callback_sender.h"
#include "im/gateway/gateway_options.h"
#include "im/nodes/nodes_options.h"
#include "im/relay/group_relay.h"
#include "im/relay/mass_relay.h"
#include "im/relay/relay.h"
#include "im/rest/rest_options.h"
#include "im/service/service_options.h"

namespace nightpost::app {

struct ImOptions {
  std::string host = "127.0.0.1";       // of the clients' sockets
  std::uint16_t port = 9466;            // 0: a free one
  std::string http_host = "127.0.0.1";  // /metrics, /healthz, /readyz
  std::uint16_t http_port = 9465;
  TlsFiles tls;  // none: plain, for use behind a proxy that ends TLS
  /// Tenants and the files of the keys that sign their users' userSigs. While a key is replaced, both are good.
  std::map<AppId, std::string> key_files, next_key_files;
  im::RelayOptions relay;
  im::GroupRelayOptions group_relay;
  im::MassRelayOptions mass_relay;
  im::ServiceOptions service;
  im::GatewayOptions gateway;

  // The server API: served where an app has administrators.
  std::string rest_host = "127.0.0.1";
  std::uint16_t rest_port = 9467;  // 0: a free one
  TlsFiles rest_tls;               // none: those above
  im::RestOptions rest;

  // Callbacks to apps' servers: where an app has a URL.
  std::map<AppId, std::string> callback_urls, callback_secret_files;
  im::CallbackClientOptions callback_client;
  std::string results_group = "nightpost-im";  // of consumers, in which `nightpost im` reads what became of pushes
  im::CallbackSenderOptions callbacks;         // without targets, which are made of the above
  std::set<AppId> before_closed;               // without an answer to what their server is asked, they refuse
  im::BeforeCallerOptions before;              // without targets, likewise

  // The other nodes of the store. Without a host there are none.
  struct RedisFiles {
    std::string password, ca, certificate, key;
  };
  im::RedisOptions redis;  // without what stands in the files
  RedisFiles redis_files;
  im::PeerOptions peers;
  bool has_peers() const noexcept { return !redis.url.host.empty(); }
};

void read_im(JsonSection section, ImOptions& options);

}  // namespace nightpost::app
