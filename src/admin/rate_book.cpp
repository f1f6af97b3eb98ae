#include "admin/rate_book.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "core/verdict.h"

namespace nightpost::admin {
namespace {

/// What a vendor's answer says went wrong on our side or theirs, not of one token.
constexpr std::array kErrorVerdicts = {Verdict::Throttled,     Verdict::AuthStale, Verdict::CredentialBad,
                                       Verdict::Misconfigured, Verdict::Transient, Verdict::Rejected};

struct MetricLine {
  std::string_view name, labels;
  double value = 0;
};

/// nullopt: a remark, blank, or nothing that can be read.
std::optional<MetricLine> metric_line(std::string_view line) {
  if (line.empty() || line.front() == '#') return std::nullopt;
  const std::size_t name_end = line.find_first_of("{ ");
  if (name_end == line.npos) return std::nullopt;
  MetricLine out{.name = line.substr(0, name_end)};
  line.remove_prefix(name_end);
  if (line.front() == '{') {
    const std::size_t end = line.rfind('}');  // values of ours hold none
    if (end == line.npos) return std::nullopt;
    out.labels = line.substr(1, end - 1);
    line.remove_prefix(end + 1);
  }
  while (line.starts_with(' ')) line.remove_prefix(1);
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), out.value);
  if (error != std::errc{} || !std::isfinite(out.value) || out.value < 0) return std::nullopt;
  return out;
}

/// The value of `name="…"`; empty: none.
std::string_view label_in(std::string_view labels, std::string_view name) {
  for (std::size_t at = labels.find(name); at != labels.npos; at = labels.find(name, at + 1)) {
    if (at > 0 && labels[at - 1] != ',' && labels[at - 1] != ' ') continue;
    const std::string_view rest = labels.substr(at + name.size());
    if (!rest.starts_with("=\"")) continue;
    const std::size_t end = rest.find('"', 2);
    return end == rest.npos ? std::string_view() : rest.substr(2, end - 2);
  }
  return {};
}

bool is_error_verdict(std::string_view name) {
  return std::ranges::any_of(kErrorVerdicts, [&](Verdict verdict) { return name_of(verdict) == name; });
}

std::optional<std::size_t> outcome_index(std::string_view name) {
  for (std::size_t i = 0; i < std::size_t(OutcomeKind::Count); ++i)
    if (name_of(static_cast<OutcomeKind>(i)) == name) return i;
  return std::nullopt;
}

template <std::size_t N>
void add_rates(std::array<double, N>& to, const std::array<double, N>& now, const std::array<double, N>& before,
               double elapsed_s) {
  for (std::size_t i = 0; i < N; ++i) to[i] += (now[i] < before[i] ? now[i] : now[i] - before[i]) / elapsed_s;
}

}  // namespace

Result<WorkerCounts> read_worker_counts(std::string_view page) {
  WorkerCounts out;
  bool counts_outcomes = false;
  while (!page.empty()) {
    const std::size_t end = std::min(page.find('\n'), page.size());
    const auto line = metric_line(page.substr(0, end));
    page.remove_prefix(std::min(end + 1, page.size()));
    if (!line) continue;
    if (line->name == "nightpost_outcomes_total") {
      counts_outcomes = true;
      if (const auto kind = outcome_index(label_in(line->labels, "outcome"))) out.outcomes[*kind] += line->value;
    } else if (line->name == "nightpost_attempts_total") {
      const auto vendor = vendor_from(label_in(line->labels, "vendor"));
      if (vendor && is_error_verdict(label_in(line->labels, "verdict")))
        out.errors[static_cast<std::size_t>(*vendor)] += line->value;
    } else if (line->name == "nightpost_kafka_lag") {
      out.lag += line->value;
    }
  }
  if (!counts_outcomes) return fail(Errc::Malformed, "no metrics of a worker");
  return out;
}

void RateBook::watch(const std::vector<std::string>& names) {
  const std::scoped_lock lock(mutex_);
  for (const std::string& name : names) sources_.push_back({name, "not looked at yet"});
  before_.resize(sources_.size());
}

void RateBook::add(WallTime at, std::vector<Look> looks) {
  const std::scoped_lock lock(mutex_);
  RatePoint point{.at = at};
  for (std::size_t i = 0; i < std::min(looks.size(), sources_.size()); ++i) {
    const Look& look = looks[i];
    const std::optional<Before> before = std::exchange(before_[i], std::nullopt);
    sources_[i].trouble = look.counts ? "" : look.counts.error().detail;
    if (!look.counts) continue;
    before_[i] = {look.at, *look.counts};
    ++point.lagging;
    point.rates.lag += look.counts->lag;
    const double elapsed_s = before ? std::chrono::duration<double>(look.at - before->at).count() : 0;
    if (elapsed_s <= 0) continue;
    ++point.workers;
    add_rates(point.rates.outcomes, look.counts->outcomes, before->counts.outcomes, elapsed_s);
    add_rates(point.rates.errors, look.counts->errors, before->counts.errors, elapsed_s);
  }
  points_.push_back(point);
  if (points_.size() > kRatePointsMax) points_.pop_front();
}

std::vector<RateBook::Source> RateBook::sources() const {
  const std::scoped_lock lock(mutex_);
  return sources_;
}

std::vector<RatePoint> RateBook::points() const {
  const std::scoped_lock lock(mutex_);
  return {points_.begin(), points_.end()};
}

}  // namespace nightpost::admin
