// What becomes of an intent: who is due, when, and what the store hears.
#include "im/relay/relay.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "im/relay/offline_event.h"
#include "support/manual_loop.h"

using namespace nightpost;
using namespace nightpost::im;
using nlohmann::json;

namespace {

struct RelayBook final : IntentBook {
  std::vector<Intent> stored;
  std::vector<std::int64_t> settled, told_off;  // intents, follow-ups
  std::vector<std::string> published;           // "7: phone pad"
  std::vector<std::pair<std::int64_t, Reply<std::vector<Intent>>>> asked;
  std::size_t limit = 0;

  void intents(std::int64_t after, std::size_t most, Reply<std::vector<Intent>> reply) override {
    limit = most;
    asked.emplace_back(after, std::move(reply));
  }
  void intent_published(std::int64_t id, std::int32_t, std::vector<std::string> devices) override {
    std::string line = std::to_string(id) + ":";
    for (const std::string& device : devices) line += " " + device;
    published.push_back(line);
  }
  void intent_settled(std::int64_t id) override { settled.push_back(id); }
  void follow_ups(std::int64_t, std::size_t, Reply<std::vector<FollowUp>>) override {}
  void follow_up_settled(std::int64_t id) override { told_off.push_back(id); }
  std::vector<Intent> page(std::int64_t after) const {
    std::vector<Intent> found;
    for (const Intent& each : stored)
      if (each.id > after && found.size() < limit) found.push_back(each);
    return found;
  }
  /// Answers the oldest question.
  void answer(std::vector<Intent> page) {
    REQUIRE_FALSE(asked.empty());
    auto reply = std::move(asked.front().second);
    asked.erase(asked.begin());
    reply(std::move(page));
  }
  void answer() {
    REQUIRE_FALSE(asked.empty());
    answer(page(asked.front().first));
  }
};

struct RelayHere final : Presence {
  std::map<std::string, std::vector<Device>> users;
  std::vector<Device> connected(const UserKey& user) const override {
    const auto at = users.find(user.user);
    return at == users.end() ? std::vector<Device>() : at->second;
  }
};

struct RelaySink final : EventSink {
  std::vector<json> events;
  std::vector<std::string> keys;
  std::vector<std::uint64_t> tickets;
  Durable durable;
  void publish(std::string_view key, std::string_view event, std::uint64_t ticket) override {
    keys.emplace_back(key);
    events.push_back(json::parse(event));
    tickets.push_back(ticket);
  }
  void on_durable(Durable told) override { durable = std::move(told); }
  void all_durable() {
    for (const std::uint64_t ticket : std::exchange(tickets, {})) durable(ticket);
  }
  /// "1-1: phone"
  std::vector<std::string> told() const {
    std::vector<std::string> all;
    for (const json& event : events) {
      std::string line = event["event_id"].get<std::string>() + ":";
      for (const json& device : event["to"][0]["devices"]) line += " " + device.get<std::string>();
      all.push_back(line);
    }
    return all;
  }
};

const UserKey kBobby{AppId{1}, "bob"};
using Told = std::vector<std::string>;
using Ids = std::vector<std::int64_t>;

struct RelayBed {
  RelayOptions options;
  support::ManualLoop loop;
  std::unique_ptr<EventLoop> port = loop.port();
  RelayBook book;
  RelayHere here;
  RelaySink sink;
  RelayMetrics metrics;
  std::unique_ptr<Relay> made;

