// What a resolver counts. Written by its shard, read by the scrape; nothing decides by reading it.
#pragma once

#include "core/counter.h"

namespace nightpost::resolve {

struct ResolverMetrics {
  Counter receiver_hits, receiver_misses;  // look-ups answered by the cache, by the store
  Counter receiver_evictions;              // least recently used ones that made room
  Counter changes;                         // of receivers, apps and certificates, that the store has named
  Counter invalidations;                   // times the whole cache was dropped: more had changed than was named
  Counter store_errors;
  Counter routes_made;       // certificates made ready
  Counter routes_refused;    // certificates that could not be
  Counter internal_errors;   // exceptions of a vendor's room at a certificate; each is a bug
  Counter receivers_cached;  // gauge
};

}  // namespace nightpost::resolve
