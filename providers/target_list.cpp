#include "providers/target_list.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

namespace nightpost {

std::vector<std::string> target_list(const nlohmann::json* json) {
  std::vector<std::string> list;
  if (json == nullptr) return list;
  if (json->is_array()) {
    for (const nlohmann::json& each : *json) {
      if (each.is_string() && !each.get_ref<const std::string&>().empty()) list.push_back(each.get<std::string>());
      if (each.is_number_integer()) list.push_back(each.dump());
    }
  } else if (json->is_string()) {
    std::string_view rest = json->get_ref<const std::string&>();
    while (!rest.empty()) {
      const std::string_view entry = rest.substr(0, rest.find(','));
      if (!entry.empty()) list.emplace_back(entry);
      rest.remove_prefix(std::min(entry.size() + 1, rest.size()));
    }
  }
  return list;
}

}  // namespace nightpost
