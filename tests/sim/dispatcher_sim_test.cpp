// The real Dispatcher against a seeded world, many times. A change that is to change nothing leaves the trace as it
// was.
#include <catch2/catch.hpp>
#include <iostream>

#include "sim/seeds.h"
#include "sim/world.h"

using namespace nightpost;
using namespace nightpost::sim;

TEST_CASE("sim: what must always hold, holds", "[sim][dispatcher]") {
  const Seeds seeds = seeds_from_environment();
  Tally tally;
  for (std::uint64_t seed = seeds.first; seed < seeds.first + seeds.count; ++seed) {
    try {
      tally.add(World(seed).run());
    } catch (const Violation& violation) {
      FAIL("SIM_SEED=" << seed << ": " << violation.what());
    }
  }
  std::cout << "sim: " << seeds.count << " seeds, " << tally.events << " events, " << tally.sent << " sent, "
            << tally.repeats << " repeats, " << tally.refreshes << " refreshes, " << tally.handed_back
            << " handed back, " << tally.letters << " dead letters, " << tally.deferrals << " put off, trace "
            << std::hex << tally.trace << std::dec << "\n";
  if (seeds.count < 1000) return;
  // A fault that no seed met has not been simulated.
  for (const char* rule : {"accepted",
                           "push_disabled",
                           "custom_without_desc",
                           "expired",
                           "too_old",
                           "user_push_off",
                           "muted_all",
                           "no_device",
                           "foreground",
                           "certificate_missing",
                           "certificate_unusable",
                           "certificate_disabled",
                           "wrong_vendor",
                           "token_malformed",
                           "payload_unbuildable",
                           "token_gone",
                           "token_already_removed",
                           "token_doubted_twice",
                           "token_newer",
                           "removal_held",
                           "removal_failed",
                           "token_suspect",
                           "vendor_suppressed",
                           "vendor_rejected",
                           "vendor_misconfigured",
                           "vendor_throttled",
                           "vendor_closed",
                           "credential_bad",
                           "credential_breaker_open",
                           "retrying:signer_silent",
                           "retrying:signer_failing",
                           "retrying:signer_full",
                           "retries_exhausted",
                           "delivery_unknown",
                           "retrying:vendor_failing",
                           "retrying:unanswered",
                           "retrying:vendor_throttled",
                           "retrying:class_throttled",
                           "retrying:vendor_closed",
                           "retrying:credential_breaker_open",
                           "retrying:grant_unavailable",
                           "retrying:not_in_time",
                           "retrying:store_unavailable",
                           "store_unavailable",
                           "unknown_app",
                           "internal_error",
                           "letter:internal_error",
                           "letter:malformed",
                           "letter:event_too_big",
                           "letter:retries_exhausted"}) {
    CAPTURE(rule);
    CHECK(tally.rules[rule] > 0);
  }
  for (const char* fault : {"a request for many",
                            "a content in several requests",
                            "letters of unequal content in a request",
                            "content that is stored first",
                            "content that is stored again, its answer lost",
                            "content stored after the hand back",
                            "some accepted, some to be repeated",
                            "a repeat for many",
                            "a refusal of the whole",
                            "a lost answer for many",
                            "a lost answer to stored content",
                            "many throttled",
                            "a day's quota used up",
                            "a day's quota that began anew",
                            "closing hours that ended",
                            "a stale grant for many",
                            "a stale grant that is obtained anew",
                            "a grant that cannot be had",
                            "a grant that never comes",
                            "a room that throws in build",
                            "a room that throws in build_mixed",
                            "a room that throws in address",
                            "a room that throws in classify",
                            "several answers in a turn",
                            "a room that throws in closed_until",
                            "a vendor that calls every grant stale",
                            "a request withdrawn from its lane",
                            "a request that never left",
                            "a vendor that is silent",
                            "a vendor that fails everything",
                            "a request that tries a vendor",
                            "a vendor that is back",
                            "a repeat after a hop",
                            "a remainder that came too early",
                            "a wait of 10s",
                            "a wait of 1m",
                            "a wait of 10m",
                            "a wait of 1h",
                            "a probe that was refused"}) {
    CAPTURE(fault);
    CHECK(tally.faults[fault] > 0);
  }
  CHECK(tally.refreshes > 0);
  CHECK(tally.handed_back > 0);
  CHECK(tally.repeats > 0);
}

TEST_CASE("sim: a seed is one story", "[sim][dispatcher]") {
  const auto seed = GENERATE(range<std::uint64_t>(1, 21));
  CHECK(World(seed).run().trace == World(seed).run().trace);
}
