// Holds an answer of the admin API against the OpenAPI document. A member that the document does not name is a mistake
// here, though clients are to pass it over.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "admin/routes.h"
#include "admin/target.h"
#include "support/json_schema.h"

namespace nightpost::testing {

inline nlohmann::json strict_schema(nlohmann::json schema) {
  if (!schema.is_structured()) {
    const auto* const text = schema.get_ptr<const std::string*>();
    constexpr std::string_view kComponents = "#/components/schemas/";
    if (text != nullptr && text->starts_with(kComponents)) return "#/$defs/" + text->substr(kComponents.size());
    return schema;
  }
  for (nlohmann::json& each : schema) each = strict_schema(each);
  if (schema.is_object() && schema.contains("required") && schema.contains("properties"))
    schema["additionalProperties"] = false;
  return schema;
}

/// What is wrong with it, each with its path. Of an answer that is no success, and of other paths, nothing is said.
inline std::vector<std::string> answer_mistakes(std::string_view method, std::string_view target, int status,
                                                const nlohmann::json& body) {
  static const nlohmann::json kDocument = admin::openapi_document("0");
  static const nlohmann::json kNamed = strict_schema(kDocument["components"]["schemas"]);
  const auto read = admin::read_target(std::string(target));
  if (!read || status < 200 || status > 299) return {};
  for (const admin::Route& route : admin::routes()) {
    if (route.method != method || !admin::match_path(route.path, read->segments)) continue;
    if (status != route.done) return {"status " + std::to_string(status)};
    if (status == 204) return {};
    std::string lower;
    for (const char c : method) lower += static_cast<char>(c | 0x20);
    nlohmann::json schema = strict_schema(kDocument["paths"][std::string(route.path)][lower]["responses"]
                                                   [std::to_string(status)]["content"]["application/json"]["schema"]);
    schema["$defs"] = kNamed;
    return JsonSchema(std::move(schema)).mistakes(body);
  }
  return {};
}

}  // namespace nightpost::testing
