// A live group whose members are at two nodes.
#include <algorithm>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "im/service/live_rooms.h"
#include "nodes_world.h"

namespace nightpost::im {
namespace {

/// The live group "show" of olga's. Mia is at a, max at b.
struct ShowNodes : Nodes {
  ShowNodes() {
    // Both know of each other, so that each says in the store whom its commits concern.
    keep(a);
    keep(b);
    olga = a.login("olga");
    mia = a.login("mia");
    max = b.login("max");
    REQUIRE(ask<GroupCreated>([&](auto reply) {
      a.service->create_group(actor_of(olga), {.group = "show", .type = GroupType::Live, .name = "Show"},
                              std::move(reply));
    }));
    settle();
  }
  void enter(World& at, const Terminal& who) {
    REQUIRE(ask<JoinReply>([&](auto reply) { at.service->join_group(actor_of(who), "show", "", std::move(reply)); }));
    settle();
  }
  std::int64_t online(World& at) {
    return ask<GroupInfos>([&](auto reply) {
             at.service->group_infos({.user = {kApp, ""}, .terminal = {}}, {"show"}, std::move(reply));
           })
        .value()
        .front()
        .second->members;
  }
  /// Here alone.
  static std::int64_t here(const World& at) {
    const auto counts = at.service->live_counts(10);
    return counts.empty() ? 0 : counts.front().users;
  }
  void say(World& at, const Terminal& who, const std::string& words) {
    REQUIRE(ask<SendReply>([&](auto reply) {
      at.service->send_to_group(
          actor_of(who),
          {.group = "show", .client_id = words, .elements = R"([{"type":"text","text":")" + words + R"("}])"},
          std::move(reply));
    }));
  }
  /// The words that a node's members were told, in order.
  static std::string heard(World& at) {
    std::string out;
    for (const Delivery& each : at.news().deliveries)
      if (const auto* const said = std::get_if<NewMessage>(&each.item)) {
        const std::string& text = said->message->elements;
        const std::size_t from = text.find(R"("text":")") + 8;
        out += (out.empty() ? "" : " ") + text.substr(from, text.find('"', from) - from);
      }
    return out;
  }
  /// Whom its gateway was told to let go.
  static std::string let_go(World& at) {
    std::string out;
    for (const Delivery& each : at.news().deliveries)
      if (const auto* const item = std::get_if<Subscribed>(&each.item); item != nullptr && !item->on)
        out += (out.empty() ? "" : " ") + (each.to.user.empty() ? std::string("all") : each.to.user);
    return out;
  }
  Answer<MembersChanged> kick(World& at, std::optional<milliseconds> ban) {
    return ask<MembersChanged>([&](auto reply) {
      at.service->kick_members({.user = {kApp, ""}, .terminal = {}}, {.group = "show", .users = {"max"}, .ban = ban},
                               std::move(reply));
    });
  }
  Terminal olga, mia, max;
};

TEST_CASE("im live nodes: a live group has the members of all nodes", "[im][service][postgres][nodes][live]") {
  ShowNodes nodes;
  nodes.enter(nodes.a, nodes.mia);
  CHECK(nodes.online(nodes.a) == 1);
  CHECK(nodes.online(nodes.b) == 1);
  nodes.enter(nodes.b, nodes.max);
  CHECK(nodes.online(nodes.a) == 2);
  CHECK(nodes.online(nodes.b) == 2);
  nodes.wire_a.lost = nodes.wire_b.lost = true;  // nobody says anything for a lease
  CHECK(nodes.online(nodes.a) == 1);
}

TEST_CASE("im live nodes: each node lets its share pass, and what falls is heard nowhere",
          "[im][service][postgres][nodes][live]") {
  ShowNodes nodes;
  nodes.enter(nodes.a, nodes.mia);
  nodes.enter(nodes.b, nodes.max);
  nodes.a.loop.pass(milliseconds(1'000));
  nodes.settle();
  ShowNodes::heard(nodes.a);
  ShowNodes::heard(nodes.b);
  // 40 a second for two users, one at each: 20 pass, 40 wait, the rest falls.
  for (int i = 0; i < 70; ++i) nodes.say(nodes.a, nodes.mia, "w" + std::to_string(i));
  nodes.settle();
  const std::string at_a = ShowNodes::heard(nodes.a), at_b = ShowNodes::heard(nodes.b);
  CHECK(at_a == at_b);
  CHECK(std::ranges::count(at_a, 'w') == 20);
  CHECK(nodes.a.metrics.live_dropped.read() == 10);
  CHECK(nodes.b.metrics.live_dropped.read() == 0);
  nodes.a.loop.pass(milliseconds(1'000));
  Nodes::turn(nodes.b);
  const std::string later_a = ShowNodes::heard(nodes.a), later_b = ShowNodes::heard(nodes.b);
  CHECK(later_a == later_b);
  CHECK(std::ranges::count(later_a, 'w') == 20);
}

TEST_CASE("im live nodes: where messages of both nodes wait, all members hear each of them once",
          "[im][service][postgres][nodes][live]") {
  ShowNodes nodes;
  nodes.enter(nodes.a, nodes.mia);
  nodes.enter(nodes.b, nodes.max);
  const auto pass = [&] {
    nodes.a.loop.pass(milliseconds(1'000));
    Nodes::turn(nodes.b);
    nodes.b.loop.pass(milliseconds(1'000));
    Nodes::turn(nodes.a);
  };
  pass();
  nodes.settle();
  ShowNodes::heard(nodes.a);
  ShowNodes::heard(nodes.b);
  std::vector<std::string> want;
  for (int i = 0; i < 30; ++i) {  // 20 of each pass at once, 10 wait
    want.push_back("a" + std::to_string(i));
    nodes.say(nodes.a, nodes.mia, want.back());
    want.push_back("b" + std::to_string(i));
    nodes.say(nodes.b, nodes.max, want.back());
  }
  nodes.settle();
  pass();
  std::ranges::sort(want);
  for (World* const at : {&nodes.a, &nodes.b}) {
    std::istringstream words(ShowNodes::heard(*at));
    std::vector<std::string> heard{std::istream_iterator<std::string>(words), std::istream_iterator<std::string>()};
    std::ranges::sort(heard);
    CHECK(heard == want);
  }
}

TEST_CASE("im live nodes: what waited is told to others as it goes out, and what is theirs is not",
          "[im][service][nodes][live]") {
  GroupLimits limits;
  limits.live_per_second = 2;
  LiveRooms rooms(limits);
  rooms.set_elsewhere([](ConvId) { return std::int64_t{0}; });
  MonoTime now(std::chrono::hours(1));
  for (const char* const user : {"mia", "max"}) {
    std::vector<Delivery> join = {{.to = {kApp, user},
                                   .item = Subscribed{.on = true, .live = "show", .device = "phone", .epoch = Epoch{1}},
                                   .group = ConvId{7}}};
    rooms.take(join, now, LiveRooms::From::Shaped);
  }
  const auto said = [](const std::string& words) {
    return std::vector<Delivery>{
        {.to = {kApp, "mia"},
         .item = NewMessage{.message = std::make_shared<const Message>(Message{.elements = words})},
         .group = ConvId{7}}};
  };
  const auto words_of = [](const std::vector<Delivery>& all) {
    std::string out;
    for (const Delivery& each : all)
      if (const auto* const message = std::get_if<NewMessage>(&each.item)) out += message->message->elements;
    return out;
  };
  const auto commit = [&](const std::string& words) {
    std::vector<Delivery> told = said(words);
    rooms.shape(told, now);
    return words_of(told);
  };
  const auto hear = [&](const std::string& words) {
    std::vector<Delivery> told = said(words);
    rooms.take(told, now, LiveRooms::From::Peer);
    return words_of(told);
  };
  CHECK(commit("a") + commit("b") + commit("c") == "ab");
  CHECK(hear("x") + hear("y") + hear("z") == "xy");
  CHECK(rooms.waiting() == 2);
  CHECK(rooms.take_for_peers().empty());
  now += milliseconds(500);
  SECTION("once another of theirs comes") {
    CHECK(hear("w") == "z");
    CHECK(rooms.take_for_peers().empty());
    CHECK(words_of(rooms.due(now)) == "c");
    CHECK(words_of(rooms.take_for_peers()) == "c");
    CHECK(rooms.take_for_peers().empty());
  }
  SECTION("once another of this node's is committed, with which it is told") {
    CHECK(commit("d") == "c");
    CHECK(words_of(rooms.due(now)) == "z");
    CHECK(rooms.take_for_peers().empty());
  }
  SECTION("once nobody of this node is left to hear it") {
    for (const char* const user : {"mia", "max"}) {
      std::vector<Delivery> quit = {
          {.to = {kApp, user}, .item = Subscribed{.on = false, .live = "show"}, .group = ConvId{7}}};
      rooms.take(quit, now, LiveRooms::From::Shaped);
    }
    CHECK(rooms.rooms() == 0);
    CHECK(words_of(rooms.take_for_peers()) == "c");
    CHECK(rooms.waiting() == 0);
  }
  SECTION("once a device does not come back, whose quit is told, too") {
    rooms.gone(Terminal{{kApp, "max"}, "phone", Epoch{1}}, now);
    now += limits.live_lease;
    CHECK(words_of(rooms.due(now)) == "cz");
    const std::vector<Delivery> told = rooms.take_for_peers();
    CHECK(words_of(told) == "c");
    CHECK(told.size() == 2);
  }
}

TEST_CASE("im live nodes: who was put out without this node's hearing is put out by the store's word",
          "[im][service][postgres][nodes][live]") {
  ShowNodes nodes;
  nodes.enter(nodes.a, nodes.mia);
  nodes.enter(nodes.b, nodes.max);
  nodes.b.news();
  nodes.wire_a.lost = true;
  const auto look = [&] {
    const std::int64_t all = nodes.last();
    nodes.until([&] {
      nodes.b.loop.pass(nodes.b.options.peer_check);
      return nodes.b.service->told_up_to() >= all;
    });
    for (int i = 0; i < 200 && ShowNodes::here(nodes.b) > 0; ++i) {
      Nodes::turn(nodes.b);
      std::this_thread::sleep_for(milliseconds(1));
    }
  };
  SECTION("with a ban") {
    REQUIRE(nodes.kick(nodes.a, milliseconds(3'600'000)));
    look();
    CHECK(ShowNodes::here(nodes.b) == 0);
    CHECK(group_words(nodes.b.news()) == Told{"event kick", "off max", "event quit"});
  }
  SECTION("with the whole group") {
    REQUIRE(nodes.ask<Ver>([&](auto reply) {
      nodes.a.service->dismiss_group({.user = {kApp, ""}, .terminal = {}}, "show", std::move(reply));
    }));
    look();
    CHECK(ShowNodes::here(nodes.b) == 0);
    CHECK(group_words(nodes.b.news()) == Told{"event dismiss", "off "});
  }
  SECTION("not who may stay") {
    nodes.say(nodes.a, nodes.mia, "x");
    nodes.a.import("sam");
    look();
    CHECK(ShowNodes::here(nodes.b) == 1);
    CHECK(ShowNodes::let_go(nodes.b).empty());
  }
}

TEST_CASE("im live nodes: a store that is away is asked at the lease's next renewal",
          "[im][service][postgres][nodes][live]") {
  ShowNodes nodes;
  nodes.enter(nodes.b, nodes.max);
  nodes.wire_a.lost = true;
  REQUIRE(nodes.kick(nodes.a, milliseconds(3'600'000)));
  nodes.b.sql("ALTER TABLE im_live_rules RENAME TO away");
  const std::int64_t all = nodes.last();
  nodes.until([&] {
    nodes.b.loop.pass(nodes.b.options.peer_check);
    return nodes.b.service->told_up_to() >= all;
  });
  for (int i = 0; i < 20; ++i) Nodes::turn(nodes.b);
  CHECK(ShowNodes::here(nodes.b) == 1);
  nodes.b.sql("ALTER TABLE away RENAME TO im_live_rules");
  for (int i = 0; i < 200 && ShowNodes::here(nodes.b) > 0; ++i) Nodes::keep(nodes.b);
  CHECK(ShowNodes::here(nodes.b) == 0);
}

TEST_CASE("im live groups: a user owns a number of them", "[im][service][live]") {
  ServiceOptions options;
  options.groups.live_groups_per_owner_max = 1;
  GroupWorld world(options);
  const auto create = [&](const Actor& who) { return world.try_create(who, {.type = GroupType::Live, .name = "x"}); };
  const auto first = create(world.as("olga"));
  REQUIRE(first);
  CHECK(code_of(create(world.as("olga"))) == Code::UserGroupsFull);
  CHECK(code_of(create(GroupWorld::app("olga"))) == Code::UserGroupsFull);
  REQUIRE(create(world.as("mia")));
  REQUIRE(create(GroupWorld::app()));  // nobody's
  REQUIRE(create(GroupWorld::app()));
  REQUIRE(world.try_create(world.as("olga"), {.type = GroupType::Work, .name = "x"}));
  REQUIRE(world.dismiss(world.as("olga"), first->group));
  REQUIRE(create(world.as("olga")));
}

}  // namespace
}  // namespace nightpost::im
