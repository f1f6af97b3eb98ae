// Outcomes of pushes as an app's server is told of them.
#include "im/callbacks/push_outcome.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <string>

using namespace nightpost;
using namespace nightpost::im;
using nlohmann::json;

namespace {

json outcome(const std::string& kind, json more = json::object()) {
  json all = {
      {"v", 1},           {"event_id", "12-5"}, {"app_id", 7},         {"user_id", "mia"}, {"device_id", "phone"},
      {"outcome", kind},  {"rule", "accepted"}, {"reason", "because"}, {"attempt", 1},     {"at", 1'700'000'000'123},
      {"latency_ms", 12}, {"vendor", "huawei"}, {"push_id", "p"}};
  all.update(more);
  return all;
}

/// "3 1 0 info": platform, stage, code, info; "none".
std::string words(const json& from) {
  const auto made = push_outcome(from.dump());
  if (!made) return "none";
  return std::to_string(made->platform) + " " + std::to_string(made->stage) + " " + std::to_string(made->code) + " " +
         made->info;
}

}  // namespace

TEST_CASE("push outcome: each outcome has its platform, stage and code", "[im][callbacks]") {
  struct Row {
    const char* name;
    json from;
    std::string want;
  };
  const Row row = GENERATE(values<Row>({
      {"taken by the vendor", outcome("accepted"), "3 1 0 "},
      {"the phone has it", outcome("delivered", {{"attempt", 0}}), "3 2 0 "},
      {"tapped on", outcome("clicked", {{"attempt", 0}}), "3 3 0 "},
      {"a token that is gone", outcome("token_removed", {{"code", "80300007"}}), "3 1 80300007 80300007: because"},
      {"a code in words", outcome("rejected", {{"vendor", "apns"}, {"code", "BadDeviceToken"}}),
       "1 1 1 BadDeviceToken: because"},
      {"a code of 0 is no success", outcome("rejected", {{"code", "0"}}), "3 1 1 0: because"},
      {"a negative code", outcome("rejected", {{"code", "-108"}}), "3 1 1 -108: because"},
      {"given up without a vendor", outcome("dead", {{"vendor", nullptr}, {"attempt", 0}}), "0 1 1 because"},
      {"held back by the vendor", outcome("suppressed", {{"code", "21"}}), "3 1 21 21: because"},
      {"too late after a try", outcome("expired"), "3 1 1 because"},
      {"xiaomi", outcome("accepted", {{"vendor", "xiaomi"}}), "2 1 0 "},
      {"fcm", outcome("accepted", {{"vendor", "fcm"}}), "4 1 0 "},
      {"meizu", outcome("accepted", {{"vendor", "meizu"}}), "5 1 0 "},
      {"oppo", outcome("accepted", {{"vendor", "oppo"}}), "6 1 0 "},
      {"vivo", outcome("accepted", {{"vendor", "vivo"}}), "7 1 0 "},
      {"honor", outcome("accepted", {{"vendor", "honor"}}), "8 1 0 "},
      {"a vendor of tomorrow", outcome("accepted", {{"vendor", "next"}}), "0 1 0 "},
      {"put off: more follows", outcome("retrying"), "none"},
      {"held back by the user", outcome("suppressed", {{"attempt", 0}}), "none"},
      {"too late before it began", outcome("expired", {{"attempt", 0}}), "none"},
      {"a kind of tomorrow", outcome("read"), "none"},
      {"no kind", outcome("accepted", {{"outcome", 1}}), "none"},
      {"no event", outcome("accepted", {{"event_id", nullptr}}), "none"},
      {"no app", outcome("accepted", {{"app_id", "7"}}), "none"},
      {"no object", json::array({1}), "none"},
  }));
  CAPTURE(row.name);
  CHECK(words(row.from) == row.want);
}

TEST_CASE("push outcome: what it says of whom", "[im][callbacks]") {
  const auto made = push_outcome(outcome("accepted").dump());
  REQUIRE(made);
  CHECK(made->app == AppId{7});
  CHECK(made->event_id == "12-5");
  CHECK(made->user == "mia");
  CHECK(made->device == "phone");
  CHECK(made->push_id == "p");
  CHECK(to_ms(made->at) == 1'700'000'000'123);
  CHECK_FALSE(push_outcome("{"));
  CHECK_FALSE(push_outcome(""));
}
