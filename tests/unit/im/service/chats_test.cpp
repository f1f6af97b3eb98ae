#include "service_world.h"

namespace nightpost::im {
namespace {

TEST_CASE("im chats: a read mark by number, by time and for all", "[im][service]") {
  Two world;
  for (int i = 0; i < 4; ++i) {
    world.send(world.anna, "denny");
    world.clock.pass(milliseconds(600));  // 0, 600, 1200, 1800 ms
  }
  const WallTime start = world.clock.wall() - milliseconds(2'400);
  const auto read = [&](ReadRequest request) {
    request.peer = "anna";
    return world.read(world.denny, request).value();
  };
  SECTION("by number, which only advances") {
    CHECK(read({.seq = Seq{2}}).unread == 2);
    CHECK(read({.seq = Seq{1}}).read == Seq{2});
    CHECK(read({.seq = Seq{-5}}).unread == 2);
    CHECK(read({.seq = Seq{3}}).unread == 1);
  }
  SECTION("beyond the head is cut to it") {
    const ReadReply reply = read({.seq = Seq{1'000}});
    CHECK(reply.read == Seq{4});
    CHECK(reply.unread == 0);
    CHECK(reply.unread_total == 0);
    world.send(world.anna, "denny");
    CHECK(world.chat(world.denny, "anna").unread == 1);
  }
  SECTION("by time: all of that second") {
    CHECK(read({.until = start - milliseconds(1)}).read == Seq{0});
    CHECK(read({.until = start}).read == Seq{2});
    CHECK(read({.until = start + milliseconds(999)}).read == Seq{2});
    CHECK(read({.until = start + std::chrono::hours(1)}).read == Seq{4});
  }
  SECTION("all") { CHECK(read({}).read == Seq{4}); }
  SECTION("a conversation of which nothing was ever said") {
    CHECK(world.read(world.denny, {.peer = "nobody"})->read == Seq{0});
    CHECK(world.number("SELECT count(*) FROM im_convs") == 1);
  }
  CHECK(code_of(world.read(world.denny, {.peer = ""})) == Code::Malformed);
  CHECK(code_of(world.read(world.denny, {.peer = "anna", .seq = Seq{1}, .until = start})) == Code::Malformed);
}

TEST_CASE("im chats: a read mark is told to own devices, to the other one, and ends the pushes", "[im][service]") {
  Two world;
  world.write(3);
  REQUIRE(world.read(world.denny, {.peer = "anna", .seq = Seq{2}}));
  const Committed news = world.news();
  REQUIRE(news.deliveries.size() == 2);
  CHECK(news.deliveries[0].to.user == "denny");
  CHECK(news.deliveries[0].except == "phone");
  CHECK(news.deliveries[0].unread_total == 1);
  CHECK(std::get<ReadMark>(news.deliveries[0].item).read == Seq{2});
  CHECK(std::get<ReadMark>(news.deliveries[0].item).unread == 1);
  CHECK(news.deliveries[1].to.user == "anna");
  CHECK(std::get<PeerRead>(news.deliveries[1].item).read == Seq{2});
  REQUIRE(news.read.size() == 1);
  CHECK(news.read[0].first.user == "denny");
  CHECK(news.read[0].second == MessageId{ConvId{1}, Seq{2}});
  REQUIRE(world.intents().size() == 1);
  CHECK(world.intents()[0].message->id.seq == Seq{3});
  CHECK(world.chat(world.anna, "denny").peer_read == Seq{2});

  REQUIRE(world.read(world.denny, {.peer = "anna", .seq = Seq{2}}));
  CHECK(world.told.empty());  // a repeat changes nothing
}

TEST_CASE("im chats: unread is exact from both ends of a long conversation", "[im][service]") {
  Two world;
  world.write(6);
  world.send(world.denny, "anna");  // 7: his own is never unread
  world.write(3);
  REQUIRE(world.recall(world.anna, {ConvId{1}, Seq{2}}));
  REQUIRE(world.recall(world.anna, {ConvId{1}, Seq{9}}));
  CHECK(world.chat(world.denny, "anna").unread == 7);
  CHECK(world.read(world.denny, {.peer = "anna", .seq = Seq{2}})->unread == 6);  // the shorter side is below
  CHECK(world.read(world.denny, {.peer = "anna", .seq = Seq{8}})->unread == 1);  // above
  CHECK(world.sync(world.denny).unread_total == 1);
}

TEST_CASE("im chats: pin, mark and removal", "[im][service]") {
  Two world;
  world.write(2);
  REQUIRE(world.change(world.denny, {.peer = "anna", .pinned = true, .mark = "work"}));
  CHECK(world.chat(world.denny, "anna").pinned);
  CHECK(world.chat(world.denny, "anna").mark == "work");
  CHECK_FALSE(world.chat(world.anna, "denny").pinned);
  world.news();
  SECTION("from the list: no longer in the total, and a new message brings it back") {
    REQUIRE(world.change(world.denny, {.peer = "anna", .remove = true}));
    const Committed news = world.news();
    CHECK(news.deliveries.at(0).unread_total == 0);
    CHECK(news.read.size() == 1);
    CHECK(world.intents().empty());
    CHECK(world.chat(world.denny, "anna").gone);
    CHECK(world.chat(world.anna, "denny").peer_read == Seq{0});
    CHECK(world.pull(world.denny, {.peer = "anna"}).messages.size() == 2);
    world.send(world.anna, "denny");
    CHECK_FALSE(world.chat(world.denny, "anna").gone);
    CHECK(world.chat(world.denny, "anna").unread == 1);
  }
  SECTION("with its messages, for me") {
    REQUIRE(world.change(world.denny, {.peer = "anna", .remove = true, .with_messages = true}));
    CHECK(world.pull(world.denny, {.peer = "anna"}).messages.empty());
    CHECK_FALSE(world.chat(world.denny, "anna").last);
    CHECK(world.pull(world.anna, {.peer = "denny"}).messages.size() == 2);
    world.send(world.anna, "denny");
    CHECK(world.pull(world.denny, {.peer = "anna"}).messages.size() == 1);
  }
  CHECK(code_of(world.change(world.denny, {.peer = "nobody", .pinned = true})) == Code::MessageUnknown);
  CHECK(code_of(world.change(world.denny, {.peer = "anna", .mark = std::string(65, 'x')})) == Code::TooLarge);
  CHECK(code_of(world.change(world.denny, {.peer = "anna", .with_messages = true})) == Code::Malformed);
}

TEST_CASE("im chats: a sync goes on where the last one ended", "[im][service]") {
  Two world;
  for (const char* user : {"b", "c", "d", "e"}) {
    REQUIRE(world.import(user));
    world.send(world.anna, user);
  }
  world.send(world.anna, "b");  // moves to the end
  SyncReply page = world.sync(world.anna, {.ver = Ver{0}, .limit = 3});
  CHECK(page.more);
  REQUIRE(page.chats.size() == 3);
  CHECK(page.chats[0].peer == "c");
  page = world.sync(world.anna, {.ver = page.ver, .limit = 3});
  CHECK_FALSE(page.more);
  REQUIRE(page.chats.size() == 1);
  CHECK(page.chats[0].peer == "b");
  CHECK(page.ver == Ver{5});
  CHECK(world.sync(world.anna, {.ver = page.ver}).chats.empty());

  const SyncReply ahead = world.sync(world.anna, {.ver = Ver{6}});
  CHECK(ahead.reset);
  CHECK(ahead.chats.size() == 4);
  CHECK(ahead.ver == Ver{5});
  CHECK(code_of(world.try_sync(world.anna, {.ver = Ver{-1}})) == Code::Malformed);
  CHECK(code_of(world.try_sync(world.anna, {.limit = 0})) == Code::Malformed);
  CHECK(code_of(world.try_sync(world.anna, {.limit = 501})) == Code::Malformed);
}

TEST_CASE("im chats: ranges of a history join, in both directions", "[im][service]") {
  Two world;
  world.write(10);
  SECTION("from the newest down") {
    PullReply page = world.pull(world.denny, {.peer = "anna", .limit = 4});
    CHECK(page.from == Seq{7});
    CHECK(page.to == Seq{10});
    CHECK(page.head == Seq{10});
    CHECK(page.more);
    CHECK(page.messages.front().id.seq == Seq{7});
    page = world.pull(world.denny, {.peer = "anna", .before = page.from, .limit = 6});
    CHECK(page.from == Seq{1});
    CHECK(page.to == Seq{6});
    CHECK(page.messages.size() == 6);
    CHECK_FALSE(page.more);
  }
  SECTION("from an old one up") {
    PullReply page = world.pull(world.denny, {.peer = "anna", .after = Seq{2}, .limit = 4});
    CHECK(page.from == Seq{3});
    CHECK(page.to == Seq{6});
    CHECK(page.more);
    page = world.pull(world.denny, {.peer = "anna", .after = page.to, .limit = 4});
    CHECK(page.to == Seq{10});
    CHECK_FALSE(page.more);
    page = world.pull(world.denny, {.peer = "anna", .after = Seq{10}});
    CHECK(page.messages.empty());
    CHECK_FALSE(page.more);
    page = world.pull(world.denny, {.peer = "anna", .after = Seq{INT64_MAX}});
    CHECK(page.messages.empty());
  }
  SECTION("deleted ones are holes, not ends") {
    REQUIRE(world.remove(world.denny, {{ConvId{1}, Seq{9}}, {ConvId{1}, Seq{10}}, {ConvId{1}, Seq{1}}}));
    const PullReply page = world.pull(world.denny, {.peer = "anna", .limit = 7});
    CHECK(page.messages.size() == 7);
    CHECK(page.from == Seq{1});
    CHECK(page.to == Seq{10});
    CHECK_FALSE(page.more);
  }
  SECTION("with nobody") {
    const PullReply page = world.pull(world.denny, {.peer = "nobody"});
    CHECK(page.messages.empty());
    CHECK(page.head == Seq{0});
  }
  CHECK(world.pull(world.denny, {.peer = "anna", .before = Seq{INT64_MIN}}).messages.empty());
  CHECK(code_of(world.try_pull(world.denny, {.peer = "anna", .after = Seq{1}, .before = Seq{3}})) == Code::Malformed);
  CHECK(code_of(world.try_pull(world.denny, {.peer = "anna", .limit = 0})) == Code::Malformed);
  CHECK(code_of(world.try_pull(world.denny, {.peer = "anna", .limit = 101})) == Code::Malformed);
}

TEST_CASE("im chats: an answer is bounded in bytes, and has one message at least", "[im][service]") {
  ServiceOptions options;
  options.answer_bytes_max = 1'000;
  Two world(options);
  for (int i = 0; i < 3; ++i) world.send(world.anna, world.text("denny", std::string(600, 'x')));
  const PullReply page = world.pull(world.denny, {.peer = "anna", .after = Seq{0}});
  CHECK(page.messages.size() == 1);
  CHECK(page.to == Seq{1});
  CHECK(page.more);
}

TEST_CASE("im chats: an acknowledgement is saved late, never falls, and reads where that was asked for",
          "[im][service]") {
  Two world;
  LoginRequest request = world.login_request("denny", "phone", Platform::Ios);
  request.auto_read = true;
  world.denny = world.try_login(request)->terminal;
  world.write(2);
  const Ver seen = world.sync(world.denny).ver;
  world.write(1);
  world.service->acknowledged(world.denny, seen);
  world.service->acknowledged(world.denny, Ver{1});
  CHECK(world.chat(world.denny, "anna").unread == 3);
  world.loop.pass(std::chrono::seconds(5));
  REQUIRE(world.loop.until([&] { return !world.told.empty(); }));
  CHECK(world.chat(world.denny, "anna").unread == 1);
  CHECK(world.chat(world.anna, "denny").peer_read == Seq{2});
  world.send(world.anna, "denny");
  CHECK(world.news().intents.at(0).targets.at(0).acknowledged == seen);

  world.service->acknowledged(world.denny, Ver{INT64_MAX});  // as far as there is anything
  world.restart();                                           // saved at the stop
  CHECK(world.number("SELECT acked FROM im_terminals WHERE user_id = 'denny'") ==
        world.sync(world.denny).ver.value - 1);
  CHECK(world.sync(world.denny).unread_total == 0);
}

TEST_CASE("im chats: without auto_read an acknowledgement reads nothing", "[im][service]") {
  Two world;
  world.write(2);
  world.service->acknowledged(world.denny, Ver{2});
  world.restart();
  CHECK(world.number("SELECT acked FROM im_terminals WHERE user_id = 'denny'") == 2);
  CHECK(world.sync(world.denny).unread_total == 2);
}

TEST_CASE("im chats: what the relay has done with intents is saved in small steps", "[im][service]") {
  Two world;
  world.write(3);
  const auto all = world.intents();
  REQUIRE(all.size() == 3);
  world.service->intent_published(all[0].id, 1, {"phone"});
  world.service->intent_published(all[0].id, 2, {"phone", "pad"});
  world.service->intent_settled(all[1].id);
  world.service->intent_published(999, 1, {"phone"});
  CHECK(world.intents().size() == 3);
  SECTION("after a tenth of a second") {
    world.loop.pass(milliseconds(100));
    world.send(world.denny, "anna");  // a commit behind it
  }
  SECTION("at the stop") { world.restart(); }
  const auto left = world.intents();
  REQUIRE(left.size() >= 2);
  CHECK(left[0].id == all[0].id);
  CHECK(left[0].events == 2);
  CHECK(left[0].pushed == std::vector<std::string>{"phone", "pad"});
  CHECK(left[1].id == all[2].id);
  CHECK(left[1].events == 0);
}

}  // namespace
}  // namespace nightpost::im
