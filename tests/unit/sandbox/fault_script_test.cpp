#include "sandbox/fault_script.h"

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>

namespace nightpost::sandbox {
namespace {

FaultScript script_of(std::string_view json) {
  auto script = FaultScript::parse(json);
  INFO((script ? std::string() : script.error().detail));
  REQUIRE(script.has_value());
  return std::move(*script);
}

/// One push of APNs to one token.
Faults pick_one(FaultScript& script, std::string_view token = "ab", std::string_view topic = "") {
  const TokenVerdict verdict{token, ""};
  return script.pick({.vendor = "apns", .tokens = {&verdict, 1}, .topic = topic});
}

/// The statuses that requests for `token` meet, one after another; 0: no rule.
std::vector<int> statuses(FaultScript& script, std::string_view token, int count) {
  std::vector<int> met;
  for (int i = 0; i < count; ++i) {
    const Faults faults = pick_one(script, token, "com.example");
    met.push_back(faults.request ? faults.request->answer->status : 0);
  }
  return met;
}

TEST_CASE("fault script: counters", "[sandbox]") {
  struct Row {
    const char* name;
    const char* match;
    std::vector<int> want;
  };
  const Row row = GENERATE(values<Row>({
      {"every request", "{}", {500, 500, 500, 500, 500}},
      {"the third", R"({"nth":3})", {0, 0, 500, 0, 0}},
      {"not the first two", R"({"after":2})", {0, 0, 500, 500, 500}},
      {"twice", R"({"times":2})", {500, 500, 0, 0, 0}},
      {"twice after one", R"({"after":1,"times":2})", {0, 500, 500, 0, 0}},
      {"a share of nothing", R"({"share":0})", {0, 0, 0, 0, 0}},
      {"no requests at all", R"({"share":0,"share_of":"requests"})", {0, 0, 0, 0, 0}},
  }));
  CAPTURE(row.name);
  FaultScript script = script_of(std::string(R"([{"match":)") + row.match + R"(,"act":{"status":500}}])");
  CHECK(statuses(script, "ab", 5) == row.want);
}

TEST_CASE("fault script: what a rule looks at", "[sandbox]") {
  struct Row {
    const char* match;
    std::string_view token;
    std::string_view topic;
    bool want;
  };
  const Row row = GENERATE(values<Row>({
      {R"({"token":"abcd"})", "abcd", "t", true},
      {R"({"token":"abcd"})", "abcde", "t", false},
      {R"({"token_prefix":"ab"})", "abcd", "t", true},
      {R"({"token_prefix":"ab"})", "a", "t", false},
      {R"({"topic":"t"})", "abcd", "t", true},
      {R"({"topic":"t"})", "abcd", "tt", false},
      {R"({"vendor":"apns"})", "abcd", "t", true},
      {R"({"vendor":"fcm"})", "abcd", "t", false},
      {R"({"token":"abcd","topic":"x"})", "abcd", "t", false},
  }));
  CAPTURE(row.match);
  FaultScript script = script_of(std::string(R"({"rules":[{"match":)") + row.match + R"(,"act":{"hang":true}}]})");
  CHECK(pick_one(script, row.token, row.topic).any() == row.want);
}

TEST_CASE("fault script: the first rule that acts wins", "[sandbox]") {
  FaultScript script = script_of(R"([{"match":{"times":1},"act":{"status":503}},{"act":{"status":429}}])");
  CHECK(statuses(script, "ab", 3) == std::vector<int>{503, 429, 429});
}

TEST_CASE("fault script: a share is stable by token and seed", "[sandbox]") {
  FaultScript one = script_of(R"([{"match":{"share":0.3},"act":{"status":500}}])");
  FaultScript two = script_of(R"([{"match":{"share":0.3,"seed":"other"},"act":{"status":500}}])");
  int hit = 0;
  int differ = 0;
  for (int i = 0; i < 2000; ++i) {
    const std::string token = "token" + std::to_string(i);
    const auto met = statuses(one, token, 2);
    CHECK(met[0] == met[1]);
    hit += met[0] == 500;
    differ += met[0] != statuses(two, token, 1)[0];
  }
  CHECK(hit > 500);
  CHECK(hit < 700);
  CHECK(differ > 500);
}

TEST_CASE("fault script: a share of requests lets a repeat through", "[sandbox]") {
  FaultScript script = script_of(R"([{"match":{"share":0.5,"share_of":"requests"},"act":{"status":500}}])");
  const auto met = statuses(script, "ab", 1000);
  const auto hit = std::ranges::count(met, 500);
  CHECK(hit > 400);
  CHECK(hit < 600);
}

TEST_CASE("fault script: latency is fixed or drawn from a range", "[sandbox]") {
  FaultScript fixed = script_of(R"([{"act":{"latency_ms":70}}])");
  CHECK(pick_one(fixed).latency == milliseconds(70));
  FaultScript ranged = script_of(R"([{"act":{"latency_ms":[10,12]}}])");
  std::array<int, 3> seen{};
  for (int i = 0; i < 300; ++i) {
    const auto latency = pick_one(ranged).latency.count();
    REQUIRE(latency >= 10);
    REQUIRE(latency <= 12);
    ++seen[static_cast<std::size_t>(latency - 10)];
  }
  CHECK(std::ranges::all_of(seen, [](int count) { return count > 0; }));
}

TEST_CASE("fault script: everything an act can say", "[sandbox]") {
  FaultScript script = script_of(R"([{"name":"all","match":{},"act":{
    "status":410,"reason":"Unregistered","timestamp":1735603200000,"retry_after":5,
    "goaway":{"debug":"{}","code":2,"last_stream":7},
    "settings":{"max_concurrent_streams":1,"initial_window_size":100}}}])");
  const Faults faults = pick_one(script);
  REQUIRE(faults.request);
  CHECK(faults.on_connection == std::vector<const FaultAct*>{faults.request});
  const FaultAct& act = *faults.request;
  CHECK(act.answer->status == 410);
  CHECK(act.answer->reason == "Unregistered");
  CHECK(act.answer->timestamp_ms == 1735603200000);
  CHECK(act.answer->retry_after_s == 5);
  CHECK(act.goaway->debug == "{}");
  CHECK(act.goaway->code == 2);
  CHECK(act.goaway->last_stream == 7);
  CHECK(act.settings == std::vector<std::pair<std::uint16_t, std::uint32_t>>{{3, 1}, {4, 100}});
  CHECK_FALSE(act.reset.has_value());
  FaultScript reset = script_of(R"([{"act":{"reset":7}}])");
  CHECK(pick_one(reset).request->reset == 7);
  FaultScript hang = script_of(R"([{"act":{"hang":true}}])");
  CHECK(pick_one(hang).request->hang);
  FaultScript drop = script_of(R"([{"act":{"drop":true}}])");
  CHECK(pick_one(drop).request->drop);
  CHECK(script_of(R"({"now":{"drop":true}})").now()->drop);
  CHECK_FALSE(script_of("[]").now().has_value());
}

