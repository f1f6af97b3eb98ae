// The schemas of answers. That each answer of a route has its own's form is looked at wherever ApiBed calls one.
#include "admin/answer_schemas.h"

#include <catch2/catch.hpp>
#include <set>

#include "support/answer_check.h"

namespace nightpost::admin {
namespace {

using SchemaJson = nlohmann::json;

void refs_in(const SchemaJson& schema, std::set<std::string>& all) {
  if (!schema.is_structured()) return;
  if (schema.is_object() && schema.contains("$ref")) all.insert(schema["$ref"].get<std::string>());
  for (const SchemaJson& each : schema) refs_in(each, all);
}

TEST_CASE("admin schemas: a route with a body has one, others have none", "[admin][openapi]") {
  for (const Route& route : routes()) {
    CAPTURE(route.method, route.path);
    CHECK(answer_schema(route.method, route.path).is_null() == (route.done == 204));
  }
  CHECK(answer_schema("GET", "/v1/nothing").is_null());
  CHECK(answer_schema("PUT", "/v1/certificates").is_null());
  CHECK(answer_schema("", "").is_null());
}

TEST_CASE("admin schemas: what is named is there, and what is there is named", "[admin][openapi]") {
  const SchemaJson named = named_schemas();
  const SchemaJson document = openapi_document("0.1.0");
  CHECK(document["components"]["schemas"] == named);
  std::set<std::string> refs;
  refs_in(document, refs);
  for (const std::string& ref : refs) {
    CAPTURE(ref);
    const SchemaJson::json_pointer place(ref.substr(1));
    CHECK(document.contains(place));
  }
  for (const auto& [name, schema] : named.items()) {
    CAPTURE(name);
    CHECK(schema["type"] == "object");
    CHECK_FALSE(schema["properties"].empty());
    std::set<std::string> required;
    for (const SchemaJson& member : schema["required"]) {
      CHECK(required.insert(member).second);
      CHECK(schema["properties"].contains(member.get<std::string>()));
    }
  }
}

TEST_CASE("admin schemas: an answer that is not so is found", "[admin][openapi]") {
  const SchemaJson mute = {
      {"kind", "all"}, {"target", ""}, {"until", nullptr}, {"unless_mentioned", false}, {"over", false}};
  const SchemaJson user = {{"app_id", 1},
                           {"user_id", "a"},
                           {"push", true},
                           {"badge", true},
                           {"language", ""},
                           {"sound_c2c", ""},
                           {"sound_group", ""},
                           {"devices", SchemaJson::array()},
                           {"mutes", SchemaJson::array({mute})}};
  const auto mistakes = [](const SchemaJson& body, int status = 200, std::string_view target = "/v1/users?app=1") {
    return testing::answer_mistakes("GET", target, status, body).size();
  };
  CHECK(mistakes(user) == 0);
  const auto with = [&](const char* place, const SchemaJson& value) {
    SchemaJson other = user;
    other[SchemaJson::json_pointer(place)] = value;
    return other;
  };
  const auto without = [&](const char* name) {
    SchemaJson other = user;
    other.erase(name);
    return other;
  };
  CHECK(mistakes(with("/mutes/0/until", 1'795'225'887'405)) == 0);
  CHECK(mistakes(with("/app_id", "1")) == 1);
  CHECK(mistakes(with("/app_id", nullptr)) == 1);
  CHECK(mistakes(with("/push", 1)) == 1);
  CHECK(mistakes(with("/more", 1)) == 1);
  CHECK(mistakes(with("/mutes/0/more", 1)) == 1);
  CHECK(mistakes(with("/mutes/0/kind", "some")) == 1);
  CHECK(mistakes(with("/mutes/0/over", nullptr)) == 1);
  CHECK(mistakes(with("/mutes", SchemaJson::object())) == 1);
  CHECK(mistakes(without("devices")) == 1);
  CHECK(mistakes(SchemaJson::array()) == 1);
  CHECK(mistakes(user, 201) == 1);
  // Of a member that has values of any name.
  const SchemaJson latest = {{"version", 1}};
  CHECK(mistakes(latest, 200, "/v1/users") > 5);
  // Nothing is said of these.
  CHECK(mistakes(SchemaJson("refused"), 422) == 0);
  CHECK(mistakes(SchemaJson("a page"), 200, "/index.html") == 0);
  CHECK(mistakes(SchemaJson("a page"), 200, "/v1/%") == 0);
}

TEST_CASE("admin schemas: values of any name have their type", "[admin][openapi]") {
  const auto mistakes = [](const SchemaJson& outcomes) {
    const SchemaJson point = {
        {"at", 1}, {"workers", 1}, {"outcomes", outcomes}, {"errors", SchemaJson::object()}, {"lag", nullptr}};
    return testing::answer_mistakes(
               "GET", "/v1/rates", 200,
               {{"every_ms", 1}, {"workers", SchemaJson::array()}, {"points", SchemaJson::array({point})}})
        .size();
  };
  CHECK(mistakes({{"accepted", 1.5}, {"dead", 2}}) == 0);
  CHECK(mistakes({{"accepted", "1.5"}, {"dead", 2}}) == 1);
  CHECK(mistakes({{"accepted", nullptr}}) == 1);
  CHECK(mistakes(SchemaJson::array()) == 1);
}

}  // namespace
}  // namespace nightpost::admin
