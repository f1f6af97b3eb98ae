// Live groups: members without rows, who are there as long as their devices are.
#include <optional>
#include <string>
#include <vector>

#include "group_world.h"
#include "im/service/live_rooms.h"

namespace nightpost::im {
namespace {

struct LiveWorld : GroupWorld {
  explicit LiveWorld(ServiceOptions with = {}) : GroupWorld(std::move(with)) {
    auto made = try_create(as("olga"), {.group = "show", .type = GroupType::Live, .name = "Show"});
    if (!made) FAIL(made.error().why);
    news();
  }
  void enter_room(const std::string& user, const std::string& group = "show") {
    const auto in = join(as(user), group);
    if (!in) FAIL(in.error().why);
    CHECK(in->result == MemberResult::Done);
  }
  std::int64_t online(const std::string& group = "show") { return info(app(), group)->members; }
  void lose(const std::string& user) { service->disconnected(phone(user), false); }
  Answer<MembersChanged> put_out(const Actor& who, const std::string& user, std::optional<milliseconds> ban) {
    return ask<MembersChanged>([&](auto reply) {
      service->kick_members(who, {.group = "show", .users = {user}, .reason = "spam", .ban = ban}, std::move(reply));
    });
  }
  std::string rules(bool banned) {
    const auto page = members(app(), {.group = "show", .limit = 100, .silenced = !banned, .banned = banned});
    if (!page) return std::string(name_of(page.error().code));
    std::string out;
    for (const GroupMember& member : page->members) out += member.user + " ";
    return out;
  }
  /// What the room was told of messages: their words.
  std::string heard() {
    std::string out;
    for (const Delivery& delivery : news().deliveries) {
      const auto* const said = std::get_if<NewMessage>(&delivery.item);
      if (said == nullptr) continue;
      CHECK(said->online_only);
      const std::string& text = said->message->elements;
      const std::size_t at = text.find(R"("text":")") + 8;
      out += (out.empty() ? "" : " ") + text.substr(at, text.find('"', at) - at);
    }
    return out;
  }
};

TEST_CASE("im live groups: joined, heard, left, and no row of it", "[im][service][live]") {
  LiveWorld world;
  CHECK(world.online() == 0);
  CHECK(code_of(world.try_write(world.as("mia"), world.words_for("show"))) == Code::GroupForbidden);
  CHECK(code_of(world.try_write(world.as("olga"), world.words_for("show"))) ==
        Code::GroupForbidden);  // the owner joins, too
  world.enter_room("mia");
  CHECK(group_words(world.news()) == Told{"on mia", "event join"});
  world.enter_room("max");
  CHECK(world.online() == 2);
  world.news();
  REQUIRE(world.change_info(world.as("olga"), {.group = "show", .notification = "at 8"}));
  CHECK(world.info(world.as("mia"), "show")->notification == "at 8");
  CHECK(world.info(world.as("sam"), "show")->notification.empty());  // a stranger
  world.news();
  const auto said = world.try_write(world.as("mia"), world.words_for("show", "hi"));
  REQUIRE(said);
  CHECK(said->id == MessageId{});
  const Committed told = world.news();
  REQUIRE(told.deliveries.size() == 1);
  CHECK(told.deliveries[0].except == "phone");
  CHECK(told.group_intents.empty());  // nobody is pushed to
  CHECK(world.number("SELECT count(*) FROM im_members") == 0);
  CHECK(world.number("SELECT count(*) FROM im_messages") == 0);
  CHECK(world.sync(world.phone("mia")).groups.empty());
  CHECK(world.total("max") == 0);
  CHECK(world.seen("mia", "show") == "group_forbidden");  // there is no history
  const auto again = world.join(world.as("mia"), "show");
  REQUIRE(again);
  CHECK(again->result == MemberResult::Already);
  REQUIRE(world.quit(world.as("mia"), "show"));
  CHECK(group_words(world.news()) == Told{"on mia", "off mia", "event quit"});
  CHECK(code_of(world.quit(world.as("mia"), "show")) == Code::GroupForbidden);
  CHECK(world.online() == 1);
  CHECK(code_of(world.try_write(world.as("mia"), world.words_for("show"))) == Code::GroupForbidden);
  world.restart();  // nobody is there any more; the group is
  CHECK(world.online() == 0);
  CHECK(world.info(world.as("mia"), "show")->name == "Show");
}

TEST_CASE("im live groups: one at a time, on as many devices as join", "[im][service][live]") {
  LiveWorld world;
  REQUIRE(world.try_create(world.as("adam"), {.group = "other", .type = GroupType::Live, .name = "Other"}));
  const Terminal pad = world.login("mia", "pad", Platform::Desktop);
  world.enter_room("mia");
  world.enter_room("max");
  const auto second = world.join(actor_of(pad), "show");
  REQUIRE(second);
  CHECK(second->result == MemberResult::Already);
  CHECK(world.online() == 2);
  world.news();
  world.enter_room("mia", "other");
  CHECK(group_words(world.news()) == Told{"off mia", "event quit", "on mia", "event join"});
  CHECK(world.online() == 1);
  CHECK(world.online("other") == 1);
}

TEST_CASE("im live groups: a device that is gone keeps its place for a lease", "[im][service][live]") {
  LiveWorld world;
  world.enter_room("mia");
  world.enter_room("max");
  world.news();
  world.lose("mia");
  CHECK(world.metrics.live_away.read() == 1);
  world.loop.pass(milliseconds(29'999));
  CHECK(world.online() == 2);
  SECTION("it comes back") {
    auto in = world.try_login(world.login_request("mia", "phone", Platform::Ios));
    REQUIRE(in);
    CHECK(in->groups.size() == 1);                           // its messages go on
    world.service->disconnected(world.phone("mia"), false);  // of the connection before, said late
    world.loop.pass(milliseconds(60'000));
    CHECK(world.online() == 2);
    CHECK(world.heard().empty());
  }
  SECTION("it does not") {
    world.loop.pass(milliseconds(1));
    CHECK(world.online() == 1);
    CHECK(world.metrics.live_away.read() == 0);
    CHECK(group_words(world.news()) == Told{"off mia", "event quit"});
    const auto in = world.try_login(world.login_request("mia", "phone", Platform::Ios));
    REQUIRE(in);
    CHECK(in->groups.empty());
  }
}

TEST_CASE("im live groups: a device that is gone before its join is committed", "[im][service][live]") {
  LiveWorld world;
  std::optional<Answer<JoinReply>> in;
  world.service->join_group(world.as("mia"), "show", "", [&](auto reply) { in.emplace(std::move(reply)); });
  world.lose("mia");
  REQUIRE(world.loop.until([&] { return in.has_value(); }));
  REQUIRE(*in);
  CHECK(world.online() == 1);
  world.loop.pass(milliseconds(29'999));
  CHECK(world.online() == 1);
  world.loop.pass(milliseconds(1));
  CHECK(world.online() == 0);
}

TEST_CASE("im live groups: an account that goes owns none any more", "[im][service][live]") {
  LiveWorld world;
  REQUIRE(world.try_create(world.as("mia"), {.group = "hers", .type = GroupType::Live, .name = "Hers"}));
  REQUIRE(world.ask<void>([&](auto reply) { world.service->remove_account({kApp, "olga"}, std::move(reply)); }));
  CHECK(world.info(GroupWorld::app(), "show")->owner.empty());  // a later account of that name begins anew
  CHECK(world.info(GroupWorld::app(), "hers")->owner == "mia");
  REQUIRE(world.dismiss(GroupWorld::app(), "show"));
}

TEST_CASE("im live groups: above the rate the lowest priority falls first", "[im][service][live]") {
  ServiceOptions options;
  options.groups.live_per_second = 3;
  options.groups.live_waiting_max = 2;
  LiveWorld world(std::move(options));
  world.enter_room("mia");  // one of three
  world.news();
  const auto say = [&](Priority priority, const std::string& what) {
    auto request = world.words_for("show", what);
    request.priority = priority;
    REQUIRE(world.try_write(world.as("mia"), std::move(request)));  // its sender is told of success
  };
  say(Priority::Normal, "a");
  say(Priority::Normal, "b");
  CHECK(world.heard() == "a b");
  say(Priority::Low, "gift");
  say(Priority::Normal, "c");
  say(Priority::High, "d");  // the gift falls
  CHECK(world.heard().empty());
  CHECK(world.metrics.live_dropped.read() == 1);
  CHECK(world.metrics.live_waiting.read() == 2);
  world.loop.pass(milliseconds(1'000));
  CHECK(world.heard() == "d c");
  CHECK(world.metrics.live_waiting.read() == 0);
  CHECK(world.metrics.live_users.read() == 1);
  CHECK(world.metrics.live_rooms.read() == 1);
}

TEST_CASE("im live groups: silenced, put out, banned", "[im][service][live]") {
  LiveWorld world;
  for (const char* user : {"olga", "mia", "max"}) world.enter_room(user);
  world.news();
  CHECK(code_of(world.silence(world.as("mia"), "show", "max", milliseconds(5'000))) == Code::GroupForbidden);
  REQUIRE(world.silence(world.as("olga"), "show", "max", milliseconds(5'000)));
  CHECK(group_words(world.news()) == Told{"for max silence", "event silence"});
  CHECK(code_of(world.try_write(world.as("max"), world.words_for("show"))) == Code::GroupSilenced);
  CHECK(world.rules(false) == "max ");
  world.clock.pass(milliseconds(5'000));
  CHECK(world.rules(false).empty());
  REQUIRE(world.try_write(world.as("max"), world.words_for("show")));
  REQUIRE(world.change_info(world.as("olga"), {.group = "show", .all_silenced = true}));
  CHECK(code_of(world.try_write(world.as("max"), world.words_for("show"))) == Code::GroupSilenced);
  REQUIRE(world.try_write(world.as("olga"), world.words_for("show")));
  REQUIRE(world.change_info(world.as("olga"), {.group = "show", .all_silenced = false}));
  world.news();

  CHECK(code_of(world.put_out(world.as("mia"), "max", std::nullopt)) == Code::GroupForbidden);
  CHECK(GroupWorld::words(world.put_out(world.as("olga"), "olga", std::nullopt)) == "olga failed");
  REQUIRE(world.put_out(world.as("olga"), "max", std::nullopt));
  CHECK(group_words(world.news()) == Told{"off max", "for max kick", "event kick"});
  CHECK(world.online() == 2);
  world.enter_room("max");  // a kick alone is no ban
  REQUIRE(world.put_out(GroupWorld::app(), "max", milliseconds(60'000)));
  CHECK(world.rules(true) == "max ");
  CHECK(code_of(world.join(world.as("max"), "show")) == Code::GroupForbidden);
  world.restart();
  CHECK(code_of(world.join(world.as("max"), "show")) == Code::GroupForbidden);
  REQUIRE(world.put_out(GroupWorld::app(), "max", milliseconds(0)));  // pardoned
  world.enter_room("max");
  CHECK(world.rules(true).empty());
  CHECK(world.number("SELECT count(*) FROM im_live_rules") == 0);
  REQUIRE(world.put_out(GroupWorld::app(), "max", milliseconds(1'000)));
  world.clock.pass(milliseconds(1'000));
  world.enter_room("max");
}

TEST_CASE("im live groups: what there is not", "[im][service][live]") {
  ServiceOptions options;
  options.groups.live_groups_max = 2;
  options.groups.live_rules_max = 1;
  LiveWorld world(std::move(options));
  CHECK(code_of(world.try_create(world.as("olga"), {.type = GroupType::Live, .name = "x", .members = {{"mia"}}})) ==
        Code::GroupForbidden);
  REQUIRE(world.try_create(GroupWorld::app(), {.group = "two", .type = GroupType::Live, .name = "x"}));
  CHECK(code_of(world.try_create(world.as("olga"), {.type = GroupType::Live, .name = "x"})) == Code::LiveGroups);
  world.enter_room("mia");
  world.enter_room("olga");
  CHECK(code_of(world.invite(world.as("olga"), "show", {"max"})) == Code::GroupForbidden);
  CHECK(code_of(world.invite(GroupWorld::app(), "show", {"max"})) == Code::GroupForbidden);
  CHECK(code_of(world.join(GroupWorld::app("max"), "show")) == Code::GroupForbidden);
  CHECK(code_of(world.transfer(world.as("olga"), "show", "mia")) == Code::GroupForbidden);
  CHECK(code_of(world.quit(world.as("olga"), "show")) == Code::OwnerMayNotQuit);
  CHECK(code_of(world.members(world.as("mia"), {.group = "show", .silenced = true})) == Code::GroupForbidden);
  CHECK(code_of(world.members(GroupWorld::app(), {.group = "show"})) == Code::GroupForbidden);
  CHECK(code_of(world.set_role(world.as("olga"), "show", "mia", GroupRole::Admin)) == Code::GroupForbidden);
  CHECK(code_of(world.change_member(world.as("olga"), {.group = "show", .silence = milliseconds(5)})) ==
        Code::Malformed);
  CHECK(code_of(world.read_group("mia", {.group = "show"})) == Code::GroupForbidden);
  auto targeted = world.words_for("show");
  targeted.targets = {"mia"};
  CHECK(code_of(world.try_write(world.as("mia"), std::move(targeted))) == Code::Malformed);
  REQUIRE(world.silence(world.as("olga"), "show", "mia", milliseconds(5'000)));
  CHECK(code_of(world.silence(world.as("olga"), "show", "max", milliseconds(5'000))) == Code::Busy);
  world.clock.pass(milliseconds(5'000));  // what is over makes room
  REQUIRE(world.silence(world.as("olga"), "show", "max", milliseconds(5'000)));
  CHECK(world.rules(false) == "max ");
  CHECK(world.number("SELECT count(*) FROM im_live_rules") == 1);
  const std::string work = world.create(GroupType::Work);
  CHECK(code_of(world.ask<MembersChanged>([&](auto reply) {
          world.service->kick_members(world.as("olga"),
                                      {.group = work, .users = {"mia"}, .reason = "", .ban = milliseconds(5)},
                                      std::move(reply));
        })) == Code::GroupForbidden);
  // The app's server speaks where nobody is, and to all who are.
  REQUIRE(world.try_write(GroupWorld::app("sam"), world.words_for("two")));
  world.news();
  REQUIRE(world.try_write(GroupWorld::app("sam"), world.words_for("show", "buy")));
  CHECK(world.heard() == "buy");
  REQUIRE(world.dismiss(world.as("olga"), "show"));
  CHECK(code_of(world.try_write(world.as("mia"), world.words_for("show"))) == Code::GroupUnknown);
  CHECK(world.metrics.live_users.read() == 0);
}

}  // namespace
}  // namespace nightpost::im
