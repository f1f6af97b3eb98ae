// What becomes of a group's message: which members are due, when, in which events, and what the store hears.
#include "im/relay/group_relay.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "im/domain/group_rules.h"
#include "im/relay/split_sink.h"
#include "support/json_schema.h"
#include "support/manual_loop.h"

using namespace nightpost;
using namespace nightpost::im;
using nlohmann::json;

namespace {

using Told = std::vector<std::string>;

struct Book final : GroupIntentBook {
  std::vector<GroupIntent> stored;
  std::vector<GroupReceiver> members;  // of whatever message
  std::vector<std::string> told;       // "done 7 1", "settled 7"
  std::vector<std::pair<std::int64_t, Reply<std::vector<GroupIntent>>>> pages;
  std::vector<std::pair<std::string, Reply<std::vector<GroupReceiver>>>> asked;  // "1-1 0/2"
  std::size_t limit = 0;
  bool at_once = true;

  void group_intents(std::int64_t after, std::size_t most, Reply<std::vector<GroupIntent>> reply) override {
    limit = most;
    pages.emplace_back(after, std::move(reply));
  }
  void group_receivers(MessageId message, std::int64_t range, std::int64_t ranges,
                       Reply<std::vector<GroupReceiver>> reply) override {
    asked.emplace_back(text_of(message) + " " + std::to_string(range) + "/" + std::to_string(ranges), std::move(reply));
    looked.push_back(asked.back().first);
    if (at_once) answer(range, ranges);
  }
  void answer(std::int64_t range = 0, std::int64_t ranges = 1) {
    REQUIRE_FALSE(asked.empty());
    std::vector<GroupReceiver> found;
    for (const GroupReceiver& member : members)
      if (range_of(member_slot(member.user), ranges) == range) found.push_back(member);
    auto reply = std::move(asked.front().second);
    asked.erase(asked.begin());
    reply(std::move(found));
  }
  void group_intent_done(std::int64_t id, std::int64_t ranges) override {
    told.push_back("done " + std::to_string(id) + " " + std::to_string(ranges));
  }
  void group_intent_settled(std::int64_t id) override { told.push_back("settled " + std::to_string(id)); }
  std::vector<std::string> looked;
};

struct Here final : Presence {
  std::map<std::string, std::vector<Device>> users;
  std::vector<Device> connected(const UserKey& user) const override {
    const auto at = users.find(user.user);
    return at == users.end() ? std::vector<Device>() : at->second;
  }
  std::set<std::string> caught_up;  // users who owe nothing
  bool may_acknowledge(const UserKey& user, const std::string&, MessageId) const override {
    return !caught_up.contains(user.user);
  }
  void online(const std::string& user, bool foreground = true) { users[user] = {{"phone", foreground, Ver{}}}; }
};

struct Sink final : EventSink {
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
  /// "1-1.0: mia pad" a member, of all events since the last call.
  Told told() {
    Told all;
    for (const json& event : std::exchange(events, {}))
      for (const json& member : event["to"]) {
        std::string line = event["event_id"].get<std::string>() + ": " + member["user_id"].get<std::string>();
        for (const json& device : member["devices"]) line += " " + device.get<std::string>();
        all.push_back(line);
      }
    std::ranges::sort(all);
    return all;
  }
};

struct GroupRelayBed {
  RelayOptions relay_options;
  GroupRelayOptions options;
  support::ManualLoop loop;
  std::unique_ptr<EventLoop> port = loop.port();
  Book book;
  Here here;
  Sink sink;
  GroupRelayMetrics metrics;
  std::unique_ptr<GroupRelay> made;

