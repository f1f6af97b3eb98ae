// A message is taken back: what waits of it ends, what may have been shown is replaced, and nothing is sent late.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "batch_fixture.h"
#include "dispatch/decode.h"

using namespace nightpost;
using namespace nightpost::testing;

namespace {

using Told = std::vector<std::string>;

struct Recall : Fixture {
  Recall() {
    options.quick_for = seconds(10);
    options.retry_for = std::chrono::hours(24);
    world.add("vinson");
  }
  static json message(const char* id = "144115-1-7", int seq = 7) {
    json event = event_for({"vinson"});
    event["event_id"] = std::string("E") + id;
    event["message"]["id"] = id;
    event["message"]["seq"] = seq;
    return event;
  }
  static json cancel(const char* id = "144115-1-7") {
    json event = event_for({"vinson"});
    event["event_id"] = std::string("C") + id;
    event["kind"] = "cancel";
    event["message"] = {{"id", id}};
    event["to"][0]["unread"] = 2;
    return event;
  }
  static json read(int seq, const char* id = "144115-1-7") {
    json event = cancel(id);
    event["event_id"] = std::string("R") + id;
    event["cancel"] = {{"reason", "read"}};
    event["message"]["seq"] = seq;
    return event;
  }
  /// "E accepted accepted": the first letter says whose outcome it is.
  Told told() const {
    Told all;
    for (const json& each : world.outcomes)
      all.push_back(each["event_id"].get<std::string>().substr(0, 1) + " " + each["outcome"].get<std::string>() + " " +
                    each["rule"].get<std::string>());
    return all;
  }
};

}  // namespace

TEST_CASE("cancel: what was shown is replaced, silently, with the number that holds now", "[dispatch][cancel]") {
  Recall f;
  f.accept(f.message());
  f.world.answer(200, "id");
  f.accept(f.cancel());
  REQUIRE(f.world.sent.size() == 2);
  const World::Sent& sent = f.world.sent.back();
  CHECK(sent.header("collapse-id") == f.world.sent.front().header("collapse-id"));
  CHECK(sent.header("push-id") != f.world.sent.front().header("push-id"));  // else a vendor may take it for a repeat
  CHECK(sent.header("sound") == "(silent)");
  CHECK(sent.header("badge") == "2");
  CHECK(sent.http.body == "a new message|Denny:[消息已撤回]");
  f.world.answer(200, "id");
  CHECK(f.told() == Told{"E accepted accepted", "C accepted accepted"});
  CHECK(f.all_over());
}

TEST_CASE("cancel: what waits in memory ends at once", "[dispatch][cancel]") {
  Recall f;
  f.accept(f.message());
  f.world.answer(503, "Busy");  // it waits in its back-off
  f.accept(f.cancel());
  CHECK(f.told() == Told{"E suppressed recalled", "C suppressed nothing_sent"});
  f.pass(std::chrono::minutes(5));
  CHECK(f.world.sent.size() == 1);
  CHECK(f.world.letters.empty());
  CHECK(f.world.deferrals.empty());
  CHECK(f.world.metrics.recalled.read() == 1);
  CHECK(f.all_over());
}

TEST_CASE("cancel: what waits for a grant ends at once", "[dispatch][cancel]") {
  Recall f;
  f.world.grant_pending = true;
  f.accept(f.message());
  f.accept(f.cancel());
  CHECK(f.told() == Told{"E suppressed recalled", "C suppressed nothing_sent"});
  f.world.grant_pending = false;
  f.dispatcher().on_grant(7);
  CHECK(f.world.sent.empty());
  CHECK(f.all_over());
}

TEST_CASE("cancel: an unanswered request may have been shown", "[dispatch][cancel]") {
  Recall f;
  f.accept(f.message());
  f.world.lose(Errc::Timeout, true);
  f.accept(f.cancel());
  CHECK(f.told() == Told{"E suppressed recalled"});
  REQUIRE(f.world.sent.size() == 2);
  CHECK(f.world.sent.back().http.body.ends_with("[消息已撤回]"));
  f.world.answer(200, "id");
  CHECK(f.told() == Told{"E suppressed recalled", "C accepted accepted"});
  CHECK(f.all_over());
}

TEST_CASE("cancel: it waits for the answer of what is in the air, and comes after it", "[dispatch][cancel]") {
  struct Row {
    int status;
    Told want;
    bool replaced;
  };
  const auto row = GENERATE(values<Row>({
      {200, {"E accepted accepted", "C accepted accepted"}, true},
      {503, {"E suppressed recalled", "C suppressed nothing_sent"}, false},  // not tried again
      {400, {"E rejected vendor_rejected", "C accepted accepted"}, true},    // a rejected one is not remembered
  }));
  CAPTURE(row.status);
  Recall f;
  f.accept(f.message());
  f.accept(f.cancel());
  f.pass(seconds(3));
  REQUIRE(f.world.sent.size() == 1);
  CHECK(f.told().empty());
  f.world.answer(row.status, "word");
  f.pass(seconds(1));
  REQUIRE(f.world.sent.size() == (row.replaced ? 2 : 1));
  if (row.replaced) f.world.answer(200, "id");
  f.pass(seconds(30));
  CHECK(f.told() == row.want);
  CHECK(f.all_over());
}

