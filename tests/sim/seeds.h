// Which seeds a simulation runs: SIM_SEED=n one, SIM_SEEDS=n that many from SIM_FIRST on.
#pragma once

#include <cstdint>
#include <cstdlib>

namespace nightpost::sim {

struct Seeds {
  std::uint64_t first = 1, count = 10'000;
};

inline Seeds seeds_from_environment() {
  const auto number = [](const char* name, std::uint64_t otherwise) {
    const char* const text = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): before any thread
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
  };
  if (const std::uint64_t one = number("SIM_SEED", 0); one != 0) return {one, 1};
  return {number("SIM_FIRST", 1), number("SIM_SEEDS", 10'000)};
}

}  // namespace nightpost::sim
