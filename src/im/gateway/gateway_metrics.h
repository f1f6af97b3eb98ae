// What the gateway counts, and why it ends a connection.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/counter.h"

namespace nightpost::im {

enum class Bye : std::uint8_t {
  KickedDevice,
  KickedInstance,
  KickedAdmin,
  AccountRemoved,
  LoggedOut,
  SigExpired,
  Draining,
  Silent,
  Protocol,
  Count,
};
std::string_view name_of(Bye reason) noexcept;  // "kicked_device", "kicked_instance", … as clients read it

/// Written on the loop's thread alone.
struct GatewayMetrics {
  Counter connections;        // open WebSockets now
  Counter online;             // of them logged in
  Counter logins;             // that succeeded
  Counter logins_failed;      // refused for the signature or the account
  Counter logins_held;        // failed ones whose answer was put off, for their address makes many
  Counter logins_put_off;     // told to come again: too many at once
  Counter frames_received;    // text messages of clients
  Counter frames_malformed;   // of them answered 6017 or 6018 by the gateway itself
  Counter frames_too_long;    // skipped
  Counter requests_too_fast;  // beyond requests_open_max
  Counter delivered;          // deliver frames queued
  Counter behind;             // times a client was told that it is behind
  Counter overdue;            // times a device in the foreground did not acknowledge in time
  std::array<Counter, std::size_t(Bye::Count)> byes;
};

}  // namespace nightpost::im
