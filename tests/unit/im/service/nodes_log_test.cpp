// Nodes that do not hear each other: who is looked up for what was missed, and what becomes of a store that forgot.
#include <algorithm>

#include "nodes_world.h"

namespace nightpost::im {
namespace {

/// Without Redis; both know of each other.
struct DeafNodes : Nodes {
  explicit DeafNodes(std::size_t logged = 10'000) {
    wire_a.does_hear = wire_b.does_hear = false;
    for (World* const world : {&a, &b}) world->options.commits_logged = logged;
    if (logged != 10'000) restart_both();
    keep(a);
    keep(b);
    settle();
    wire_a.lost = wire_b.lost = true;
    heal();
  }
  void restart_both() {
    a.service->set_peers(nullptr);
    b.service->set_peers(nullptr);
    for (World* const world : {&a, &b}) world->restart();
    a.service->set_peers(&wire_a);
    b.service->set_peers(&wire_b);
  }
  /// Both have looked at the store.
  void heal() {
    const std::int64_t all = last();
    until([&] {
      a.loop.pass(a.options.peer_check);
      b.loop.pass(b.options.peer_check);
      return a.service->told_up_to() >= all && b.service->told_up_to() >= all;
    });
    for (World* const world : {&a, &b}) {
      world->missed_whom.clear();
      world->missed_since.clear();
    }
  }
  std::int64_t logged() const { return a.number("SELECT count(*) FROM im_commit_log"); }
};

/// Whom that node has looked up; upkeep, which commits now and then, concerns nobody.
std::string looked_up(const World& world) {
  Concerned whom;
  for (const Concerned& each : world.missed_whom) add_concerned(whom, Concerned(each), 1'000);
  if (whom.all) return "all";
  settle_concerned(whom);
  std::string out;
  for (const UserKey& user : whom.users) out += (out.empty() ? "" : " ") + user.user;
  return out;
}

TEST_CASE("im nodes: without Redis those alone are looked up whom other nodes' commits concern",
          "[im][service][postgres][nodes]") {
  DeafNodes nodes;
  const std::uint64_t whole = nodes.b.metrics.missed_whole.read();
  nodes.a.send(nodes.anna, "denny");
  SECTION("by a look, once for all that was missed") {
    nodes.a.import("mia");
    const Terminal olga = nodes.a.login("olga");
    nodes.a.send(olga, "anna");
    nodes.until([&] {
      nodes.b.loop.pass(nodes.b.options.peer_check);
      return !nodes.b.missed_whom.empty();
    });
    CHECK(looked_up(nodes.b) == "anna denny olga");
  }
  SECTION("by its own commit, before its answer") {
    nodes.ask<void>([&](auto reply) { nodes.b.service->import_account({kApp, "mia"}, {}, std::move(reply)); });
    CHECK(looked_up(nodes.b) == "anna denny");
  }
  SECTION("nobody, where it concerns nobody") {
    nodes.heal();
    nodes.a.import("mia");
    nodes.until([&] {
      nodes.b.loop.pass(nodes.b.options.peer_check);
      return nodes.b.service->told_up_to() == nodes.last();
    });
    CHECK_FALSE(nodes.b.missed_whom.empty());
    CHECK(looked_up(nodes.b).empty());
  }
  CHECK(nodes.b.metrics.missed_logged.read() > 0);
  CHECK(nodes.b.metrics.missed_whole.read() == whole);
}

TEST_CASE("im nodes: what the log does not say concerns all", "[im][service][postgres][nodes]") {
  DeafNodes nodes;
  nodes.a.send(nodes.anna, "denny");
  nodes.a.send(nodes.anna, "denny");
  std::string want = "all";
  SECTION("a commit that it lacks") {
    nodes.a.sql("DELETE FROM im_commit_log WHERE number = (SELECT number FROM im_commits)");
  }
  SECTION("one of another version") { nodes.a.sql("UPDATE im_commit_log SET concerned = 'story 5'"); }
  SECTION("one that says so") { nodes.a.sql("UPDATE im_commit_log SET concerned = '*'"); }
  SECTION("else not") { want = "anna denny"; }
  nodes.ask<void>([&](auto reply) { nodes.b.service->import_account({kApp, "mia"}, {}, std::move(reply)); });
  CHECK(looked_up(nodes.b) == want);
}

TEST_CASE("im nodes: the log is bounded, and a node alone keeps none", "[im][service][postgres][nodes]") {
  SECTION("bounded") {
    DeafNodes nodes(5);
    for (int i = 0; i < 12; ++i) nodes.a.send(nodes.anna, "denny");
    CHECK(nodes.logged() >= 12);
    Nodes::keep(nodes.a);         // the first prunes
    CHECK(nodes.logged() <= 10);  // and has committed since
    // A node that was away for longer looks all up.
    nodes.ask<void>([&](auto reply) { nodes.b.service->import_account({kApp, "mia"}, {}, std::move(reply)); });
    CHECK(looked_up(nodes.b) == "all");
  }
  SECTION("none is wanted") {
    DeafNodes nodes(0);
    nodes.a.send(nodes.anna, "denny");
    CHECK(nodes.logged() == 0);
    nodes.b.send(nodes.denny, "anna");
    CHECK(looked_up(nodes.b) == "all");
  }
  SECTION("alone") {
    World world(node_options("a"), StoreKind::Postgres);
    world.login("anna");
    Nodes::keep(world);
    const auto rows = [&] { return world.number("SELECT count(*) FROM im_commit_log"); };
    const std::int64_t before = rows();
    world.login("denny");
    CHECK(rows() == before);
  }
}

TEST_CASE("im nodes: a store that forgot other nodes' commits is noticed, and all are looked up",
          "[im][service][postgres][nodes]") {
  Nodes nodes;
  for (int i = 0; i < 3; ++i) nodes.a.send(nodes.anna, "denny");
  nodes.settle();
  nodes.wire_a.lost = nodes.wire_b.lost = true;
  CHECK(nodes.b.metrics.set_back.read() == 0);
  // As a standby that was behind: of this node's own commits it has all.
  nodes.b.sql("UPDATE im_commits SET number = number - 3");
  CHECK(code_of(nodes.b.try_sync(nodes.denny)) == Code::Busy);  // until it has written
  nodes.b.send(nodes.denny, "anna");
  CHECK(nodes.b.metrics.set_back.read() == 1);
  REQUIRE(nodes.b.missed_since.size() == 1);
  CHECK(nodes.b.missed_since[0] == WallTime{});
  CHECK(nodes.b.missed_whom[0].all);
  CHECK(nodes.b.deposed == 0);
  CHECK(nodes.b.service->told_up_to() == nodes.last());
  CHECK(nodes.b.try_sync(nodes.denny));
  nodes.a.send(nodes.anna, "denny");
  CHECK(nodes.a.metrics.set_back.read() == 1);

  // From then on they hear each other as before.
  nodes.wire_a.lost = nodes.wire_b.lost = false;
  nodes.until([&] {
    nodes.a.loop.pass(nodes.a.options.peer_check);
    nodes.b.loop.pass(nodes.b.options.peer_check);
    const std::int64_t all = nodes.last();
    return nodes.a.service->told_up_to() >= all && nodes.b.service->told_up_to() >= all;
  });
  nodes.b.missed_since.clear();
  nodes.b.news();
  nodes.a.send(nodes.anna, "denny");
  nodes.settle();
  CHECK(nodes.b.news().deliveries.size() >= 1);
  CHECK(nodes.b.missed_since.empty());
  CHECK(nodes.b.metrics.set_back.read() == 1);
}

TEST_CASE("im nodes: sessions that end are no other store", "[im][service][postgres][nodes]") {
  Nodes nodes;
  nodes.a.sql(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> "
      "pg_backend_pid()");
  for (World* const world : {&nodes.a, &nodes.b}) {
    const Terminal& who = world == &nodes.a ? nodes.anna : nodes.denny;
    std::optional<Answer<SendReply>> sent;
    for (int tries = 0; tries < 1'000 && !(sent && *sent); ++tries)
      sent = nodes.ask<SendReply>([&](auto reply) { world->service->send(who, world->text("mia"), std::move(reply)); });
    CHECK(world->metrics.set_back.read() == 0);
  }
}

}  // namespace
}  // namespace nightpost::im
