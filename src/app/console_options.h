// The admin API and its page: the config section `console`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "admin/access.h"
#include "admin/limits.h"
#include "app/json_section.h"
#include "app/server_options.h"
#include "core/time.h"

namespace nightpost::app {

struct ConsoleOptions {
  std::string host = "127.0.0.1";       // of the API and the page
  std::uint16_t port = 9468;            // 0: a free one
  TlsFiles tls;                         // none: plain, on this machine alone
  std::string public_url;               // where people open the page; empty: at the listener
  bool behind_tls_proxy = false;        // plain, and a proxy before it ends TLS: any address may be listened on
  std::string http_host = "127.0.0.1";  // /metrics, /healthz, /readyz
  std::uint16_t http_port = 9469;
  std::size_t body_bytes_max = 1'048'576;  // of a request; more is answered 413
  /// Limits of its connections. Behind a proxy that ends TLS all of them come from one address.
  server::ServerOptions server{
      .connections_max = 256, .connections_per_address_max = 64, .idle_timeout = milliseconds(60'000)};
  std::size_t threads = 2;                   // that answer, with a store's connections each
  std::size_t requests_queued_max = 64;      // that wait for one of them; more are answered 503
  std::size_t long_threads = 2;              // that answer what waits for vendors or brokers (admin::waits_for_others)
  std::size_t long_requests_queued_max = 8;  // likewise
  admin::AccessOptions access;
  admin::GateOptions gate;
  std::vector<server::AddressRange> proxy_addresses;  // of proxies whose word on who calls counts (access.proxy)
  std::string proxy_secret_file;                      // what they must send, too; empty: nothing
  std::vector<std::string> metrics_urls;              // "http://host:port" of workers whose /metrics the page shows
  std::string im_url;           // "https://host:port" of the IM server's API, which kicks and silences; empty: none
  std::string im_ca_file;       // PEM authorities that it is verified by; empty: the system's
  milliseconds im_wait{5'000};  // for its answer
  milliseconds audit_keep{std::chrono::days(400)};       // older entries are deleted
  std::uint64_t audit_rows_max = 1'000'000;              // the oldest beyond it are deleted, …
  milliseconds audit_keep_least{std::chrono::days(30)};  // … but for those that are younger
  milliseconds push_timeout{15'000};                     // for a vendor's answer to a test push
  milliseconds kafka_wait{3'000};                        // for the brokers, at each step
  milliseconds events_wait{5'000};                       // for the brokers to acknowledge the events of one request
  std::size_t events_per_request_max = 100;              // more are answered 413; each waits for its acknowledgement
  std::size_t live_rows_max = 2'000;                     // outcomes kept for those who watch; the oldest go
  std::size_t live_rows_per_second_max = 2'000;          // read of the results topic for them; more are left out
  milliseconds letters_wait{30'000};                     // for one look through, or run on, the dead letters
};

void read_console(JsonSection section, ConsoleOptions& options);

/// Loopback by name or address.
bool is_this_machine(const std::string& host);

}  // namespace nightpost::app
