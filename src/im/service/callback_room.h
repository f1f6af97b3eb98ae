// How many callbacks may still be written: a bound on rows without counting them at each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>

#include "core/ids.h"
#include "core/time.h"
#include "im/store/tables.h"

namespace nightpost::im {

/// The writer's. Rows are counted when an app has used up what the last count left it, at most once a second; so it may
/// say no where rows went since, and never lets more than `most` be.
class CallbackRoom {
 public:
  /// Room for one more of this app's. False: none, which is counted.
  bool take(Tables& tables, AppId app, std::size_t most, WallTime now);
  std::uint64_t taken() const noexcept { return taken_; }
  std::uint64_t dropped() const noexcept { return dropped_; }

 private:
  struct App {
    std::size_t left = 0;
    WallTime counted_at{};
  };
  std::unordered_map<AppId, App> apps_;
  std::uint64_t taken_ = 0, dropped_ = 0;
};

}  // namespace nightpost::im
