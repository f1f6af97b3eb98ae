#include "net/happy_eyeballs.h"

#include <algorithm>
#include <utility>

namespace nightpost::net {
namespace {
constexpr std::size_t kDescribedMax = 8;
}

std::vector<Endpoint> interleave_families(const std::vector<Endpoint>& endpoints, bool six_first) {
  std::vector<Endpoint> first, second, mixed;
  for (const Endpoint& e : endpoints) (e.address().is_v6() == six_first ? first : second).push_back(e);
  for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
    if (i < first.size()) mixed.push_back(first[i]);
    if (i < second.size()) mixed.push_back(second[i]);
  }
  return mixed;
}

HappyEyeballs::HappyEyeballs(std::vector<Endpoint> endpoints, const Options& options) : options_(options) {
  for (Endpoint& e : endpoints) attempts_.push_back({std::move(e)});
}

std::optional<std::size_t> HappyEyeballs::start_due(MonoTime now) {
  if (begun_ == attempts_.size() || running_ >= options_.attempts_max || now < next_start_) return std::nullopt;
  Attempt& attempt = attempts_[begun_];
  attempt.state = State::Running;
  attempt.give_up_at = now + options_.attempt_timeout;
  ++running_;
  next_start_ = now + options_.attempt_delay;
  return begun_++;
}

std::optional<std::size_t> HappyEyeballs::cancel_due(MonoTime now) {
  for (std::size_t i = 0; i < begun_; ++i) {
    if (attempts_[i].state != State::Running || now < attempts_[i].give_up_at) continue;
    failed(i, "no answer within " + std::to_string(options_.attempt_timeout.count()) + " ms");
    return i;
  }
  return std::nullopt;
}

void HappyEyeballs::failed(std::size_t index, std::string why) {
  Attempt& attempt = attempts_[index];
  if (attempt.state != State::Running) return;
  attempt.state = State::Failed;
  attempt.why = std::move(why);
  --running_;
  next_start_ = {};  // whoever refuses is not waited for
}

MonoTime HappyEyeballs::next_due() const {
  MonoTime due = MonoTime::max();
  if (begun_ < attempts_.size() && running_ < options_.attempts_max) due = next_start_;
  for (const Attempt& attempt : attempts_)
    if (attempt.state == State::Running) due = std::min(due, attempt.give_up_at);
  return due;
}

std::string HappyEyeballs::describe() const {
  std::string text;
  for (std::size_t i = 0; i < std::min(attempts_.size(), kDescribedMax); ++i) {
    const Attempt& attempt = attempts_[i];
    if (i > 0) text += ", ";
    text += attempt.endpoint.address().to_string() + ": ";
    if (attempt.state == State::Failed)
      text += attempt.why;
    else
      text += attempt.state == State::Running ? "no answer yet" : "not tried";
  }
  if (attempts_.size() > kDescribedMax) text += " and " + std::to_string(attempts_.size() - kDescribedMax) + " more";
  return text;
}

}  // namespace nightpost::net
