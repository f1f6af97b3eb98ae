// A client session and a server whose words the input picks (support/h2_story.h).
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include "support/h2_story.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::size_t at = 0;
  const std::string broken = nightpost::support::tell_h2_story(
      [&]() -> std::optional<std::uint8_t> { return at < size ? std::optional(data[at++]) : std::nullopt; });
  if (broken.empty()) return 0;
  std::fprintf(stderr, "%s\n", broken.c_str());
  std::abort();
}
