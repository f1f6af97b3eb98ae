// What pushes made before are told: which phones, when, how often, and what the store hears.
#include "im/relay/follow_ups.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "support/manual_loop.h"

using namespace nightpost;
using namespace nightpost::im;
using nlohmann::json;

namespace {

using Told = std::vector<std::string>;
using Ids = std::vector<std::int64_t>;
using Kind = FollowUp::Kind;
const UserKey kBob{AppId{1}, "bob"};

struct Bed final : IntentBook, Presence, EventSink {
  RelayOptions options;
  support::ManualLoop loop;
  std::unique_ptr<EventLoop> port = loop.port();
  RelayMetrics metrics;
  std::unique_ptr<FollowUps> made;

  std::vector<Device> here;
  std::vector<FollowUp> stored;
  std::vector<std::pair<std::int64_t, Reply<std::vector<FollowUp>>>> asked;
  std::size_t limit = 0;
  Ids settled;
  std::vector<json> events;
  std::vector<std::string> keys;
  std::vector<std::uint64_t> tickets;

  FollowUps& follow_ups() {
    if (!made) made = std::make_unique<FollowUps>(options, *this, *this, *this, *port, metrics);
    return *made;
  }
  static FollowUp one(std::int64_t id, Kind kind, std::int64_t seq = 1) {
    FollowUp made{.id = id, .kind = kind, .to = kBob, .at = wall_from_ms(1'795'225'887'000), .unread_total = 10 - id};
    made.targets = {{"phone", Platform::Ios, Ver{}}, {"pad", Platform::Ios, Ver{}}};
    if (kind == Kind::Badge) return made;
    made.message = {ConvId{1}, Seq{seq}};
    made.ver = Ver{seq};
    made.from = "ann";
    return made;
  }
  void commit(std::vector<FollowUp> all, const std::set<MessageId>& unpushed = {}) {
    Committed commit;
    commit.follow_ups = std::move(all);
    follow_ups().committed(commit, unpushed);
  }
  void all_durable() {
    for (const std::uint64_t ticket : std::exchange(tickets, {})) CHECK(follow_ups().durable(ticket));
  }
  /// "1-1.recalled 9: phone pad", with the number between.
  Told told() const {
    Told all;
    for (const json& event : events) {
      const json& to = event["to"][0];
      std::string line = event["event_id"].get<std::string>() + " " + to["unread"].dump() + ":";
      for (const json& device : to["devices"]) line += " " + device.get<std::string>();
      all.push_back(line);
    }
    return all;
  }
  void answer(std::vector<FollowUp> page) {
    REQUIRE_FALSE(asked.empty());
    auto reply = std::move(asked.front().second);
    asked.erase(asked.begin());
    reply(std::move(page));
  }
  void answer() {
    REQUIRE_FALSE(asked.empty());
    std::vector<FollowUp> page;
    for (const FollowUp& each : stored)
      if (each.id > asked.front().first && page.size() < limit) page.push_back(each);
    answer(std::move(page));
  }

  void intents(std::int64_t, std::size_t, Reply<std::vector<Intent>>) override {}
  void intent_published(std::int64_t, std::int32_t, std::vector<std::string>) override {}
  void intent_settled(std::int64_t) override {}
  void follow_ups(std::int64_t after, std::size_t most, Reply<std::vector<FollowUp>> reply) override {
    limit = most;
    asked.emplace_back(after, std::move(reply));
  }
  void follow_up_settled(std::int64_t id) override { settled.push_back(id); }
  std::vector<Device> connected(const UserKey&) const override { return here; }
  void publish(std::string_view key, std::string_view event, std::uint64_t ticket) override {
    keys.emplace_back(key);
    events.push_back(json::parse(event));
    tickets.push_back(ticket);
  }
  void on_durable(Durable) override {}
};

}  // namespace

