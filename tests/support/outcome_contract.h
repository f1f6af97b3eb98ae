// Holds what is written to the results topic against config/schemas/outcome.schema.json.
#pragma once

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <string>

#include "support/json_schema.h"

#ifdef NIGHTPOST_SCHEMAS
#define NIGHTPOST_OUTCOME_SCHEMA NIGHTPOST_SCHEMAS "/outcome.schema.json"
#else
#define NIGHTPOST_OUTCOME_SCHEMA NIGHTPOST_SOURCE_DIR "/config/schemas/outcome.schema.json"
#endif

namespace nightpost::testing {

inline constexpr const char* kTraceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Fails the test that has such an outcome written. A member that the schema does not name is a mistake too: consumers
/// pass over those, but we describe all that we write.
inline void require_outcome(const nlohmann::json& outcome) {
  static const auto schema = [] {
    nlohmann::json described = nlohmann::json::parse(std::ifstream(NIGHTPOST_OUTCOME_SCHEMA));
    described["additionalProperties"] = false;
    return JsonSchema(std::move(described));
  }();
  std::string all;
  for (const std::string& mistake : schema.mistakes(outcome)) all += mistake + "\n";
  if (!all.empty()) FAIL("an outcome breaks its contract: " << all << outcome.dump());
}

}  // namespace nightpost::testing
