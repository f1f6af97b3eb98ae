// When the tests of this room play.
#pragma once

#include "core/time.h"

namespace nightpost::dispatch {

inline const MonoTime kNow{std::chrono::hours(1)};
inline const WallTime kToday = wall_from_ms(1'795'225'887'405);

}  // namespace nightpost::dispatch