/// "0:UNREGISTERED 2:OTHER", or the status for the whole request.
std::string batch_meets(FaultScript& script, const std::vector<TokenVerdict>& tokens) {
  const Faults faults = script.pick({.vendor = "huawei", .tokens = tokens, .tells = [](std::string_view reason) {
                                       return !reason.starts_with("8");
                                     }});
  std::string out;
  for (const auto& [index, answer] : faults.tokens)
    out += (out.empty() ? "" : " ") + std::to_string(index) + ':' + answer->reason;
  if (faults.request)
    out +=
        (out.empty() ? "" : " ") + std::to_string(faults.request->answer.value_or(ScriptedAnswer{.status = 0}).status);
  return out;
}

TEST_CASE("fault script: a rule for a token acts on that token alone where the vendor can say so", "[sandbox]") {
  struct Row {
    const char* name;
    const char* rules;
    std::vector<std::string> want;  // of one batch after another
  };
  const Row row = GENERATE(values<Row>({
      {"by name", R"([{"match":{"token":"b1"},"act":{"status":200,"reason":"gone"}}])", {"1:gone"}},
      {"by prefix", R"([{"match":{"token_prefix":"a"},"act":{"status":200,"reason":"gone"}}])", {"0:gone 2:gone"}},
      {"nobody", R"([{"match":{"token":"zz"},"act":{"status":200,"reason":"gone"}}])", {""}},
      {"all as a share",
       R"([{"match":{"share":0.9999999},"act":{"status":200,"reason":"gone"}}])",
       {"0:gone 1:gone 2:gone"}},
      {"one that is refused already", R"([{"match":{"token":"dd"},"act":{"status":200,"reason":"gone"}}])", {""}},
      {"the first rule wins, token by token",
       R"([{"match":{"token":"a1"},"act":{"status":200,"reason":"x"}},
           {"match":{"token_prefix":"a"},"act":{"status":200,"reason":"y"}}])",
       {"0:x 2:y"}},
      {"a later rule for the request wins over all",
       R"([{"match":{"token":"a1"},"act":{"status":200,"reason":"x"}},
          {"act":{"status":503}}])",
       {"503"}},
      {"one that only delays does not",
       R"([{"match":{"token":"a1"},"act":{"status":200,"reason":"x"}},
          {"act":{"latency_ms":5}}])",
       {"0:x 0"}},
      {"what the vendor cannot say of one is said of all",
       R"([{"match":{"token":"b1"},"act":{"status":400,"reason":"80100001"}}])",
       {"400"}},
      {"no answer at all is for all", R"([{"match":{"token":"b1"},"act":{"hang":true}}])", {"0"}},
      {"tokens are counted",
       R"([{"match":{"token_prefix":"a","times":3},"act":{"status":200,"reason":"x"}}])",
       {"0:x 2:x", "0:x", ""}},
      {"a share of requests is for the request",
       R"([{"match":{"token":"b1","share":0.9999999,"share_of":"requests","nth":2},"act":{"status":500}}])",
       {"", "500", ""}},
      {"the n-th request", R"([{"match":{"nth":2},"act":{"status":500}}])", {"", "500", ""}},
      {"a prefix that its token lacks", R"([{"match":{"token":"b1","token_prefix":"a"},"act":{"status":500}}])", {""}},
  }));
  CAPTURE(row.name);
  FaultScript script = script_of(row.rules);
  for (const std::string& want : row.want)
    CHECK(batch_meets(script, {{"a1", ""}, {"b1", ""}, {"a2", ""}, {"dd", "dead"}}) == want);
}