TEST_CASE("follow-ups: a recall goes to the phones that may have shown the message, at once", "[im][relay]") {
  struct Row {
    const char* name;
    std::vector<Presence::Device> here;
    std::int64_t saved;  // of the phone
    Told want;
  };
  const auto row = GENERATE(values<Row>({
      {"all are away", {}, 0, {"1-1.recalled 9: phone pad"}},
      {"one has its app open", {{"phone", true, Ver{}}}, 0, {"1-1.recalled 9: pad"}},
      {"one is connected, its app in the background", {{"phone", false, Ver{}}}, 0, {"1-1.recalled 9: phone pad"}},
      {"one has acknowledged the message", {{"phone", false, Ver{1}}}, 0, {"1-1.recalled 9: pad"}},
      {"and is gone since", {}, 1, {"1-1.recalled 9: pad"}},
      {"one has acknowledged the one before", {}, 0, {"1-1.recalled 9: phone pad"}},
      {"nobody may have shown it", {{"phone", true, Ver{}}, {"pad", true, Ver{}}}, 0, {}},
  }));
  CAPTURE(row.name);
  Bed bed;
  bed.here = row.here;
  FollowUp recall = Bed::one(1, Kind::Recalled);
  recall.targets[0].acknowledged = Ver{row.saved};
  bed.commit({recall});
  CHECK(bed.told() == row.want);
  CHECK(bed.settled == (row.want.empty() ? Ids{1} : Ids{}));
  CHECK(bed.follow_ups().idle() == row.want.empty());
  bed.all_durable();
  CHECK(bed.settled == Ids{1});
  CHECK(bed.follow_ups().idle());
  CHECK(bed.metrics.follow_ups_held.read() == 0);
}

TEST_CASE("follow-ups: of a message that was never published nothing is told", "[im][relay]") {
  Bed bed;
  bed.commit({Bed::one(1, Kind::Recalled), Bed::one(2, Kind::Recalled, 2)}, {{ConvId{1}, Seq{1}}});
  CHECK(bed.told() == Told{"1-2.recalled 8: phone pad"});
  CHECK(bed.settled == Ids{1});
}

