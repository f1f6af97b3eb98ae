#include "dispatch/dispatcher.h"

#include <catch2/catch.hpp>
#include <functional>

#include "dispatch_fixture.h"

using namespace nightpost;
using namespace nightpost::dispatch;
using nightpost::testing::event_for;
using nightpost::testing::Fixture;
using nightpost::testing::kNowMs;
using nightpost::testing::World;
using nlohmann::json;

TEST_CASE("dispatcher: an accepted push, from record to release", "[dispatch]") {
  Fixture f;
  f.world.add("vinson");
  const RecordId record_id = f.accept(event_for({"vinson"}));
  REQUIRE(f.world.sent.size() == 1);
  CHECK(f.world.flushes == 1);
  CHECK(f.world.finds == 1);
  const World::Sent& sent = f.world.sent.front();
  CHECK(sent.http.path == "/token-of-vinson-phone");
  CHECK(sent.http.body == "a new message|Denny:are you coming tonight?");
  CHECK(sent.header("collapse-id") == "144115-1-7");
  CHECK(sent.header("badge") == "3");
  CHECK(sent.header("sound") == "default");
  CHECK(f.world.released.empty());
  f.world.clock.advance(milliseconds(20));
  f.world.answer(200, "apple-id");
  CHECK(f.world.released == std::vector{record_id});
  CHECK(f.world.letters.empty());
  const json outcome = f.only_outcome();
  CHECK(outcome["outcome"] == "accepted");
  CHECK(outcome["vendor_id"] == "apple-id");
  CHECK(outcome["push_id"] == sent.header("push-id"));
  CHECK(outcome["attempt"] == 1);
  CHECK(outcome["latency_ms"] == 120);
  CHECK(outcome["traceparent"] == testing::kTraceparent);
  CHECK(outcome.dump().find("token-of") == std::string::npos);
  CHECK(f.all_over());
  f.pass(2 * f.options.silence);  // a look at the signer, which finds nothing
  CHECK(f.dispatcher().next_wakeup() == std::nullopt);
}

TEST_CASE("dispatcher: a traceparent that breaks the standard counts as none", "[dispatch]") {
  Fixture f;
  f.traceparent = GENERATE("00-trace", "", "00-00000000000000000000000000000000-00f067aa0ba902b7-01");
  f.world.add("vinson");
  f.accept(event_for({"vinson"}));
  f.world.answer(200);
  CHECK_FALSE(f.only_outcome().contains("traceparent"));
}

TEST_CASE("dispatcher: what is malformed goes whole to the dead topic", "[dispatch]") {
  Fixture f;
  json event = event_for({"vinson"});
  event["to"][0].erase("user_id");
  const RecordId record_id = f.accept(event);
  REQUIRE(f.world.letters.size() == 1);
  const DeadLetter& letter = f.world.letters.front();
  CHECK(letter.value == event.dump());
  CHECK(letter.key == "the key");
  CHECK(letter.traceparent == testing::kTraceparent);
  CHECK(letter.event_id == "01JDEVENT");
  CHECK(letter.stage == "decode");
  CHECK(letter.reason == "malformed");
  CHECK(letter.detail == "$.to[0].user_id: missing");
  CHECK(f.world.released == std::vector{record_id});
  CHECK(f.world.outcomes.empty());
  CHECK(f.world.finds == 0);
  CHECK(f.all_over());
}

TEST_CASE("dispatcher: held back by a rule, one outcome and no request", "[dispatch]") {
  struct Row {
    const char* rule;
    std::function<void(json&, World&)> change;
    bool device;
  };
  const auto row = GENERATE(values<Row>({
      {"push_disabled", [](json& e, World&) { e["push"]["disabled"] = true; }, false},
      {"online_only", [](json& e, World&) { e["message"]["online_only"] = true; }, false},
      {"system_message", [](json& e, World&) { e["kind"] = "system"; }, false},
      {"sender_itself", [](json& e, World&) { e["from"]["user_id"] = "vinson"; }, false},
      {"user_push_off", [](json&, World& w) { w.users["vinson"].settings.enabled = false; }, false},
      {"muted_all", [](json&, World& w) { w.users["vinson"].mutes.push_back({}); }, false},
      {"no_device", [](json&, World& w) { w.users["vinson"].devices.clear(); }, false},
      {"logged_out", [](json&, World& w) { w.users["vinson"].devices[0].state = DeviceState::LoggedOut; }, true},
      {"no_token", [](json&, World& w) { w.users["vinson"].devices[0].token = DeviceToken(); }, true},
      {"certificate_disabled", [](json&, World& w) { w.routes[1]->certificate.status = CertificateStatus::Disabled; },
       true},
  }));
  CAPTURE(row.rule);
  Fixture f;
  f.world.add("vinson");
  json event = event_for({"vinson"});
  row.change(event, f.world);
  f.accept(event);
  const json outcome = f.only_outcome();
  CHECK(outcome["outcome"] == "suppressed");
  CHECK(outcome["rule"] == row.rule);
  CHECK(outcome.contains("device_id") == row.device);
  CHECK(outcome["attempt"] == 0);
  CHECK(f.world.sent.empty());
  CHECK(f.world.letters.empty());
  CHECK(f.world.released.size() == 1);
  CHECK(f.all_over());
}

