#include "dispatch/outcome_json.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "dispatch/rule.h"

using namespace nightpost;
using namespace nightpost::dispatch;
using nlohmann::json;

namespace {

Outcome full_outcome() {
  return {.kind = OutcomeKind::Accepted,
          .rule = "accepted",
          .event_id = "01JDEVENT",
          .app = {1400000001},
          .user_id = "vin\"son",
          .device_id = "phone",
          .vendor = Vendor::Apns,
          .certificate = CertificateId{12},
          .vendor_id = "v1",
          .code = "C",
          .reason = "the vendor has taken it",
          .push_id = "5f0c1c3e-7d0a-8a6e-9f1b-2a3c4d5e6f70",
          .collapse_id = "m1",
          .attempt = 2,
          .at = wall_from_ms(1'795'225'887'405),
          .latency = milliseconds(120),
          .not_before = wall_from_ms(1'795'225'947'405),
          .traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"};
}

json outcome_schema() {
  std::ifstream file(NIGHTPOST_SCHEMAS "/outcome.schema.json");
  REQUIRE(file.good());
  return json::parse(file);
}

std::set<std::string> keys_of(const json& object) {
  std::set<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.insert(key);
  return keys;
}

}  // namespace

TEST_CASE("outcome: golden text", "[dispatch][outcome]") {
  CHECK(
      to_json(full_outcome()) ==
      R"({"v":1,"event_id":"01JDEVENT","app_id":1400000001,"user_id":"vin\"son","device_id":"phone","outcome":"accepted",)"
      R"("rule":"accepted","vendor":"apns","certificate_id":12,"vendor_id":"v1","code":"C",)"
      R"("reason":"the vendor has taken it","push_id":"5f0c1c3e-7d0a-8a6e-9f1b-2a3c4d5e6f70","collapse_id":"m1",)"
      R"("attempt":2,"at":1795225887405,"latency_ms":120,"not_before":1795225947405,)"
      R"("traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"})");
}

TEST_CASE("outcome: what the schema describes, no more, no less", "[dispatch][outcome]") {
  const json described = outcome_schema();
  CHECK(keys_of(json::parse(to_json(full_outcome()))) == keys_of(described["properties"]));
  Outcome least;
  least.rule = "unknown_app";
  least.app = {1};
  least.reason = "r";
  const std::set<std::string> required = described["required"].get<std::set<std::string>>();
  CHECK(keys_of(json::parse(to_json(least))) == required);
}

TEST_CASE("outcome: every kind, vendor and rule stands in the schema", "[dispatch][outcome]") {
  const json described = outcome_schema();
  std::set<std::string> kinds;
  for (int i = 0; i < static_cast<int>(OutcomeKind::Count); ++i)
    kinds.insert(std::string(name_of(static_cast<OutcomeKind>(i))));
  CHECK(kinds == described["properties"]["outcome"]["enum"].get<std::set<std::string>>());
  std::set<std::string> vendors;
  for (int i = 0; i < static_cast<int>(Vendor::Count); ++i)
    vendors.insert(std::string(name_of(static_cast<Vendor>(i))));
  CHECK(vendors == described["properties"]["vendor"]["enum"].get<std::set<std::string>>());
  std::set<std::string> rules = {std::string(kReceiptRule)};
  for (int i = 0; i < static_cast<int>(Rule::Count); ++i) {
    const auto rule = static_cast<Rule>(i);
    CHECK_FALSE(sentence_of(rule).empty());
    // These three name no outcome: nothing decided, and what could not be read has no receivers.
    if (rule != Rule::None && rule != Rule::Malformed && rule != Rule::TooBig) rules.insert(std::string(name_of(rule)));
  }
  CHECK(rules == described["properties"]["rule"]["enum"].get<std::set<std::string>>());
}

TEST_CASE("outcome: the longest and the worst texts have room", "[dispatch][outcome]") {
  Outcome outcome = full_outcome();
  const std::string worst(5'000, GENERATE('\x01', '"', '\xff', 'a'));
  for (std::string* const text : {&outcome.event_id, &outcome.user_id, &outcome.device_id, &outcome.vendor_id,
                                  &outcome.code, &outcome.reason, &outcome.push_id, &outcome.collapse_id})
    *text = worst;
  outcome.app = AppId{std::numeric_limits<std::int64_t>::min()};
  outcome.certificate = CertificateId{std::numeric_limits<std::int64_t>::min()};
  outcome.latency = milliseconds::min();
  outcome.at = outcome.not_before = WallTime{milliseconds::min() + milliseconds(1)};
  outcome.attempt = std::numeric_limits<int>::min();
  std::string out = "before ";
  append_json(out, outcome);
  CHECK(out.starts_with("before {"));
  const json parsed = json::parse(out.substr(7));
  CHECK(parsed["collapse_id"].get<std::string>().size() >= worst.size());
  CHECK(parsed["attempt"] == outcome.attempt);
}

TEST_CASE("outcome: a vendor's broken text does not break the JSON", "[dispatch][outcome]") {
  Outcome outcome = full_outcome();
  outcome.code = "bad\xff";
  outcome.reason = "line\nbreak \x01";
  outcome.device_id = "\xc3";
  const json parsed = json::parse(to_json(outcome));
  CHECK(parsed["code"] == "bad\uFFFD");
  CHECK(parsed["reason"] == "line\nbreak \x01");
  CHECK(parsed["device_id"] == "\uFFFD");
}