TEST_CASE("follow-ups: numbers of a user are told once in a while, the newest of them", "[im][relay]") {
  Bed bed;
  bed.commit({Bed::one(1, Kind::Badge)});
  bed.loop.pass(milliseconds(2'000));
  bed.commit({Bed::one(2, Kind::Badge), Bed::one(3, Kind::Read, 5)});
  bed.commit({Bed::one(4, Kind::Read, 4)});  // an older mark
  CHECK(bed.events.empty());
  CHECK(bed.follow_ups().idle());  // what only waits for its time stands in the store
  bed.loop.pass(milliseconds(999));
  CHECK(bed.events.empty());
  bed.loop.pass(milliseconds(1));
  CHECK(bed.told() == Told{"1-5.read 7: phone pad", "badge.2 8: phone pad"});
  CHECK(bed.keys == Told{"c2c_ann_bob", "badge_bob"});
  REQUIRE(bed.tickets.size() == 2);
  CHECK(bed.follow_ups().durable(bed.tickets[1]));
  CHECK(bed.settled.empty());  // the rows are over once both are durable
  CHECK(bed.follow_ups().durable(bed.tickets[0]));
  CHECK(bed.settled == Ids{1, 2, 3, 4});
  bed.commit({Bed::one(5, Kind::Badge)});
  bed.loop.pass(milliseconds(3'000));
  CHECK(bed.told().back() == "badge.5 5: phone pad");
}

TEST_CASE("follow-ups: a message that comes meanwhile raises the number", "[im][relay]") {
  Bed bed;
  bed.commit({Bed::one(1, Kind::Badge)});
  Committed commit;
  commit.deliveries = {{kBob, Ver{7}, "", ChatChanged{"ann"}, 12},
                       {{AppId{1}, "ann"}, Ver{7}, "", ChatChanged{"bob"}, 99}};
  bed.follow_ups().committed(commit, {});
  bed.loop.pass(milliseconds(3'000));
  CHECK(bed.told() == Told{"badge.1 12: phone pad"});
}

TEST_CASE("follow-ups: where a group has moved meanwhile the store knows the number", "[im][relay]") {
  Bed bed;
  bed.commit({Bed::one(1, Kind::Badge)});
  Committed commit;  // by the user himself: it says no total
  commit.deliveries.push_back(
      {.to = kBob, .item = NewMessage{std::make_shared<Message>(), 0, false}, .group = ConvId{9}});
  bed.follow_ups().committed(commit, {});
  bed.loop.pass(milliseconds(3'000));
  CHECK(bed.events.empty());
  REQUIRE(bed.asked.size() == 1);
  CHECK(bed.asked.front().first == 0);
  SECTION("it says so") {
    FollowUp now = Bed::one(1, Kind::Badge);
    now.unread_total = 12;
    bed.answer({now});
    CHECK(bed.told() == Told{"badge.1 12: phone pad"});
  }
  SECTION("it is busy: then the last one known") {
    auto reply = std::move(bed.asked.front().second);
    bed.asked.clear();
    reply(refuse(Code::Busy, "away"));
    CHECK(bed.told() == Told{"badge.1 9: phone pad"});
  }
  bed.all_durable();
  CHECK(bed.settled == Ids{1});
}

TEST_CASE("follow-ups: which phones hear a number, and that something was read", "[im][relay]") {
  Bed bed;
  FollowUp read = Bed::one(1, Kind::Read, 5);
  FollowUp badge = Bed::one(2, Kind::Badge);
  SECTION("not the one that has read") {
    read.by_device = badge.by_device = "phone";
    bed.commit({read, badge});
    bed.loop.pass(milliseconds(3'000));
    CHECK(bed.told() == Told{"1-5.read 9: pad", "badge.2 8: pad"});
  }
  SECTION("not one whose app is open by then") {
    bed.commit({read, badge});
    bed.here = {{"pad", true, Ver{}}};
    bed.loop.pass(milliseconds(3'000));
    CHECK(bed.told() == Told{"1-5.read 9: phone", "badge.2 8: phone"});
  }
  SECTION("one that has the messages shows a number all the same") {
    for (PushTarget& target : read.targets) target.acknowledged = Ver{5};
    bed.commit({read, badge});
    bed.loop.pass(milliseconds(3'000));
    CHECK(bed.told() == Told{"badge.2 8: phone pad"});
  }
  SECTION("not one that has logged out meanwhile; the same device again is there") {
    bed.commit({read, badge});
    Committed commit;
    commit.ended = {{{kBob, "phone", Epoch{1}}, Ended::Why::LoggedOut},
                    {{kBob, "pad", Epoch{2}}, Ended::Why::SameDevice}};
    bed.follow_ups().committed(commit, {});
    bed.loop.pass(milliseconds(3'000));
    CHECK(bed.told() == Told{"1-5.read 9: pad", "badge.2 8: pad"});
  }
  SECTION("nobody") {
    read.targets.clear();
    badge.targets.clear();
    bed.commit({read, badge});
    bed.loop.pass(milliseconds(3'000));
    CHECK(bed.events.empty());
    CHECK(bed.settled == Ids{1, 2});
  }
}

TEST_CASE("follow-ups: what another node left is taken up, by a page that was read after it", "[im][relay][nodes]") {
  Bed bed;
  bed.follow_ups().start();
  bed.loop.pass(milliseconds(15'000));
  REQUIRE(bed.asked.size() == 1);
  bed.stored = {Bed::one(1, Kind::Recalled)};
  bed.follow_ups().start();
  bed.answer({});  // of before
  bed.loop.pass(milliseconds(14'999));
  CHECK(bed.asked.empty());
  bed.loop.pass(milliseconds(1));
  bed.answer();
  CHECK(bed.told() == Told{"1-1.recalled 9: phone pad"});
  bed.all_durable();
  bed.loop.pass(milliseconds(60'000));
  CHECK(bed.asked.empty());
  CHECK(bed.settled == Ids{1});
}

TEST_CASE("follow-ups: what an earlier process left is taken up", "[im][relay]") {
  Bed bed;
  bed.stored = {Bed::one(1, Kind::Recalled), Bed::one(2, Kind::Badge)};
  bed.follow_ups().start();
  bed.commit({Bed::one(3, Kind::Badge)});  // comes in the page as well
  bed.stored.push_back(Bed::one(3, Kind::Badge));
  bed.loop.pass(milliseconds(14'999));
  CHECK(bed.asked.empty());
  CHECK(bed.told() == Told{"badge.3 7: phone pad"});
  bed.loop.pass(milliseconds(1));
  SECTION("once") {
    bed.answer();
    bed.loop.pass(milliseconds(3'000));
    CHECK(bed.told() == Told{"badge.3 7: phone pad", "1-1.recalled 9: phone pad", "badge.2 8: phone pad"});
    bed.all_durable();
    bed.loop.pass(milliseconds(60'000));
    CHECK(bed.asked.empty());
    CHECK(bed.settled == Ids{3, 1, 2});
  }
  SECTION("and what was settled while the store was read, not again") {
    bed.all_durable();
    CHECK(bed.settled == Ids{3});
    bed.answer();  // as it was read before
    bed.loop.pass(milliseconds(3'000));
    CHECK(bed.told() == Told{"badge.3 7: phone pad", "1-1.recalled 9: phone pad", "badge.2 8: phone pad"});
    bed.all_durable();
    CHECK(bed.settled == Ids{3, 1, 2});
  }
  SECTION("after the store could not be read for a while") {
    auto reply = std::move(bed.asked.front().second);
    bed.asked.clear();
    reply(refuse(Code::Busy, "away"));
    bed.loop.pass(milliseconds(999));
    CHECK(bed.asked.empty());
    bed.loop.pass(milliseconds(1));
    bed.answer();
    CHECK(bed.told().back() == "1-1.recalled 9: phone pad");
  }
  SECTION("or never, where they are gone") {
    auto reply = std::move(bed.asked.front().second);
    bed.made.reset();
    reply(bed.stored);
    CHECK(bed.events.size() == 1);
  }
}

TEST_CASE("follow-ups: more than memory holds stay in the store, and none is forgotten", "[im][relay]") {
  Bed bed;
  bed.options.follow_ups_max = 4;
  bed.options.in_flight_max = 2;
  for (std::int64_t n = 1; n <= 20; ++n) {
    bed.stored.push_back(Bed::one(n, Kind::Recalled, n));
    bed.commit({bed.stored.back()});
  }
  CHECK(bed.metrics.follow_ups_held.read() == 4);
  CHECK(bed.events.size() == 2);
  for (int round = 0; round < 40; ++round) {
    bed.all_durable();
    std::erase_if(bed.stored,
                  [&](const FollowUp& each) { return std::ranges::find(bed.settled, each.id) != bed.settled.end(); });
    bed.loop.pass(milliseconds(0));
    while (!bed.asked.empty()) bed.answer();
    CHECK(bed.metrics.follow_ups_held.read() <= 4);
  }
  CHECK(bed.stored.empty());
  CHECK(bed.events.size() == 20);
  CHECK(bed.follow_ups().idle());
}

TEST_CASE("follow-ups: the relay's tickets are its own", "[im][relay]") {
  Bed bed;
  CHECK_FALSE(bed.follow_ups().durable(1));
  bed.commit({Bed::one(1, Kind::Recalled)});
  CHECK_FALSE(bed.follow_ups().durable(1));
  const std::uint64_t ticket = bed.tickets.at(0);
  CHECK(bed.follow_ups().durable(ticket));
  CHECK(bed.follow_ups().durable(ticket));  // told twice
  CHECK(bed.settled == Ids{1});
}