TEST_CASE("dispatcher: what cannot be planned", "[dispatch]") {
  struct Row {
    const char *rule, *stage;  // stage: of the dead letter; "" none
    std::function<void(json&, World&)> change;
  };
  const auto row = GENERATE(values<Row>({
      {"certificate_missing", "plan", [](json&, World& w) { w.users["vinson"].devices[0].certificate = {5}; }},
      {"certificate_unusable", "plan", [](json&, World& w) { w.route_error = Error{Errc::Malformed, "sealed"}; }},
      {"wrong_vendor", "plan", [](json&, World& w) { w.users["vinson"].devices[0].platform = Platform::Android; }},
      {"token_malformed", "", [](json&, World& w) { w.users["vinson"].devices[0].token = DeviceToken("bad-one"); }},
      {"payload_unbuildable", "plan", [](json& e, World&) { e["push"]["ext"] = "too big"; }},
  }));
  CAPTURE(row.rule);
  Fixture f;
  f.world.add("vinson");
  json event = event_for({"vinson"});
  row.change(event, f.world);
  f.accept(event);
  CHECK(f.only_outcome()["outcome"] == "rejected");
  CHECK(f.only_outcome()["rule"] == row.rule);
  CHECK(f.world.letters.size() == (*row.stage != '\0' ? 1U : 0U));
  if (!f.world.letters.empty()) {
    CHECK(f.world.letters[0].stage == row.stage);
    CHECK(f.world.letters[0].reason == row.rule);
    CHECK(f.world.letters[0].value == event.dump());
  }
  CHECK(f.world.sent.empty());
  CHECK(f.world.released.size() == 1);
  CHECK(f.all_over());
}

TEST_CASE("dispatcher: the replay of a week rings nobody", "[dispatch]") {
  Fixture f;
  f.world.add("vinson");
  f.world.add("ann");
  json event = event_for({"vinson", "ann"});
  for (int day = 7; day > 0; --day) {
    event["occurred_at"] = kNowMs - day * 86'400'000LL;
    f.accept(event);
  }
  CHECK(f.world.sent.size() == 2);  // of the last day, to the ms
  for (const json& outcome : f.world.outcomes) {
    CHECK(outcome["rule"] == "too_old");
    CHECK(outcome["outcome"] == "expired");
    CHECK_FALSE(outcome.contains("device_id"));
  }
  CHECK(f.world.outcomes.size() == 12);
  CHECK(f.world.letters.empty());
  f.world.answer(200, "", 0);
  f.world.answer(200, "", 1);
  CHECK(f.all_over());
}

TEST_CASE("dispatcher: with age_max 0 only the expiry counts", "[dispatch]") {
  Fixture f;
  f.world.add("vinson");
  f.options.age_max = milliseconds(0);
  json event = event_for({"vinson"});
  event["occurred_at"] = 946'684'800'000;
  f.accept(event);
  REQUIRE(f.world.sent.size() == 1);
  f.world.answer(200);
  CHECK(f.only_outcome()["rule"] == "accepted");
  CHECK(f.all_over());
}

TEST_CASE("dispatcher: expired on arrival", "[dispatch]") {
  Fixture f;
  json event = event_for({"vinson"});
  event["expires_at"] = kNowMs;
  f.accept(event);
  CHECK(f.only_outcome()["outcome"] == "expired");
  CHECK(f.world.letters.empty());
  CHECK(f.world.finds == 0);
}

