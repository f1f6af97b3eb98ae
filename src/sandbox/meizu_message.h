// Judges a messageJson (Meizu, Flyme push server API).
#pragma once

#include <simdjson.h>

#include <optional>
#include <string>
#include <string_view>

namespace nightpost::sandbox::meizu {

/// What of it the rest of the simulator needs; views into the parser.
struct Message {
  std::string_view parameter;  // extra["callback.param"]
  bool reports_delivery = false;
  bool is_private = false;
};

/// The first fault, with its JSON path ("$.noticeBarInfo.title: blank"); nullopt: a good message.
std::optional<std::string> message_fault(std::string_view json, simdjson::dom::parser& parser, Message& message);

}  // namespace nightpost::sandbox::meizu