  Relay& relay() {
    if (!made) made = std::make_unique<Relay>(options, book, here, sink, *port, metrics);
    return *made;
  }
  static Intent intent(std::int64_t n, std::vector<PushTarget> targets) {
    auto message = std::make_shared<Message>();
    message->id = {ConvId{1}, Seq{n}};
    message->at = wall_from_ms(1'795'225'887'000 + n);
    message->from = "ann";
    message->to = "bob";
    message->nick = "Ann \"A\"";
    message->elements = R"([{"type":"text","text":"hi"}])";
    return {.id = n, .message = message, .to = kBobby, .ver = Ver{n}, .unread_total = n, .targets = std::move(targets)};
  }
  static PushTarget phone(const char* device, std::int64_t acknowledged = 0) {
    return {device, Platform::Ios, Ver{acknowledged}};
  }
  void commit(std::vector<Intent> intents) {
    Committed commit;
    commit.intents = std::move(intents);
    relay().committed(commit);
  }
  void connect(const char* device, bool foreground, std::int64_t acknowledged = 0) {
    here.users["bob"].push_back({device, foreground, Ver{acknowledged}});
  }
};

}  // namespace

TEST_CASE("relay: who is due at once, and who may still acknowledge", "[im][relay]") {
  struct Row {
    const char* name;
    bool connected, foreground;
    std::int64_t acknowledged, saved;
    Told events;
    Ids settled;
  };
  const auto row = GENERATE(values<Row>({
      {"away", false, false, 0, 0, {"1-5: phone"}, {}},
      {"away, behind", false, false, 0, 4, {"1-5: phone"}, {}},
      {"away, but it has the message", false, false, 0, 5, {}, {5}},
      {"in the background", true, false, 4, 0, {"1-5: phone"}, {}},
      {"in the background, but it has the message", true, false, 5, 0, {}, {5}},
      {"in the foreground", true, true, 4, 0, {}, {}},
      {"in the foreground, has it already", true, true, 5, 0, {}, {5}},
      {"in the foreground, had it when it was saved", true, true, 0, 9, {}, {5}},
  }));
  CAPTURE(row.name);
  RelayBed bed;
  if (row.connected) bed.connect("phone", row.foreground, row.acknowledged);
  bed.commit({RelayBed::intent(5, {RelayBed::phone("phone", row.saved)})});
  CHECK(bed.sink.told() == row.events);
  CHECK(bed.book.settled == row.settled);
  CHECK(bed.relay().idle() == row.events.empty());
  bed.sink.all_durable();
  CHECK(bed.relay().idle());
  CHECK(bed.book.settled == (row.events.empty() ? row.settled : Ids{5}));
  CHECK(bed.book.published.empty());
}

TEST_CASE("relay: acknowledged in time, no event", "[im][relay]") {
  RelayBed bed;
  bed.connect("phone", true);
  bed.commit({RelayBed::intent(1, {RelayBed::phone("phone")}), RelayBed::intent(2, {RelayBed::phone("phone")})});
  bed.relay().acknowledged(kBobby, "pad", Ver{9});               // another device
  bed.relay().acknowledged({AppId{2}, "bob"}, "phone", Ver{9});  // another app's user
  CHECK(bed.book.settled.empty());
  bed.relay().acknowledged(kBobby, "phone", Ver{1});
  CHECK(bed.book.settled == Ids{1});
  bed.relay().acknowledged(kBobby, "phone", Ver{1});
  bed.relay().acknowledged(kBobby, "phone", Ver{2});
  CHECK(bed.book.settled == Ids{1, 2});
  bed.relay().left_foreground(kBobby, "phone");
  CHECK(bed.sink.events.empty());
  CHECK(bed.metrics.acknowledged.read() == 2);
  CHECK(bed.metrics.held.read() == 0);
}

TEST_CASE("relay: gone without an acknowledgement, the device is due after all", "[im][relay]") {
  RelayBed bed;
  bed.connect("phone", true);
  bed.commit({RelayBed::intent(1, {RelayBed::phone("phone")}), RelayBed::intent(2, {RelayBed::phone("phone")})});
  bed.relay().acknowledged(kBobby, "phone", Ver{1});
  bed.relay().left_foreground(kBobby, "phone");
  CHECK(bed.sink.told() == Told{"1-2: phone"});
  bed.relay().left_foreground(kBobby, "phone");
  bed.relay().acknowledged(kBobby, "phone", Ver{2});  // too late: it is on its way
  CHECK(bed.sink.events.size() == 1);
  bed.sink.all_durable();
  CHECK(bed.book.settled == Ids{1, 2});
  CHECK(bed.metrics.late_events.read() == 1);
}