TEST_CASE("fault script: token endpoints are met by path only", "[sandbox]") {
  FaultScript pushes = script_of(R"([{"act":{"status":500}}])");
  CHECK_FALSE(pushes.pick({.vendor = "fcm", .tokens = {}, .topic = "", .target = "/token", .push = false}).any());
  FaultScript grants = script_of(R"([{"match":{"path_prefix":"/token"},"act":{"status":500}}])");
  CHECK(grants.pick({.vendor = "fcm", .tokens = {}, .topic = "", .target = "/token", .push = false}).any());
  CHECK_FALSE(grants.pick({.vendor = "fcm", .tokens = {}, .topic = "", .target = "/v1/x", .push = true}).any());
}

TEST_CASE("fault script: what is wrong is named by its path", "[sandbox]") {
  struct Row {
    const char* json;
    const char* want;
  };
  const Row row = GENERATE(values<Row>({
      {"", "$: not JSON (byte 1)"},
      {"7", "$: not an object"},
      {R"({"rules":{}})", "$.rules: not an array"},
      {R"({"rule":[]})", "$.rule: unknown member"},
      {"[7]", "$[0]: not an object"},
      {R"({"rules":[{}, {"act":7}]})", "$.rules[1].act: not an object"},
      {R"([{"match":{"share":1.5}}])", "$[0].match.share: not a number in [0.0, 1.0]"},
      {R"([{"match":{"share":"1"}}])", "$[0].match.share: not a number in [0.0, 1.0]"},
      {R"([{"match":{"share_of":"x"}}])", "$[0].match.share_of: not tokens or requests"},
      {R"([{"match":{"nth":0}}])", "$[0].match.nth: not an integer in [1, 1000000000000]"},
      {R"([{"match":{"times":-1}}])", "$[0].match.times: not an integer in [1, 1000000000000]"},
      {R"([{"match":{"after":1.5}}])", "$[0].match.after: not an integer in [0, 1000000000000]"},
      {R"([{"match":{"tokens":"a"}}])", "$[0].match.tokens: unknown member"},
      {R"([{"match":{"token":1}}])", "$[0].match.token: not a string"},
      {R"([{"act":{"latency_ms":-1}}])", "$[0].act.latency_ms: not an integer in [0, 3600000] or [least, most]"},
      {R"([{"act":{"latency_ms":[5,4]}}])", "$[0].act.latency_ms: not an integer in [0, 3600000] or [least, most]"},
      {R"([{"act":{"latency_ms":[5]}}])", "$[0].act.latency_ms: not an integer in [0, 3600000] or [least, most]"},
      {R"([{"act":{"status":99}}])", "$[0].act.status: not an integer in [200, 599]"},
      {R"([{"act":{"reason":"x"}}])", "$[0].act.status: missing beside reason, timestamp or retry_after"},
      {R"([{"act":{"status":500,"hang":true}}])",
       "$[0].act.status: only one of status, reset, hang and drop can happen"},
      {R"([{"act":{"hang":1}}])", "$[0].act.hang: not true or false"},
      {R"([{"act":{"reset":4294967296}}])", "$[0].act.reset: not an integer in [0, 4294967295]"},
      {R"([{"act":{"goaway":{"last_stream":-1}}}])", "$[0].act.goaway.last_stream: not an integer in [0, 2147483647]"},
      {R"([{"act":{"goaway":{"reason":"x"}}}])", "$[0].act.goaway.reason: unknown member"},
      {R"([{"act":{"settings":{"initial_window_size":2147483648}}}])",
       "$[0].act.settings.initial_window_size: not an integer in [0, 2147483647]"},
      {R"({"now":{"status":500}})", "$.now: only goaway, settings and drop can be done to a connection"},
  }));
  CAPTURE(row.json);
  const auto script = FaultScript::parse(row.json);
  REQUIRE_FALSE(script.has_value());
  CHECK(script.error().code == Errc::Malformed);
  CHECK(script.error().detail == row.want);
}

}  // namespace
}  // namespace nightpost::sandbox
