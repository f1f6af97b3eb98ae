// Waiting for another thread's work.
#pragma once

#include <chrono>
#include <thread>

#include "core/time.h"

namespace nightpost::app {

/// In small steps, from a thread that has nothing else to do; true if it came to be in time.
template <class Condition>
bool wait_until(MonoTime end, Condition condition) {
  constexpr milliseconds kStep{5};
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(kStep);
  }
  return true;
}

}  // namespace nightpost::app