TEST_CASE("cancel: in one batch with its message nothing is sent", "[dispatch][cancel]") {
  Recall f;
  f.world.store_slow = true;
  const std::string message = f.message().dump(), cancel = f.cancel().dump();
  const Record both[] = {{RecordId{1}, "k", message, {}, {}}, {RecordId{2}, "k", cancel, {}, {}}};
  f.record_ids = 2;
  f.dispatcher().accept(both);
  f.world.answer_store();
  CHECK(f.world.sent.empty());
  CHECK(f.told() == Told{"E suppressed recalled", "C suppressed nothing_sent"});
  CHECK(f.all_over());
}

TEST_CASE("cancel: what was put off is not sent when it comes back", "[dispatch][cancel]") {
  Recall f;
  f.accept(f.message());
  f.world.answer(429, "Token 60");
  REQUIRE(f.world.deferrals.size() == 1);
  const std::vector<Deferral> put_off = std::exchange(f.world.deferrals, {});
  f.accept(f.cancel());
  REQUIRE(f.world.sent.size() == 2);  // nobody here knows that nothing of it was shown
  f.world.answer(200, "id");
  f.pass(std::chrono::minutes(2));
  f.accept(put_off[0].value, put_off[0].remainder);
  CHECK(f.world.sent.size() == 2);
  CHECK(f.told() == Told{"E retrying vendor_throttled", "C accepted accepted", "E suppressed recalled"});
  CHECK(f.all_over());
}

TEST_CASE("cancel: another shard's cancel holds here, too", "[dispatch][cancel]") {
  RecallBook book(100, std::chrono::hours(1));
  Recall f;
  f.made = std::make_unique<Dispatcher>(f.options, f.world, f.world, f.world, f.world, f.world.clock, f.world.metrics,
                                        nullptr, nullptr, nullptr, &book);
  f.accept(f.message());
  f.world.answer(503, "Busy");
  OfflineEvent cancel;
  const std::string text = f.cancel().dump();
  REQUIRE(Decoder(1'000'000, 10).decode(text, cancel));
  book.note(cancel, f.world.clock.wall());
  f.pass(seconds(5));
  CHECK(f.world.sent.size() == 1);
  CHECK(f.told() == Told{"E suppressed recalled"});
  CHECK(book.is_unsent(cancel, "vinson", "vinson-phone", f.world.clock.wall()));
  CHECK(f.all_over());
}

TEST_CASE("cancel: taken back before it could be put off, it goes nowhere", "[dispatch][cancel]") {
  Recall f;
  f.accept(f.message());
  f.accept(f.cancel());
  f.world.answer(429, "Token 60");  // would be put off
  CHECK(f.world.deferrals.empty());
  f.pass(seconds(1));
  CHECK(f.told() == Told{"E suppressed recalled", "C suppressed nothing_sent"});
  CHECK(f.all_over());
}

TEST_CASE("cancel: of an unknown message, twice, and before its message", "[dispatch][cancel]") {
  Recall f;
  f.accept(f.cancel());
  REQUIRE(f.world.sent.size() == 1);  // a restarted worker has not seen the message, and the phone may have it
  f.world.answer(200, "id");
  f.accept(f.cancel());
  REQUIRE(f.world.sent.size() == 2);
  CHECK(f.world.sent[0].header("push-id") == f.world.sent[1].header("push-id"));
  f.world.answer(200, "id");
  f.accept(f.message());  // a replay
  CHECK(f.world.sent.size() == 2);
  CHECK(f.told() == Told{"C accepted accepted", "C accepted accepted", "E suppressed recalled"});
  f.accept(f.message("144115-1-8"));  // another one
  CHECK(f.world.sent.size() == 3);
  f.world.answer(200, "id");
  CHECK(f.all_over());
}

TEST_CASE("cancel: after it is forgotten a message is one again", "[dispatch][cancel]") {
  Recall f;
  f.options.recalls_kept = seconds(60);
  f.accept(f.cancel());
  f.world.answer(200, "id");
  f.pass(seconds(60));
  f.accept(f.message());
  CHECK(f.world.sent.size() == 2);
  f.world.answer(200, "id");
  CHECK(f.all_over());
}

