// What becomes of a lane's connections, told as it happens: somebody has to hear why nothing goes out.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "core/time.h"

namespace nightpost::net {

/// Views live as long as the call; from the loop.
struct LaneEvent {
  enum class What : std::uint8_t {
    ConnectFailed,   // name, TCP, proxy, TLS or the first SETTINGS; `detail` says which
    UntrustedPeer,   // the peer's certificate does not pass: wrong authority or name, or out of date
    ConnectionLost,  // one that was ready ended by no wish of ours
    Reconnected,     // ready again after one of the above
  };
  What what{};
  std::string_view origin;
  std::string_view detail;     // one line, without secrets; empty for Reconnected
  milliseconds wait{0};        // until the next connect, at the least
  std::uint64_t failures = 0;  // in a row, this one included; of Reconnected: before it
};
using LaneWatch = std::function<void(const LaneEvent&)>;

}  // namespace nightpost::net
