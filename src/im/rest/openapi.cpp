#include "im/rest/openapi.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "im/rest/tim_elements.h"

namespace nightpost::im {
namespace {

using NoteIs = FieldNote::Is;

std::string schema_ref(std::string_view name) { return "#/components/schemas/" + std::string(name); }

RestJson object_schema(const std::list<FieldNote>& fields);

RestJson array_schema(RestJson items, std::size_t most) {
  RestJson out = {{"type", "array"}, {"items", std::move(items)}};
  if (most > 0) out["maxItems"] = most;
  return out;
}

RestJson field_schema(const FieldNote& field) {
  switch (field.is) {
    case NoteIs::Text:
      return {{"type", "string"}};
    case NoteIs::Integer:
      return {{"type", "integer"}, {"minimum", field.least}, {"maximum", field.most}};
    case NoteIs::Number:
      return {{"type", "number"}};
    case NoteIs::Texts:
      return array_schema({{"type", "string"}}, field.count_max);
    case NoteIs::Objects:
      return array_schema(object_schema(field.members), field.count_max);
    case NoteIs::Object:
      return object_schema(field.members);
    case NoteIs::Component:
      return {{"$ref", schema_ref(field.component)}};
    case NoteIs::Any:
      if (!field.ignored.empty()) return {{"description", "ignored: " + field.ignored}};
      break;
  }
  return RestJson::object();
}

/// Other members are passed over, so none is forbidden. Of a required one either name does.
RestJson object_schema(const std::list<FieldNote>& fields) {
  RestJson properties = RestJson::object(), required = RestJson::array(), either = RestJson::array();
  for (const FieldNote& field : fields) {
    properties[field.name] = field_schema(field);
    if (!field.old.empty()) {
      RestJson old = field_schema(field);
      old["deprecated"] = true;
      old["description"] = "earlier name of " + field.name;
      properties[field.old] = std::move(old);
    }
    if (!field.required) continue;
    if (field.old.empty())
      required.push_back(field.name);
    else
      either.push_back({{"anyOf", RestJson::array({{{"required", RestJson::array({field.name})}},
                                                   {{"required", RestJson::array({field.old})}}})}});
  }
  RestJson out = {{"type", "object"}, {"properties", std::move(properties)}};
  if (!required.empty()) out["required"] = std::move(required);
  if (!either.empty()) out["allOf"] = std::move(either);
  return out;
}

RestJson msg_body_schema() {
  RestJson kinds = RestJson::array();
  for (const auto& [type, members] : element_notes())
    kinds.push_back({{"type", "object"},
                     {"properties", {{"MsgType", {{"const", type}}}, {"MsgContent", object_schema(members)}}},
                     {"required", {"MsgType", "MsgContent"}}});
  return {{"type", "array"}, {"minItems", 1}, {"items", {{"oneOf", std::move(kinds)}}}};
}

RestJson query_parameter(std::string_view name, RestJson schema, bool required, std::string_view what) {
  return {
      {"name", name}, {"in", "query"}, {"required", required}, {"description", what}, {"schema", std::move(schema)}};
}

RestJson parameters() {
  return {{"sdkappid", query_parameter("sdkappid", {{"type", "integer"}, {"minimum", 1}}, true, "the app")},
          {"identifier",
           query_parameter("identifier", {{"type", "string"}, {"minLength", 1}}, true, "an administrator of the app")},
          {"usersig", query_parameter("usersig", {{"type", "string"}}, true, "the administrator's userSig")},
          {"random", query_parameter("random", {{"type", "string"}}, false, "not looked at")},
          {"contenttype", query_parameter("contenttype", {{"type", "string"}}, false, "not looked at")}};
}

RestJson envelope_schema() {
  return {{"type", "object"},
          {"description", "and what the command adds"},
          {"properties",
           {{"ActionStatus", {{"type", "string"}, {"enum", {"OK", "FAIL"}}}},
            {"ErrorCode", {{"type", "integer"}, {"description", "0: done"}}},
            {"ErrorInfo",
             {{"type", "string"},
              {"description",
               "of a refusal why, with the place of a fault; of a success what of OfflinePushInfo was ignored, and "
               "why; else empty"}}}}},
          {"required", {"ActionStatus", "ErrorCode", "ErrorInfo"}}};
}

RestJson operation(const RestCommand& command, Tools& tools, const RestOptions& options) {
  RestJson names = RestJson::array();
  for (const char* const name : {"sdkappid", "identifier", "usersig", "random", "contenttype"})
    names.push_back({{"$ref", "#/components/parameters/" + std::string(name)}});
  const bool message = command.rate == Rate::Message;
  const auto responses = [](std::string_view what) -> RestJson {
    return {{"description", what},
            {"content", {{"application/json", {{"schema", {{"$ref", schema_ref("Envelope")}}}}}}}};
  };
  RestJson out = {{"operationId", std::string(command.service) + "." + std::string(command.name)},
                  {"tags", RestJson::array({command.service})},
                  {"parameters", std::move(names)},
                  {"requestBody",
                   {{"required", true},
                    {"content", {{"application/json", {{"schema", object_schema(request_fields(command, tools))}}}}}}},
                  {"responses",
                   {{"200", responses("done, or refused by ErrorCode")},
                    {"503", responses("too many calls are at work, or the server is stopping: repeat")}}},
                  {"x-who", RestCommand::kWho},
                  {"x-since", command.since},
                  {"x-calls-per-second", message ? options.message_calls_per_second : options.manage_calls_per_second}};
  if (!command.old_of.empty()) {
    out["deprecated"] = true;
    out["description"] = "earlier name of " + std::string(command.old_of);
  }
  return out;
}

}  // namespace

std::list<FieldNote> request_fields(const RestCommand& command, Tools& tools) {
  FieldNotes with{.fields = {}, .has = true}, without{};
  command.handler(Call(tools, command.family, with));
  command.handler(Call(tools, command.family, without));
  assert(with.ended && without.ended);  // else the handler went on, and did what it does
  return merged(std::move(without.fields), with.fields);
}

RestJson openapi_document(Tools& tools, const RestOptions& options) {
  RestJson paths = RestJson::object(), missing = RestJson::array();
  for (const RestCommand& command : rest_commands()) {
    const std::string path = "/v4/" + std::string(command.service) + "/" + std::string(command.name);
    const bool offered = command.handler != nullptr && (command.family != Family::Group || tools.groups != nullptr);
    if (offered)
      paths[path] = {{"post", operation(command, tools, options)}};
    else
      missing.push_back(
          {{"path", path}, {"ErrorCode", command.code != 0 ? command.code : unknown_command_code(command.service)}});
  }
  return {{"openapi", "3.1.0"},
          {"info",
           {{"title", "Nightpost IM server API"},
            {"version", "v4"},
            {"description",
             "TIM's REST API, as this server offers it. Members that a command does not know are passed over, null is "
             "as good as absent. Business errors are HTTP 200."}}},
          {"paths", std::move(paths)},
          {"components",
           {{"parameters", parameters()},
            {"schemas", {{"Envelope", envelope_schema()}, {std::string(kMsgBody), msg_body_schema()}}}}},
          {"x-calls-per-second-of-an-app", options.app_calls_per_second},
          {"x-not-offered", std::move(missing)}};
}

}  // namespace nightpost::im
