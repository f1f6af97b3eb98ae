#include <algorithm>
#include <string>
#include <vector>

#include "service_world.h"

namespace nightpost::im {
namespace {

using Kind = FollowUp::Kind;

/// "recalled 1-2 to denny, 1 unread, pad phone", and who brought it about.
std::string line_of(const FollowUp& one) {
  std::string out = one.kind == Kind::Recalled ? "recalled " : one.kind == Kind::Read ? "read " : "total ";
  if (one.kind != Kind::Badge) out += text_of(one.message) + " of " + one.from + " ";
  out += "to " + one.to.user + ", " + std::to_string(one.unread_total) + " unread,";
  for (const PushTarget& each : one.targets) out += " " + each.device;
  if (!one.by_device.empty()) out += " by " + one.by_device;
  return out;
}
std::vector<std::string> lines_of(const std::vector<FollowUp>& all) {
  std::vector<std::string> out;
  for (const FollowUp& one : all) out.push_back(line_of(one));
  return out;
}
using Lines = std::vector<std::string>;

TEST_CASE("im follow-ups: a recall tells the receiver's phones, and that the total fell", "[im][service]") {
  Two world;
  world.write(2);
  REQUIRE(world.recall(world.anna, {ConvId{1}, Seq{2}}));
  const Committed news = world.news();
  CHECK(lines_of(news.follow_ups) ==
        Lines{"total to denny, 1 unread, phone", "recalled 1-2 of anna to denny, 1 unread, phone"});
  REQUIRE(news.follow_ups.size() == 2);
  CHECK(news.follow_ups[1].ver == Ver{2});
  CHECK(news.recalled.size() == 1);
  // The rows say the same until they are settled.
  CHECK(lines_of(world.follow_ups()) == lines_of(news.follow_ups));
  CHECK(world.follow_ups()[1].ver == Ver{2});
  world.crash();
  REQUIRE(world.follow_ups().size() == 2);
  world.service->follow_up_settled(world.follow_ups()[0].id);
  world.loop.pass(milliseconds(100));
  REQUIRE(world.loop.until([&] { return world.number("SELECT count(*) FROM im_follow_ups") == 1; }));
  CHECK(world.number("SELECT count(*) FROM im_intents") == 1);  // the other message's
  REQUIRE(world.recall(world.anna, {ConvId{1}, Seq{2}}));       // a repeat
  CHECK(world.news().follow_ups.empty());
}

TEST_CASE("im follow-ups: a recall that nobody was pushed for, or that nobody counts", "[im][service]") {
  Two world;
  SECTION("read before: the number stays") {
    world.write(1);
    REQUIRE(world.read(world.denny, {.peer = "anna"}));
    world.news();
    REQUIRE(world.recall(world.anna, {ConvId{1}, Seq{1}}));
    CHECK(lines_of(world.news().follow_ups) == Lines{"recalled 1-1 of anna to denny, 0 unread, phone"});
  }
  SECTION("its push was switched off") {
    SendRequest silent = world.text("denny");
    silent.push = R"({"disabled":true})";
    world.send(world.anna, silent);
    world.news();
    REQUIRE(world.recall(world.anna, {ConvId{1}, Seq{1}}));
    CHECK(lines_of(world.news().follow_ups) == Lines{"total to denny, 0 unread, phone"});
  }
  SECTION("it has no words to show") {
    SendRequest signal = world.text("denny");
    signal.elements = R"([{"type":"custom","data":"typing"}])";
    world.send(world.anna, signal);
    signal.client_id += "-2";
    signal.push = R"({"desc":"a call"})";
    world.send(world.anna, signal);
    world.news();
    REQUIRE(world.recall(world.anna, {ConvId{1}, Seq{1}}));
    CHECK(lines_of(world.news().follow_ups) == Lines{"total to denny, 1 unread, phone"});
    REQUIRE(world.recall(world.anna, {ConvId{1}, Seq{2}}));
    CHECK(world.news().follow_ups.size() == 2);
    for (const FollowUp& each : world.follow_ups()) world.service->follow_up_settled(each.id);
    world.loop.pass(milliseconds(100));
    REQUIRE(world.loop.until([&] { return world.number("SELECT count(*) FROM im_follow_ups") == 0; }));
  }
  SECTION("hidden by a blacklist") {
    REQUIRE(world.block(world.denny, "anna"));
    world.write(1);
    REQUIRE(world.recall(world.anna, {ConvId{1}, Seq{1}}));
    CHECK(world.news().follow_ups.empty());
  }
  SECTION("to oneself") {
    world.send(world.anna, "anna");
    world.news();
    REQUIRE(world.recall(world.anna, {ConvId{1}, Seq{1}}));
    CHECK(world.news().follow_ups.empty());
  }
  SECTION("to somebody without a phone") {
    world.login("web", "browser", Platform::Web);
    world.send(world.anna, "web");
    world.news();
    REQUIRE(world.recall(world.anna, {ConvId{1}, Seq{1}}));
    CHECK(world.news().follow_ups.empty());
  }
  CHECK(world.number("SELECT count(*) FROM im_follow_ups") <= 2);
}

TEST_CASE("im follow-ups: what is read on one device is told to the others", "[im][service]") {
  Two world;
  world.write(3);
  SECTION("the only phone has read: nobody is to be told") {
    REQUIRE(world.read(world.denny, {.peer = "anna"}));
    CHECK(world.news().follow_ups.empty());
  }
  SECTION("a desktop has") {
    const Terminal desktop = world.login("denny", "mac", Platform::Desktop);
    REQUIRE(world.read(desktop, {.peer = "anna", .seq = Seq{2}}));
    const Committed news = world.news();
    CHECK(lines_of(news.follow_ups) ==
          Lines{"read 1-2 of anna to denny, 1 unread, phone by mac", "total to denny, 1 unread, phone by mac"});
    CHECK(news.follow_ups.at(0).ver == Ver{2});
    REQUIRE(world.read(desktop, {.peer = "anna", .seq = Seq{1}}));  // marks only advance
    CHECK(world.news().follow_ups.empty());
    // After a start nobody knows who brought it about.
    CHECK(lines_of(world.follow_ups()) ==
          Lines{"read 1-2 of anna to denny, 1 unread, phone", "total to denny, 1 unread, phone"});
  }
  SECTION("it removes the conversation from the list") {
    const Terminal desktop = world.login("denny", "mac", Platform::Desktop);
    REQUIRE(world.change(desktop, {.peer = "anna", .remove = true}));
    CHECK(lines_of(world.news().follow_ups) ==
          Lines{"read 1-3 of anna to denny, 0 unread, phone by mac", "total to denny, 0 unread, phone by mac"});
    REQUIRE(world.change(desktop, {.peer = "anna", .remove = true}));  // nothing was unread
    CHECK(world.news().follow_ups.empty());
  }
  SECTION("a pin is nobody's number") {
    const Terminal desktop = world.login("denny", "mac", Platform::Desktop);
    REQUIRE(world.change(desktop, {.peer = "anna", .pinned = true}));
    CHECK(world.news().follow_ups.empty());
  }
  SECTION("what does not count lowers no total") {
    const Terminal desktop = world.login("denny", "mac", Platform::Desktop);
    REQUIRE(world.read(desktop, {.peer = "anna"}));
    world.news();
    SendRequest uncounted = world.text("denny");
    uncounted.no_unread = true;
    world.send(world.anna, uncounted);
    world.news();
    REQUIRE(world.read(desktop, {.peer = "anna"}));
    CHECK(lines_of(world.news().follow_ups) == Lines{"read 1-4 of anna to denny, 0 unread, phone by mac"});
  }
}

TEST_CASE("im follow-ups: an account that was removed is told nothing", "[im][service]") {
  Two world;
  world.write(1);
  REQUIRE(world.recall(world.anna, {ConvId{1}, Seq{1}}));
  REQUIRE(world.ask<void>([&](auto reply) { world.service->remove_account({kApp, "denny"}, std::move(reply)); }));
  const auto left = world.follow_ups();
  REQUIRE(left.size() == 2);
  for (const FollowUp& one : left) CHECK(one.targets.empty());  // the relay then settles them
}

TEST_CASE("im follow-ups: what expires unread lowers the number", "[im][service]") {
  ServiceOptions options;
  options.message_kept = std::chrono::hours(1);
  Two world(options);
  world.write(1);
  world.clock.pass(std::chrono::hours(2));
  world.loop.pass(world.options.pruned_every);
  REQUIRE(world.loop.until([&] { return !world.told.empty(); }));
  CHECK(lines_of(world.news().follow_ups) == Lines{"total to denny, 0 unread, phone"});
}

}  // namespace
}  // namespace nightpost::im
