#include "app/receipt_options.h"

#include "app/ready_file.h"

namespace nightpost::app {

void read_receipts(JsonSection section, ReceiptOptions& options) {
  std::string listen;
  section.text("listen", listen, true);
  if (!listen.empty()) {
    if (auto parsed = parse_host_port(listen)) {
      options.host = std::move(parsed->host);
      options.port = parsed->port;
    } else {
      section.mistake("listen", parsed.error().detail);
    }
  }
  read_tls_files(section, options.tls);
  section.integer("body_bytes_max", options.body_bytes_max, 1'024, std::int64_t{64} << 20);
  section.integer("receipts_per_call_max", options.receipts_per_call_max, 1, 100'000);
  section.integer("requests_per_second_max", options.requests_per_second_max, 1, 100'000);
  read_server_limits(section, "", options.server);
  section.integer("calls_remembered_max", options.calls_remembered_max, 1, 10'000'000);
  section.duration_ms("ack_wait_ms", options.ack_wait, 10, 60'000);
}

}  // namespace nightpost::app
