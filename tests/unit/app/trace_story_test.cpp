// The screen of `nightpost trace`: golden texts of the stories that support is asked about.
#include "app/trace_story.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "app/trace_advice.h"
#include "dispatch/rule.h"

namespace nightpost::app {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kStart = 1'795'225'887'405;  // 2026-11-21 01:51:27.405 UTC
const WallTime kNow = wall_from_ms(kStart + 7'380'000);

store::TraceHop hop(std::string what, std::int64_t ms, Json facts, std::string user = "", std::string device = "") {
  return {.event_id = "01JDEVENT",
          .app = {1400000001},
          .user_id = std::move(user),
          .device_id = std::move(device),
          .hop = std::move(what),
          .at = wall_from_ms(kStart + ms),
          .facts = facts.dump()};
}

store::TraceHop consumed(Json more = Json::object()) {
  Json facts = {{"kind", "c2c"},
                {"from", "denny"},
                {"message_id", "m7"},
                {"occurred_at", kStart},
                {"expires_at", kStart + 86'400'000},
                {"receivers", 1},
                {"to", "vinson"},
                {"worker", "host:77"},
                {"topic", "nightpost.offline.v1"},
                {"partition", 3},
                {"offset", 1233}};
  facts.update(more);
  return hop("consumed", 105, facts);
}

Json outcome(const std::string& name, const std::string& rule, const std::string& reason, Json more = Json::object()) {
  Json facts = {{"outcome", name}, {"rule", rule}, {"reason", reason}, {"attempt", 1}};
  facts.update(more);
  return facts;
}

std::string text_of(const std::vector<store::TraceHop>& hops, std::size_t devices_max = 20) {
  return trace_text(story_of(hops, kNow), kNow, devices_max);
}

TEST_CASE("trace story: taken, delivered and tapped on", "[app][trace]") {
  const std::vector hops = {
      consumed({{"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}}),
      hop("resolved", 107, {{"receivers", 1}, {"devices", 1}}),
      hop("outcome", 230,
          outcome("accepted", "accepted", "the vendor has taken it",
                  {{"vendor", "huawei"},
                   {"certificate_id", 12},
                   {"push_id", "5f0c"},
                   {"vendor_id", "hw-9"},
                   {"sent_at", kStart + 110}}),
          "vinson", "phone"),
      hop("settled", 231, {{"outcomes", {{"accepted", 1}}}}),
      hop("receipt", 65'000, outcome("clicked", "receipt", "the vendor reports that it was tapped on"), "vinson",
          "phone"),
      hop("receipt", 9'000, outcome("delivered", "receipt", "the vendor reports that the device has it"), "vinson",
          "phone"),
  };
  CHECK(text_of(hops) ==
        "event 01JDEVENT of app 1400000001\n"
        "  a one-to-one message (m7) from denny to vinson\n"
        "  published 2026-11-21 01:51:27 UTC, 2 h 3 min ago\n"
        "  to be pushed until 2026-11-22 01:51:27 UTC\n"
        "  trace id 4bf92f3577b34da6a3ce929d0e0e4736\n"
        "\n"
        "      +0.000 s  published\n"
        "      +0.105 s  consumed by worker host:77 (nightpost.offline.v1 partition 3 offset 1233)\n"
        "      +0.107 s  1 device of 1 user found\n"
        "      +0.231 s  done: 1 accepted\n"
        "\n"
        "vinson, device phone\n"
        "      +0.110 s  sent to huawei, certificate 12, push id 5f0c\n"
        "      +0.230 s  accepted: the vendor has taken it, vendor's id hw-9\n"
        "      +9.000 s  receipt: delivered: the vendor reports that the device has it\n"
        "    +1 min 5 s  receipt: clicked: the vendor reports that it was tapped on\n"
        "  => It arrived and was tapped on.\n");
}

TEST_CASE("trace story: tried until there was no more time", "[app][trace]") {
  const std::vector hops = {
      consumed({{"kind", "group"}, {"group", "team"}, {"receivers", 3}, {"to", nullptr}, {"expires_at", kStart + 1}}),
      hop("attempt", 230,
          {{"vendor", "apns"},
           {"certificate_id", 1},
           {"push_id", "5f0c"},
           {"code", "503"},
           {"reason", "busy"},
           {"attempt", 1},
           {"sent_at", kStart + 110},
           {"retry_at", kStart + 2'100}},
          "vinson", "phone"),
      hop("attempt", 2'100,
          {{"code", "timeout"},
           {"reason", "the token endpoint is silent"},
           {"attempt", 1},
           {"sent_at", kStart + 110},
           {"retry_at", kStart + 3'000}},
          "vinson", "phone"),
      hop("outcome", 120'000,
          outcome("dead", "retries_exhausted", "it was tried as often and as long as allowed: busy",
                  {{"vendor", "apns"},
                   {"certificate_id", 1},
                   {"push_id", "5f0c"},
                   {"code", "503"},
                   {"attempt", 2},
                   {"sent_at", kStart + 3'000}}),
          "vinson", "phone"),
      hop("settled", 120'001,
          {{"outcomes", {{"accepted", 2}, {"dead", 1}}},
           {"dead_letter", {{"stage", "deliver"}, {"reason", "retries_exhausted"}}}}),
  };
  CHECK(text_of(hops) ==
        "event 01JDEVENT of app 1400000001\n"
        "  a group message (m7) from denny in group team to 3 users\n"
        "  published 2026-11-21 01:51:27 UTC, 2 h 3 min ago\n"
        "  not to be pushed since 2026-11-21 01:51:27 UTC\n"
        "\n"
        "      +0.000 s  published\n"
        "      +0.105 s  consumed by worker host:77 (nightpost.offline.v1 partition 3 offset 1233)\n"
        "    +2 min 0 s  done: 2 accepted, 1 dead; in the dead topic (deliver: retries_exhausted)\n"
        "\n"
        "vinson, device phone\n"
        "      +0.110 s  sent to apns, certificate 1, push id 5f0c\n"
        "      +0.230 s  try 1 failed: busy (503); next try at +2.100 s\n"
        "      +2.100 s  could not be sent: the token endpoint is silent (timeout); next try at +3.000 s\n"
        "      +3.000 s  sent to apns, certificate 1, push id 5f0c\n"
        "    +2 min 0 s  dead: it was tried as often and as long as allowed: busy (503)\n"
        "  => The vendor failed it for the whole time allowed. Once it is well again, replay. The event is in the "
        "dead topic: nightpost dlq show 01JDEVENT, nightpost dlq replay --event 01JDEVENT.\n");
}

TEST_CASE("trace story: what the last line says", "[app][trace]") {
  struct Row {
    const char* name;
    std::vector<store::TraceHop> hops;
    std::string todo;
  };
  const std::int64_t later = 7'380'000 + 150'000;
  const Row row = GENERATE_COPY(values<Row>({
      {"muted",
       {hop("outcome", 1, outcome("suppressed", "muted_group", "r"), "vinson")},
       "The user has to unmute the group: nightpost user show lists the mutes."},
      {"no device",
       {hop("outcome", 1, outcome("suppressed", "no_device", "r"), "vinson")},
       "The app must report its token after the login: nightpost device list shows none for this user."},
      {"token gone",
       {hop("outcome", 1, outcome("token_removed", "token_gone", "r"), "vinson", "p")},
       "The app was removed or has a new token: it must register again, which it does when it is opened."},
      {"token gone by receipt, after it was taken",
       {hop("outcome", 1, outcome("accepted", "accepted", "r"), "vinson", "p"),
        hop("receipt", 2, outcome("token_removed", "receipt", "r"), "vinson", "p")},
       "The app must register again: the vendor reports that the token is gone."},
      {"not shown by receipt",
       {hop("receipt", 2, outcome("suppressed", "receipt", "r"), "vinson", "p")},
       "The vendor took it and reports that it was not shown; its words above say why."},
      {"tried again",
       {hop("attempt", 1, {{"retry_at", kStart + later}}, "vinson", "p")},
       "It is tried again: next try at 2026-11-21 03:56:57 UTC, in 2 min 30 s."},
      {"was to be tried again",
       {hop("attempt", 1, {{"retry_at", kStart + 5'000}}, "vinson", "p")},
       "It is tried again: the next try was due at 2026-11-21 01:51:32 UTC. If that is long ago, look at the lag of "
       "the "
       "worker."},
      {"in a delay topic",
       {hop("outcome", 1, outcome("retrying", "vendor_throttled", "r", {{"not_before", kStart + later}}), "vinson",
            "p")},
       "It waits in the 1h delay topic: next try at 2026-11-21 03:56:57 UTC, in 2 min 30 s."},
      {"came back from a delay topic",
       {hop("outcome", 1, outcome("retrying", "vendor_throttled", "r", {{"not_before", kStart + 9}}), "vinson", "p"),
        hop("outcome", 9, outcome("accepted", "accepted", "r"), "vinson", "p")},
       "The vendor has it. If the phone shows nothing: its notification settings, its battery saver, or no network."},
      {"clicked comes before delivered",
       {hop("receipt", 1, outcome("clicked", "receipt", "r"), "vinson", "p"),
        hop("receipt", 2, outcome("delivered", "receipt", "r"), "vinson", "p")},
       "It arrived and was tapped on."},
      {"a rule from the future",
       {hop("outcome", 1, outcome("rejected", "of_the_future", "r"), "vinson", "p")},
       "See the reason above."},
  }));
  CAPTURE(row.name);
  const TraceStory story = story_of(row.hops, kNow);
  REQUIRE(story.devices.size() == 1);
  CHECK(story.devices[0].todo == row.todo);
}

TEST_CASE("trace story: every rule that can end a push has its advice", "[app][trace]") {
  for (std::size_t i = 1; i < static_cast<std::size_t>(dispatch::Rule::Count); ++i) {
    const std::string_view rule = name_of(static_cast<dispatch::Rule>(i));
    CAPTURE(rule);
    CHECK_FALSE(advice_of(rule).empty());
  }
  CHECK(advice_of("none").empty());
  CHECK(advice_of("").empty());
}

TEST_CASE("trace story: of many devices those that went wrong come first", "[app][trace]") {
  std::vector<store::TraceHop> hops;
  for (int i = 0; i < 30; ++i)
    hops.push_back(
        hop("outcome", i, outcome(i == 25 ? "rejected" : "accepted", "accepted", "r"), "u" + std::to_string(i), "p"));
  hops.push_back(hop("settled", 31, {{"outcomes", Json::object()}, {"left_out", 70}}));
  const std::string text = text_of(hops, 3);
  CHECK(text.find("\nu25, device p\n") < text.find("\nu0, device p\n"));
  CHECK(text.find("\nu2, device p\n") == std::string::npos);
  CHECK(text.find("\n27 devices more are not shown: name one with --user\n") != std::string::npos);
  CHECK(text.find("the event has so many receivers that 70 hops were not kept") != std::string::npos);
}

TEST_CASE("trace story: malformed events, broken rows and foreign bytes do not stop it", "[app][trace]") {
  std::vector<store::TraceHop> hops = {
      hop("outcome", 0,
          {{"outcome", "dead"},
           {"rule", "malformed"},
           {"reason", "the event breaks the contract"},
           {"code", "$.to: missing"}}),
      hop("outcome", 1, {{"outcome", 5}, {"rule", nullptr}, {"sent_at", "soon"}}, "vinson", "p"),
      hop("of the future", 2, Json::object()),
  };
  hops.push_back(hop("outcome", 3, Json::object(), "denny", "p"));
  hops.back().facts = "no JSON";
  hops.push_back(hop("consumed", 4, Json::object()));
  hops.back().facts = "[]";
  hops.push_back(hop("settled", 5, {{"outcomes", 7}, {"dead_letter", "x"}, {"left_out", -3}}));
  hops.push_back(hop("resolved", 6, {{"devices", "many"}}));
  const std::string text = text_of(hops);
  CHECK(text.find("nobody by name") != std::string::npos);
  CHECK(text.find("dead: the event breaks the contract ($.to: missing)") != std::string::npos);
  CHECK(text.find("Repair the producer.") != std::string::npos);
  CHECK(trace_json(story_of(hops, kNow))["left_out"] == 0);
}

TEST_CASE("trace story: as JSON it holds the same", "[app][trace]") {
  const std::vector hops = {consumed(), hop("outcome", 230, outcome("suppressed", "muted_peer", "r"), "vinson")};
  const Json json = trace_json(story_of(hops, kNow));
  CHECK(json["event_id"] == "01JDEVENT");
  CHECK(json["app_id"] == 1400000001);
  CHECK(json["start"] == kStart);
  CHECK(json["event"]["from"] == "denny");
  REQUIRE(json["devices"].size() == 1);
  CHECK(json["devices"][0]["state"] == "suppressed");
  CHECK(json["devices"][0]["rule"] == "muted_peer");
  CHECK(json["devices"][0]["hops"][0]["facts"]["outcome"] == "suppressed");
  CHECK(json["hops"][0]["hop"] == "consumed");
}

TEST_CASE("trace story: spans of time", "[app][trace]") {
  struct Row {
    std::int64_t ms;
    const char* want;
  };
  const Row row = GENERATE(values<Row>({{0, "+0.000 s"},
                                        {7, "+0.007 s"},
                                        {-1'500, "-1.500 s"},
                                        {59'999, "+59.999 s"},
                                        {60'000, "+1 min 0 s"},
                                        {3'599'999, "+59 min 59 s"},
                                        {3'600'000, "+1 h 0 min"},
                                        {172'799'999, "+47 h 59 min"},
                                        {172'800'000, "+2 days 0 h"}}));
  CHECK(shown_offset(milliseconds(row.ms)) == row.want);
}

}  // namespace
}  // namespace nightpost::app
