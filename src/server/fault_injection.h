// A server that misbehaves on purpose, as a handler around another: for the sandbox and for tests.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "server/http_server.h"

namespace nightpost::server {

/// What a scripted server does with a request: settings, then the answer or reset, then goaway. HTTP/2 only, except
/// respond, delay and drop; over HTTP/1.1 goaway closes after the answer and reset closes instead of it.
struct FaultAction {
  std::optional<ServerResponse> respond;  // nullopt: no answer at all (hang) unless something below says more
  milliseconds delay{0};                  // before all of it
  std::optional<std::uint32_t> reset;     // RST_STREAM with this code instead of an answer
  std::optional<ServerGoaway> goaway;     // the connection ends once the streams up to its last one are done
  std::vector<std::pair<std::uint16_t, std::uint32_t>> settings;  // SETTINGS sent before the answer
  bool drop = false;                                              // close the TCP connection without another byte
};

using FaultHandler = std::function<FaultAction(const ServerRequest&)>;
/// Does what `handler` says of each request.
ServerHandler with_faults(FaultHandler handler);
/// GOAWAY, SETTINGS or drop on every open connection, from outside a request. On the loop's thread, not from inside a
/// handler; the rest of `action` is ignored.
void inject_on_all(TlsServer& server, const FaultAction& action);

}  // namespace nightpost::server
