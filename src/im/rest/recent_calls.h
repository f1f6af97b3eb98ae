// What an equal call of the last minutes was known by, so that a repeat gets the first one's result. Pure.
#pragma once

#include <cstddef>
#include <string>

#include "core/lru_cache.h"
#include "core/time.h"

namespace nightpost::im {

/// Remembers calls by their hash. After a start it knows none: then the time of day stands in, and a repeat across the
/// end of a five-minute span is taken for a new call.
class RecentCalls {
 public:
  static constexpr seconds kKept{300};
  explicit RecentCalls(std::size_t max = 50'000) : known_(max) {}
  /// A client id: the same for an equal key within kKept, else another.
  std::string id_of(const std::string& key, WallTime now) {
    if (const Known* const first = known_.find(key); first != nullptr && now - first->at <= kKept) return first->id;
    Known made{"rest-" + key + "-" + std::to_string(now.time_since_epoch() / kKept), now};
    known_.put(key, made);
    return made.id;
  }

 private:
  struct Known {
    std::string id;
    WallTime at;
  };
  LruCache<std::string, Known> known_;
};

}  // namespace nightpost::im
