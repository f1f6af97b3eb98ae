#include "admin/worker_page.h"

#include <algorithm>
#include <charconv>
#include <cmath>

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
std::optional<std::size_t> word_index(const std::array<std::string_view, N>& words, std::string_view word) {
  const auto found = std::ranges::find(words, word);
  return found == words.end() ? std::nullopt : std::optional(std::size_t(found - words.begin()));
}

void add_to(std::optional<double>& to, double value) { to = to.value_or(0) + value; }

void read_hold(VendorState& vendor, const MetricLine& line) {
  const std::string_view label = label_in(line.labels, "certificate");
  std::int64_t id = 0;
  const auto [end, error] = std::from_chars(label.data(), label.data() + label.size(), id);
  if (line.value == 0 || error != std::errc{} || end != label.data() + label.size() || id <= 0) return;
  ++vendor.holds;
  if (vendor.held.size() < kHeldNamedMax) vendor.held.push_back(id);
}

/// What is said of one vendor.
void read_vendor(WorkerState& out, const MetricLine& line) {
  const auto vendor = vendor_from(label_in(line.labels, "vendor"));
  if (!vendor) return;
  const auto at = static_cast<std::size_t>(*vendor);
  VendorState& state = out.vendors[at];
  if (line.name == "nightpost_attempts_total") {
    if (is_error_verdict(label_in(line.labels, "verdict"))) out.counts.errors[at] += line.value;
  } else if (line.name == "nightpost_vendor_requests_total") {
    out.counts.requests[at] += line.value;
  } else if (line.name == "nightpost_signers") {
    if (const auto i = word_index(kSignerStates, label_in(line.labels, "state"))) add_to(state.signers[*i], line.value);
  } else if (line.name == "nightpost_removal_holds") {
    read_hold(state, line);
  } else if (const auto per = word_index(kQuotaPeriods, label_in(line.labels, "per"))) {
    if (line.name == "nightpost_quota_used") state.quotas[*per].used = line.value;
    if (line.name == "nightpost_quota_left") state.quotas[*per].left = line.value;
  }
}

void read_number(WorkerState& out, const MetricLine& line) {
  for (std::size_t i = 0; i < kWorkerNumbers.size(); ++i) {
    const WorkerNumber& number = kWorkerNumbers[i];
    if (number.series != line.name) continue;
    if (number.use.empty() || number.use == label_in(line.labels, "for")) add_to(out.numbers[i], line.value);
    return;
  }
}

}  // namespace

Result<WorkerState> read_worker_page(std::string_view page) {
  WorkerState out;
  bool counts_outcomes = false;
  while (!page.empty()) {
    const std::size_t end = std::min(page.find('\n'), page.size());
    const auto line = metric_line(page.substr(0, end));
    page.remove_prefix(std::min(end + 1, page.size()));
    if (!line) continue;
    if (line->name == "nightpost_outcomes_total") {
      counts_outcomes = true;
      if (const auto kind = outcome_index(label_in(line->labels, "outcome"))) out.counts.outcomes[*kind] += line->value;
      continue;
    }
    if (line->name == "nightpost_put_off_total")
      if (const auto i = word_index(kPutOffReasons, label_in(line->labels, "reason")))
        out.counts.put_off[*i] += line->value;
    if (line->name == "nightpost_kafka_lag") out.counts.lag += line->value;
    read_vendor(out, *line);
    read_number(out, *line);
  }
  if (!counts_outcomes) return fail(Errc::Malformed, "no metrics of a worker");
  return out;
}

}  // namespace nightpost::admin
