// What a simulated world says when something does not hold, and how it reads what was written.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace nightpost::sim {

struct Violation : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Throws Violation.
inline void must(bool holds, const char* what) {
  if (!holds) throw Violation(what);
}
inline void must(bool holds, const std::string& what) {
  if (!holds) throw Violation(what);
}

/// The value of a member that is a plain string or a number; empty: there is none.
inline std::string member_of(std::string_view json, std::string_view name) {
  const std::size_t at = json.find("\"" + std::string(name) + "\":");
  if (at == std::string_view::npos) return "";
  std::string_view rest = json.substr(at + name.size() + 3);
  if (!rest.starts_with('"')) return std::string(rest.substr(0, rest.find_first_of(",}")));
  rest.remove_prefix(1);
  return std::string(rest.substr(0, rest.find('"')));
}

}  // namespace nightpost::sim
