// What a listener of ours grants its peers, as config keys: `receipts.*`, `worker.http_*`.
#pragma once

#include <string>
#include <string_view>

#include "app/json_section.h"
#include "app/tls_or_plain.h"
#include "observe/metrics_page.h"
#include "server/http_server.h"

namespace nightpost::app {

/// Reads `<prefix>connections_max`, `…connections_per_address_max`, `…head_timeout_ms`, `…body_timeout_ms`,
/// `…write_timeout_ms`, `…idle_timeout_ms` and `…transfer_bytes_per_second_min`.
void read_server_limits(JsonSection& section, const std::string& prefix, server::ServerOptions& options);
/// Reads `tls_certificate_file`, `tls_key_file` and `tls_look_every_ms`.
void read_tls_files(JsonSection& section, TlsFiles& files);
/// Likewise `<prefix>connections_reserved` and `…reserved_addresses`.
void read_reserved_slots(JsonSection& section, const std::string& prefix, server::ServerOptions& options);
/// "127.0.0.0/8,::1". Malformed: names the first that is none.
Result<std::vector<server::AddressRange>> parse_ranges(std::string_view text);

/// The series nightpost_server_*; `metrics` outlives the page.
void register_server_metrics(observe::MetricsPage& page, const std::string& listener,
                             const server::ServerMetrics& metrics);

}  // namespace nightpost::app
