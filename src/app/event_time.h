// Events from a file, published as if they occurred now.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "core/time.h"

namespace nightpost::app {

/// The event with `occurred_at` set, its other members as they were and in their order. What is no JSON object stays.
inline std::string occurred_now(std::string event, WallTime now) {
  auto parsed = nlohmann::ordered_json::parse(event, nullptr, false);
  if (!parsed.is_object()) return event;
  parsed["occurred_at"] = to_ms(now);
  return parsed.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace nightpost::app
