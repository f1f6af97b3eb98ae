// The real Lane against seeded peers, many times.
#include <catch2/catch.hpp>
#include <iostream>

#include "sim/lane_world.h"
#include "sim/seeds.h"

using namespace nightpost;
using namespace nightpost::sim;

TEST_CASE("sim: a lane keeps its word, whatever its peers do", "[sim][lane]") {
  const Seeds seeds = seeds_from_environment();
  LaneTally tally;
  for (std::uint64_t seed = seeds.first; seed < seeds.first + seeds.count; ++seed) {
    try {
      tally.add(LaneWorld(seed).run());
    } catch (const Violation& violation) {
      FAIL("SIM_SEED=" << seed << ": " << violation.what());
    }
  }
  std::cout << "lane sim: " << seeds.count << " seeds, " << tally.requests << " requests, " << tally.answered
            << " answered, " << tally.unsent << " surely not sent, " << tally.unknown << " unknown, " << tally.replays
            << " replays, " << tally.connections << " connections\n";
  if (seeds.count < 1000) return;
  // A fault that no seed met has not been simulated.
  CHECK(tally.replays > 0);
  for (const char* fault : {"a slow answer",
                            "silence",
                            "a refused stream",
                            "a stream reset after it was acted on",
                            "a GOAWAY",
                            "a GOAWAY that blames the credential",
                            "SETTINGS that take streams away",
                            "a response that breaks HTTP",
                            "a wire that broke",
                            "a frame of rubbish",
                            "an answer that is too large",
                            "an interim response first",
                            "a connection drained by who uses it",
                            "a connect refused",
                            "a full queue",
                            "closed: goaway",
                            "closed: ping",
                            "closed: age",
                            "closed: idle",
                            "closed: timeouts",
                            "closed: left",
                            "closed: credential",
                            "closed: error"}) {
    CAPTURE(fault);
    CHECK(tally.faults[fault] > 0);
  }
}
