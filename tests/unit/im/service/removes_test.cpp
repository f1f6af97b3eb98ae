// Messages that a user deletes for himself: his other devices hear which, nobody else does.
#include <set>

#include "group_world.h"

namespace nightpost::im {
namespace {

using Gone = std::vector<MessageId>;

struct Removes : Two {
  explicit Removes(ServiceOptions with = {}) : Two(std::move(with)), desk(login("denny", "desk", Platform::Desktop)) {
    news();
  }
  /// From anna to denny.
  MessageId written() { return send(anna, "denny").id; }
  PullReply changes_of(const Terminal& who, const std::string& peer, std::int64_t known = 0) {
    return pull(who, {.peer = peer, .changes = known});
  }
  std::int64_t rows() const { return number("SELECT count(*) FROM im_changes"); }

  Terminal desk;
};

TEST_CASE("removes: another device of the user hears which, live and by pull", "[im][service][remove]") {
  Removes world;
  const MessageId first = world.written(), second = world.written(), third = world.written();
  const std::int64_t known = world.chat(world.desk, "anna").changes;
  world.news();
  const auto ver = world.remove(world.denny, {first, third, first});
  REQUIRE(ver);
  const Committed told = world.news();
  REQUIRE(told.deliveries.size() == 1);
  CHECK(told.deliveries[0].to.user == "denny");
  CHECK(told.deliveries[0].except == "phone");
  CHECK(told.deliveries[0].ver == *ver);
  const auto& removed = std::get<Removed>(told.deliveries[0].item);
  CHECK(removed.peer == "anna");
  CHECK(removed.group.empty());
  CHECK(removed.ids == Gone{first, third});

  CHECK(world.chat(world.desk, "anna").changes == known + 2);  // so a sync says that there is something to pull
  const PullReply his = world.changes_of(world.desk, "anna", known);
  CHECK(his.removes == Gone{first, third});
  CHECK(his.recalls.empty());
  CHECK(his.edits.empty());
  CHECK(his.changes == known + 2);
  CHECK(world.changes_of(world.desk, "anna", his.changes).removes.empty());
  REQUIRE(world.remove(world.desk, {second}));
  CHECK(world.changes_of(world.denny, "anna", his.changes).removes == Gone{second});

  const PullReply hers = world.changes_of(world.anna, "denny");
  CHECK(hers.removes.empty());
  CHECK(hers.recalls.empty());
  CHECK(hers.edits.empty());
  CHECK(hers.messages.size() == 3);
  CHECK(hers.changes == known + 3);  // she asks for nothing twice
  world.restart();
  CHECK(world.changes_of(world.login("denny", "pad"), "anna").removes.size() == 3);
}

TEST_CASE("removes: what is removed already adds nothing", "[im][service][remove]") {
  Removes world;
  const MessageId id = world.written(), kept = world.written();
  REQUIRE(world.remove(world.denny, {id}));
  world.news();
  REQUIRE(world.remove(world.denny, {id}));
  CHECK(std::get<ChatChanged>(world.news().deliveries.at(0).item).peer == "anna");
  CHECK(world.rows() == 1);
  REQUIRE(world.remove(world.desk, {id, kept}));
  CHECK(std::get<Removed>(world.news().deliveries.at(0).item).ids == Gone{kept});
  CHECK(world.rows() == 2);
  REQUIRE(world.remove(world.anna, {id}));  // for herself
  CHECK(world.changes_of(world.anna, "denny").removes == Gone{id});
  CHECK(world.changes_of(world.desk, "anna").removes == Gone{id, kept});

  REQUIRE(world.change(world.denny, {.peer = "anna", .remove = true, .with_messages = true}));
  REQUIRE(world.remove(world.denny, {id}));
  CHECK(world.rows() == 3);
}

TEST_CASE("removes: several conversations in one request", "[im][service][remove]") {
  Removes world;
  const Terminal berta = world.login("berta");
  const MessageId one = world.written(), other = world.send(berta, "denny").id;
  world.news();
  REQUIRE(world.remove(world.denny, {other, one}));
  const Committed told = world.news();
  REQUIRE(told.deliveries.size() == 2);
  for (const Delivery& each : told.deliveries) {
    const auto& removed = std::get<Removed>(each.item);
    CHECK(removed.ids == Gone{removed.peer == "anna" ? one : other});
  }
  CHECK(world.changes_of(world.desk, "berta").removes == Gone{other});
  CHECK(world.changes_of(world.desk, "anna").removes == Gone{one});
}

TEST_CASE("removes: whoever begins anew after a reset hears of all of them", "[im][service][remove]") {
  Removes world;
  const MessageId id = world.written();
  REQUIRE(world.remove(world.denny, {id}));
  const SyncReply all = world.sync(world.desk, {.ver = Ver{1'000}});
  CHECK(all.reset);
  REQUIRE(all.chats.size() == 1);
  CHECK(all.chats[0].changes == 1);
  CHECK_FALSE(all.chats[0].last);
  CHECK(world.changes_of(world.desk, "anna").removes == Gone{id});
}

TEST_CASE("removes: beside a recall, each says its own", "[im][service][remove]") {
  Removes world;
  const MessageId id = world.written();
  const bool first = GENERATE(true, false);
  if (first) REQUIRE(world.remove(world.denny, {id}));
  REQUIRE(world.recall(world.anna, id));
  if (!first) REQUIRE(world.remove(world.denny, {id}));
  const PullReply his = world.changes_of(world.desk, "anna");
  CHECK(his.removes == Gone{id});
  CHECK(his.recalls.size() == 1);
  CHECK(his.messages.empty());
  const PullReply hers = world.changes_of(world.anna, "denny");
  CHECK(hers.removes.empty());
  CHECK(hers.recalls.size() == 1);
}

TEST_CASE("removes: an answer holds a hundred, and the next goes on", "[im][service][remove]") {
  Removes world;
  Gone his, hers;
  for (int i = 0; i < 120; ++i) his.push_back(world.written());
  hers = his;
  while (!hers.empty()) {
    const auto some = hers.end() - 30;
    REQUIRE(world.remove(world.anna, {some, hers.end()}));
    REQUIRE(world.remove(world.denny, {some, hers.end()}));
    hers.erase(some, hers.end());
  }
  for (const Terminal& who : {world.desk, world.anna}) {
    const std::string peer = who.user.user == "anna" ? "denny" : "anna";
    std::set<MessageId> heard;
    const PullReply page = world.changes_of(who, peer);
    CHECK(page.removes.size() == 100);
    heard.insert(page.removes.begin(), page.removes.end());
    const PullReply rest = world.changes_of(who, peer, page.changes);
    CHECK(rest.removes.size() == 20);
    CHECK(rest.changes == 240);
    heard.insert(rest.removes.begin(), rest.removes.end());
    CHECK(heard == std::set<MessageId>(his.begin(), his.end()));
  }
}

TEST_CASE("removes: the news of one goes with the message", "[im][service][remove]") {
  ServiceOptions options;
  options.message_kept = milliseconds(100'000);
  Removes world(options);
  REQUIRE(world.remove(world.denny, {world.written()}));
  CHECK(world.rows() == 1);
  world.clock.pass(milliseconds(110'000));
  world.loop.pass(milliseconds(60'000));
  REQUIRE(world.loop.until([&] { return world.number("SELECT count(*) FROM im_messages") == 0; }));
  CHECK(world.rows() == 0);
  CHECK(world.changes_of(world.desk, "anna").removes.empty());
}

struct GroupRemoves : GroupWorld {
  explicit GroupRemoves(ServiceOptions with = {})
      : GroupWorld(std::move(with)), desk(login("mia", "desk", Platform::Desktop)), group(create(GroupType::Work)) {
    news();
  }
  PullReply changes_of(const Actor& who, std::int64_t known = 0) {
    auto page = try_pull_group(who, {.group = group, .changes = known});
    REQUIRE(page);
    return *std::move(page);
  }
  std::int64_t rows() const { return number("SELECT count(*) FROM im_changes"); }

  Terminal desk;
  std::string group;
};

TEST_CASE("removes: in a group a member's other devices hear, and no other member", "[im][group][remove]") {
  GroupRemoves world;
  const MessageId first = world.write("olga", world.group), second = world.write("max", world.group);
  world.news();
  const auto ver = world.remove(world.phone("mia"), {first, first});
  REQUIRE(ver);
  const Committed told = world.news();
  REQUIRE(told.deliveries.size() == 1);
  const Delivery& delivery = told.deliveries[0];
  CHECK(delivery.to.user == "mia");
  CHECK(delivery.except == "phone");
  CHECK(delivery.ver == *ver);
  CHECK(delivery.group == ConvId{});  // to her alone
  CHECK(std::get<Removed>(delivery.item).group == world.group);
  CHECK(std::get<Removed>(delivery.item).ids == Gone{first});

  CHECK(world.group_chat("mia", world.group).changes == 1);
  const PullReply hers = world.changes_of(actor_of(world.desk));
  CHECK(hers.removes == Gone{first});
  CHECK(hers.changes == 1);
  CHECK(world.changes_of(actor_of(world.desk), 1).removes.empty());
  for (const char* other : {"olga", "max"}) {
    const PullReply page = world.changes_of(world.as(other));
    CHECK(page.removes.empty());
    CHECK(page.recalls.empty());
    CHECK(page.edits.empty());
    CHECK(page.changes == 1);
  }
  CHECK(world.changes_of(GroupWorld::app()).removes.empty());

  REQUIRE(world.remove(world.phone("mia"), {first}));  // a repeat
  CHECK(group_words(world.news()) == Told{"for mia sync"});
  CHECK(world.rows() == 1);
  REQUIRE(world.remove(world.desk, {first, second}));
  CHECK(std::get<Removed>(world.news().deliveries.at(0).item).ids == Gone{second});
  REQUIRE(world.recall(world.phone("max"), second));
  const PullReply both = world.changes_of(world.as("mia"), hers.changes);
  CHECK(both.removes == Gone{second});
  CHECK(both.recalls.size() == 1);
  world.restart();
  CHECK(world.changes_of(world.as("mia")).removes == Gone{first, second});
}

TEST_CASE("removes: in a group the news of one goes with the message", "[im][group][remove]") {
  ServiceOptions options;
  options.message_kept = milliseconds(100'000);
  GroupRemoves world(options);
  const MessageId id = world.write("olga", world.group);
  REQUIRE(world.remove(world.phone("mia"), {id}));
  REQUIRE(world.remove(world.phone("max"), {id}));
  CHECK(world.rows() == 2);
  world.clock.pass(milliseconds(110'000));
  world.loop.pass(milliseconds(60'000));
  REQUIRE(world.loop.until([&] { return world.number("SELECT count(*) FROM im_messages WHERE tip = 0") == 0; }));
  CHECK(world.rows() == 0);
}

}  // namespace
}  // namespace nightpost::im