TEST_CASE("dispatcher: the directory is asked once a batch, and again while it fails", "[dispatch]") {
  Fixture f;
  f.world.add("vinson");
  SECTION("once a batch") {
    const std::string text = event_for({"vinson"}).dump();
    std::vector<Record> batch;
    for (std::uint64_t i = 0; i < 20; ++i) batch.push_back({RecordId{i}, "", text, ""});
    f.dispatcher().accept(batch);
    CHECK(f.world.finds == 1);
    CHECK(f.world.flushes == 1);
    CHECK(f.world.sent.size() == 20);
  }
  SECTION("back after a while") {
    f.world.store_down = Error{Errc::Io, "locked"};
    f.accept(event_for({"vinson"}));
    CHECK(f.world.outcomes.empty());
    f.world.store_down.reset();
    f.pass(seconds(1));
    CHECK(f.world.finds == 2);
    CHECK(f.world.sent.size() == 1);
  }
  SECTION("down for long") {
    f.world.store_down = Error{Errc::Io, "locked"};
    f.accept(event_for({"vinson", "ann"}));
    f.pass(f.options.retry_for);
    CHECK(f.world.finds == f.options.attempts_max);
    CHECK(f.world.letters.empty());
    REQUIRE(f.world.outcomes.size() == 2);
    CHECK(f.world.outcomes[1]["outcome"] == "retrying");
    CHECK(f.world.outcomes[1]["rule"] == "store_unavailable");
    CHECK(f.world.outcomes[1]["reason"].get<std::string>().find("locked") != std::string::npos);
    CHECK(f.only_remainder().left == std::vector<ReceiverLeft>{{"vinson", {}}, {"ann", {}}});
    CHECK(f.all_over());
  }
  SECTION("never answers") {
    f.world.store_slow = true;
    f.accept(event_for({"vinson"}));
    f.pass(f.options.retry_for);
    CHECK(f.only_outcome()["rule"] == "store_unavailable");
    CHECK(f.all_over());
    f.world.answer_store();  // too late to matter
    CHECK(f.world.sent.empty());
    CHECK(f.world.outcomes.size() == 1);
  }
}

TEST_CASE("dispatcher: an unknown app", "[dispatch]") {
  Fixture f;
  f.world.app_known = false;
  f.accept(event_for({"vinson", "ann"}));
  REQUIRE(f.world.letters.size() == 1);
  CHECK(f.world.letters[0].reason == "unknown_app");
  CHECK(f.world.letters[0].stage == "resolve");
  CHECK(f.world.outcomes.size() == 2);
  CHECK(f.all_over());
}

TEST_CASE("dispatcher: one letter an event, the first reason and then the others", "[dispatch]") {
  Fixture f;
  f.world.add("vinson").devices[0].certificate = {5};
  f.world.add("ann");
  f.world.add("bob");
  f.accept(event_for({"vinson", "ann", "bob"}));
  REQUIRE(f.world.sent.size() == 2);
  f.world.answer(400, "PayloadEmpty", 1);
  CHECK(f.world.letters.empty());
  f.world.answer(200, "", 0);
  REQUIRE(f.world.letters.size() == 1);
  const DeadLetter& letter = f.world.letters[0];
  CHECK(letter.reason == "certificate_missing");
  CHECK(letter.stage == "plan");
  CHECK(letter.detail.find("user vinson device vinson-phone: the certificate the device reported") == 0);
  CHECK(letter.detail.find("; user bob device bob-phone: the vendor will never accept") != std::string::npos);
  CHECK(f.world.outcomes.size() == 3);
  CHECK(f.world.released.size() == 1);
}

TEST_CASE("dispatcher: slots and room are limits", "[dispatch]") {
  Fixture f;
  f.options.pushes_in_flight_max = 2;
  f.options.events_open_max = 3;
  for (const char* user : {"a", "b", "c", "d"}) f.world.add(user);
  f.accept(event_for({"a", "b", "c", "d"}));
  CHECK(f.world.sent.size() == 2);
  CHECK(f.dispatcher().requests_in_flight() == 2);
  CHECK(f.dispatcher().has_capacity());
  f.accept(event_for({"a"}));
  f.accept(event_for({"b"}));
  CHECK_FALSE(f.dispatcher().has_capacity());
  for (std::size_t i = 0; i < 6; ++i) {
    REQUIRE(f.world.sent.size() > i);
    CHECK(f.dispatcher().requests_in_flight() <= 2);
    f.world.answer(200, "", i);
  }
  CHECK(f.world.outcomes.size() == 6);
  CHECK(f.dispatcher().has_capacity());
  CHECK(f.all_over());
}

