// A frame of the server in a few words, for tests to compare.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace nightpost::im::fake {

inline std::string word_of(const nlohmann::json& frame) {
  const std::string type = frame["type"];
  if (type == "welcome" && frame["code"] != 0) return "welcome refused " + frame["code"].dump();
  if (type == "welcome") return "welcome " + frame["ver"].dump();
  if (type == "res") return "res " + frame["id"].dump() + " " + frame["code"].dump();
  if (type == "deliver") return "deliver " + frame["pos"].dump() + " " + frame.value("ver", nlohmann::json(0)).dump();
  if (type == "behind") return "behind " + frame["ver"].dump();
  if (type == "bye") return "bye " + frame["reason"].get<std::string>();
  return type;
}

}  // namespace nightpost::im::fake
