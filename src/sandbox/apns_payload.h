// Judges an APNs payload (Apple, "Generating a remote notification").
#pragma once

#include <simdjson.h>
#include <optional>
#include <string>
#include <string_view>

namespace nightpost::sandbox::apns {

/// The first fault, with its JSON path ("$.aps.badge: not an integer >= 0"); nullopt: a good payload. Sizes are not
/// judged here. `parser` is scratch memory.
std::optional<std::string> payload_fault(std::string_view body, std::string_view push_type,
                                         simdjson::dom::parser& parser);

}  // namespace nightpost::sandbox::apns
