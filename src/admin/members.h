// The members of a body and the parameters of a query as a route's table has them: read strictly, and shown in the
// OpenAPI document. Pure.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "admin/answer.h"
#include "core/ids.h"
#include "core/time.h"

namespace nightpost::admin {

struct Member {
  enum class Is : std::uint8_t {
    Text,     // at most `most` bytes, no zeros; one of `choices`, if there are some
    Integer,  // in [least, most]
    Flag,
    Time,     // ms since the epoch
    Texts,    // array of at most `most` texts
    Apps,     // array of at most `most` app ids
    Options,  // object of texts; a null takes one away
  };
  std::string_view name;
  Is is = Is::Text;
  std::string_view what;  // one line
  bool required = false;
  bool nullable = false;  // null is as good as left out
  std::int64_t least = 0, most = 4'096;
  std::string_view choices = {};  // "open|all"
};

inline constexpr std::int64_t kTimeMsMax = 253'402'300'799'999;  // the end of the year 9999

/// The first mistake, with its place: a member that the table does not have, a missing one, another type, out of range.
/// Nulls that are good are taken away. `prefix`: "query.", or nothing.
std::optional<Refusal> check_members(nlohmann::json& object, std::span<const Member> table, std::string_view prefix);
/// The same for a body's text: no JSON, no object, or nested too deep is malformed, too.
std::expected<nlohmann::json, Refusal> read_members(std::string_view text, std::span<const Member> table);
/// The same for texts out of a query, which become numbers and flags by the table.
std::expected<nlohmann::json, Refusal> typed_query(const std::map<std::string, std::string>& query,
                                                   std::span<const Member> table);

/// An object that check_members() found good.
class Values {
 public:
  Values() = default;
  explicit Values(nlohmann::json object) : object_(std::move(object)) {}
  bool has(const char* name) const { return object_.contains(name); }
  bool empty() const noexcept { return object_.empty(); }
  std::size_t size() const noexcept { return object_.size(); }
  std::string text(const char* name, const std::string& otherwise = "") const {
    return has(name) ? object_[name].get<std::string>() : otherwise;
  }
  std::optional<std::string> text_if(const char* name) const {
    return has(name) ? std::optional(object_[name].get<std::string>()) : std::nullopt;
  }
  std::int64_t number(const char* name, std::int64_t otherwise = 0) const {
    return has(name) ? object_[name].get<std::int64_t>() : otherwise;
  }
  bool flag(const char* name, bool otherwise = false) const {
    return has(name) ? object_[name].get<bool>() : otherwise;
  }
  std::optional<WallTime> time(const char* name) const {
    return has(name) ? std::optional(wall_from_ms(number(name))) : std::nullopt;
  }
  std::vector<std::string> texts(const char* name) const {
    return has(name) ? object_[name].get<std::vector<std::string>>() : std::vector<std::string>();
  }
  std::vector<AppId> apps(const char* name) const;
  /// Absent value: taken away.
  std::map<std::string, std::optional<std::string>> options(const char* name) const;

 private:
  nlohmann::json object_ = nlohmann::json::object();
};

}  // namespace nightpost::admin
