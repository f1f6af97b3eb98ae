// What time it is inside a call into the dispatcher: the clocks are read once, when the call begins.
#pragma once

#include "core/time.h"

namespace nightpost::dispatch {

struct Now {
  MonoTime mono{};
  WallTime wall{};
};

}  // namespace nightpost::dispatch
