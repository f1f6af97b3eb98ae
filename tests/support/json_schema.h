// As much of JSON Schema as our schemas use, to hold what we write against them: type, const, enum, minimum, maximum,
// minLength, maxLength, pattern, required, properties, additionalProperties, items, minItems, maxItems, allOf,
// if/then/else, $ref to one of $defs. A schema that uses another word is refused, so that no rule of it goes unchecked.
#pragma once

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace nightpost::testing {

class JsonSchema {
 public:
  explicit JsonSchema(nlohmann::json schema) : schema_(std::move(schema)) {}
  static JsonSchema from_file(const std::string& path) {
    std::ifstream file(path);
    if (!file.good()) throw std::runtime_error(path + ": cannot be read");
    return JsonSchema(nlohmann::json::parse(file));
  }

  /// Each mistake with its path; empty: `value` is as the schema says.
  std::vector<std::string> mistakes(const nlohmann::json& value) const {
    std::vector<std::string> all;
    check(schema_, value, "$", all);
    return all;
  }

 private:
  using Json = nlohmann::json;
  using Mistakes = std::vector<std::string>;

  static bool is_of(const Json& value, const std::string& type) {
    if (type == "object") return value.is_object();
    if (type == "array") return value.is_array();
    if (type == "string") return value.is_string();
    if (type == "integer") return value.is_number_integer();
    if (type == "number") return value.is_number();
    if (type == "boolean") return value.is_boolean();
    if (type == "null") return value.is_null();
    throw std::runtime_error("schema: unknown type " + type);
  }
  static bool is_of(const Json& value, const Json& types) {
    if (types.is_string()) return is_of(value, types.get<std::string>());
    for (const Json& type : types)
      if (is_of(value, type.get<std::string>())) return true;
    return false;
  }

  static bool matches(const std::string& text, const std::string& pattern) {
    static std::map<std::string, std::regex> compiled;
    const auto known = compiled.try_emplace(pattern, pattern, std::regex::ECMAScript).first;
    return std::regex_search(text, known->second);
  }

  void check(const Json& schema, const Json& value, const std::string& path, Mistakes& all) const {
    if (schema.is_boolean()) {
      if (!schema.get<bool>()) all.push_back(path + ": not allowed");
      return;
    }
    const auto wrong = [&](const std::string& what) { all.push_back(path + ": " + what); };
    for (const auto& [word, rule] : schema.items()) {
      if (word == "type") {
        if (!is_of(value, rule)) wrong("is not of type " + rule.dump());
      } else if (word == "const") {
        if (value != rule) wrong("is not " + rule.dump());
      } else if (word == "enum") {
        if (std::find(rule.begin(), rule.end(), value) == rule.end()) wrong(value.dump() + " is none of the enum");
      } else if (word == "minimum") {
        if (value.is_number() && value < rule) wrong("is below " + rule.dump());
      } else if (word == "maximum") {
        if (value.is_number() && value > rule) wrong("is above " + rule.dump());
      } else if (word == "minLength") {
        if (value.is_string() && value.get_ref<const std::string&>().size() < rule.get<std::size_t>())
          wrong("is shorter than " + rule.dump());
      } else if (word == "maxLength") {
        if (value.is_string() && value.get_ref<const std::string&>().size() > rule.get<std::size_t>())
          wrong("is longer than " + rule.dump());
      } else if (word == "pattern") {
        if (value.is_string() && !matches(value.get_ref<const std::string&>(), rule.get_ref<const std::string&>()))
          wrong("does not match " + rule.dump());
      } else if (word == "required") {
        for (const Json& name : rule)
          if (value.is_object() && !value.contains(name.get<std::string>())) wrong(name.dump() + " is missing");
      } else if (word == "properties") {
        if (!value.is_object()) continue;
        for (const auto& [name, member] : rule.items())
          if (value.contains(name)) check(member, value[name], path + "." + name, all);
      } else if (word == "additionalProperties") {
        if (!value.is_object()) continue;
        const auto known = schema.find("properties");
        for (const auto& [name, member] : value.items()) {
          if (known != schema.end() && known->contains(name)) continue;
          if (rule.is_object())
            check(rule, member, path + "." + name, all);
          else if (!rule.get<bool>())
            wrong("unknown member " + name);
        }
      } else if (word == "items") {
        for (std::size_t i = 0; value.is_array() && i < value.size(); ++i)
          check(rule, value[i], path + "[" + std::to_string(i) + "]", all);
      } else if (word == "minItems") {
        if (value.is_array() && value.size() < rule.get<std::size_t>()) wrong("has fewer items than " + rule.dump());
      } else if (word == "maxItems") {
        if (value.is_array() && value.size() > rule.get<std::size_t>()) wrong("has more items than " + rule.dump());
      } else if (word == "allOf") {
        for (const Json& each : rule) check(each, value, path, all);
      } else if (word == "$ref") {
        const std::string& target = rule.get_ref<const std::string&>();
        if (!target.starts_with("#/$defs/")) throw std::runtime_error("schema: $ref is none of $defs: " + target);
        check(schema_.at("$defs").at(target.substr(8)), value, path, all);
      } else if (word == "if") {
        Mistakes none;
        check(rule, value, path, none);
        const char* const then = none.empty() ? "then" : "else";
        if (schema.contains(then)) check(schema[then], value, path, all);
      } else if (!kPassive.contains(word)) {
        throw std::runtime_error("schema: unknown word " + word);
      }
    }
  }

  inline static const std::set<std::string> kPassive = {"$schema", "$id",  "$defs", "title",    "description",
                                                        "default", "then", "else",  "examples", "format"};
  nlohmann::json schema_;
};

}  // namespace nightpost::testing
