// What the process costs, under the names every Prometheus client library uses. Linux: read from /proc at each scrape.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "observe/metrics_page.h"

namespace nightpost::observe {

/// process_resident_memory_bytes, process_cpu_seconds_total, process_open_fds, process_max_fds,
/// process_start_time_seconds. What cannot be read is NaN.
void add_process_metrics(MetricsPage& page);

/// Field 2 of /proc/PID/statm: pages of memory the process holds (proc(5)).
std::optional<std::uint64_t> resident_pages(std::string_view statm);
/// Field 22 of /proc/PID/stat: clock ticks from boot to the start of the process. The name in field 2 may hold spaces
/// and parentheses.
std::optional<std::uint64_t> start_ticks(std::string_view stat);
/// "btime" of /proc/stat: seconds from the epoch to boot.
std::optional<std::uint64_t> boot_time(std::string_view stat);

}  // namespace nightpost::observe
