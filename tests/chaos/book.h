// The ledger and the counts of arrivals, shared by the threads that produce, read and watch.
#pragma once

#include <mutex>
#include <utility>

#include "chaos/arrivals.h"
#include "chaos/ledger.h"

namespace nightpost::chaos {

class Book {
 public:
  struct Pages {
    Ledger ledger;
    Arrivals offered;   // units, by when they are due
    Arrivals requests;  // at the vendors, whatever they answered
    Arrivals taken;     // units in requests that a vendor accepted
  };
  /// Runs `use(pages)` alone.
  template <class Use>
  decltype(auto) with(Use use) {
    const std::scoped_lock lock(mutex_);
    return std::move(use)(pages_);
  }

 private:
  std::mutex mutex_;
  Pages pages_;
};

}  // namespace nightpost::chaos