  GroupRelay& relay() {
    if (!made) made = std::make_unique<GroupRelay>(relay_options, options, book, here, sink, *port, metrics);
    return *made;
  }
  static GroupIntent intent(std::int64_t n, std::int64_t ranges = 1) {
    auto message = std::make_shared<Message>();
    message->id = {ConvId{1}, Seq{n}};
    message->at = wall_from_ms(1'795'225'887'000 + n);
    message->from = "ann";
    message->nick = "Ann \"A\"";
    message->card = "Boss";
    message->group = "@TGS#1";
    message->elements = R"([{"type":"text","text":"hi"}])";
    return {.id = n, .message = message, .app = AppId{1}, .name = "Team", .ranges = ranges};
  }
  void member(const std::string& user, std::vector<std::string> devices = {"phone"}, bool mentioned = false) {
    GroupReceiver made_one{.user = user, .unread_total = 3, .mentioned = mentioned};
    for (std::string& device : devices) made_one.targets.push_back({std::move(device), Platform::Ios, Ver{}});
    book.members.push_back(std::move(made_one));
  }
  void commit(std::vector<GroupIntent> intents) {
    Committed what;
    what.group_intents = std::move(intents);
    relay().committed(what);
  }
  static UserKey key(const std::string& user) { return {AppId{1}, user}; }
  void has(const std::string& user, std::int64_t seq, const std::string& device = "phone") {
    const MessageId id{ConvId{1}, Seq{seq}};
    relay().has_messages(key(user), device, {&id, 1});
  }
};

TEST_CASE("group relay: who is away is due at once, who looks alive gets his time", "[im][relay][group]") {
  GroupRelayBed bed;
  bed.member("bob", {"phone", "pad"});
  bed.member("cat");
  bed.member("dan");
  bed.here.online("cat");
  bed.here.online("dan", false);  // in the background
  bed.commit({GroupRelayBed::intent(1)});
  CHECK(bed.sink.told() == Told{"1-1.0: bob phone pad", "1-1.0: dan phone"});
  CHECK(bed.sink.keys == Told{"group_1_0"});
  CHECK(bed.metrics.waiting.read() == 1);
  CHECK_FALSE(bed.relay().idle());
  bed.sink.all_durable();
  CHECK(bed.relay().idle());
  CHECK(bed.book.told.empty());  // cat may still acknowledge
  bed.has("cat", 1);
  CHECK(bed.book.told == Told{"settled 1"});
  CHECK(bed.metrics.acknowledged.read() == 1);
  CHECK(bed.metrics.held.read() == 0);
  bed.has("cat", 1);
  bed.relay().left_foreground(GroupRelayBed::key("cat"), "phone");
  CHECK(bed.sink.told().empty());
}

TEST_CASE("group relay: who leaves without a word gets a late push, under the same id", "[im][relay][group]") {
  GroupRelayBed bed;
  bed.member("cat", {"phone", "pad"});
  bed.here.users["cat"] = {{"phone", true, Ver{}}, {"pad", true, Ver{}}};
  bed.commit({GroupRelayBed::intent(1), GroupRelayBed::intent(2)});
  CHECK(bed.sink.told().empty());
  bed.has("cat", 1);
  bed.relay().left_foreground(GroupRelayBed::key("cat"), "tablet");
  CHECK(bed.sink.told().empty());
  bed.relay().left_foreground(GroupRelayBed::key("cat"), "phone");
  CHECK(bed.sink.told() == Told{"1-2.0: cat phone"});
  bed.relay().left_foreground(GroupRelayBed::key("cat"), "pad");
  CHECK(bed.sink.told() == Told{"1-1.0: cat pad", "1-2.0: cat pad"});
  CHECK(bed.metrics.late_events.read() == 3);
  bed.sink.all_durable();
  CHECK(bed.book.told == Told{"settled 1", "settled 2"});
}

TEST_CASE("group relay: an acknowledgement may come before the members are looked up", "[im][relay][group]") {
  GroupRelayBed bed;
  bed.book.at_once = false;
  bed.member("bob");
  bed.member("cat");
  bed.member("eve");
  bed.member("fay");
  for (const char* user : {"bob", "cat", "eve", "fay"}) bed.here.online(user);
  bed.commit({GroupRelayBed::intent(1)});
  bed.has("bob", 1);
  bed.here.users.clear();  // and all of them go
  Committed read;
  read.read.push_back({GroupRelayBed::key("eve"), {ConvId{1}, Seq{5}}});
  read.read.push_back({GroupRelayBed::key("fay"), {ConvId{2}, Seq{5}}});  // of another conversation
  bed.relay().committed(read);
  bed.book.answer();
  CHECK(bed.sink.told() == Told{"1-1.0: cat phone", "1-1.0: fay phone"});
}

TEST_CASE("group relay: acknowledgements that wait for a look-up have a limit, and only a look in hand keeps reads",
          "[im][relay][group]") {
  GroupRelayBed bed;
  bed.options.waits_max = 1;
  bed.book.at_once = false;
  bed.member("bob");
  bed.member("cat");
  bed.commit({GroupRelayBed::intent(1), GroupRelayBed::intent(2)});
  bed.has("bob", 1);
  bed.has("cat", 1);  // too many: he gets a push, too
  Committed read;
  read.read.push_back({GroupRelayBed::key("cat"), {ConvId{1}, Seq{2}}});
  bed.relay().committed(read);
  bed.book.answer();
  CHECK(bed.sink.told().empty());  // has it, has read it
  bed.has("bob", 2);               // there is room again
  bed.book.answer();               // as a store that does not know of the read
  CHECK(bed.sink.told() == Told{"1-2.0: cat phone"});
}

TEST_CASE("group relay: a large group goes range by range, each with its id", "[im][relay][group]") {
  GroupRelayBed bed;
  for (int i = 0; i < 60; ++i) bed.member("user" + std::to_string(i));
  bed.commit({GroupRelayBed::intent(1, 3)});
  CHECK(bed.book.looked == Told{"1-1 0/3", "1-1 1/3", "1-1 2/3"});
  REQUIRE(bed.sink.events.size() == 3);
  std::size_t members = 0;
  for (int range = 0; range < 3; ++range) {
    const json& event = bed.sink.events[std::size_t(range)];
    CHECK(event["event_id"] == "1-1." + std::to_string(range));
    for (const json& member : event["to"])
      CHECK(range_of(member_slot(member["user_id"].get<std::string>()), 3) == range);
    members += event["to"].size();
  }
  CHECK(members == 60);
  CHECK(bed.sink.keys == Told{"group_1_0", "group_1_1", "group_1_2"});
  const std::vector<std::uint64_t> tickets = std::exchange(bed.sink.tickets, {});
  bed.sink.durable(tickets[1]);
  CHECK(bed.book.told.empty());  // the first is still on its way
  bed.sink.durable(tickets[0]);
  CHECK(bed.book.told == Told{"done 1 2"});
  bed.sink.durable(tickets[2]);
  CHECK(bed.book.told == Told{"done 1 2", "settled 1"});
}

TEST_CASE("group relay: what an earlier process left is taken up where it stood", "[im][relay][group]") {
  GroupRelayBed bed;
  for (int i = 0; i < 60; ++i) bed.member("user" + std::to_string(i));
  GroupIntent half = GroupRelayBed::intent(1, 3);
  half.done = 2;
  GroupIntent over = GroupRelayBed::intent(2);
  over.message = nullptr;  // recalled
  bed.relay().start();
  CHECK(bed.book.pages.empty());
  bed.loop.pass(milliseconds(15'000));
  REQUIRE(bed.book.pages.size() == 1);
  auto reply = std::move(bed.book.pages[0].second);
  bed.book.pages.clear();
  reply(std::vector<GroupIntent>{half, over});
  CHECK(bed.book.looked == Told{"1-1 2/3"});
  bed.sink.all_durable();
  CHECK(bed.book.told == Told{"settled 2", "settled 1"});
  CHECK(bed.metrics.intents.read() == 1);
}

TEST_CASE("group relay: what another node left is taken up when its devices had their time to come here",
          "[im][relay][group][nodes]") {
  GroupRelayBed bed;
  bed.member("bob");
  const auto answer = [&](std::vector<GroupIntent> page) {
    REQUIRE(bed.book.pages.size() == 1);
    auto reply = std::move(bed.book.pages[0].second);
    bed.book.pages.clear();
    reply(std::move(page));
  };
  bed.relay().start();
  bed.loop.pass(milliseconds(15'000));
  answer({});
  bed.relay().start();
  bed.loop.pass(milliseconds(14'999));
  CHECK(bed.book.pages.empty());
  bed.loop.pass(milliseconds(1));
  bed.relay().start();  // and another node's
  answer({});
  CHECK(bed.sink.told().empty());
  bed.loop.pass(milliseconds(15'000));
  answer({GroupRelayBed::intent(1)});
  CHECK(bed.sink.told() == Told{"1-1.0: bob phone"});
  bed.loop.pass(milliseconds(60'000));
  CHECK(bed.book.pages.empty());
}

TEST_CASE("group relay: what another node withdrew unheard is looked up, and pushed no more",
          "[im][relay][group][nodes]") {
  GroupRelayBed bed;
  bed.member("bob");
  bed.here.online("bob");
  Committed commit;
  commit.group_intents = {GroupRelayBed::intent(1), GroupRelayBed::intent(2)};
  bed.relay().committed(commit);
  CHECK(bed.metrics.waiting.read() == 2);
  bed.relay().missed({.users = {GroupRelayBed::key("bob")}, .groups = {ConvId{99}}});
  CHECK(bed.book.pages.empty());  // it concerns neither
  bed.relay().missed({.groups = {ConvId{1}}});
  REQUIRE(bed.book.pages.size() == 1);
  auto reply = std::move(bed.book.pages[0].second);
  bed.book.pages.clear();
  reply(std::vector<GroupIntent>{GroupRelayBed::intent(2)});
  CHECK(bed.metrics.withdrawn.read() == 1);
  bed.relay().left_foreground(GroupRelayBed::key("bob"), "phone");
  CHECK(bed.sink.told() == Told{"1-2.0: bob phone"});
}

TEST_CASE("group relay: who came back and caught up before an earlier process's messages are read has them",
          "[im][relay][group]") {
  GroupRelayBed bed;
  bed.member("bob");
  bed.member("cat");
  bed.here.online("bob");
  bed.here.caught_up.insert("bob");
  bed.here.online("cat");  // has not synced yet
  bed.relay().start();
  bed.loop.pass(milliseconds(15'000));
  REQUIRE(bed.book.pages.size() == 1);
  auto reply = std::move(bed.book.pages[0].second);
  reply(std::vector<GroupIntent>{GroupRelayBed::intent(1)});
  CHECK(bed.metrics.waiting.read() == 1);
  bed.relay().left_foreground(GroupRelayBed::key("bob"), "phone");
  CHECK(bed.sink.told().empty());
  bed.relay().left_foreground(GroupRelayBed::key("cat"), "phone");
  CHECK(bed.sink.told() == Told{"1-1.0: cat phone"});
}

TEST_CASE("group relay: recall, reading, leaving and dismissal end what waits", "[im][relay][group]") {
  GroupRelayBed bed;
  for (const char* user : {"bob", "cat", "dan"}) {
    bed.member(user);
    bed.here.online(user);
  }
  bed.commit({GroupRelayBed::intent(1), GroupRelayBed::intent(2), GroupRelayBed::intent(3)});
  CHECK(bed.metrics.waiting.read() == 9);
  Committed what;
  what.recalled.push_back({ConvId{1}, Seq{2}});
  bed.relay().committed(what);
  CHECK(bed.metrics.waiting.read() == 6);
  CHECK(bed.book.told.empty());  // its row went with the recall
  what = {};
  what.read.push_back({GroupRelayBed::key("bob"), {ConvId{1}, Seq{1}}});
  bed.relay().committed(what);
  CHECK(bed.metrics.waiting.read() == 5);
  what = {};
  what.ended.push_back({{GroupRelayBed::key("cat"), "phone", Epoch{1}, Platform::Ios}, Ended::Why::SameDevice});
  bed.relay().committed(what);
  CHECK(bed.metrics.waiting.read() == 5);  // the same device: a new connection of his
  what.ended[0].why = Ended::Why::LoggedOut;
  bed.relay().committed(what);
  CHECK(bed.metrics.waiting.read() == 3);
  what = {};
  what.deliveries.push_back({.to = {AppId{1}, ""}, .item = Subscribed{false}, .group = ConvId{1}});
  bed.relay().committed(what);
  CHECK(bed.metrics.waiting.read() == 0);
  CHECK(bed.metrics.held.read() == 0);
  for (const char* user : {"bob", "cat", "dan"}) bed.relay().left_foreground(GroupRelayBed::key(user), "phone");
  CHECK(bed.sink.told().empty());
  CHECK(bed.book.told.empty());
}

TEST_CASE("group relay: what is recalled while its members are looked up is pushed to none of them",
          "[im][relay][group]") {
  GroupRelayBed bed;
  bed.book.at_once = false;
  for (int i = 0; i < 60; ++i) bed.member("user" + std::to_string(i));
  bed.commit({GroupRelayBed::intent(1, 3)});
  bed.book.answer(0, 3);
  CHECK_FALSE(bed.sink.told().empty());
  REQUIRE(bed.book.asked.size() == 1);  // the second range; the first one's event is on its way
  Committed what;
  what.recalled.push_back({ConvId{1}, Seq{1}});
  bed.relay().committed(what);
  bed.book.answer(1, 3);  // as things stood before the recall
  CHECK(bed.sink.told().empty());
  CHECK(bed.book.asked.empty());
  bed.sink.all_durable();
  CHECK(bed.metrics.held.read() == 0);
  CHECK(bed.book.told.empty());
}

TEST_CASE("group relay: a device that has caught up by a sync has all but what is on its way", "[im][relay][group]") {
  GroupRelayBed bed;
  bed.member("cat");
  bed.here.online("cat");
  bed.commit({GroupRelayBed::intent(1), GroupRelayBed::intent(2)});
  bed.book.at_once = false;
  bed.commit({GroupRelayBed::intent(3)});
  const MessageId open{ConvId{1}, Seq{2}};
  bed.relay().has_all_messages(GroupRelayBed::key("cat"), "phone", {&open, 1});
  CHECK(bed.book.told == Told{"settled 1"});
  bed.book.answer();
  CHECK(bed.book.told == Told{"settled 1", "settled 3"});
  bed.relay().left_foreground(GroupRelayBed::key("cat"), "phone");
  CHECK(bed.sink.told() == Told{"1-2.0: cat phone"});
}

TEST_CASE("group relay: bounds: flights, waits and memory", "[im][relay][group]") {
  GroupRelayBed bed;
  bed.relay_options.in_flight_max = 2;
  bed.options.held_max = 3;
  bed.member("bob");
  bed.commit({GroupRelayBed::intent(1), GroupRelayBed::intent(2), GroupRelayBed::intent(3), GroupRelayBed::intent(4)});
  CHECK(bed.sink.told() == Told{"1-1.0: bob phone", "1-2.0: bob phone"});
  CHECK(bed.metrics.held.read() == 3);
  bed.sink.all_durable();
  CHECK(bed.sink.told() == Told{"1-3.0: bob phone"});
  bed.sink.all_durable();
  bed.loop.pass(milliseconds(0));
  REQUIRE(bed.book.pages.size() == 1);  // the fourth is read again
  CHECK(bed.book.pages[0].first == 3);
  bed.book.pages[0].second(std::vector<GroupIntent>{GroupRelayBed::intent(4)});
  CHECK(bed.sink.told() == Told{"1-4.0: bob phone"});

  GroupRelayBed few;
  few.relay_options.in_flight_max = 1;
  few.member("cat");
  few.here.online("cat");
  few.commit({GroupRelayBed::intent(1), GroupRelayBed::intent(2), GroupRelayBed::intent(3)});
  few.here.users.clear();
  few.relay().left_foreground(GroupRelayBed::key("cat"), "phone");
  CHECK(few.sink.told() == Told{"1-1.0: cat phone"});
  CHECK_FALSE(few.relay().idle());
  few.has("cat", 2);  // its app was quicker than the broker
  few.sink.all_durable();
  CHECK(few.sink.told() == Told{"1-3.0: cat phone"});
  few.sink.all_durable();
  CHECK(few.relay().idle());
  CHECK(few.metrics.held.read() == 0);

  GroupRelayBed waits;
  waits.options.waits_max = 1;
  waits.member("cat");
  waits.here.online("cat");
  waits.commit({GroupRelayBed::intent(1), GroupRelayBed::intent(2)});
  CHECK(waits.book.looked == Told{"1-1 0/1"});
  waits.has("cat", 1);
  CHECK(waits.book.looked == Told{"1-1 0/1", "1-2 0/1"});
}

TEST_CASE("group relay: the store is asked again where it could not be read", "[im][relay][group]") {
  GroupRelayBed bed;
  bed.book.at_once = false;
  bed.member("bob");
  bed.commit({GroupRelayBed::intent(1)});
  auto reply = std::move(bed.book.asked[0].second);
  bed.book.asked.clear();
  reply(refuse(Code::Busy, "away"));
  CHECK(bed.book.asked.empty());
  bed.loop.pass(milliseconds(1'000));
  REQUIRE(bed.book.asked.size() == 1);
  bed.book.answer();
  CHECK(bed.sink.told() == Told{"1-1.0: bob phone"});
}

TEST_CASE("group relay: the event is as its schema says", "[im][relay][group]") {
  const auto schema = testing::JsonSchema::from_file(NIGHTPOST_SCHEMAS "/offline-event.schema.json");
  GroupRelayBed bed;
  bed.member("bob", {"phone", "p\"d"}, true);
  bed.member("cat");
  bed.commit({GroupRelayBed::intent(7)});
  REQUIRE(bed.sink.events.size() == 1);
  const json& event = bed.sink.events[0];
  CHECK(schema.mistakes(event).empty());
  CHECK(event["kind"] == "group");
  CHECK(event["group"] == json::parse(R"({"group_id":"@TGS#1","name":"Team"})"));
  CHECK(event["from"] == json::parse(R"({"user_id":"ann","nick":"Ann \"A\"","name_card":"Boss"})"));
  CHECK(event["message"]["id"] == "1-7");
  CHECK(event["to"][0] == json::parse(R"({"user_id":"bob","unread":3,"mentioned":true,"devices":["phone","p\"d"]})"));
  CHECK(event["to"][1] == json::parse(R"({"user_id":"cat","unread":3,"devices":["phone"]})"));
  CHECK(event["expires_at"] == event["occurred_at"].get<std::int64_t>() + 86'400'000);
}

TEST_CASE("group relay: more members than an event holds make several, under one id", "[im][relay][group]") {
  GroupRelayBed bed;
  for (int i = 0; i < 1'001; ++i) bed.member("user" + std::to_string(i));
  bed.commit({GroupRelayBed::intent(1)});
  REQUIRE(bed.sink.events.size() == 2);
  CHECK(bed.sink.events[0]["to"].size() == 1'000);
  CHECK(bed.sink.events[1]["to"].size() == 1);
  CHECK(bed.sink.events[1]["event_id"] == "1-1.0");
  bed.sink.all_durable();
  CHECK(bed.book.told == Told{"settled 1"});
}

TEST_CASE("split sink: two publish, each hears of its own tickets", "[im][relay]") {
  Sink sink;
  std::vector<std::string> heard;
  {
    SplitSink split(sink);
    split.port(0).on_durable([&](std::uint64_t ticket) { heard.push_back("a" + std::to_string(ticket)); });
    split.port(1).on_durable([&](std::uint64_t ticket) { heard.push_back("b" + std::to_string(ticket)); });
    split.port(0).publish("k", "{}", 7);
    split.port(1).publish("k", "{}", 7);
    split.port(1).publish("k", "{}", 8);
    CHECK(std::set<std::uint64_t>(sink.tickets.begin(), sink.tickets.end()).size() == 3);
    sink.all_durable();
    CHECK(heard == std::vector<std::string>{"a7", "b7", "b8"});
    split.port(1).on_durable({});
    split.port(1).publish("k", "{}", 9);
    sink.all_durable();
  }
  CHECK(heard.size() == 3);
  CHECK_FALSE(sink.durable);
}

}  // namespace
