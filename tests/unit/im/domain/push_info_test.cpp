#include "im/domain/push_info.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>

#include "dispatch/decode.h"

namespace nightpost::im {
namespace {

std::string canonical(std::string_view json) {
  const Answer<CheckedPush> checked = check_push(json);
  return checked ? checked->canonical : "refused: " + checked.error().why;
}
std::string push_why(std::string_view json) {
  const Answer<CheckedPush> checked = check_push(json);
  if (checked) return "accepted: " + checked->canonical;
  CHECK(checked.error().code == Code::Malformed);
  return checked.error().why;
}

// All fields, canonical.
const char* const kFull =
    R"({"disabled":true,"title":"t","desc":"d","subtitle":"s","image":"https://m.example/i.png","ext":"{\"a\":1}",)"
    R"("android":{"title":"at","desc":"ad","channel":{"fcm":"c1","huawei":"c2","honor":"c3","xiaomi":"c4","oppo":"c5","vivo":"c6","meizu":"c7"}},)"
    R"("apns":{"title":"pt","desc":"pd","sound":"none","badge":"ignore","mutable_content":true,"category":"reply","interruption_level":"time-sensitive"},)"
    R"("loc":{"title_key":"k","title_args":["1"],"body_key":"b","body_args":["2"]}})";

TEST_CASE("push_info: every field passes, in the table's order", "[im][domain][push_info]") {
  CHECK(canonical(kFull) == kFull);
  CHECK(canonical(nlohmann::json::parse(kFull).dump(2)) == kFull);
  CHECK(check_push(kFull)->disabled);
}

TEST_CASE("push_info: what says nothing is not kept", "[im][domain][push_info]") {
  for (const char* json :
       {"", "{}", R"({"disabled":false})", R"({"disabled":null,"title":null,"desc":""})", R"({"image":""})",
        R"({"android":{},"apns":null})", R"({"android":{"channel":{"oppo":""}},"apns":{"mutable_content":false}})"}) {
    CAPTURE(json);
    CHECK(canonical(json).empty());
    CHECK_FALSE(check_push(json)->disabled);
  }
  CHECK(canonical(R"({"apns":{"sound":"","badge":"count"},"title":"","disabled":false,"ext":"x"})") ==
        R"({"ext":"x","apns":{"badge":"count"}})");
  CHECK(canonical(R"({"disabled":true,"title":"t"})") == R"({"disabled":true,"title":"t"})");
  CHECK_FALSE(check_push(R"({"title":"{\"disabled\":true"})")->disabled);
}

TEST_CASE("push_info: what is wrong is named with its place", "[im][domain][push_info]") {
  struct Row {
    std::string json;
    std::string_view why;
  };
  const Row row = GENERATE(values<Row>({
      {" ", "push: not JSON"},
      {"{", "push: not JSON"},
      {"{}{}", "push: not JSON"},
      {"[]", "push: not an object"},
      {"null", "push: not an object"},
      {"true", "push: not an object"},
      {R"({"Title":"a"})", "push: \"Title\" is no field of it"},
      {R"({"sound":"a"})", "push: \"sound\" is no field of it"},
      {R"({"type":"a"})", "push: \"type\" is no field of it"},
      {R"({"unknown":null})", "push: \"unknown\" is no field of it"},
      {R"({"title":"a","title":"b"})", "push.title: there twice"},
      {R"({"title":"a","title":null})", "push.title: there twice"},
      {R"({"title":1})", "push.title: not a string"},
      {R"({"title":"a\u0000"})", "push.title: has U+0000, which cannot be stored"},
      {R"({"ext":{"a":1}})", "push.ext: not a string"},
      {R"({"disabled":"true"})", "push.disabled: not true or false"},
      {R"({"disabled":1})", "push.disabled: not true or false"},
      {R"({"image":"http://m.example/i"})", "push.image: not an https URL"},
      {R"({"image":"https://m.example/ü"})", "push.image: not an https URL"},
      {R"({"android":[]})", "push.android: not an object"},
      {R"({"android":{"sound":"a"}})", "push.android: \"sound\" is no field of it"},
      {R"({"android":{"channel":"a"}})", "push.android.channel: not an object"},
      {R"({"android":{"channel":{"apns":"a"}}})", "push.android.channel: \"apns\" is no field of it"},
      {R"({"android":{"channel":{"oppo":"a\n"}}})", "push.android.channel.oppo: has a control character"},
      {R"({"apns":{"badge":3}})", "push.apns.badge: not a string"},
      {R"({"apns":{"badge":"none"}})", "push.apns.badge: none of count, ignore"},
      {R"({"apns":{"badge":""}})", "push.apns.badge: none of count, ignore"},
      {R"({"apns":{"interruption_level":"loud"}})",
       "push.apns.interruption_level: none of passive, active, time-sensitive, critical"},
      {R"({"apns":{"content_available":true}})", "push.apns: \"content_available\" is no field of it"},
      {R"({"loc":{"title_args":["a"]}})", "push.loc.title_args: without title_key"},
      {R"({"loc":{"title_key":"k","body_args":["a"]}})", "push.loc.body_args: without body_key"},
      {R"({"loc":{"title_key":"k","title_args":"a"}})", "push.loc.title_args: not an array"},
      {R"({"loc":{"title_key":7}})", "push.loc.title_key: not a string"},
      {R"({"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":1}}}}}}}}})", "push: nested too deep"},
  }));
  CAPTURE(row.json);
  CHECK(push_why(row.json) == row.why);
}

TEST_CASE("push_info: how long", "[im][domain][push_info]") {
  const auto with = [](std::size_t title, std::size_t ext) {
    return R"({"title":")" + std::string(title, 't') + R"(","ext":")" + std::string(ext, 'e') + "\"}";
  };
  CHECK(canonical(with(4000, 4096)) == with(4000, 4096));
  CHECK(push_why(with(1, 4097)) == "push.ext: longer than 4096 bytes");
  CHECK(push_why(R"({"image":"https://)" + std::string(505, 'a') + "\"}") == "push.image: longer than 512 bytes");
  CHECK(push_why(R"({"android":{"channel":{"vivo":")" + std::string(256, 'a') + "\"}}}") ==
        "push.android.channel.vivo: longer than 255 bytes");
  const Answer<CheckedPush> checked = check_push(with(4096, 4096));
  REQUIRE_FALSE(checked);
  CHECK(checked.error().code == Code::TooLarge);
  CHECK(checked.error().why == "push: more than 8192 bytes");
}

/// The value with which a schema's member is set.
nlohmann::json example_of(const nlohmann::json& schema) {
  if (schema.contains("enum")) return schema["enum"][0];
  if (schema["type"] == "string") return "x";
  if (schema["type"][0] == "boolean") return true;
  if (schema["type"][0] == "string") return schema.value("format", "") == "uri" ? "https://m.example/i" : "x";
  if (schema["type"][0] == "array") return nlohmann::json::array({example_of(schema["items"])});
  nlohmann::json object;
  for (const auto& [name, member] : schema["properties"].items()) object[name] = example_of(member);
  return object;
}

TEST_CASE("push_info: it is the event's member, no field more or less, and the dispatcher reads it",
          "[im][domain][push_info]") {
  std::ifstream file(NIGHTPOST_SCHEMAS "/offline-event.schema.json");
  const nlohmann::json schema = nlohmann::json::parse(file)["properties"]["push"];
  const nlohmann::json all = example_of(schema);
  const std::string checked = canonical(all.dump());
  CHECK(nlohmann::json::parse(checked) == all);
  // And none beside them: the full one here has as many.
  CHECK(nlohmann::json::parse(kFull).flatten().size() == all.flatten().size());
  dispatch::Decoder decoder(1'000'000, 10);
  dispatch::OfflineEvent event;
  for (const std::string& push : {checked, std::string(kFull)}) {
    const std::string text =
        R"({"event_id":"e","app_id":1,"occurred_at":1700000000000,"expires_at":1700000001000,"kind":"c2c",)"
        R"("from":{"user_id":"a"},"to":[{"user_id":"b"}],"message":{"id":"1-1","elements":[{"type":"text","text":"a"}]},"push":)" +
        push + "}";
    const Result<void> decoded = decoder.decode(text, event);
    CAPTURE(decoded ? std::string() : decoded.error().detail);
    REQUIRE(decoded);
    CHECK(event.push_disabled);
    CHECK_FALSE(event.apns_level.empty());
  }
}

}  // namespace
}  // namespace nightpost::im
