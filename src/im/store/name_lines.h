// Several names in one column, a line each; none holds a control character.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace nightpost::im {

inline std::string by_line(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out.append(name).push_back('\n');
  return out;
}
inline std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    out.emplace_back(line);
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return out;
}

}  // namespace nightpost::im
