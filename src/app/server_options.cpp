#include "app/server_options.h"

#include <utility>

#include "core/text.h"

namespace nightpost::app {
namespace {

constexpr std::int64_t kTimeoutMsMax = 600'000;
constexpr std::int64_t kIdleMsMax = 3'600'000;

}  // namespace

void read_server_limits(JsonSection& section, const std::string& prefix, server::ServerOptions& options) {
  section.integer(prefix + "connections_max", options.connections_max, 1, 100'000);
  section.integer(prefix + "connections_per_address_max", options.connections_per_address_max, 1, 100'000);
  section.duration_ms(prefix + "head_timeout_ms", options.head_timeout, 10, kTimeoutMsMax);
  section.duration_ms(prefix + "body_timeout_ms", options.body_timeout, 10, kTimeoutMsMax);
  section.duration_ms(prefix + "write_timeout_ms", options.write_timeout, 10, kTimeoutMsMax);
  section.duration_ms(prefix + "idle_timeout_ms", options.idle_timeout, 10, kIdleMsMax);
  section.integer(prefix + "transfer_bytes_per_second_min", options.transfer_bytes_per_second_min, 1,
                  std::int64_t{1} << 30);
}

void read_tls_files(JsonSection& section, TlsFiles& files) {
  section.text("tls_certificate_file", files.certificate, true);
  section.text("tls_key_file", files.key, true);
  section.duration_ms("tls_look_every_ms", files.look_every, 10, kIdleMsMax);
  if (files.certificate.empty() != files.key.empty())
    section.mistake("tls_key_file", "goes with tls_certificate_file: name both or none");
}

void read_reserved_slots(JsonSection& section, const std::string& prefix, server::ServerOptions& options) {
  section.integer(prefix + "connections_reserved", options.connections_reserved, 0, 100'000);
  if (options.connections_reserved >= options.connections_max)
    section.mistake(prefix + "connections_reserved", "leaves none of connections_max to others");
  if (!section.has(prefix + "reserved_addresses")) return;
  std::string text;
  section.text(prefix + "reserved_addresses", text, true);
  if (auto ranges = parse_ranges(text)) {
    options.reserved_addresses = *std::move(ranges);
  } else {
    section.mistake(prefix + "reserved_addresses", ranges.error().detail);
  }
}

Result<std::vector<server::AddressRange>> parse_ranges(std::string_view text) {
  std::vector<server::AddressRange> ranges;
  for (std::string_view rest = trimmed(text); !rest.empty();) {
    const std::size_t comma = rest.find(',');
    auto range = server::AddressRange::parse(trimmed(rest.substr(0, comma)));
    if (!range) return std::unexpected(range.error());
    ranges.push_back(*range);
    if (comma == rest.npos) break;
    rest.remove_prefix(comma + 1);
    if (rest.empty()) return fail(Errc::Malformed, "ends with a comma");
  }
  return ranges;
}

void register_server_metrics(observe::MetricsPage& page, const std::string& listener,
                             const server::ServerMetrics& metrics) {
  const observe::Labels labels = {{"listener", listener}};
  page.add_gauge("nightpost_server_connections", "Connections open to a listener of ours", labels,
                 [&metrics] { return static_cast<double>(metrics.connections.read()); });
  page.add_counter("nightpost_server_connections_accepted_total", "Of those, accepted since the start", labels,
                   [&metrics] { return static_cast<double>(metrics.connections_accepted.read()); });
  page.add_counter("nightpost_server_requests_total", "Whole requests that came to a listener of ours", labels,
                   [&metrics] { return static_cast<double>(metrics.requests.read()); });
  page.add_counter("nightpost_server_handler_failures_total",
                   "Requests to a listener of ours whose handler threw: each is a bug", labels,
                   [&metrics] { return static_cast<double>(metrics.handler_failures.read()); });
  for (std::size_t i = 0; i < metrics.refusals.size(); ++i) {
    observe::Labels each = labels;
    each.emplace_back("reason", name_of(static_cast<server::ServerRefusal>(i)));
    page.add_counter("nightpost_server_refusals_total", "Connections and requests a listener of ours ended by itself",
                     std::move(each), [&counter = metrics.refusals[i]] { return static_cast<double>(counter.read()); });
  }
}

}  // namespace nightpost::app
