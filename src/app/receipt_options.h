// Where vendors post their receipts to: the config section `receipts`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "app/json_section.h"
#include "app/server_options.h"
#include "core/time.h"
#include "dispatch/options.h"

namespace nightpost::app {

struct ReceiptOptions {
  std::string host;                             // empty: no listener
  std::uint16_t port = 0;                       // 0: a free one
  TlsFiles tls;                                 // none: plain, for use behind a proxy that ends TLS
  std::size_t body_bytes_max = 1'048'576;       // of one call; more is answered 413
  std::size_t receipts_per_call_max = 10'000;   // likewise
  std::uint32_t requests_per_second_max = 200;  // of each certificate, and its burst; more is answered 429
  std::size_t calls_remembered_max = 100'000;   // signed ones, so that a replay does nothing; the oldest go first
  /// Limits of its connections. Behind a proxy that ends TLS all of them come from one address.
  server::ServerOptions server{
      .connections_max = 256, .connections_per_address_max = 64, .idle_timeout = milliseconds(60'000)};
  milliseconds ack_wait{2'000};  // for Kafka to have a call's outcomes; longer is answered 503

  dispatch::Options removals;  // mass_removal_* of it: as for the answers to pushes

  bool enabled() const noexcept { return !host.empty(); }
};

void read_receipts(JsonSection section, ReceiptOptions& options);

}  // namespace nightpost::app
