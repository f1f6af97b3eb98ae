// Objects that are used again, addressed by tags that never name the wrong one: index and generation.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

namespace nightpost {

/// References stay valid while an object is in use. T is default-constructed once and keeps its state between uses:
/// whoever puts it back has reset it.
template <class T>
class Slab {
 public:
  /// Once nothing is in use any more, at most `spare_max` objects are kept: those of a peak are not kept for ever.
  explicit Slab(std::size_t spare_max = (std::size_t{4} << 20) / sizeof(T)) : spare_max_(spare_max) {}

  /// A free object and its tag; never 0, and its highest bit is free for the caller's use.
  std::pair<std::uint64_t, T*> acquire() {
    if (free_.empty()) {
      free_.push_back(static_cast<std::uint32_t>(slots_.size()));
      slots_.emplace_back().generation = first_generation_;
    }
    const std::uint32_t index = free_.back();
    free_.pop_back();
    Slot& slot = slots_[index];
    slot.in_use = true;
    ++used_;
    return {std::uint64_t(slot.generation) << 32 | index, &slot.value};
  }
  /// nullptr: put back since, or never taken.
  T* find(std::uint64_t tag) noexcept {
    const auto index = static_cast<std::uint32_t>(tag);
    if (index >= slots_.size()) return nullptr;
    Slot& slot = slots_[index];
    return slot.in_use && slot.generation == tag >> 32 ? &slot.value : nullptr;
  }
  /// REQUIRED: the tag of an object in use. Its reference is not valid any longer.
  void put_back(std::uint64_t tag) {
    const auto index = static_cast<std::uint32_t>(tag);
    Slot& slot = slots_[index];
    slot.in_use = false;
    if (++slot.generation > kGenerationMax) slot.generation = 1;
    --used_;
    free_.push_back(index);
    if (used_ == 0 && slots_.size() > spare_max_) drop_all();
  }
  std::size_t used() const noexcept { return used_; }
  std::size_t spare() const noexcept { return slots_.size() - used_; }
  /// Gives the objects back if none is in use.
  void drop_spare() {
    if (used_ == 0) drop_all();
  }
  /// Memory of the objects not in use, without what they hold.
  std::size_t spare_bytes() const noexcept { return spare() * sizeof(Slot); }
  /// Calls visit(tag, object) for all in use. `visit` may put back the one it is given, nothing else.
  template <class Visit>
  void for_each(Visit visit) {
    for (std::uint32_t i = 0; i < slots_.size(); ++i)
      if (slots_[i].in_use) visit(std::uint64_t(slots_[i].generation) << 32 | i, slots_[i].value);
  }

 private:
  static constexpr std::uint32_t kGenerationMax = 0x7fff'ffff;
  struct Slot {
    T value{};
    std::uint32_t generation = 1;
    bool in_use = false;
  };
  void drop_all() {
    std::uint32_t next = first_generation_;
    for (const Slot& slot : slots_) next = std::max(next, slot.generation);
    if (next > kGenerationMax / 2) return;  // a tag would come again too soon
    first_generation_ = next;
    std::deque<Slot>().swap(slots_);
    std::vector<std::uint32_t>().swap(free_);
  }

  std::size_t spare_max_;
  std::uint32_t first_generation_ = 1;  // above all that dropped objects had
  std::deque<Slot> slots_;
  std::vector<std::uint32_t> free_;
  std::size_t used_ = 0;
};

}  // namespace nightpost