TEST_CASE("relay: devices of one user are each on their own, with one event a time", "[im][relay]") {
  RelayBed bed;
  bed.connect("pad", true);
  bed.connect("tab", true);
  bed.commit({RelayBed::intent(
      1, {RelayBed::phone("old"), RelayBed::phone("pad"), RelayBed::phone("phone"), RelayBed::phone("tab")})});
  CHECK(bed.sink.told() == Told{"1-1: old phone"});
  bed.sink.all_durable();
  CHECK(bed.book.published == Told{"1: old phone"});  // a later process need not push there again
  CHECK(bed.book.settled.empty());
  bed.relay().left_foreground(kBobby, "pad");
  CHECK(bed.sink.told().back() == "1-1: pad");
  bed.relay().acknowledged(kBobby, "tab", Ver{1});
  CHECK(bed.book.settled.empty());  // not before the broker has the second event
  bed.sink.all_durable();
  CHECK(bed.book.settled == Ids{1});
  CHECK(bed.sink.keys == Told{"c2c_ann_bob", "c2c_ann_bob"});
}

TEST_CASE("relay: what was recalled or read elsewhere is pushed no more", "[im][relay]") {
  RelayBed bed;
  bed.connect("phone", true);
  bed.commit({RelayBed::intent(1, {RelayBed::phone("phone")}), RelayBed::intent(2, {RelayBed::phone("phone")}),
              RelayBed::intent(3, {RelayBed::phone("phone")})});
  Committed commit;
  SECTION("recalled") { commit.recalled = {{ConvId{1}, Seq{2}}}; }
  SECTION("read up to it") {
    commit.recalled = {{ConvId{9}, Seq{2}}};  // another conversation
    commit.read = {
        {kBobby, {ConvId{9}, Seq{3}}}, {{AppId{1}, "eve"}, {ConvId{1}, Seq{3}}}, {kBobby, {ConvId{1}, Seq{2}}}};
  }
  const bool read = !commit.read.empty();
  bed.relay().committed(commit);
  bed.relay().left_foreground(kBobby, "phone");
  CHECK(bed.sink.told() == (read ? Told{"1-3: phone"} : Told{"1-1: phone", "1-3: phone"}));
  bed.sink.all_durable();
  CHECK(bed.metrics.withdrawn.read() == (read ? 2 : 1));
  CHECK(bed.book.settled == (read ? Ids{3} : Ids{1, 3}));  // the others' rows went with the recall
}

TEST_CASE("relay: recalled while its event is at the broker", "[im][relay]") {
  RelayBed bed;
  bed.connect("pad", true);
  bed.commit({RelayBed::intent(1, {RelayBed::phone("phone"), RelayBed::phone("pad")})});
  Committed commit;
  commit.recalled = {{ConvId{1}, Seq{1}}};
  bed.relay().committed(commit);
  bed.relay().left_foreground(kBobby, "pad");
  bed.sink.all_durable();
  CHECK(bed.sink.told() == Told{"1-1: phone"});
  CHECK(bed.book.published.empty());
  CHECK(bed.book.settled.empty());
  CHECK(bed.metrics.held.read() == 0);
}

TEST_CASE("relay: a device that logged out or was displaced is no target any more", "[im][relay]") {
  using Why = Ended::Why;
  const auto why = GENERATE(Why::Displaced, Why::Kicked, Why::LoggedOut, Why::AccountRemoved, Why::SameDevice);
  CAPTURE(static_cast<int>(why));
  RelayBed bed;
  bed.connect("phone", true);
  bed.commit({RelayBed::intent(1, {RelayBed::phone("phone")})});
  Committed commit;
  commit.ended = {{Terminal{kBobby, "phone", Epoch{1}, Platform::Ios}, why}};
  bed.relay().committed(commit);
  bed.relay().left_foreground(kBobby, "phone");
  CHECK(bed.sink.events.size() == (why == Why::SameDevice ? 1 : 0));
  CHECK(bed.book.settled == (why == Why::SameDevice ? Ids{} : Ids{1}));
}

