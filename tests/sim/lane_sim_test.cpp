// The real Lane against seeded peers, many times. SIM_SEED=n runs one, SIM_SEEDS=n that many from SIM_FIRST on.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <iostream>

#include "sim/lane_world.h"

using namespace nightpost;
using namespace nightpost::sim;

namespace {

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* const text = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): before any thread
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

}  // namespace

TEST_CASE("sim: a lane keeps its word, whatever its peers do", "[sim][lane]") {
  const std::uint64_t one = from_environment("SIM_SEED", 0);
  const std::uint64_t first = one != 0 ? one : from_environment("SIM_FIRST", 1);
  const std::uint64_t count = one != 0 ? 1 : from_environment("SIM_SEEDS", 10'000);
  LaneTally tally;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    try {
      tally.add(LaneWorld(seed).run());
    } catch (const Violation& violation) {
      FAIL("SIM_SEED=" << seed << ": " << violation.what());
    }
  }
  std::cout << "lane sim: " << count << " seeds, " << tally.requests << " requests, " << tally.answered << " answered, "
            << tally.unsent << " surely not sent, " << tally.unknown << " unknown, " << tally.replays << " replays, "
            << tally.connections << " connections\n";
  if (count < 1000) return;
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
