#include "app/trace_look.h"

#include <fmt/format.h>

#include <filesystem>
#include <utility>

#include "app/output.h"
#include "app/trace_options.h"
#include "dispatch/content.h"

namespace nightpost::app {
namespace {

constexpr std::size_t kHopsMax = 20'000;  // of one event that are read

}  // namespace

Result<std::unique_ptr<store::TraceStore>> open_trace_file(const Config& config) {
  const std::string path = trace_path(config.trace, config.store_url);
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored))
    return fail(Errc::NotFound,
                fmt::format("there is no trace file {}: no worker with this config has kept anything here{}", path,
                            config.trace.enabled ? "" : " (trace.enabled is false)"));
  return store::open_sqlite_trace(path, config.store);
}

Result<std::vector<store::TraceHop>> kept_hops(store::TraceStore& trace, const std::string& event,
                                               const std::string& user) {
  const auto only = user.empty() ? std::nullopt : std::optional<std::string_view>(user);
  auto hops = trace.of_event(event, only, kHopsMax);
  if (!hops || dispatch::is_receipt_tag(event)) return hops;
  auto receipts = trace.of_event(dispatch::receipt_tag_of(event), only, kHopsMax);
  if (!receipts) return receipts;
  for (store::TraceHop& receipt : *receipts) {
    receipt.event_id = event;
    hops->push_back(std::move(receipt));
  }
  return hops;
}

void keep_device(std::vector<store::TraceHop>& hops, const std::string& device) {
  if (device.empty()) return;
  std::erase_if(hops, [&](const store::TraceHop& hop) { return !hop.device_id.empty() && hop.device_id != device; });
}

std::vector<std::string> why_nothing_kept(const Config& config, std::optional<WallTime> oldest) {
  const std::string path = trace_path(config.trace, config.store_url);
  std::vector<std::string> why;
  if (!config.trace.enabled) why.emplace_back("trace.enabled is false in this config: workers keep nothing");
  if (config.trace.sample < 1)
    why.push_back(
        fmt::format("of events that went well, or were ruled out by the sender's or the user's wish, only {:g} % are "
                    "kept (trace.sample); all that failed are",
                    config.trace.sample * 100));
  why.push_back(oldest ? fmt::format("{} begins at {} UTC: what was before is deleted (trace.keep_ms, trace.rows_max)",
                                     path, shown_time(to_ms(*oldest)))
                       : fmt::format("{} is empty", path));
  why.emplace_back(
      "in a storm of failures what is over trace.rows_per_second_max is not kept (nightpost_trace_rows_dropped_total)");
  why.emplace_back(
      "it may not have been consumed yet: see nightpost_kafka_lag and nightpost_kafka_oldest_unsettled_seconds");
  why.emplace_back("a worker on another machine keeps its own file");
  return why;
}

}  // namespace nightpost::app
