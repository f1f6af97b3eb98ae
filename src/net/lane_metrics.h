// What a lane counts. Written by its loop, read by the scrape from another thread; nothing decides by reading it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/counter.h"

namespace nightpost::net {

/// Why a connection that had been ready ended.
enum class CloseReason : std::uint8_t {
  Goaway,      // the peer sent it away
  Ping,        // a PING stayed unacknowledged
  Age,         // replaced at age_max, or out of stream ids
  Idle,        // not needed any longer
  Timeouts,    // too many response timeouts in a row
  Drained,     // Lane::drain_connection()
  Credential,  // the lane's credential was refused
  Error,       // reset, EOF, TLS or protocol error
  Count,
};
std::string_view name_of(CloseReason reason) noexcept;  // "goaway", "ping", …

struct LaneMetrics {
  Counter connections_opened;  // ready: TLS, ALPN h2 and the first SETTINGS
  Counter connects_failed;
  std::array<Counter, std::size_t(CloseReason::Count)> connections_closed;
  Counter requests;                                  // taken by send()
  Counter replays;                                   // sent anew by the lane itself
  Counter refused;                                   // streams the peer refused or left above a GOAWAY
  Counter timeouts;                                  // requests answered with Timeout
  Counter overloads;                                 // requests answered with Overloaded
  Counter stray_answers;                             // for requests that were not open: a bug, dropped
  Counter bytes_in, bytes_out;                       // HTTP/2 bytes, before TLS
  Counter connections, streams_limit, open, queued;  // gauges: ready connections, what they may carry, what they
                                                     // carry, what waits
  Counter draining;                                  // gauge: connections that take nothing new
  Counter kept_bytes;                                // gauge: memory of buffers and of what waits for the next requests
};

}  // namespace nightpost::net
