// The real worker, but for threads, librdkafka and sockets, in a seeded fleet.
#include <catch2/catch.hpp>
#include <iostream>

#include "sim/fleet_world.h"
#include "sim/judge.h"
#include "sim/seeds.h"

using namespace nightpost::sim;

TEST_CASE("sim: a fleet loses nothing and repeats nothing that is committed", "[sim][fleet]") {
  const Seeds seeds = seeds_from_environment();
  FleetTally tally;
  for (std::uint64_t seed = seeds.first; seed < seeds.first + seeds.count; ++seed) {
    try {
      tally.add(FleetWorld(seed).run());
    } catch (const Violation& violation) {
      FAIL("SIM_SEED=" << seed << ": " << violation.what());
    }
  }
  std::cout << "fleet sim: " << seeds.count << " seeds, " << tally.events << " events, " << tally.pushes << " pushes, "
            << tally.acts << " requests acted on, " << tally.repeats << " accepted again, " << tally.members
            << " workers\n";
  if (seeds.count < 1000) return;
  // A fault that no seed met has not been simulated.
  for (const char* fault : {"a worker that was killed",
                            "a worker that was drained",
                            "a worker that its group shut out",
                            "a partition that moved",
                            "a partition that left with records in flight",
                            "a drain that handed back",
                            "a record that the commit's metadata knew",
                            "a commit whose answer was lost",
                            "a full consumer",
                            "planning waited for room with the producer",
                            "a topic that was missing",
                            "a dead letter that was too large",
                            "a dead letter that was shortened",
                            "a record that waited",
                            "a partition that left while a record waited",
                            "an absurd due_at",
                            "a device that was put off",
                            "a GOAWAY",
                            "a GOAWAY that blames the credential",
                            "a response that breaks HTTP",
                            "a wire that broke",
                            "silence"}) {
    CAPTURE(fault);
    CHECK(tally.faults[fault] > 0);
  }
}
