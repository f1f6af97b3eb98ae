// Where a partition begins of which the group has committed nothing. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"
#include "core/time.h"

namespace nightpost::kafka {

/// Offsets [low, high) of one partition; nothing known: empty.
struct LogRange {
  std::int64_t low = 0;
  std::int64_t high = 0;
};

struct StartAt {
  enum class From : std::uint8_t {
    Earliest,  // the oldest record that is there
    Latest,    // what comes from now on
    Back,      // the first record written within the last `back`
  };
  From from = From::Earliest;
  milliseconds back{0};
  friend bool operator==(const StartAt&, const StartAt&) = default;
};

/// "earliest", "latest", or a duration back of at most a year: "500ms", "90s", "15m", "6h", "7d". Malformed: none of
/// these.
Result<StartAt> parse_start_at(std::string_view text);

/// As parse_start_at() takes it.
std::string text_of(const StartAt& start);

/// The offset in `log` to begin with. `since`: the first record that is young enough, as the broker says; nullopt:
/// there is none. Only of interest to Back.
std::int64_t start_offset(const StartAt& start, LogRange log, std::optional<std::int64_t> since) noexcept;

}  // namespace nightpost::kafka
