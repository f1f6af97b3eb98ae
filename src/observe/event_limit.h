// How often an event may be said: a fixed window, of a second unless told otherwise, per event name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/time.h"

namespace nightpost::observe {

/// Not thread-safe; the clock is handed in. Remembers at most kEventsMax names whose window is open or that have
/// something to tell; those beyond share one allowance, so a
/// caller that builds names from data cannot grow memory.
class EventLimit {
 public:
  static constexpr std::size_t kEventsMax = 512;

  explicit EventLimit(std::uint32_t per_window_max, milliseconds window = seconds(1))
      : per_window_max_(per_window_max), window_(window) {}

  struct Verdict {
    bool passes = true;
    std::uint64_t dropped = 0;  // kept back since the last one that passed; 0 when this one does not pass
  };
  Verdict admit(std::string_view event, MonoTime now);
  /// What was kept back and not yet told, by event; forgets it.
  std::vector<std::pair<std::string, std::uint64_t>> take_dropped();

 private:
  struct Window {
    MonoTime opened{};
    std::uint32_t passed = 0;
    std::uint64_t dropped = 0;
  };
  Window& window_of(std::string_view event, MonoTime now);

  std::uint32_t per_window_max_;
  milliseconds window_;
  std::map<std::string, Window, std::less<>> windows_;
};

}  // namespace nightpost::observe
