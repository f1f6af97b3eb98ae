// Judges the body of Honor's sendMessage (Honor, Push Kit REST API).
#pragma once

#include <simdjson.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nightpost::sandbox::honor {

struct Refusal {
  std::string_view code;
  std::string detail;
};

/// The views point into the parser until it is used again.
struct Message {
  std::vector<std::string_view> tokens;
  std::string_view bi_tag;
  std::optional<Refusal> refusal;
};

/// `parser` is scratch memory.
Message read_message(std::string_view body, simdjson::dom::parser& parser);

}  // namespace nightpost::sandbox::honor
