// Counters of one shard's pipeline: closed enums, so no series is forgotten and no token becomes a label. Written by
// the shard, read by the scrape (src/app sums the shards). Nothing decides by reading them.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "core/counter.h"
#include "core/outcome.h"
#include "core/vendor.h"
#include "core/verdict.h"
#include "dispatch/tier.h"

namespace nightpost::dispatch {

/// Cumulative histogram of milliseconds with fixed bounds; the last bucket is +Inf.
class LatencyHistogram {
 public:
  static constexpr std::array<std::int64_t, 16> kBoundsMs = {
      1, 2, 5, 10, 20, 50, 100, 200, 500, 1'000, 2'000, 5'000, 10'000, 60'000, 600'000, 3'600'000};
  void observe(std::int64_t ms) noexcept {
    std::size_t i = 0;
    while (i < kBoundsMs.size() && ms > kBoundsMs[i]) ++i;
    cells_[i].add();
    sum_ms_.add(ms > 0 ? static_cast<std::uint64_t>(ms) : 0);
  }
  std::uint64_t cell(std::size_t i) const noexcept { return cells_[i].read(); }
  std::uint64_t sum_ms() const noexcept { return sum_ms_.read(); }

 private:
  std::array<Counter, kBoundsMs.size() + 1> cells_;
  Counter sum_ms_;
};

/// Why devices are put off, in families of rules.
enum class PutOff : std::uint8_t { Failure, Throttle, Quota, Closed, Breaker, Grant, Store, Capacity, Count };
constexpr std::string_view name_of(PutOff why) noexcept {
  constexpr std::array<std::string_view, std::size_t(PutOff::Count)> kNames = {
      "failure", "throttle", "quota", "closed", "breaker", "grant", "store", "capacity"};
  return kNames[std::size_t(why)];
}

struct Metrics {
  std::array<std::array<Counter, std::size_t(Verdict::Count)>, std::size_t(Vendor::Count)> attempts;
  std::array<Counter, std::size_t(Vendor::Count)> requests;  // one may reach many devices
  std::array<Counter, std::size_t(OutcomeKind::Count)> outcomes;
  std::array<Counter, kTiers> deferrals;                    // remainders written, by delay topic
  std::array<Counter, std::size_t(PutOff::Count)> put_off;  // devices in them, or receivers whose devices are not known
  Counter remainders_taken;                                 // of the events taken: those that name who is left
  Counter events_taken, events_settled, events_malformed, dead_letters, retries, repeats_maybe_sent;
  Counter breakers_opened, removals_held;                        // removals_held: by the mass-invalidation guard
  std::array<Counter, std::size_t(Vendor::Count)> quotas_spent;  // pushes that found a quota used up, each time
  Counter classes_rested;                                        // times that a kind of message began to rest
  Counter recalled;                                              // pushes of messages that were taken back
  Counter signers_fell;                                          // times that a signer's vendor fell silent or failed
  Counter signer_probes;                                         // requests that tried one of those
  Counter pushes_full;                                           // put off because too many wait for their signer
  Counter internal_errors;                                // exceptions that ended pushes or events; each is a bug
  Counter events_open, pushes_in_flight, pushes_waiting;  // gauges
  Counter removals_waiting;                               // gauge: dead tokens that the directory is to remove
  Counter kept_bytes;                                     // gauge: memory that waits for the next events
  Counter events_open_bytes;                              // gauges
  Counter receivers_unplanned, bulk_receivers_unplanned;  // gauges
  std::array<LatencyHistogram, std::size_t(Vendor::Count)> vendor_latency;  // request handed over → answer
  LatencyHistogram settle_latency;                                          // event occurred → settled
};

}  // namespace nightpost::dispatch