TEST_CASE("dispatcher: what found no slot in time ends without one", "[dispatch]") {
  Fixture f;
  f.options.pushes_in_flight_max = 1;
  f.world.add("vinson");
  f.accept(event_for({"vinson"}));
  json event = event_for({"vinson"});
  event["expires_at"] = kNowMs + 5'000;
  f.accept(event);
  f.pass(seconds(5));
  CHECK(f.only_outcome()["outcome"] == "expired");
  CHECK(f.world.released.size() == 1);
  CHECK(f.dispatcher().events_open() == 1);
}

TEST_CASE("dispatcher: memory of open events is a limit", "[dispatch]") {
  Fixture f;
  f.world.add("vinson");
  f.options.events_open_bytes_max = 1000;
  f.accept(event_for({"vinson"}));
  CHECK(f.dispatcher().has_capacity());
  f.accept(event_for({"vinson"}));
  CHECK_FALSE(f.dispatcher().has_capacity());
  f.world.answer(200, "", 0);
  CHECK(f.dispatcher().has_capacity());
}

TEST_CASE("dispatcher: receivers not yet planned are a limit, those in the air are not", "[dispatch]") {
  Fixture f;
  f.options.receivers_unplanned_max = 3;
  f.options.pushes_in_flight_max = 2;
  f.options.pushes_queued_max = 1;
  for (const char* user : {"a", "b", "c"}) f.world.add(user);
  f.accept(event_for({"a", "b"}));  // both are in the air
  CHECK(f.dispatcher().has_capacity());
  f.accept(event_for({"a", "b"}));  // no slot for them
  CHECK(f.dispatcher().has_capacity());
  f.world.store_slow = true;
  f.accept(event_for({"c"}));  // is being looked up
  CHECK_FALSE(f.dispatcher().has_capacity());
  SECTION("until they are planned") {
    f.world.answer(200, "", 0);
    f.world.answer(200, "", 1);
    CHECK(f.dispatcher().has_capacity());
    f.world.answer_store();
    for (std::size_t i = 2; i < f.world.sent.size(); ++i) f.world.answer(200, "", i);
  }
  SECTION("or over") {
    f.world.answer_store();
    f.pass(f.options.retry_for);
    CHECK(f.dispatcher().has_capacity());
    for (std::size_t i = 0; i < 2; ++i) f.world.answer(200, "", i);
  }
  SECTION("or handed back") {
    f.dispatcher().hand_back([](RecordId) { return true; });
    CHECK(f.dispatcher().has_capacity());
    f.world.answer(200, "", 0);
    f.world.answer(200, "", 1);
    CHECK(f.dispatcher().events_open() == 0);
    return;
  }
  CHECK(f.all_over());
}

TEST_CASE("dispatcher: handing back forgets what is not in the air", "[dispatch]") {
  Fixture f;
  f.world.add("vinson");
  f.world.add("ann");
  f.options.pushes_in_flight_max = 2;
  const auto everything = [](RecordId) { return true; };
  SECTION("in the air: it settles and is released") {
    const RecordId record_id = f.accept(event_for({"vinson"}));
    f.dispatcher().hand_back(everything);
    f.world.answer(200);
    CHECK(f.world.released == std::vector{record_id});
  }
  SECTION("in the air, and would be repeated: it is not, and not released") {
    f.accept(event_for({"vinson"}));
    f.dispatcher().hand_back(everything);
    f.world.answer(503);
    CHECK(f.world.released.empty());
    CHECK(f.world.outcomes.empty());
  }
  SECTION("in back-off") {
    f.accept(event_for({"vinson"}));
    f.world.answer(503);
    f.dispatcher().hand_back(everything);
    CHECK(f.world.released.empty());
    CHECK(f.world.outcomes.empty());
  }
  SECTION("half of it waiting for a slot") {
    f.accept(event_for({"vinson"}));
    f.accept(event_for({"vinson", "ann"}));
    f.dispatcher().hand_back([](RecordId record_id) { return record_id == RecordId{2}; });
    CHECK(f.dispatcher().events_open() == 2);
    f.world.answer(200, "", 0);
    f.world.answer(200, "", 1);
    CHECK(f.world.outcomes.size() == 2);
    CHECK(f.world.released == std::vector{RecordId{1}});
  }
  SECTION("waiting for the directory") {
    f.world.store_slow = true;
    f.accept(event_for({"vinson"}));
    f.dispatcher().hand_back(everything);
    CHECK(f.dispatcher().events_open() == 0);
    f.world.answer_store();
    CHECK(f.world.released.empty());
  }
  CHECK(f.world.letters.empty());
  f.pass(f.options.retry_for);
  CHECK(f.world.sent.size() <= 2);
  CHECK(f.all_over());
}

