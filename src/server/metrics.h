// What a server counts, and why it ends a request or a connection by itself.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/counter.h"

namespace nightpost::server {

enum class ServerRefusal : std::uint8_t {
  Full,              // every slot is in use, by requests at work
  AddressFull,       // likewise the slots of this address
  Evicted,           // the oldest unfinished connection, closed to let a new one in
  HandshakeTimeout,  // of TLS
  HandshakeFailed,   // no TLS, no protocol in common, an alert
  HeadTimeout,       // HTTP/1.1: answered 408
  BodyTimeout,       // answered 408
  WriteTimeout,      // the peer does not read its answer: closed; HTTP/2 with a shut window: the stream is reset
  IdleTimeout,
  HeadTooLarge,        // answered 431
  BodyTooLarge,        // answered 413
  Malformed,           // HTTP/1.1: answered 400; HTTP/2: stream or connection error
  PipelineTooLong,     // HTTP/1.1: more requests behind one at work than are held back
  UnfinishedTooLarge,  // HTTP/2: requests that have not ended hold too much: the stream is reset with ENHANCE_YOUR_CALM
  ResetFlood,          // HTTP/2: GOAWAY with ENHANCE_YOUR_CALM
  FrameFlood,          // likewise
  Count,
};
std::string_view name_of(ServerRefusal refusal) noexcept;  // "full", "address_full", "evicted", …

/// Of one listener. Written on its loop's thread alone.
struct ServerMetrics {
  Counter connections;           // open now
  Counter connections_accepted;  // and given a slot
  Counter requests;              // whole ones, given to the handler
  Counter handler_failures;      // exceptions out of the handler; each is a bug
  std::array<Counter, std::size_t(ServerRefusal::Count)> refusals;
};

}  // namespace nightpost::server
