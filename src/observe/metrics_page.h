// The /metrics page (Prometheus text exposition format 0.0.4). Rooms count in plain atomics and know nothing of it;
// src/app registers how each series is read, and every scrape reads them.
#pragma once

#include <prometheus/metric_family.h>

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace nightpost::observe {

using Labels = std::vector<std::pair<std::string, std::string>>;

/// One series of a family whose members come and go (a lane, a partition).
struct Sample {
  Labels labels;
  double value = 0;
};

/// A histogram of fixed buckets as rooms keep it: cells[i] counts what fell into bucket i alone, and the one cell more
/// than there are bounds counts what was above all of them.
struct Cells {
  std::vector<std::uint64_t> cells;
  double sum = 0;
};

/// Built by main() before the first scrape; render() afterwards may be called from any thread as long as what the
/// functions read may be read there. Names that share a metric name share its help and its type. Registering throws
/// std::invalid_argument, naming the metric, for what is a bug in the wiring: an invalid name or label, help of several
/// lines, a series that stands already, a name that stands with another type or help, histogram bounds that do not
/// rise.
class MetricsPage {
 public:
  using Read = std::function<double()>;
  using ReadMany = std::function<std::vector<Sample>()>;
  using ReadCells = std::function<Cells()>;

  void add_counter(const std::string& name, const std::string& help, Labels labels, Read read);
  void add_gauge(const std::string& name, const std::string& help, Labels labels, Read read);
  /// `bounds` are the upper bounds, inclusive and rising, without +Inf. A reading with any other number of cells than
  /// bounds + 1 is a bug and shows as a histogram of nothing.
  void add_histogram(const std::string& name, const std::string& help, Labels labels, std::vector<double> bounds,
                     ReadCells read);

  /// Series known only when they are read. Of samples with the same labels the first is shown, and one whose label
  /// names are invalid is not, so that no page ever breaks the format.
  void add_counters(const std::string& name, const std::string& help, ReadMany read);
  void add_gauges(const std::string& name, const std::string& help, ReadMany read);

  /// Families in the order of their registration.
  std::string render() const;
  /// What to answer with: "text/plain; version=0.0.4; charset=utf-8".
  static const char* content_type() noexcept;

 private:
  using Collect = std::function<void(std::vector<prometheus::ClientMetric>&)>;
  struct Family {
    prometheus::MetricFamily head;  // without metrics
    std::set<Labels> taken;         // registered one by one
    std::vector<Collect> collect;
  };
  Family& family(const std::string& name, const std::string& help, prometheus::MetricType type);
  void add_one(const std::string& name, const std::string& help, prometheus::MetricType type, Labels labels,
               std::function<void(prometheus::ClientMetric&)> fill);
  void add_many(const std::string& name, const std::string& help, prometheus::MetricType type, ReadMany read);

  std::vector<Family> families_;
};

}  // namespace nightpost::observe