TEST_CASE("cancel: what holds a message back holds back what takes its place", "[dispatch][cancel]") {
  struct Row {
    const char* name;
    void (*change)(Recall& f, json& cancel);
    Told want;
  };
  const auto row = GENERATE(values<Row>({
      {"the sender shows nothing",
       [](Recall&, json& e) { e["push"]["disabled"] = true; },
       {"C suppressed push_disabled"}},
      {"muted", [](Recall& f, json&) { f.world.users["vinson"].mutes = {Mute{}}; }, {"C suppressed muted_all"}},
      {"in the foreground",
       [](Recall& f, json&) { f.world.users["vinson"].devices[0].state = DeviceState::Foreground; },
       {"C suppressed foreground"}},
      {"logged out",
       [](Recall& f, json&) { f.world.users["vinson"].devices[0].state = DeviceState::LoggedOut; },
       {"C suppressed logged_out"}},
      {"too late", [](Recall&, json& e) { e["expires_at"] = kNowMs; }, {"C expired expired"}},
      {"not on this device",
       [](Recall&, json& e) { e["to"][0]["devices"] = {"pad"}; },
       {"C suppressed device_unknown"}},
  }));
  CAPTURE(row.name);
  Recall f;
  f.accept(f.message());
  f.world.answer(200, "id");
  f.world.outcomes.clear();
  json cancel = f.cancel();
  row.change(f, cancel);
  f.accept(cancel);
  CHECK(f.world.sent.size() == 1);
  CHECK(f.told() == row.want);
  CHECK(f.all_over());
  // It is taken back all the same.
  f.world.users["vinson"].mutes.clear();
  f.world.users["vinson"].devices[0].state = DeviceState::Offline;
  f.accept(f.message());
  CHECK(f.world.sent.size() == 1);
}

TEST_CASE("cancel: read elsewhere, all that waits up to there ends and nothing is shown", "[dispatch][cancel]") {
  Recall f;
  for (const auto& [id, seq] : {std::pair("144115-1-5", 5), std::pair("144115-1-7", 7), std::pair("144115-1-8", 8)}) {
    f.accept(f.message(id, seq));
    f.world.answer(503, "Busy");
  }
  f.accept(f.read(7));
  CHECK(f.told() == Told{"R suppressed read_elsewhere", "E suppressed read_elsewhere", "E suppressed read_elsewhere"});
  CHECK(f.world.metrics.recalled.read() == 2);
  f.pass(seconds(5));
  REQUIRE(f.world.sent.size() == 4);  // the newer one alone
  CHECK(f.world.sent.back().header("collapse-id") == "144115-1-8");
  f.world.answer(200, "id");
  CHECK(f.all_over());
}

TEST_CASE("cancel: one user's is not another's", "[dispatch][cancel]") {
  Recall f;
  f.world.add("ada");
  json both = event_for({"vinson", "ada"});
  both["event_id"] = "E";
  f.accept(both);
  f.world.answer(503, "Busy", 0);
  f.world.answer(503, "Busy", 1);
  f.accept(f.cancel());
  CHECK(f.told() == Told{"E suppressed recalled", "C suppressed nothing_sent"});
  f.pass(seconds(5));
  REQUIRE(f.world.sent.size() == 3);
  f.world.answer(200, "id");
  CHECK(f.world.outcomes.back()["user_id"] == "ada");
  CHECK(f.all_over());
}

TEST_CASE("cancel: it is put off like a message, and taken up with its remainder", "[dispatch][cancel]") {
  Recall f;
  f.accept(f.cancel());
  f.world.answer(429, "Token 60");
  REQUIRE(f.world.deferrals.size() == 1);
  f.made.reset();  // the worker restarts and has forgotten
  f.pass(std::chrono::minutes(2));
  f.come_back();
  REQUIRE(f.world.sent.size() == 2);
  CHECK(f.world.sent.back().http.body.ends_with("[消息已撤回]"));
  f.world.answer(200, "id");
  f.accept(f.message());  // and knows again
  CHECK(f.world.sent.size() == 2);
  CHECK(f.told().back() == "E suppressed recalled");
}

TEST_CASE("cancel: those gathered for a shared request end, too", "[dispatch][cancel]") {
  BatchFixture f;
  f.provider->wants = {.tokens = true, .mixed_max = 100};
  json event = f.members(2);
  event["event_id"] = "E";
  f.accept(event);
  json cancel = event;
  cancel["event_id"] = "C";
  cancel["kind"] = "cancel";
  cancel["to"].erase(1);
  f.provider->wants = {.tokens = true};
  f.accept(cancel);
  f.pass(seconds(1));
  f.world.answer(200, "");
  f.pass(seconds(1));
  CHECK(f.outcomes("recalled") <= 1);
  CHECK(f.world.handed_back.empty());
}

TEST_CASE("cancel: handed back, it comes again whole", "[dispatch][cancel]") {
  Recall f;
  f.accept(f.message());
  f.accept(f.cancel());  // waits for the answer
  f.dispatcher().hand_back([](RecordId) { return true; });
  CHECK(f.world.handed_back == std::vector<RecordId>{RecordId{2}});
  f.world.answer(200, "id");
  CHECK(f.told() == Told{"E accepted accepted"});
  CHECK(f.all_over());
}