TEST_CASE("relay: an earlier process's intents wait for the devices to come back", "[im][relay]") {
  RelayBed bed;
  bed.options.page = 2;
  bed.book.stored = {RelayBed::intent(1, {RelayBed::phone("phone")}),
                     RelayBed::intent(2, {RelayBed::phone("phone"), RelayBed::phone("pad")}),
                     RelayBed::intent(3, {RelayBed::phone("phone")})};
  bed.book.stored[1].events = 1;
  bed.book.stored[1].pushed = {"phone"};
  bed.relay().start();
  bed.loop.pass(milliseconds(14'999));
  CHECK(bed.book.asked.empty());
  bed.connect("phone", true, 1);  // it is back and has the first
  bed.loop.pass(milliseconds(1));
  bed.book.answer();
  bed.loop.pass(milliseconds(0));
  bed.book.answer();
  bed.loop.pass(milliseconds(60'000));
  CHECK(bed.book.asked.empty());
  CHECK(bed.book.settled == Ids{1});
  CHECK(bed.sink.told() == Told{"1-2: pad"});
  bed.relay().left_foreground(kBobby, "phone");
  CHECK(bed.sink.told() == Told{"1-2: pad", "1-3: phone"});
  CHECK(bed.metrics.repeated.read() == 3);
}

TEST_CASE("relay: what another node left is taken up once, when its devices had their time to come here",
          "[im][relay][nodes]") {
  RelayBed bed;
  bed.relay().start();
  bed.loop.pass(milliseconds(15'000));
  bed.book.answer();
  bed.loop.pass(milliseconds(60'000));
  CHECK(bed.book.asked.empty());
  bed.connect("phone", true);
  bed.commit({RelayBed::intent(9, {RelayBed::phone("phone")})});
  bed.book.stored = {RelayBed::intent(4, {RelayBed::phone("pad")}), RelayBed::intent(9, {RelayBed::phone("phone")})};
  bed.relay().start();
  SECTION("not before, though something ends") {
    bed.relay().acknowledged(kBobby, "phone", Ver{9});
    bed.loop.pass(milliseconds(14'999));
    CHECK(bed.book.asked.empty());
    bed.loop.pass(milliseconds(1));
    bed.book.answer();  // the store had not heard of it
    CHECK(bed.sink.told() == Told{"1-4: pad"});
  }
  SECTION("what is held is not taken again") {
    bed.loop.pass(milliseconds(15'000));
    bed.book.answer();
    CHECK(bed.sink.told() == Told{"1-4: pad"});
    bed.relay().left_foreground(kBobby, "phone");
    CHECK(bed.sink.told() == Told{"1-4: pad", "1-9: phone"});
  }
  SECTION("once more while a page is read: it is read again") {
    bed.loop.pass(milliseconds(15'000));
    bed.relay().start();
    bed.book.answer({});  // of before
    CHECK(bed.sink.events.empty());
    bed.loop.pass(milliseconds(14'999));
    CHECK(bed.book.asked.empty());
    bed.loop.pass(milliseconds(1));
    bed.book.answer();
    CHECK(bed.sink.told() == Told{"1-4: pad"});
  }
  bed.loop.pass(milliseconds(60'000));
  CHECK(bed.book.asked.empty());
}

TEST_CASE("relay: what another node withdrew unheard is looked up, and pushed no more", "[im][relay][nodes]") {
  RelayBed bed;
  bed.options.page = 2;
  bed.relay().missed();
  CHECK(bed.book.asked.empty());  // nothing is held
  bed.connect("phone", true);
  for (std::int64_t n = 1; n <= 5; ++n) {
    bed.book.stored.push_back(RelayBed::intent(n, {RelayBed::phone("phone")}));
    bed.commit({bed.book.stored.back()});
  }
  bed.book.stored.erase(bed.book.stored.begin() + 1);  // 2 was recalled
  bed.book.stored.erase(bed.book.stored.begin() + 3);  // 5 was read
  bed.relay().missed({.users = {{AppId{1}, "nobody"}}, .groups = {ConvId{1}}});
  CHECK(bed.book.asked.empty());  // it concerns none of them
  SECTION("a recall may be of any") { bed.relay().missed({.withdrew = true}); }
  SECTION("so may what is not known") { bed.relay().missed(); }
  SECTION("what was read is its reader's") { bed.relay().missed({.users = {RelayBed::intent(1, {}).to}}); }
  CHECK(bed.book.asked.size() == 1);
}

TEST_CASE("relay: what another node withdrew is looked up page by page, and once more where more is missed",
          "[im][relay][nodes]") {
  RelayBed bed;
  bed.options.page = 2;
  bed.connect("phone", true);
  for (std::int64_t n = 1; n <= 5; ++n) {
    bed.book.stored.push_back(RelayBed::intent(n, {RelayBed::phone("phone")}));
    bed.commit({bed.book.stored.back()});
  }
  bed.book.stored.erase(bed.book.stored.begin() + 1);  // 2 was recalled
  bed.book.stored.erase(bed.book.stored.begin() + 3);  // 5 was read
  bed.relay().missed();
  Told want = {"1-1: phone", "1-3: phone", "1-4: phone"};
  SECTION("page by page") {
    bed.book.answer();
    bed.book.answer();
  }
  SECTION("what comes meanwhile is not concerned") {
    bed.commit({RelayBed::intent(6, {RelayBed::phone("phone")})});
    bed.book.answer();
    bed.book.answer();
    want.push_back("1-6: phone");
  }
  SECTION("again, where the store cannot be asked") {
    auto reply = std::move(bed.book.asked.front().second);
    bed.book.asked.clear();
    reply(refuse(Code::Busy, "away"));
    CHECK(bed.book.asked.empty());
    bed.loop.pass(milliseconds(1'000));
    bed.book.answer();
    bed.book.answer();
  }
  SECTION("a second gap begins anew") {
    const std::vector<Intent> before = bed.book.page(0);
    bed.book.stored.erase(bed.book.stored.begin());
    bed.relay().missed();
    CHECK(bed.book.asked.size() == 1);
    bed.book.answer(before);
    bed.book.answer();
    bed.book.answer();
    want.erase(want.begin());
  }
  CHECK(bed.book.asked.empty());
  bed.relay().left_foreground(kBobby, "phone");
  CHECK(bed.sink.told() == want);
  CHECK(bed.metrics.withdrawn.read() == (want.size() == 2 ? 3 : 2));
}

TEST_CASE("relay: what is read from the store while it changes", "[im][relay]") {
  RelayBed bed;
  bed.book.stored = {RelayBed::intent(1, {RelayBed::phone("phone")}), RelayBed::intent(2, {RelayBed::phone("phone")})};
  bed.relay().start();
  SECTION("ended before the page came, and the store had not heard of it") {
    bed.commit({bed.book.stored[1]});
    bed.sink.all_durable();
    CHECK(bed.book.settled == Ids{2});
    bed.loop.pass(milliseconds(15'000));
    bed.book.answer();
    CHECK(bed.sink.told() == Told{"1-2: phone", "1-1: phone"});
  }
  SECTION("recalled while the page was read: it is read again") {
    bed.loop.pass(milliseconds(15'000));
    Committed commit;
    commit.recalled = {{ConvId{1}, Seq{1}}};
    bed.relay().committed(commit);
    bed.book.answer();
    CHECK(bed.sink.events.empty());
    bed.book.stored.erase(bed.book.stored.begin());
    bed.loop.pass(milliseconds(0));
    bed.book.answer();
    CHECK(bed.sink.told() == Told{"1-2: phone"});
  }
  SECTION("something was missed while the page was read: it is read again") {
    bed.loop.pass(milliseconds(15'000));
    bed.relay().missed();
    bed.book.answer();
    CHECK(bed.sink.events.empty());
    bed.book.stored.erase(bed.book.stored.begin());
    bed.loop.pass(milliseconds(0));
    bed.book.answer();
    CHECK(bed.sink.told() == Told{"1-2: phone"});
  }
  SECTION("the store cannot be read for a while") {
    bed.loop.pass(milliseconds(15'000));
    auto reply = std::move(bed.book.asked.front().second);
    bed.book.asked.clear();
    reply(refuse(Code::Busy, "away"));
    CHECK(bed.book.asked.empty());
    bed.loop.pass(milliseconds(1'000));
    bed.book.answer();
    CHECK(bed.sink.events.size() == 2);
  }
  SECTION("the relay is gone before the answer") {
    bed.loop.pass(milliseconds(15'000));
    bed.made.reset();
    bed.book.answer();
    CHECK(bed.sink.events.empty());
  }
}

TEST_CASE("relay: more intents than memory holds stay in the store, and none is forgotten", "[im][relay]") {
  RelayBed bed;
  bed.options.held_max = 4;
  bed.connect("phone", true);
  for (std::int64_t n = 1; n <= 10; ++n) {
    bed.book.stored.push_back(RelayBed::intent(n, {RelayBed::phone("phone")}));
    bed.commit({bed.book.stored.back()});
  }
  CHECK(bed.metrics.held.read() == 4);
  const auto drop_settled = [&] {
    std::erase_if(bed.book.stored, [&](const Intent& each) {
      return std::ranges::find(bed.book.settled, each.id) != bed.book.settled.end();
    });
  };
  for (int round = 0; round < 20; ++round) {
    bed.here.users["bob"][0].acknowledged = Ver{4};
    bed.relay().acknowledged(kBobby, "phone", Ver{4});
    bed.relay().left_foreground(kBobby, "phone");
    bed.here.users["bob"][0].foreground = false;
    bed.sink.all_durable();
    drop_settled();
    bed.loop.pass(milliseconds(0));
    if (!bed.book.asked.empty()) bed.book.answer();
  }
  bed.sink.all_durable();
  drop_settled();
  CHECK(bed.book.stored.empty());
  CHECK(bed.sink.told() == Told{"1-5: phone", "1-6: phone", "1-7: phone", "1-8: phone", "1-9: phone", "1-10: phone"});
  CHECK(bed.metrics.held.read() == 0);
}

TEST_CASE("relay: the broker's room is bounded, and order is kept", "[im][relay]") {
  RelayBed bed;
  bed.options.in_flight_max = 2;
  std::vector<Intent> intents;
  for (std::int64_t n = 1; n <= 5; ++n) intents.push_back(RelayBed::intent(n, {RelayBed::phone("phone")}));
  bed.commit(intents);
  CHECK(bed.sink.told() == Told{"1-1: phone", "1-2: phone"});
  bed.loop.pass(milliseconds(700));
  bed.relay().measure();
  CHECK(bed.metrics.oldest_ms.read() == 700);
  bed.sink.all_durable();
  Committed commit;
  commit.recalled = {{ConvId{1}, Seq{5}}};  // it waits for room
  bed.relay().committed(commit);
  bed.sink.all_durable();
  CHECK(bed.sink.told() == Told{"1-1: phone", "1-2: phone", "1-3: phone", "1-4: phone"});
  CHECK(bed.relay().idle());
  CHECK(bed.book.settled == Ids{1, 2, 3, 4});
}

TEST_CASE("relay: an event that the broker never takes holds no other, and is not forgotten", "[im][relay]") {
  RelayBed bed;
  bed.options.in_flight_max = 2;
  std::vector<Intent> intents;
  for (std::int64_t n = 1; n <= 6; ++n) intents.push_back(RelayBed::intent(n, {RelayBed::phone("phone")}));
  bed.commit(intents);
  for (std::uint64_t ticket = 2; ticket <= 6; ++ticket) bed.sink.durable(ticket);  // all but the first
  CHECK(bed.sink.events.size() == 6);
  CHECK(bed.book.settled == Ids{2, 3, 4, 5, 6});
  bed.loop.pass(std::chrono::hours(1));
  CHECK(bed.book.settled.size() == 5);
  CHECK(bed.sink.events.size() == 6);  // the sink still has it
  CHECK_FALSE(bed.relay().idle());
  bed.relay().measure();
  CHECK(bed.metrics.in_flight.read() == 1);
  CHECK(bed.metrics.oldest_ms.read() == 3'600'000);
  bed.sink.durable(1);  // the topic's limit was raised
  CHECK(bed.book.settled.back() == 1);
  CHECK(bed.relay().idle());
}

TEST_CASE("relay: the bytes at the broker are bounded too", "[im][relay]") {
  RelayBed bed;
  const auto first = RelayBed::intent(1, {RelayBed::phone("phone")});
  bed.options.in_flight_bytes_max = offline_event(first, {"phone"}, bed.options.event_lifetime).size() + 1;
  std::vector<Intent> intents;
  for (std::int64_t n = 1; n <= 5; ++n) intents.push_back(RelayBed::intent(n, {RelayBed::phone("phone")}));
  bed.commit(intents);
  CHECK(bed.sink.told() == Told{"1-1: phone", "1-2: phone"});  // the second began below the limit
  bed.sink.durable(1);
  CHECK(bed.sink.told().size() == 3);
  bed.sink.durable(2);
  CHECK(bed.sink.told().size() == 4);
  bed.sink.durable(3);
  bed.sink.durable(4);
  bed.sink.durable(5);
  CHECK(bed.relay().idle());
  CHECK(bed.book.settled == Ids{1, 2, 3, 4, 5});
}

TEST_CASE("relay: a recall is followed up where a push may have been made", "[im][relay]") {
  struct Row {
    const char* name;
    bool foreground;  // so nothing was published yet
    bool durable;     // the broker has the message's event, which is forgotten
    Told events;
    Ids told_off;
  };
  const auto row = GENERATE(values<Row>({
      {"nothing of it was published", true, false, {}, {9}},
      {"its event is on its way", false, false, {"1-1: phone", "1-1.recalled: phone"}, {}},
      {"its event is at the broker", false, true, {"1-1: phone", "1-1.recalled: phone"}, {}},
  }));
  CAPTURE(row.name);
  RelayBed bed;
  bed.connect("phone", row.foreground);
  bed.commit({RelayBed::intent(1, {RelayBed::phone("phone")})});
  if (row.durable) bed.sink.all_durable();
  Committed commit;
  commit.recalled = {{ConvId{1}, Seq{1}}};
  commit.follow_ups = {{.id = 9,
                        .kind = FollowUp::Kind::Recalled,
                        .to = kBobby,
                        .message = {ConvId{1}, Seq{1}},
                        .ver = Ver{1},
                        .from = "ann",
                        .targets = {RelayBed::phone("phone")}}};
  bed.relay().committed(commit);
  CHECK(bed.sink.told() == row.events);
  CHECK(bed.book.told_off == row.told_off);
  for (const std::string& key : bed.sink.keys) CHECK(key == "c2c_ann_bob");  // so it stays behind its message
  bed.sink.all_durable();
  CHECK(bed.book.told_off == Ids{9});
  CHECK(bed.relay().idle());
}
