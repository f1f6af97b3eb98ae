// What each vendor's documents say of repeating a push that it failed itself, beyond what an answer says (Retry-After).
// A table here and not a part of Provider, for a provider is the wire protocol alone and knows nothing of repeats.
// Pure.
#pragma once

#include <chrono>
#include <limits>

#include "core/time.h"
#include "core/vendor.h"

namespace nightpost::dispatch {

struct RetryRules {
  int quick_max = std::numeric_limits<int>::max();  // repeats within seconds after an answer that is the vendor's fault
  milliseconds later_first{0};                      // the least before any other; it doubles up to later_max
  milliseconds later_max{0};
  milliseconds stop_after{0};  // since the vendor was first asked; 0: as long as the push is of use
};

constexpr RetryRules retry_rules_of(Vendor vendor) noexcept {
  using std::chrono::minutes;
  switch (vendor) {
    case Vendor::Apns:  // one bad host is got round at once; else "wait 15 minutes", and back off
      return {.quick_max = 1, .later_first = minutes(15), .later_max = minutes(60)};
    case Vendor::Fcm:  // its least waits come with each answer; after an hour a request should be given up
      return {.stop_after = minutes(60)};
    default:
      return {};
  }
}

}  // namespace nightpost::dispatch
