// How fast a queue empties, so that a push can be told how long it would wait. Pure.
#pragma once

#include <cstddef>
#include <optional>

#include "core/time.h"

namespace nightpost::dispatch {

/// Measured only while something waits, for a queue that is empty tells nothing of what could leave it; over the last
/// one to two seconds. Times never go back.
class DrainRate {
 public:
  /// The queue was empty and is not any more.
  void begin(MonoTime now) noexcept;
  /// `count` have left it to be sent.
  void left(std::size_t count, MonoTime now) noexcept;
  /// How long the last of `waiting` waits at this rate; nullopt: not measured for long enough to say.
  std::optional<milliseconds> wait_of(std::size_t waiting, MonoTime now) noexcept;

  /// The answer where nothing has left.
  static constexpr milliseconds kNever{24 * 3'600'000};

 private:
  static constexpr milliseconds kSlice{1'000};
  static constexpr milliseconds kLeast{250};
  void roll(MonoTime now) noexcept;

  MonoTime began_{};  // the measuring, or the slice before the present one
  MonoTime slice_{};  // the present slice
  std::size_t before_ = 0;
  std::size_t count_ = 0;
};

}  // namespace nightpost::dispatch
