// Which seeds a property test runs: H2_SEED=N repeats one, H2_STORIES=N runs so many instead of CI's.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>

namespace nightpost::support {

struct StorySeeds {
  std::uint64_t first = 1, last = 0;
};

inline StorySeeds story_seeds(std::uint64_t count) {
  const auto number = [](const char* name) -> std::uint64_t {
    const char* text = std::getenv(name);  // NOLINT(concurrency-mt-unsafe)
    return text ? std::strtoull(text, nullptr, 10) : 0;
  };
  if (const std::uint64_t one = number("H2_SEED")) return {one, one};
  const std::uint64_t many = number("H2_STORIES");
  return {1, many ? many : count};
}

}  // namespace nightpost::support