TEST_CASE("dispatcher: a record ends by release() or by hand_back(), once", "[dispatch]") {
  Fixture f;
  f.world.add("vinson");
  f.world.add("ann");
  const auto everything = [](RecordId) { return true; };
  const RecordId done = f.accept(event_for({"vinson"}));
  f.world.answer(200);
  const RecordId other = f.accept(event_for({"vinson"}));
  SECTION("handed back twice") {
    f.world.answer(503);
    f.dispatcher().hand_back(everything);
    f.dispatcher().hand_back(everything);
    CHECK(f.world.handed_back == std::vector{other});
  }
  SECTION("one of its pushes was accepted before") {
    f.world.answer(200);
    const RecordId both = f.accept(event_for({"vinson", "ann"}));
    f.world.answer(503, "", 2);
    f.world.answer(200, "", 3);
    f.dispatcher().hand_back(everything);
    CHECK(f.world.handed_back == std::vector{both});
    CHECK(f.world.outcomes.size() == 3);
  }
  SECTION("one of its pushes is accepted afterwards") {
    f.world.answer(200);
    const RecordId both = f.accept(event_for({"vinson", "ann"}));
    f.world.answer(503, "", 2);
    f.dispatcher().hand_back(everything);
    CHECK(f.world.handed_back.empty());  // ann's is in the air
    f.world.answer(200, "", 3);
    CHECK(f.world.handed_back == std::vector{both});
  }
  SECTION("its dead letter is not written") {
    f.world.answer(200);
    f.world.routes.clear();
    json event = event_for({"vinson", "ann"});
    f.world.users["ann"].devices[0].certificate = {2};
    f.world.routes[2] = World::route(2, 8);
    const RecordId half = f.accept(event);  // vinson's certificate is missing
    CHECK(f.world.letters.empty());
    f.dispatcher().hand_back(everything);
    f.world.answer(503);
    CHECK(f.world.handed_back == std::vector{half});
    CHECK(f.world.letters.empty());
  }
  SECTION("the dispatcher goes") {
    const RecordId third = f.accept(event_for({"ann"}));
    f.world.store_slow = true;
    const RecordId looked_up = f.accept(event_for({"ann"}));
    f.made.reset();
    CHECK(f.world.handed_back == std::vector{other, third, looked_up});
    CHECK(f.world.released == std::vector{done});
    return;
  }
  CHECK(f.all_over());
}

TEST_CASE("dispatcher: a record too big goes to the dead topic unread", "[dispatch]") {
  Fixture f;
  f.options.event_bytes_max = 100;
  const std::string text = event_for({"vinson"}).dump();
  f.accept(text);
  REQUIRE(f.world.letters.size() == 1);
  CHECK(f.world.letters[0].reason == "event_too_big");
  CHECK(f.world.letters[0].value == text);
  CHECK(f.world.letters[0].event_id.empty());
  CHECK(f.world.metrics.events_malformed.read() == 1);
}

TEST_CASE("dispatcher: metrics add up", "[dispatch]") {
  Fixture f;
  f.world.add("vinson");
  f.accept(event_for({"vinson"}));
  CHECK(f.world.metrics.pushes_in_flight.read() == 1);
  f.world.answer(500);
  CHECK(f.world.metrics.pushes_waiting.read() == 1);
  CHECK(f.world.metrics.events_open.read() == 1);
  CHECK(f.world.metrics.events_open_bytes.read() > 0);
  f.pass(seconds(1));
  f.world.answer(200);
  const auto& attempts = f.world.metrics.attempts[0];
  CHECK(attempts[static_cast<std::size_t>(Verdict::Transient)].read() == 1);
  CHECK(attempts[static_cast<std::size_t>(Verdict::Accepted)].read() == 1);
  CHECK(f.world.metrics.retries.read() == 1);
  CHECK(f.world.metrics.outcomes[static_cast<std::size_t>(OutcomeKind::Accepted)].read() == 1);
  CHECK(f.world.metrics.events_taken.read() == 1);
  CHECK(f.world.metrics.events_settled.read() == 1);
  CHECK(f.world.metrics.events_open.read() == 0);
  CHECK(f.world.metrics.events_open_bytes.read() == 0);
  CHECK(f.world.metrics.receivers_unplanned.read() == 0);
  CHECK(f.world.metrics.pushes_waiting.read() == 0);
}
