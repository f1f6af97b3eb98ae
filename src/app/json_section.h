// Strict reading of one JSON object: each member is asked for once by name, type and range; what nobody asked for is an
// unknown key. Mistakes are gathered with their path, and the value keeps its default.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"

namespace nightpost::app {

/// Parses `text`; syntax errors and repeated keys go to `errors` ("line 3, column 7: …", "kafka.brokers: given twice").
nlohmann::json parse_strict(std::string_view text, std::vector<std::string>& errors);

class JsonSection {
 public:
  /// `value` and `errors` are borrowed. A value that is no object is a mistake of its own, and every member is absent.
  JsonSection(const nlohmann::json& value, std::string path, std::vector<std::string>& errors);
  ~JsonSection();  // reports the unknown keys
  JsonSection(const JsonSection&) = delete;
  JsonSection& operator=(const JsonSection&) = delete;

  bool has(std::string_view key) const;
  JsonSection section(std::string_view key);  // absent: an empty one
  void text(std::string_view key, std::string& out, bool may_be_empty = false);
  void flag(std::string_view key, bool& out);
  void real(std::string_view key, double& out, double least, double most);
  template <class Int>
  void integer(std::string_view key, Int& out, std::int64_t least, std::int64_t most) {
    std::int64_t value = static_cast<std::int64_t>(out);
    read_integer(key, value, least, most);
    out = static_cast<Int>(value);
  }
  void duration_ms(std::string_view key, milliseconds& out, std::int64_t least, std::int64_t most) {
    std::int64_t value = out.count();
    read_integer(key, value, least, most);
    out = milliseconds(value);
  }
  /// An object whose members are all strings, numbers or booleans, kept as text.
  void texts(std::string_view key, std::map<std::string, std::string>& out);
  void mistake(std::string_view key, std::string what);

 private:
  const nlohmann::json* member(std::string_view key);
  void read_integer(std::string_view key, std::int64_t& value, std::int64_t least, std::int64_t most);

  const nlohmann::json* object_;  // null: not an object
  std::string path_;
  std::vector<std::string>& errors_;
  std::set<std::string, std::less<>> asked_;
};

}  // namespace nightpost::app
