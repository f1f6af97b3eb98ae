// Points in time as people write them on a command line. Pure.
#pragma once

#include <string_view>

#include "core/result.h"
#include "core/time.h"

namespace nightpost::app {

/// A duration back ("90s", "15m", "6h", "7d"), a UTC time ("2026-11-29", "2026-11-29T08:30", "2026-11-29 08:30:15",
/// "2026-11-29T08:30:15Z"), or milliseconds since the epoch (13 digits). Malformed: none of these.
Result<WallTime> parse_when(std::string_view text, WallTime now);

}  // namespace nightpost::app
