// What the tracer hears of events: whole of those in the sample, what failed of all others.
#include <catch2/catch.hpp>
#include <set>
#include <string>
#include <vector>

#include "dispatch/hop_writer.h"
#include "dispatch_fixture.h"

namespace nightpost::testing {
namespace {

class FakeTracer final : public Tracer {
 public:
  bool in_sample(std::string_view, std::string_view) const noexcept override {
    ++asked;
    return sampled;
  }
  std::size_t hops_per_event_max() const noexcept override { return max; }
  void record(const Hop& hop) noexcept override {
    hops.push_back({{"hop", name_of(hop.what)},
                    {"record", static_cast<std::uint64_t>(hop.record_id)},
                    {"event", hop.event_id},
                    {"app", hop.app.value},
                    {"user", hop.user_id},
                    {"device", hop.device_id},
                    {"at", to_ms(hop.at)},
                    {"facts", json::parse(hop.facts)}});
  }
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const json& hop : hops) all.push_back(hop["hop"]);
    return all;
  }

  bool sampled = true;
  std::size_t max = 100;
  mutable int asked = 0;
  std::vector<json> hops;
};

struct Traced : Fixture {
  Traced() { tracer = &ears; }
  FakeTracer ears;
};

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("trace: an event in the sample is told from its record to its end", "[dispatch][trace]") {
  Traced f;
  f.world.add("vinson");
  const RecordId record = f.accept(event_for({"vinson"}));
  f.world.clock.advance(milliseconds(20));
  f.world.answer(200, "apple-id");
  REQUIRE(f.ears.names() == Names{"consumed", "resolved", "outcome", "settled"});
  CHECK(f.ears.asked == 1);
  for (const json& hop : f.ears.hops) {
    CHECK(hop["record"] == static_cast<std::uint64_t>(record));
    CHECK(hop["event"] == "01JDEVENT");
    CHECK(hop["app"] == 1400000001);
  }
  CHECK(f.ears.hops[0]["facts"] == json{{"kind", "c2c"},
                                        {"from", "denny"},
                                        {"message_id", "144115-1-7"},
                                        {"occurred_at", kNowMs - 100},
                                        {"expires_at", kNowMs + 86'400'000},
                                        {"receivers", 1},
                                        {"to", "vinson"},
                                        {"traceparent", kTraceparent}});
  CHECK(f.ears.hops[0]["at"] == kNowMs);
  CHECK(f.ears.hops[1]["facts"] == json{{"receivers", 1}, {"devices", 1}});
  CHECK(f.ears.hops[2]["user"] == "vinson");
  CHECK(f.ears.hops[2]["device"] == "vinson-phone");
  json as_written = f.only_outcome();
  as_written["sent_at"] = kNowMs;
  CHECK(f.ears.hops[2]["facts"] == as_written);
  CHECK(f.ears.hops[3]["facts"] == json{{"outcomes", {{"accepted", 1}}}});
  CHECK(f.ears.hops[3]["at"] == kNowMs + 20);
}

TEST_CASE("trace: of what is not in the sample, only failures are told", "[dispatch][trace]") {
  Traced f;
  f.ears.sampled = false;
  f.world.add("vinson");
  f.world.add("denny").settings.enabled = false;
  SECTION("taken, and ruled out by the user") {
    json event = event_for({"vinson", "denny"});
    event["from"]["user_id"] = "ann";
    f.accept(event);
    f.world.answer(200);
    CHECK(f.world.outcomes.size() == 2);
    CHECK(f.ears.hops.empty());
    CHECK(f.ears.asked == 1);
  }
  SECTION("refused") {
    json event = event_for({"vinson", "denny"});
    event["from"]["user_id"] = "ann";
    f.accept(event);
    f.world.answer(400, "BadMessageId");
    REQUIRE(f.ears.names() == Names{"consumed", "outcome", "settled"});
    CHECK(f.ears.hops[1]["user"] == "vinson");
    CHECK(f.ears.hops[2]["facts"]["outcomes"]["suppressed"] == 1);  // denny's is counted all the same
  }
  SECTION("refused first, taken in the end: both are told") {
    f.accept(event_for({"vinson"}));
    f.world.answer(503);
    f.pass(seconds(40));
    f.world.answer(200);
    REQUIRE(f.ears.names() == Names{"consumed", "attempt", "outcome", "settled"});
    CHECK(f.ears.hops[2]["facts"]["outcome"] == "accepted");
    CHECK(f.ears.hops[3]["facts"]["outcomes"]["accepted"] == 1);
  }
}

TEST_CASE("trace: a failed try says what was heard and when the next one is", "[dispatch][trace]") {
  Traced f;
  f.world.add("vinson");
  f.accept(event_for({"vinson"}));
  f.world.clock.advance(milliseconds(30));
  f.world.answer(503, "busy");
  REQUIRE(f.ears.names() == Names{"consumed", "resolved", "attempt"});
  const json& hop = f.ears.hops.back();
  CHECK(hop["user"] == "vinson");
  CHECK(hop["device"] == "vinson-phone");
  CHECK(hop["at"] == kNowMs + 30);
  const json& facts = hop["facts"];
  CHECK(facts["vendor"] == "apns");
  CHECK(facts["certificate_id"] == 1);
  CHECK(facts["attempt"] == 1);
  CHECK(facts["sent_at"] == kNowMs);
  CHECK(facts["retry_at"] >= kNowMs + 30);
  CHECK(facts["push_id"] == f.world.sent.front().header("push-id"));
}

