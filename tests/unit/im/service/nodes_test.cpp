// Two IM servers on one PostgreSQL: one order of commits, one owner of each duty, nothing lost with a node.
#include <algorithm>
#include <set>
#include <thread>

#include "nodes_world.h"
#include "support/postgres_proxy.h"

namespace nightpost::im {
namespace {

using support::PostgresProxy;

std::vector<std::int64_t> numbers_of(const World& world) {
  std::vector<std::int64_t> out;
  for (const Committed& each : world.told)
    if (each.number > 0) out.push_back(each.number);
  return out;
}

TEST_CASE("im nodes: sends of two nodes into one conversation are dense, and both hear them in one order",
          "[im][service][postgres][nodes]") {
  Nodes nodes;
  std::vector<SendReply> sent;
  int asked = 0, answered = 0;
  for (int round = 0; round < 5; ++round)
    for (int i = 0; i < 6; ++i) {
      const auto note = [&](Answer<SendReply> reply) {
        ++answered;
        if (reply) sent.push_back(*reply);
      };
      nodes.a.service->send(nodes.anna, nodes.a.text("denny"), note);
      nodes.b.service->send(nodes.denny, nodes.b.text("anna"), note);
      asked += 2;
    }
  nodes.until([&] { return answered == asked; });
  nodes.settle();
  REQUIRE(std::cmp_equal(sent.size(), asked));
  std::ranges::sort(sent, {}, [](const SendReply& each) { return each.id.seq; });
  for (std::size_t i = 0; i < sent.size(); ++i) {
    CHECK(sent[i].id.seq.value == static_cast<std::int64_t>(i) + 1);
    if (i > 0) CHECK(sent[i].at >= sent[i - 1].at);
  }
  for (World* const world : {&nodes.a, &nodes.b}) {
    CHECK(std::ranges::is_sorted(numbers_of(*world)));
    CHECK(world->missed_since.empty());
    std::vector<Seq> heard;
    std::int64_t intents = 0;
    for (const Committed& each : world->told) {
      intents += std::ssize(each.intents);
      for (const Delivery& delivery : each.deliveries)
        if (const auto* const item = std::get_if<NewMessage>(&delivery.item))
          if (delivery.to.user == "anna") heard.push_back(item->message->id.seq);
    }
    CHECK(std::cmp_equal(heard.size(), asked));
    CHECK(std::ranges::is_sorted(heard));
    CHECK(intents == asked / 2);  // those of the other node stay there
  }
}

TEST_CASE("im nodes: the same client id at two nodes at once is one message", "[im][service][postgres][nodes]") {
  Nodes nodes;
  const Terminal pad = nodes.b.login("anna", "web", Platform::Web);
  for (int round = 0; round < 8; ++round) {
    const SendRequest request = nodes.a.text("denny");
    std::optional<Answer<SendReply>> one, other;
    nodes.a.service->send(nodes.anna, request, [&](Answer<SendReply> reply) { one = std::move(reply); });
    nodes.b.service->send(pad, request, [&](Answer<SendReply> reply) { other = std::move(reply); });
    nodes.until([&] { return one && other; });
    REQUIRE(*one);
    REQUIRE(*other);
    CHECK((*one)->id == (*other)->id);
    CHECK((*one)->repeated != (*other)->repeated);
  }
  CHECK(nodes.a.number("SELECT count(*) FROM im_messages") == 8);
}

/// A Public group of olga's, who is at a; mia is at b.
struct GroupNodes : Nodes {
  GroupNodes() {
    olga = a.login("olga");
    mia = b.login("mia");
    group = ask<GroupCreated>([&](auto reply) {
              a.service->create_group(actor_of(olga), {.type = GroupType::Public, .name = "Team", .members = {{"mia"}}},
                                      std::move(reply));
            })
                .value()
                .group;
    settle();
  }
  void write(std::vector<Answer<SendReply>>& replies) {
    b.service->send_to_group(
        actor_of(mia),
        {.group = group, .client_id = "m" + std::to_string(++written), .elements = R"([{"type":"text","text":"x"}])"},
        [&](Answer<SendReply> reply) { replies.push_back(std::move(reply)); });
  }
  Answer<Ver> silence(milliseconds time) {
    return ask<Ver>([&](auto reply) {
      a.service->change_member(actor_of(olga), {.group = group, .user = "mia", .silence = time}, std::move(reply));
    });
  }
  Terminal olga, mia;
  std::string group;
  int written = 0;
};

TEST_CASE("im nodes: a silence at one node holds at the other once it is answered", "[im][service][postgres][nodes]") {
  GroupNodes nodes;
  for (int round = 0; round < 8; ++round) {
    std::vector<Answer<SendReply>> racing, after;
    for (int i = 0; i < 5; ++i) nodes.write(racing);
    REQUIRE(nodes.silence(milliseconds(3'600'000)));
    nodes.write(after);
    nodes.until([&] { return racing.size() == 5 && after.size() == 1; });
    CHECK(code_of(after.front()) == Code::GroupSilenced);
    bool refused = false;  // from the first that was refused on, all are
    for (const auto& each : racing) {
      CHECK_FALSE((refused && each.has_value()));
      refused = refused || !each.has_value();
    }
    REQUIRE(nodes.silence(milliseconds(0)));
    std::vector<Answer<SendReply>> again;
    nodes.write(again);
    nodes.until([&] { return again.size() == 1; });
    CHECK(again.front());
    nodes.settle();
  }
}

TEST_CASE("im nodes: who is kicked at one node has said nothing behind it at the other",
          "[im][service][postgres][nodes]") {
  GroupNodes nodes;
  for (int round = 0; round < 8; ++round) {
    std::vector<Answer<SendReply>> racing, after;
    for (int i = 0; i < 5; ++i) nodes.write(racing);
    REQUIRE(nodes.ask<MembersChanged>([&](auto reply) {
      nodes.a.service->kick_members(actor_of(nodes.olga), {nodes.group, {"mia"}, "", false}, std::move(reply));
    }));
    const Seq kicked{nodes.a.number("SELECT seq FROM im_convs WHERE user_a = ''")};
    nodes.write(after);
    nodes.until([&] { return racing.size() == 5 && after.size() == 1; });
    CHECK_FALSE(after.front());
    for (const auto& each : racing)
      if (each) CHECK(each->id.seq < kicked);
    CHECK(nodes.a.number("SELECT seq FROM im_convs WHERE user_a = ''") == kicked.value);
    REQUIRE(nodes.ask<MembersChanged>([&](auto reply) {
      nodes.a.service->invite({.user = {kApp, ""}, .terminal = {}}, {nodes.group, {"mia"}, "", false},
                              std::move(reply));
    }));
    nodes.settle();
  }
}

TEST_CASE("im nodes: who is no admin any more at one node changes nothing at the other behind it",
          "[im][service][postgres][nodes]") {
  GroupNodes nodes;
  int renamed = 0;
  const auto rename = [&](std::vector<Answer<Ver>>& replies) {
    nodes.b.service->change_group(actor_of(nodes.mia),
                                  {.group = nodes.group, .name = "name " + std::to_string(++renamed)},
                                  [&](Answer<Ver> reply) { replies.push_back(std::move(reply)); });
  };
  for (int round = 0; round < 8; ++round) {
    const auto set_role = [&](GroupRole role) {
      return nodes.ask<Ver>([&](auto reply) {
        nodes.a.service->change_member(actor_of(nodes.olga), {.group = nodes.group, .user = "mia", .role = role},
                                       std::move(reply));
      });
    };
    REQUIRE(set_role(GroupRole::Admin));
    std::vector<Answer<Ver>> racing, after;
    for (int i = 0; i < 5; ++i) rename(racing);
    REQUIRE(set_role(GroupRole::Member));
    rename(after);
    nodes.until([&] { return racing.size() == 5 && after.size() == 1; });
    CHECK(code_of(after.front()) == Code::GroupForbidden);
    bool refused = false;
    for (const auto& each : racing) {
      CHECK_FALSE((refused && each.has_value()));
      refused = refused || !each.has_value();
    }
  }
}

TEST_CASE("im nodes: a node that was given up writes, reads and tells nothing more", "[im][service][postgres][nodes]") {
  Nodes nodes;
  nodes.b.sql("UPDATE im_nodes SET process = '' WHERE name = 'a'");
  for (int i = 0; i < 3; ++i) {
    CHECK(code_of(nodes.a.try_send(nodes.anna, nodes.a.text("denny"))) == Code::Busy);
    CHECK(code_of(nodes.a.try_sync(nodes.anna)) == Code::Busy);
  }
  CHECK(nodes.a.deposed == 1);
  CHECK_THAT(nodes.a.deposed_why, Catch::Contains("given this one up"));
  CHECK(nodes.a.told.empty());
  CHECK(nodes.b.number("SELECT count(*) FROM im_messages") == 0);
  nodes.a.service->acknowledged(nodes.anna, Ver{1});
  nodes.a.service->stop();
  CHECK(nodes.b.number("SELECT acked FROM im_terminals WHERE user_id = 'anna'") == 0);
  CHECK(nodes.b.send(nodes.denny, "anna").id.seq == Seq{1});
}

TEST_CASE("im nodes: what a dead node left is taken over once, and its duties with it",
          "[im][service][postgres][nodes]") {
  Nodes nodes(milliseconds(200));
  CHECK(nodes.a.service->leads());
  CHECK_FALSE(nodes.b.service->leads());
  REQUIRE(nodes.b.report_token(nodes.denny, "token"));
  for (int i = 0; i < 3; ++i) nodes.a.send(nodes.anna, "denny");
  nodes.settle();
  CHECK(nodes.a.intents().size() == 3);
  CHECK(nodes.b.intents().empty());
  nodes.b.send(nodes.denny, "anna");
  const std::size_t own = nodes.b.intents().size();
  CHECK(own == 1);

  nodes.kill_a();
  CHECK(nodes.b.taken == 0);
  for (int turn = 0; turn < 10'000 && nodes.b.taken == 0; ++turn) Nodes::keep(nodes.b);
  CHECK(nodes.b.taken == 1);
  CHECK(nodes.b.led == 1);
  CHECK(nodes.b.service->leads());
  CHECK(nodes.b.intents().size() == own + 3);
  CHECK(nodes.b.number("SELECT count(*) FROM im_nodes") == 1);
  CHECK(nodes.b.number("SELECT count(*) FROM im_intents WHERE node <> (SELECT id FROM im_nodes)") == 0);
  CHECK(nodes.b.metrics.nodes.read() == 1);
  CHECK(nodes.b.metrics.taken_over.read() >= 3);
  for (int turn = 0; turn < 3; ++turn) Nodes::keep(nodes.b);
  CHECK(nodes.b.taken == 1);
  CHECK(nodes.b.led == 1);
}

TEST_CASE("im nodes: a dead node's calls time out all the same", "[im][service][postgres][nodes]") {
  Nodes nodes;
  REQUIRE(nodes.ask<CallReply>([&](auto reply) {
    nodes.a.service->invite_to_call(
        nodes.anna, {.to = "denny", .client_id = "call", .timeout = milliseconds(30'000), .desc = "Anna calls"},
        std::move(reply));
  }));
  nodes.settle();
  nodes.kill_a();
  const auto waiting = [&] { return nodes.b.number("SELECT count(*) FROM im_calls WHERE waiting > 0"); };
  Nodes::keep(nodes.b);
  CHECK(waiting() == 1);
  nodes.b.clock.pass(milliseconds(31'000));
  for (int turn = 0; turn < 100 && waiting() > 0; ++turn) Nodes::keep(nodes.b);
  CHECK(waiting() == 0);
  CHECK(nodes.b.number("SELECT count(*) FROM im_messages WHERE elements LIKE '%timeout%'") == 1);
}

TEST_CASE("im nodes: a node that lives is not given up, however long the other has been there",
          "[im][service][postgres][nodes]") {
  Nodes nodes(milliseconds(200));
  const auto until = std::chrono::steady_clock::now() + milliseconds(450);
  while (std::chrono::steady_clock::now() < until) {
    Nodes::keep(nodes.a);
    Nodes::keep(nodes.b);
  }
  CHECK(nodes.a.deposed == 0);
  CHECK(nodes.b.led == 0);
  CHECK(nodes.b.number("SELECT count(*) FROM im_nodes WHERE process <> ''") == 2);
}

TEST_CASE("im nodes: after a time in which nobody could write, the first that can gives nobody up",
          "[im][service][postgres][nodes]") {
  Nodes nodes(milliseconds(400));
  const auto until = std::chrono::steady_clock::now() + milliseconds(900);
  while (std::chrono::steady_clock::now() < until) {
    Nodes::keep(nodes.a);
    Nodes::keep(nodes.b);
  }
  std::this_thread::sleep_for(milliseconds(500));  // both are silent for more than a lease
  Nodes::keep(nodes.a);
  CHECK(nodes.b.number("SELECT count(*) FROM im_nodes WHERE process <> ''") == 2);
  Nodes::keep(nodes.b);
  CHECK(nodes.b.deposed == 0);
}

TEST_CASE("im nodes: the first node alone does what is done once", "[im][service][postgres][nodes]") {
  Nodes nodes;
  nodes.a.ask<AdminSent>([&](auto reply) {
    nodes.a.service->send_as(
        {kApp, "anna"},
        {.to = "denny", .elements = R"([{"type":"text","text":"soon gone"}])", .lifetime = milliseconds(1'000)},
        std::move(reply));
  });
  nodes.settle();
  const auto rows = [&] { return nodes.b.number("SELECT count(*) FROM im_messages"); };
  REQUIRE(rows() == 1);
  for (World* const world : {&nodes.a, &nodes.b}) world->clock.pass(milliseconds(5'000));
  Nodes::keep(nodes.b);
  nodes.b.loop.pass(nodes.b.options.pruned_every);
  Nodes::keep(nodes.b);
  CHECK(rows() == 1);
  nodes.a.loop.pass(nodes.a.options.pruned_every);
  Nodes::keep(nodes.a);
  CHECK(rows() == 0);
}

TEST_CASE("im nodes: a process that comes back under its name goes on as that node", "[im][service][postgres][nodes]") {
  Nodes nodes;
  nodes.a.send(nodes.anna, "denny");
  nodes.settle();
  nodes.wire_b.lost = true;
  nodes.a.restart();
  CHECK(nodes.a.service->leads());
  CHECK(nodes.a.intents().size() == 1);
  CHECK(nodes.a.number("SELECT count(*) FROM im_nodes WHERE process <> ''") == 2);
  CHECK(nodes.b.deposed == 0);
}

TEST_CASE("im nodes: what another node told and got lost is noticed, and told as missed",
          "[im][service][postgres][nodes]") {
  Nodes nodes;
  nodes.wire_a.lost = true;
  nodes.a.send(nodes.anna, "denny");
  SECTION("with its own next commit, once it has waited") {
    std::optional<Answer<SendReply>> own;
    nodes.b.service->send(nodes.denny, nodes.b.text("anna"), [&](Answer<SendReply> reply) { own = std::move(reply); });
    while (nodes.last() < nodes.a.service->told_up_to() + 1) std::this_thread::sleep_for(milliseconds(1));
    std::this_thread::sleep_for(milliseconds(20));
    Nodes::turn(nodes.b);
    CHECK_FALSE(own);  // what came before may still come
    CHECK(nodes.b.missed_since.empty());
    REQUIRE(nodes.b.loop.until([&] {
      nodes.b.loop.pass(nodes.b.options.peer_wait);
      std::this_thread::sleep_for(milliseconds(1));
      nodes.b.loop.post([] {});
      return own.has_value();
    }));
    CHECK(*own);
  }
  SECTION("where nobody hears, at once") {
    nodes.wire_b.does_hear = false;
    nodes.b.send(nodes.denny, "anna");
  }
  SECTION("where nobody commits, by a look") {
    REQUIRE(nodes.b.loop.until([&] {
      nodes.b.loop.pass(nodes.b.options.peer_check);
      std::this_thread::sleep_for(milliseconds(1));
      nodes.b.loop.post([] {});
      return !nodes.b.missed_since.empty();
    }));
  }
  CHECK(nodes.b.missed_since.size() == 1);
  CHECK(nodes.b.metrics.missed.read() >= 1);
  nodes.until([&] { return nodes.b.service->told_up_to() == nodes.last(); });
  CHECK(nodes.b.sync(nodes.denny).chats.at(0).head >= Seq{1});
}

TEST_CASE("im nodes: a commit whose answer is lost amid another node's commits is learnt from the node's own row",
          "[im][service][postgres][nodes]") {
  const bool took_place = GENERATE(true, false);
  Nodes nodes;
  nodes.wire_a.does_hear = nodes.wire_b.does_hear = false;  // the third one tells nobody
  PostgresProxy proxy(nodes.a.url.place, "im_commit");
  World c(node_options("c"), nodes.b);
  c.service.reset();
  c.url.place = proxy.url();
  c.start();
  const Terminal carl = c.login("carl");
  proxy.next_commit(took_place ? PostgresProxy::Fault::LoseAnswer : PostgresProxy::Fault::LoseCommit);
  proxy.refuse(true);
  std::optional<Answer<SendReply>> lost;
  c.service->send(carl, c.text("denny"), [&](Answer<SendReply> reply) { lost = std::move(reply); });
  while (c.metrics.commits_unknown.read() == 0) std::this_thread::sleep_for(milliseconds(1));
  for (int sent = 0; sent < 3;) sent += nodes.b.try_send(nodes.denny, nodes.b.text("carl")) ? 1 : 0;
  proxy.refuse(false);
  REQUIRE(c.loop.until([&] {
    c.loop.pass(milliseconds(200));
    return lost.has_value();
  }));
  CHECK(lost->has_value() == took_place);
  CHECK(c.deposed == 0);
  CHECK(nodes.a.number("SELECT count(*) FROM im_messages") == (took_place ? 4 : 3));
  CHECK(nodes.a.number("SELECT seq FROM im_convs") == (took_place ? 4 : 3));
  c.service.reset();
}

TEST_CASE("im nodes: who joins a live group at another node is no member here, and leaves what he was in here",
          "[im][service][nodes]") {
  const GroupLimits limits;
  LiveRooms rooms(limits);
  const MonoTime now(std::chrono::hours(1));
  const UserKey mia{kApp, "mia"};
  const auto join = [&](ConvId room, const std::string& device, bool of_peer) {
    std::vector<Delivery> told = {{.to = mia,
                                   .item = Subscribed{.on = true, .live = "show", .device = device, .epoch = Epoch{1}},
                                   .group = room}};
    rooms.take(told, now, of_peer ? LiveRooms::From::Peer : LiveRooms::From::Here);
    return told.size();
  };
  CHECK(join(ConvId{7}, "phone", true) == 1);
  CHECK(rooms.users() == 0);
  CHECK(join(ConvId{7}, "pad", false) == 1);
  CHECK(rooms.room_of(mia, "pad") == ConvId{7});
  CHECK(rooms.room_of(mia, "phone") == ConvId{});
  CHECK(join(ConvId{7}, "phone", true) == 1);  // the same room: both devices are in it
  CHECK(rooms.users() == 1);
  CHECK(join(ConvId{8}, "phone", true) > 1);  // with the news of his leave
  CHECK(rooms.users() == 0);
}

TEST_CASE("im nodes: how users stand is looked up", "[im][service][nodes]") {
  GroupWorld world;
  const std::string group = world.create(GroupType::Work, {"mia"});
  const Terminal second = world.login("mia", "tablet", Platform::Android);
  REQUIRE(world.logout(second));
  const auto look = [&](std::vector<UserKey> users, milliseconds ago) {
    return world.ask<std::vector<Standing>>(
        [&](auto reply) { world.service->standings(std::move(users), world.clock.wall() - ago, std::move(reply)); });
  };
  const auto all = look({{kApp, "mia"}, {kApp, "nobody"}, {kApp, "sam"}}, milliseconds(0));
  REQUIRE(all);
  REQUIRE(all->size() == 3);
  const Standing& mia = all->front();
  CHECK(mia.ver == world.sync(world.phone("mia")).ver);
  CHECK(mia.groups.size() == 1);
  CHECK(mia.groups_moved);
  REQUIRE(mia.logins.size() == 2);
  CHECK(mia.logins[0].device == "phone");
  CHECK(mia.logins[0].state == TerminalState::LoggedIn);
  CHECK(mia.logins[0].epoch == world.phone("mia").epoch);
  CHECK(mia.logins[1].state == TerminalState::LoggedOut);
  CHECK(all->at(1).removed);
  CHECK(all->at(1).logins.empty());
  CHECK_FALSE(all->at(2).removed);
  CHECK(all->at(2).groups.empty());
  CHECK_FALSE(all->at(2).groups_moved);
  // Clocks of nodes differ: a minute is looked at beside what was asked for.
  world.clock.pass(milliseconds(59'000));
  CHECK(look({{kApp, "mia"}}, milliseconds(0))->front().groups_moved);
  world.clock.pass(milliseconds(2'000));
  CHECK_FALSE(look({{kApp, "mia"}}, milliseconds(0))->front().groups_moved);
  CHECK(look({{kApp, "mia"}}, milliseconds(2'000))->front().groups_moved);
  CHECK(code_of(look(std::vector<UserKey>(kStandingsMax + 1, {kApp, "mia"}), milliseconds(0))) == Code::Malformed);
}

}  // namespace
}  // namespace nightpost::im
