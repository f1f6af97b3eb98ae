// The table of routes as an OpenAPI 3.1 document.
#include "admin/answer_schemas.h"
#include "admin/routes.h"

namespace nightpost::admin {
namespace {

using Is = Member::Is;
using Json = nlohmann::json;

Json schema_of(const Member& member) {
  Json schema;
  switch (member.is) {
    case Is::Text:
      schema = {{"type", "string"}};
      if (member.choices.empty()) schema["maxLength"] = member.most;
      for (std::string_view rest = member.choices; !rest.empty();) {
        const std::size_t bar = rest.find('|');
        schema["enum"].push_back(rest.substr(0, bar));
        rest = bar == rest.npos ? std::string_view() : rest.substr(bar + 1);
      }
      break;
    case Is::Integer:
      schema = {{"type", "integer"}, {"format", "int64"}, {"minimum", member.least}};
      if (member.most != INT64_MAX) schema["maximum"] = member.most;
      break;
    case Is::Time:
      schema = {{"type", "integer"}, {"format", "int64"}, {"minimum", 0}, {"maximum", kTimeMsMax}};
      break;
    case Is::Flag:
      schema = {{"type", "boolean"}};
      break;
    case Is::Texts:
      schema = {{"type", "array"}, {"maxItems", member.most}, {"items", {{"type", "string"}}}};
      break;
    case Is::Apps:
      schema = {{"type", "array"}, {"maxItems", member.most}, {"items", {{"type", "integer"}, {"minimum", 1}}}};
      break;
    case Is::Options:
      schema = {
          {"type", "object"}, {"maxProperties", member.most}, {"additionalProperties", {{"type", {"string", "null"}}}}};
      break;
  }
  if (member.nullable) {
    schema["type"] = {schema["type"], "null"};
    if (schema.contains("enum")) schema["enum"].push_back(nullptr);
  }
  schema["description"] = member.what;
  return schema;
}

/// {id} is a number, the others are texts.
Json path_parameters(std::string_view path) {
  Json all = Json::array();
  for (std::size_t at = path.find('{'); at != path.npos; at = path.find('{', at + 1)) {
    const std::string_view name = path.substr(at + 1, path.find('}', at) - at - 1);
    all.push_back({{"name", name},
                   {"in", "path"},
                   {"required", true},
                   {"schema", {{"type", name == "id" ? "integer" : "string"}}}});
  }
  return all;
}

Json body_of(std::span<const Member> members) {
  Json schema = {{"type", "object"}, {"additionalProperties", false}, {"properties", Json::object()}};
  Json required = Json::array();
  for (const Member& member : members) {
    schema["properties"][std::string(member.name)] = schema_of(member);
    if (member.required) required.push_back(member.name);
  }
  if (!required.empty()) schema["required"] = std::move(required);
  return {{"required", true}, {"content", {{"application/json", {{"schema", std::move(schema)}}}}}};
}

/// "POST /v1/certificates/{id}/disable" is "post_certificates_id_disable".
std::string operation_id(const Route& route) {
  std::string id;
  for (const char c : route.method) id += static_cast<char>(c | 0x20);
  for (const char c : route.path.substr(std::string_view("/v1").size()))
    if (c != '{' && c != '}') id += c == '/' || c == '-' || c == '.' ? '_' : c;
  return id;
}

Json operation(const Route& route) {
  Json out = {{"operationId", operation_id(route)}, {"summary", route.what}, {"x-since", route.since}};
  Json parameters = path_parameters(route.path);
  for (const Member& member : route.query)
    parameters.push_back({{"name", member.name},
                          {"in", "query"},
                          {"required", member.required},
                          {"description", member.what},
                          {"schema", schema_of(member)}});
  if (!parameters.empty()) out["parameters"] = std::move(parameters);
  if (!route.body.empty()) out["requestBody"] = body_of(route.body);
  if (route.events)
    out["requestBody"] = {{"required", true},
                          {"content",
                           {{"application/json", {{"schema", {{"type", "object"}}}}},
                            {"application/x-ndjson", {{"schema", {{"type", "string"}}}}}}}};
  if (route.lines)
    out["requestBody"] = {{"required", true},
                          {"content", {{"application/x-ndjson", {{"schema", {{"type", "string"}}}}}}}};
  const std::string done = std::to_string(route.done);
  out["responses"][done]["description"] = route.done == 204 ? "done" : route.what;
  if (route.done != 204)
    out["responses"][done]["content"]["application/json"]["schema"] = answer_schema(route.method, route.path);
  out["responses"]["default"] = {{"$ref", "#/components/responses/Error"}};
  if (route.role) {
    out["x-role"] = name_of(*route.role);
    if (route.reader) out["x-grant"] = "reader";
    out["security"] = Json::array({{{"token", Json::array()}}, {{"session", Json::array()}}});
  } else {
    out["security"] = Json::array();
  }
  if (!route.deed.empty()) out["x-audited"] = route.deed;
  return out;
}

}  // namespace

Json openapi_document(std::string_view version) {
  Json paths = Json::object();
  for (const Route& route : routes()) {
    std::string method;
    for (const char c : route.method) method += static_cast<char>(c | 0x20);
    paths[std::string(route.path)][method] = operation(route);
  }
  const Json text = {{"type", "string"}};
  const Json reason = {
      {"type", "object"},
      {"required", {"code", "values"}},
      {"properties", {{"code", text}, {"values", {{"type", "object"}}}, {"why", {{"type", "object"}}}}}};
  const Json said = {
      {"type", "object"},
      {"required", {"code", "message"}},
      {"properties",
       {{"code", text}, {"message", text}, {"path", text}, {"reasons", {{"type", "array"}, {"items", reason}}}}}};
  const Json error = {{"type", "object"}, {"required", Json::array({"error"})}, {"properties", {{"error", said}}}};
  return {{"openapi", "3.1.0"},
          {"info", {{"title", "Nightpost admin API"}, {"version", version}}},
          {"paths", std::move(paths)},
          {"components",
           {{"schemas", named_schemas()},
            {"securitySchemes",
             {{"token", {{"type", "http"}, {"scheme", "bearer"}}},
              {"session", {{"type", "apiKey"}, {"in", "cookie"}, {"name", "nightpost"}}}}},
            {"responses",
             {{"Error", {{"description", "refused"}, {"content", {{"application/json", {{"schema", error}}}}}}}}}}}};
}

}  // namespace nightpost::admin
