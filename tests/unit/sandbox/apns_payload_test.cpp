#include "sandbox/apns_payload.h"

#include <catch2/catch.hpp>

namespace nightpost::sandbox::apns {
namespace {

std::string fault_of(std::string_view body, std::string_view type = "alert") {
  simdjson::dom::parser parser;
  return payload_fault(body, type, parser).value_or("");
}

TEST_CASE("apns payload: good ones", "[sandbox]") {
  struct Row {
    const char* type;
    const char* body;
  };
  const Row row = GENERATE(values<Row>({
      {"alert", R"({"aps":{"alert":"hi"}})"},
      {"alert",
       R"({"aps":{"alert":{"title":"Order shipped","body":"Parcel 8841 left the warehouse"},"badge":3,"sound":"default","thread-id":"orders","category":"ORDER"},"ext":{"oid":8841},"click":{"t":"page","v":"shop://orders/8841"}})"},
      {"alert", R"({"aps":{"badge":0}})"},
      {"alert", R"({"aps":{"sound":{"critical":1,"name":"x.caf","volume":0.5}}})"},
      {"alert", R"({"aps":{"alert":{"loc-key":"K","loc-args":["a","b"],"summary-arg-count":2}}})"},
      {"alert", R"({"aps":{"alert":"x","interruption-level":"time-sensitive","relevance-score":1}})"},
      {"alert", R"({"aps":{"alert":"x","from-the-future":[1]},"free":null})"},
      {"alert", R"({"aps":{"alert":"你好 \u4f60 👍"}})"},
      {"background", R"({"aps":{"content-available":1},"sync":"inbox"})"},
      {"voip", R"({"call":1})"},
      {"mdm", R"({"mdm":"x"})"},
      {"", R"({})"},
      {"widgets", R"({"aps":{"content-changed":true}})"},
      {"liveactivity",
       R"({"aps":{"timestamp":1,"event":"update","content-state":{},"relevance-score":100,"stale-date":2}})"},
  }));
  CAPTURE(row.body);
  CHECK(fault_of(row.body, row.type).empty());
}

TEST_CASE("apns payload: what is wrong is named by its path", "[sandbox]") {
  struct Row {
    const char* type;
    std::string body;
    const char* want;
  };
  const Row row = GENERATE(values<Row>({
      {"alert", "[1]", "$: not an object"},
      {"alert", R"({"alert":"x"})", "$.aps: missing"},
      {"alert", R"({"aps":"x"})", "$.aps: not an object"},
      {"alert", R"({"aps":{"alert":1}})", "$.aps.alert: not a string or object"},
      {"alert", R"({"aps":{"alert":{"title":1}}})", "$.aps.alert.title: not a string"},
      {"alert", R"({"aps":{"alert":{"body":null}}})", "$.aps.alert.body: null"},
      {"alert", R"({"aps":{"alert":{"loc-args":["a",1]}}})", "$.aps.alert.loc-args: not an array of strings"},
      {"alert", R"({"aps":{"badge":"3"}})", "$.aps.badge: not an integer >= 0"},
      {"alert", R"({"aps":{"badge":-1}})", "$.aps.badge: not an integer >= 0"},
      {"alert", R"({"aps":{"badge":1.0}})", "$.aps.badge: not an integer >= 0"},
      {"alert", R"({"aps":{"badge":null}})", "$.aps.badge: null"},
      {"alert", R"({"aps":{"sound":1}})", "$.aps.sound: not a string or object"},
      {"alert", R"({"aps":{"sound":{"name":1}}})", "$.aps.sound: name is not a string"},
      {"alert", R"({"aps":{"sound":{"critical":true,"name":"x"}}})", "$.aps.sound: critical is not 1"},
      {"alert", R"({"aps":{"sound":{"name":"x","volume":2}}})", "$.aps.sound: volume is not in [0, 1]"},
      {"alert", R"({"aps":{"alert":"x","mutable-content":true}})", "$.aps.mutable-content: not 1"},
      {"alert", R"({"aps":{"alert":"x","content-available":0}})", "$.aps.content-available: not 1"},
      {"alert", R"({"aps":{"alert":"x","thread-id":7}})", "$.aps.thread-id: not a string"},
      {"alert", R"({"aps":{"alert":"x","interruption-level":"loud"}})",
       "$.aps.interruption-level: not an interruption level"},
      {"alert", R"({"aps":{"alert":"x","relevance-score":1.5}})", "$.aps.relevance-score: not a number in [0, 1]"},
      {"alert", R"({"aps":{"alert":"x","url-args":"a"}})", "$.aps.url-args: not an array of strings"},
      {"alert", R"({"aps":{"alert":"x","content-changed":1}})", "$.aps.content-changed: not true or false"},
      {"alert", R"({"aps":{"alert":"x","timestamp":1.5}})", "$.aps.timestamp: not an integer"},
      {"alert", R"({"aps":{"content-available":1}})", "$.aps: an alert has alert, badge or sound"},
      {"background", R"({"aps":{}})", "$.aps.content-available: a background push needs it"},
      {"background", R"({"aps":{"content-available":1,"badge":1}})",
       "$.aps: a background push has no alert, badge or sound"},
      {"controls", R"({"aps":{}})", "$.aps.content-changed: missing"},
      {"liveactivity", R"({"aps":{"event":"start"}})", "$.aps: a live activity has timestamp and event"},
      {"liveactivity", R"({"aps":{"timestamp":1,"event":"begin"}})", "$.aps.event: not start, update or end"},
      {"liveactivity", R"({"aps":{"timestamp":1,"event":"end","content-state":[]}})",
       "$.aps.content-state: not an object"},
  }));
  CAPTURE(row.body);
  CHECK(fault_of(row.body, row.type) == row.want);
}

TEST_CASE("apns payload: not JSON, or not UTF-8", "[sandbox]") {
  const std::string body = GENERATE(values<std::string>({
      "x",
      R"({"aps":{"alert":"x"})",
      R"({"aps":{"alert":"x"}} x)",
      R"({'aps':{}})",
      "{\"aps\":{\"alert\":\"\xff\"}}",
      "{\"aps\":{\"alert\":\"\xed\xa0\x80\"}}",
      "{\"aps\":{\"alert\":\"a\nb\"}}",
      R"({"aps":{"alert":"\ud83d"}})",
      R"({"aps":{"alert":"x"},})",
      R"({"aps":{"badge":01}})",
      "{\"aps\":{\"alert\":\"x\"}}" + std::string(1, '\0'),
  }));
  CAPTURE(body);
  CHECK(fault_of(body).starts_with("$: "));
}

}  // namespace
}  // namespace nightpost::sandbox::apns
