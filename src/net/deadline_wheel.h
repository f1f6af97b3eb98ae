// Thousands of deadlines with one timer: a hashed timing wheel (Varghese and Lauck, scheme 6). Linking, moving and
// unlinking cost O(1), so a request that is answered in time pays next to nothing for its deadline.
#pragma once

#include <algorithm>
#include <array>
#include <boost/intrusive/list.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/time.h"

namespace nightpost::net {

/// Base of what has a deadline here. Must be unlinked (or its wheel gone) before it dies.
struct OnWheel {
  boost::intrusive::list_member_hook<boost::intrusive::link_mode<boost::intrusive::safe_link>> wheel_hook;
  MonoTime due{};
};

/// Single-threaded; time is what the caller says it is and must not run backwards.
class DeadlineWheel {
 public:
  static constexpr milliseconds kSlot{4};  // how late expire() may find a deadline when called at next_due()
  static constexpr std::size_t kSlots = 2048;

  explicit DeadlineWheel(MonoTime start) : cursor_(tick_of(start)) {}
  ~DeadlineWheel() {
    for (Slot& slot : slots_) slot.clear();
  }
  DeadlineWheel(const DeadlineWheel&) = delete;
  DeadlineWheel& operator=(const DeadlineWheel&) = delete;

  /// Links or moves. A deadline already past falls due at the next expire().
  void set(OnWheel& entry, MonoTime due) {
    remove(entry);
    entry.due = due;
    const std::uint64_t tick = std::max(tick_of(due), cursor_);
    slots_[tick % kSlots].push_back(entry);
    occupied_[tick % kSlots / 64] |= std::uint64_t{1} << (tick % 64);
  }
  void remove(OnWheel& entry) {
    if (!entry.wheel_hook.is_linked()) return;
    // The list is found by the node alone; an emptied slot keeps its mark until expire() or next_due() looks there.
    Slot::node_algorithms::unlink(Slot::value_traits::to_node_ptr(entry));
    Slot::node_algorithms::init(Slot::value_traits::to_node_ptr(entry));
  }

  /// Calls `late(entry)` for every entry due by `now`, unlinked first. `late` may set and remove any entry.
  template <class Late>
  void expire(MonoTime now, Late&& late) {
    const std::uint64_t last = std::max(tick_of(now), cursor_);
    const std::uint64_t first = last - std::min<std::uint64_t>(last - cursor_, kSlots - 1);
    cursor_ = last;
    Slot due;  // gathered first: `late` may link into the slot being read
    for (std::uint64_t tick = first; tick <= last; ++tick) {
      Slot& slot = slots_[tick % kSlots];
      for (auto it = slot.begin(); it != slot.end();) {
        OnWheel& entry = *it;
        it = slot.erase(it);
        (entry.due <= now ? due : kept_).push_back(entry);
      }
      slot.splice(slot.end(), kept_);
      if (slot.empty()) occupied_[tick % kSlots / 64] &= ~(std::uint64_t{1} << (tick % 64));
    }
    while (!due.empty()) {
      OnWheel& entry = due.front();
      due.pop_front();
      late(entry);
    }
  }

  /// When expire() should be called next; nullopt: nothing is linked. Early for deadlines more than a turn away.
  std::optional<MonoTime> next_due() {
    for (std::uint64_t tick = cursor_; tick < cursor_ + kSlots;) {
      std::uint64_t& word = occupied_[tick % kSlots / 64];
      const std::uint64_t rest = word >> (tick % 64);
      if (rest == 0) {
        tick += 64 - tick % 64;
        continue;
      }
      tick += static_cast<std::uint64_t>(__builtin_ctzll(rest));
      if (!slots_[tick % kSlots].empty()) return MonoTime(kSlot * (tick + 1));
      word &= ~(std::uint64_t{1} << (tick % 64));
    }
    return std::nullopt;
  }

 private:
  using Slot = boost::intrusive::list<
      OnWheel,
      boost::intrusive::member_hook<
          OnWheel, boost::intrusive::list_member_hook<boost::intrusive::link_mode<boost::intrusive::safe_link>>,
          &OnWheel::wheel_hook>,
      boost::intrusive::constant_time_size<false>>;

  static std::uint64_t tick_of(MonoTime t) {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(0, t.time_since_epoch() / kSlot));
  }

  std::array<Slot, kSlots> slots_;
  std::array<std::uint64_t, kSlots / 64> occupied_{};
  Slot kept_;
  std::uint64_t cursor_;  // the tick of the last expire(): its slot may still hold later entries
};

}  // namespace nightpost::net
