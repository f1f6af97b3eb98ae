#include "im/domain/group_fields.h"

#include <simdjson.h>

#include <utility>

#include "core/text.h"

namespace nightpost::im {
namespace {

bool may_write(FieldRight right, GroupActor actor) noexcept {
  return static_cast<std::uint8_t>(actor) > static_cast<std::uint8_t>(right);  // actors begin with the stranger
}

}  // namespace

std::map<std::string, std::string> fields_of(std::string_view json) {
  std::map<std::string, std::string> out;
  if (json.empty() || json == "{}") return out;
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (parser.parse(json.data(), json.size()).get(object) != simdjson::SUCCESS) return out;
  for (const auto& [name, value] : object)
    if (std::string_view text; value.get(text) == simdjson::SUCCESS) out.emplace(name, text);
  return out;
}

Answer<std::string> changed_fields(std::string_view json, const std::map<std::string, std::string>& changes,
                                   GroupActor actor, const GroupLimits& limits) {
  auto all = fields_of(json);
  for (const auto& [name, value] : changes) {
    const auto known = limits.fields.find(name);
    if (known == limits.fields.end()) return refuse(Code::Malformed, "fields: one that the app has not declared");
    if (!may_write(known->second, actor))
      return refuse(Code::GroupForbidden, "fields." + name + ": this role may not write it");
    if (value.size() > limits.field_value_bytes_max)
      return refuse(Code::TooLarge,
                    "fields." + name + ": longer than " + std::to_string(limits.field_value_bytes_max) + " bytes");
    if (value.empty())
      all.erase(name);
    else
      all.insert_or_assign(name, value);
  }
  std::string out = "{";
  for (const auto& [name, value] : all) append_json_member(out, name, value);
  return out += '}';
}

}  // namespace nightpost::im
