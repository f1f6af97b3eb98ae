// When memory that a peak made goes back: pure, on the times that its user hands in.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "core/time.h"

namespace nightpost::net {

/// Looks now and then how much was in use at once, and stops once a whole interval went by with nothing: then the last
/// look has said 0.
class PeakWatch {
 public:
  static constexpr milliseconds kInterval{10'000};
  explicit PeakWatch(milliseconds interval = kInterval) : interval_(interval) {}

  /// So many are in use now.
  void saw(std::size_t in_use) noexcept { peak_ = std::max(peak_, in_use); }
  /// The most since the look before, if it is time for one.
  std::optional<std::size_t> look(MonoTime now, std::size_t in_use) noexcept {
    if (due_ == MonoTime::max() && peak_ > 0) due_ = now + interval_;
    if (now < due_) return std::nullopt;
    const std::size_t peak = std::exchange(peak_, in_use);
    due_ = peak > 0 ? now + interval_ : MonoTime::max();
    return peak;
  }
  MonoTime due() const noexcept { return due_; }

 private:
  milliseconds interval_;
  std::size_t peak_ = 0;
  MonoTime due_ = MonoTime::max();
};

/// What is kept without asking for how long it was not needed.
inline constexpr std::size_t kEntriesKept = 64;
/// Whether room for `kept` is far more than the `peak` that was needed lately: less is kept, so that load that swings
/// does not allocate anew each time.
constexpr bool outgrew(std::size_t kept, std::size_t peak) noexcept { return kept > std::max(kEntriesKept, 4 * peak); }
/// Frees what `value` holds: to assign an empty one keeps a string's memory.
template <class T>
void release(T& value) {
  [[maybe_unused]] const T gone(std::move(value));
}
/// Gives the memory of an empty vector back if it outgrew `peak` entries.
template <class T>
void trim(std::vector<T>& entries, std::size_t peak) {
  if (entries.empty() && outgrew(entries.capacity(), peak)) release(entries);
}
template <class T>
std::size_t bytes_of(const std::vector<T>& entries) noexcept {
  return entries.capacity() * sizeof(T);
}

}  // namespace nightpost::net
