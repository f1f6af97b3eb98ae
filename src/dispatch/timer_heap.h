// When which event or push wants to be looked at again. Entries are never taken back: whoever is woken looks whether
// there still is something to do, and entries of things that are gone are swept out when they pile up.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/time.h"

namespace nightpost::dispatch {

struct Timer {
  enum class Of : std::uint8_t { Event, Push, Bin, Signer };
  MonoTime at{};
  std::uint64_t tag = 0;
  Of of = Of::Event;
  std::uint64_t order = 0;  // given by the heap: what is due at one moment comes in the order it was added
};

class TimerHeap {
 public:
  void add(Timer timer) {
    timer.order = ++added_;
    heap_.push_back(timer);
    std::ranges::push_heap(heap_, later);
  }
  /// The earliest that is due, taken out.
  std::optional<Timer> pop(MonoTime now) {
    if (heap_.empty() || heap_.front().at > now) return std::nullopt;
    std::ranges::pop_heap(heap_, later);
    const Timer timer = heap_.back();
    heap_.pop_back();
    return timer;
  }
  std::optional<MonoTime> next() const {
    return heap_.empty() ? std::nullopt : std::optional<MonoTime>(heap_.front().at);
  }
  /// Drops what is stale, if there may be more of that than of `alive` things. Amortized constant.
  template <class Stale>
  void sweep(std::size_t alive, Stale stale) {
    if (heap_.size() < 2 * swept_size_ + 8 * alive + 1024) return;
    std::erase_if(heap_, stale);
    std::ranges::make_heap(heap_, later);
    swept_size_ = heap_.size();
  }

 private:
  static bool later(const Timer& a, const Timer& b) noexcept { return a.at != b.at ? a.at > b.at : a.order > b.order; }
  std::vector<Timer> heap_;
  std::uint64_t added_ = 0;
  std::size_t swept_size_ = 0;
};

}  // namespace nightpost::dispatch
