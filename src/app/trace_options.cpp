#include "app/trace_options.h"

#include <filesystem>

#include "app/otlp_exporter.h"

namespace nightpost::app {

void read_trace(JsonSection section, TraceOptions& options) {
  section.flag("enabled", options.enabled);
  section.text("path", options.path, true);
  section.real("sample", options.sample, 0.0, 1.0);
  section.duration_ms("keep_ms", options.keep, 60'000, std::int64_t{365} * 86'400'000);
  section.integer("rows_max", options.rows_max, 1'000, 1'000'000'000);
  section.integer("rows_per_second_max", options.rows_per_second_max, 1, 100'000);
  section.integer("rows_per_event_max", options.rows_per_event_max, 10, 100'000);
  section.integer("queue_rows_max", options.queue_rows_max, 100, 1'000'000);
  section.text("otlp_url", options.otlp_url, true);
  if (!options.otlp_url.empty())
    if (const auto checked = check_otlp_url(options.otlp_url); !checked)
      section.mistake("otlp_url", checked.error().detail);
  section.integer("otlp_spans_max", options.otlp_spans_max, 512, 1'000'000);
}

std::string trace_path(const TraceOptions& options, const store::StoreUrl& store) {
  if (!options.path.empty()) return options.path;
  if (store.kind == store::StoreUrl::Kind::Postgres) return "var/nightpost-trace.db";
  const std::filesystem::path file(store.place);
  return (file.parent_path() / (file.stem().string() + "-trace" + file.extension().string())).string();
}

}  // namespace nightpost::app