TEST_CASE("trace: a try that was never made has no time of sending", "[dispatch][trace]") {
  Traced f;
  f.world.add("vinson");
  f.world.grant_error = Error{Errc::Timeout, "the token endpoint is silent"};
  f.accept(event_for({"vinson"}));
  REQUIRE(f.ears.names() == Names{"consumed", "resolved", "attempt"});
  const json& facts = f.ears.hops.back()["facts"];
  CHECK(facts["reason"] == "the token endpoint is silent");
  CHECK(facts["attempt"] == 0);
  CHECK_FALSE(facts.contains("sent_at"));
}

TEST_CASE("trace: a dead letter is named at the end", "[dispatch][trace]") {
  Traced f;
  f.world.add("vinson").devices[0].certificate = {99};
  f.accept(event_for({"vinson"}));
  REQUIRE(f.ears.names() == Names{"consumed", "resolved", "outcome", "settled"});
  CHECK(f.ears.hops.back()["facts"]["dead_letter"] == json{{"stage", "plan"}, {"reason", "certificate_missing"}});
}

TEST_CASE("trace: what is no event is told where its id can be read", "[dispatch][trace]") {
  Traced f;
  f.ears.sampled = false;
  json event = event_for({"vinson"});
  event["to"][0].erase("user_id");
  f.accept(event);
  REQUIRE(f.ears.names() == Names{"consumed", "outcome", "settled"});
  CHECK(f.ears.hops[1]["facts"]["rule"] == "malformed");
  CHECK(f.ears.hops[1]["facts"]["code"] == "$.to[0].user_id: missing");
  f.accept(std::string("no JSON"));
  CHECK(f.ears.hops.size() == 3);
}

TEST_CASE("trace: one group event is bounded, and failures have the other half", "[dispatch][trace]") {
  Traced f;
  f.ears.max = 20;
  std::vector<std::string> users;
  json event = event_for({});
  event["from"]["user_id"] = "ann";
  for (int i = 0; i < 100; ++i) {
    const std::string user = "user" + std::to_string(i);
    f.world.add(user);
    event["to"].push_back({{"user_id", user}});
  }
  f.accept(event);
  REQUIRE(f.world.sent.size() == 100);
  for (std::size_t i = 0; i < 100; ++i) f.world.answer(i < 50 ? 200 : 400, "", i);
  std::size_t accepted = 0, rejected = 0;
  for (const json& hop : f.ears.hops) {
    if (hop["hop"] != "outcome") continue;
    accepted += hop["facts"]["outcome"] == "accepted" ? 1 : 0;
    rejected += hop["facts"]["outcome"] == "rejected" ? 1 : 0;
  }
  CHECK(accepted == 9);  // one of ten hops is Resolved
  CHECK(rejected == 10);
  const json& settled = f.ears.hops.back();
  CHECK(settled["hop"] == "settled");
  CHECK(settled["facts"]["outcomes"] == json{{"accepted", 50}, {"rejected", 50}});
  CHECK(settled["facts"]["left_out"] == 81);
  CHECK(f.ears.hops.size() == 22);  // those two that tell of all others are beside
}

TEST_CASE("trace: no message text and no token is told", "[dispatch][trace]") {
  Traced f;
  f.world.add("vinson");
  json event = event_for({"vinson"});
  event["push"] = {{"title", "a secret title"}, {"desc", "a secret text"}, {"ext", "a secret ext"}};
  f.accept(event);
  f.world.answer(503);
  f.pass(seconds(40));
  f.world.answer(410);
  std::string all;
  for (const json& hop : f.ears.hops) all += hop.dump();
  CHECK(all.find("secret") == std::string::npos);
  CHECK(all.find("tonight") == std::string::npos);
  CHECK(all.find("Denny") == std::string::npos);
  CHECK(all.find("token-of") == std::string::npos);
}

TEST_CASE("trace: a slot's next event is decided anew", "[dispatch][trace]") {
  Traced f;
  f.world.add("vinson");
  f.accept(event_for({"vinson"}));
  f.world.answer(200);
  f.ears.hops.clear();
  f.ears.sampled = false;
  f.accept(event_for({"vinson"}));
  f.world.answer(200);
  CHECK(f.ears.hops.empty());
  CHECK(f.ears.asked == 2);
}

TEST_CASE("trace: what is always told", "[dispatch][trace]") {
  struct Row {
    OutcomeKind kind;
    Rule rule;
    bool always;
  };
  const Row row = GENERATE(values<Row>({
      {OutcomeKind::Accepted, Rule::Accepted, false},
      {OutcomeKind::Suppressed, Rule::MutedGroup, false},
      {OutcomeKind::Suppressed, Rule::UserPushOff, false},
      {OutcomeKind::Suppressed, Rule::PushDisabled, false},
      {OutcomeKind::Suppressed, Rule::NoDevice, false},
      {OutcomeKind::Suppressed, Rule::LoggedOut, false},
      {OutcomeKind::Suppressed, Rule::CertificateDisabled, true},
      {OutcomeKind::Suppressed, Rule::VendorSuppressed, true},
      {OutcomeKind::Expired, Rule::Expired, true},
      {OutcomeKind::Expired, Rule::TooOld, true},
      {OutcomeKind::TokenRemoved, Rule::TokenGone, true},
      {OutcomeKind::Rejected, Rule::VendorRejected, true},
      {OutcomeKind::Retrying, Rule::VendorThrottled, true},
      {OutcomeKind::Dead, Rule::RetriesExhausted, true},
  }));
  CAPTURE(name_of(row.kind), name_of(row.rule));
  CHECK(is_always_traced(row.kind, row.rule) == row.always);
}

}  // namespace nightpost::testing
