// What a live room may hear in a second, high priorities first. Pure.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "core/time.h"
#include "im/domain/message.h"

namespace nightpost::im {

/// A bucket of `per_second` that fills steadily. What finds it empty waits; where more than `waiting_max` wait, the
/// oldest of the lowest priority among them is dropped.
template <class T>
class LiveQueue {
 public:
  LiveQueue(std::size_t per_second, std::size_t waiting_max)
      : per_second_(std::max<std::size_t>(per_second, 1)), waiting_max_(waiting_max), left_(per_second_) {}

  /// From now on; what is in the bucket beyond it goes.
  void set_per_second(std::size_t per_second) {
    per_second_ = std::max<std::size_t>(per_second, 1);
    left_ = std::min(left_, per_second_);
  }
  void add(Priority priority, T item) {
    lines_[static_cast<std::size_t>(priority)].push_back(std::move(item));
    ++waiting_;
  }
  /// What goes out now, in its order. Ask after each add().
  std::vector<T> take(MonoTime now) {
    refill(now);
    std::vector<T> out;
    for (auto& line : lines_)
      for (; left_ > 0 && !line.empty(); --left_, --waiting_) {
        out.push_back(std::move(line.front()));
        line.pop_front();
      }
    for (auto line = lines_.rbegin(); line != lines_.rend(); ++line)
      for (; waiting_ > waiting_max_ && !line->empty(); --waiting_, ++dropped_) line->pop_front();
    return out;
  }
  /// One went out without having been added.
  void count_one(MonoTime now) {
    refill(now);
    if (left_ > 0) --left_;
  }
  /// All that waits, in its order, whatever the bucket has.
  std::vector<T> drain() {
    std::vector<T> out;
    for (auto& line : lines_) {
      for (T& item : line) out.push_back(std::move(item));
      line.clear();
    }
    waiting_ = 0;
    return out;
  }
  /// When to ask again; nothing: nothing waits.
  std::optional<MonoTime> next() const {
    if (waiting_ == 0) return std::nullopt;
    return filled_at_ + step();
  }
  std::size_t waiting() const noexcept { return waiting_; }
  std::uint64_t dropped() const noexcept { return dropped_; }

 private:
  MonoTime::duration step() const {
    return MonoTime::duration(std::chrono::seconds(1)) / static_cast<MonoTime::rep>(per_second_);
  }
  void refill(MonoTime now) {
    if (left_ == per_second_) filled_at_ = std::max(filled_at_, now);
    if (now <= filled_at_) return;
    const auto more = static_cast<std::size_t>((now - filled_at_) / step());
    const bool full = left_ + more >= per_second_;
    left_ = full ? per_second_ : left_ + more;
    filled_at_ = full ? now : filled_at_ + step() * static_cast<MonoTime::rep>(more);
  }

  std::size_t per_second_;
  const std::size_t waiting_max_;
  std::size_t left_;
  MonoTime filled_at_{};                // the bucket's last step
  std::array<std::deque<T>, 4> lines_;  // by Priority
  std::size_t waiting_ = 0;
  std::uint64_t dropped_ = 0;
};

}  // namespace nightpost::im
