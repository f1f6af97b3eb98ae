#include "admin/rate_book.h"

#include <algorithm>
#include <utility>

namespace nightpost::admin {
namespace {

template <std::size_t N>
void add_rates(std::array<double, N>& to, const std::array<double, N>& now, const std::array<double, N>& before,
               double elapsed_s) {
  for (std::size_t i = 0; i < N; ++i) to[i] += (now[i] < before[i] ? now[i] : now[i] - before[i]) / elapsed_s;
}

void add_rates(WorkerCounts& to, const WorkerCounts& now, const WorkerCounts& before, double elapsed_s) {
  add_rates(to.outcomes, now.outcomes, before.outcomes, elapsed_s);
  add_rates(to.errors, now.errors, before.errors, elapsed_s);
  add_rates(to.requests, now.requests, before.requests, elapsed_s);
  add_rates(to.put_off, now.put_off, before.put_off, elapsed_s);
}

}  // namespace

void RateBook::watch(const std::vector<std::string>& names) {
  const std::scoped_lock lock(mutex_);
  for (const std::string& name : names) sources_.push_back({.name = name, .trouble = "not looked at yet"});
  before_.resize(sources_.size());
}

void RateBook::add(WallTime at, std::vector<Look> looks) {
  const std::scoped_lock lock(mutex_);
  RatePoint point{.at = at};
  for (std::size_t i = 0; i < std::min(looks.size(), sources_.size()); ++i) {
    Look& look = looks[i];
    Source& source = sources_[i];
    const std::optional<Before> before = std::exchange(before_[i], std::nullopt);
    source.looked_at = at;
    source.state.reset();
    source.rates.reset();
    source.trouble = look.seen ? "" : look.seen.error().detail;
    if (!look.seen) continue;
    const WorkerCounts counts = look.seen->counts;
    source.answered_at = at;
    source.state = *std::move(look.seen);
    before_[i] = {look.at, counts};
    ++point.lagging;
    point.rates.lag += counts.lag;
    const double elapsed_s = before ? std::chrono::duration<double>(look.at - before->at).count() : 0;
    if (elapsed_s <= 0) continue;
    ++point.workers;
    add_rates(point.rates, counts, before->counts, elapsed_s);
    add_rates(source.rates.emplace(), counts, before->counts, elapsed_s);
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
