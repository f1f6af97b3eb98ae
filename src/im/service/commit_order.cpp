#include "im/service/commit_order.h"

#include <algorithm>
#include <utility>

namespace nightpost::im {
namespace {

constexpr std::size_t kHeldCommitsMax = 10'000;

}  // namespace

void CommitOrder::take_own(Done done, MonoTime now) {
  shown_ = std::max(shown_, done.told.number);
  take(std::move(done), now);
}

void CommitOrder::take(Done done, MonoTime now) {
  const std::int64_t number = done.told.number;
  if (number <= told_) {
    // One of this node's is late where the server forgot commits of others: its number is given out again.
    if (done.of_peer) done.told.deliveries.clear();
    late_.push_back(std::move(done));
    return;
  }
  // Those of others come from outside; what finds no room was not heard.
  if (done.of_peer && held_.size() >= kHeldCommitsMax && number != told_ + 1) return;
  if (!done.of_peer) {  // the store gave the number to this node: what else came under it is nobody's
    held_.insert_or_assign(number, std::move(done));
    arrivals_.push_back({now, number});
  } else if (held_.try_emplace(number, std::move(done)).second) {
    arrivals_.push_back({now, number});
  }
}

void CommitOrder::looked(std::int64_t last, MonoTime asked, MonoTime now) {
  wants_look_ = false;
  shown_ = std::max(shown_, last);
  const auto is_nobodys = [&](const Arrival& each) { return each.number > shown_ && each.at < asked; };
  for (const Arrival& each : arrivals_)
    if (is_nobodys(each)) held_.erase(each.number);
  std::erase_if(arrivals_, is_nobodys);
  if (last > told_) arrivals_.push_back({now, last});
}

std::optional<CommitOrder::Range> CommitOrder::wants_log() const {
  if (wants_log_to_ <= told_) return std::nullopt;
  return Range{told_ + 1, wants_log_to_};
}

void CommitOrder::log_read(std::int64_t last) {
  log_read_to_ = std::max(log_read_to_, last);
  wants_log_to_ = 0;
}

void CommitOrder::restart(std::int64_t next) {
  told_ = shown_ = next - 1;
  held_.clear();
  arrivals_.clear();
  wants_look_ = false;
  wants_log_to_ = log_read_to_ = 0;
}

std::vector<Done> CommitOrder::due(MonoTime now, bool hears, std::int64_t own) {
  std::vector<Done> out = std::exchange(late_, {});
  wants_log_to_ = 0;
  for (;;) {
    for (auto next = held_.begin(); next != held_.end() && next->first == told_ + 1; next = held_.begin()) {
      ++told_;
      out.push_back(std::move(next->second));
      held_.erase(next);
    }
    while (!arrivals_.empty() && arrivals_.front().number <= told_) arrivals_.pop_front();
    if (!out.empty() || arrivals_.empty() || told_ + 1 == own) return out;
    if (hears && now < arrivals_.front().at + wait_) return out;
    if (shown_ <= told_) {
      wants_look_ = true;
      return out;
    }
    std::int64_t to = std::min(shown_, held_.empty() ? shown_ : held_.begin()->first - 1);
    if (own > told_) to = std::min(to, own - 1);
    if (asks_log_) {
      if (log_read_to_ <= told_) {
        wants_log_to_ = to;
        return out;
      }
      to = std::min(to, log_read_to_);
    }
    missed_ranges_.push_back({told_ + 1, to});
    missed_ += static_cast<std::uint64_t>(to - told_);
    told_ = to;
  }
}

std::optional<MonoTime> CommitOrder::next() const {
  if (arrivals_.empty() || wants_look_ || wants_log()) return std::nullopt;
  return arrivals_.front().at + wait_;
}

}  // namespace nightpost::im
