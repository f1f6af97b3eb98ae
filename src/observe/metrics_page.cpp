#include "observe/metrics_page.h"

#include <fmt/format.h>
#include <prometheus/check_names.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <sstream>
#include <stdexcept>

#include "core/text.h"

namespace nightpost::observe {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricType;

[[noreturn]] void refuse(const std::string& name, const char* why) {
  throw std::invalid_argument(fmt::format("metric \"{}\": {}", name, why));
}

Labels sorted(Labels labels) {
  std::ranges::sort(labels);
  return labels;
}

/// Also refuses "le", which histograms add themselves, and a name said twice.
bool well_formed(const Labels& labels) {
  for (const auto& [name, value] : labels)
    if (!prometheus::CheckLabelName(name) || name == "le" ||
        std::ranges::count(labels, name, &Labels::value_type::first) > 1)
      return false;
  return true;
}

ClientMetric metric_with(const Labels& labels) {
  ClientMetric metric;
  for (const auto& [name, value] : labels) metric.label.push_back({name, utf8_repaired(value)});
  return metric;
}

void set_value(ClientMetric& metric, MetricType type, double value) {
  (type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
}

void set_histogram(ClientMetric& metric, const std::vector<double>& bounds, const Cells& read) {
  const bool whole = read.cells.size() == bounds.size() + 1;
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    below += whole ? read.cells[i] : 0;
    metric.histogram.bucket.push_back({.cumulative_count = below, .upper_bound = bounds[i]});
  }
  metric.histogram.sample_count = below + (whole ? read.cells.back() : 0);
  metric.histogram.sample_sum = whole ? read.sum : 0;
}

}  // namespace

MetricsPage::Family& MetricsPage::family(const std::string& name, const std::string& help, MetricType type) {
  if (!prometheus::CheckMetricName(name)) refuse(name, "not a metric name");
  if (help.empty() || help.find_first_of("\n\\") != std::string::npos) refuse(name, "help must be one plain line");
  const auto known = std::ranges::find(families_, name, [](const Family& f) -> auto& { return f.head.name; });
  if (known == families_.end()) return families_.emplace_back(Family{.head = {name, help, type, {}}});
  if (known->head.type != type) refuse(name, "stands with another type");
  if (known->head.help != help) refuse(name, "stands with another help");
  return *known;
}

void MetricsPage::add_one(const std::string& name, const std::string& help, MetricType type, Labels labels,
                          std::function<void(ClientMetric&)> fill) {
  if (!well_formed(labels)) refuse(name, "not a set of labels");
  Family& to = family(name, help, type);
  if (!to.taken.insert(sorted(labels)).second) refuse(name, "the series stands already");
  to.collect.emplace_back([labels = std::move(labels), fill = std::move(fill)](std::vector<ClientMetric>& out) {
    fill(out.emplace_back(metric_with(labels)));
  });
}

void MetricsPage::add_many(const std::string& name, const std::string& help, MetricType type, ReadMany read) {
  family(name, help, type).collect.emplace_back([type, read = std::move(read)](std::vector<ClientMetric>& out) {
    for (const Sample& sample : read())
      if (well_formed(sample.labels)) set_value(out.emplace_back(metric_with(sample.labels)), type, sample.value);
  });
}

void MetricsPage::add_counter(const std::string& name, const std::string& help, Labels labels, Read read) {
  add_one(name, help, MetricType::Counter, std::move(labels),
          [read = std::move(read)](ClientMetric& metric) { set_value(metric, MetricType::Counter, read()); });
}

void MetricsPage::add_gauge(const std::string& name, const std::string& help, Labels labels, Read read) {
  add_one(name, help, MetricType::Gauge, std::move(labels),
          [read = std::move(read)](ClientMetric& metric) { set_value(metric, MetricType::Gauge, read()); });
}

void MetricsPage::add_histogram(const std::string& name, const std::string& help, Labels labels,
                                std::vector<double> bounds, ReadCells read) {
  const bool finite = std::ranges::all_of(bounds, [](double bound) { return std::isfinite(bound); });
  if (!finite || std::ranges::adjacent_find(bounds, std::ranges::greater_equal()) != bounds.end())
    refuse(name, "histogram bounds must be finite and rise");
  add_one(name, help, MetricType::Histogram, std::move(labels),
          [bounds = std::move(bounds), read = std::move(read)](ClientMetric& metric) {
            set_histogram(metric, bounds, read());
          });
}

void MetricsPage::add_counters(const std::string& name, const std::string& help, ReadMany read) {
  add_many(name, help, MetricType::Counter, std::move(read));
}

void MetricsPage::add_gauges(const std::string& name, const std::string& help, ReadMany read) {
  add_many(name, help, MetricType::Gauge, std::move(read));
}

std::string MetricsPage::render() const {
  std::vector<prometheus::MetricFamily> all;
  for (const Family& family : families_) {
    std::vector<ClientMetric> read;
    for (const Collect& collect : family.collect) collect(read);
    prometheus::MetricFamily& shown = all.emplace_back(family.head);
    std::set<std::vector<ClientMetric::Label>> seen;
    for (ClientMetric& metric : read) {
      auto labels = metric.label;
      std::ranges::sort(labels, std::less());
      if (seen.insert(std::move(labels)).second) shown.metric.push_back(std::move(metric));
    }
  }
  std::ostringstream page;
  prometheus::TextSerializer().Serialize(page, all);
  return std::move(page).str();
}

const char* MetricsPage::content_type() noexcept { return "text/plain; version=0.0.4; charset=utf-8"; }

}  // namespace nightpost::observe
