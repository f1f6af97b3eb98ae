// Members' invitations: for admins to agree to, for the invited to agree to, decided once.
#include <string>
#include <vector>

#include "group_world.h"

namespace nightpost::im {
namespace {

struct InviteWorld : GroupWorld {
  explicit InviteWorld(ServiceOptions with = {}) : GroupWorld(std::move(with)) {}
  std::string make(GroupType type, InviteOption option, bool consent) {
    const std::string group = create(type, {"mia"});
    REQUIRE(change_info(as("olga"), {.group = group, .invite = option, .invite_consent = consent}));
    news();
    return group;
  }
  Answer<JoinReply> answer(const std::string& user, const std::string& group, bool agree) {
    return ask<JoinReply>(
        [&](auto reply) { service->answer_invitation(as(user), {group, agree, "note"}, std::move(reply)); });
  }
  /// "team of olga"
  std::string waiting(const std::string& user) {
    const auto all =
        ask<std::vector<Invitation>>([&](auto reply) { service->invitations(as(user), std::move(reply)); });
    REQUIRE(all);
    std::string out;
    for (const Invitation& each : *all) out += each.name + " by " + each.by + " ";
    return out;
  }
};

TEST_CASE("im group invitations: the invited has to agree", "[im][service][group]") {
  InviteWorld world;
  const std::string group = world.make(GroupType::Work, InviteOption::Free, true);
  CHECK(GroupWorld::words(world.invite(world.as("mia"), group, {"max", "olga", "nemo"})) ==
        "max waiting, olga already, nemo failed");
  CHECK(group_words(world.news()) == Told{"for max invited"});
  CHECK(world.waiting("max") == "Team by mia ");
  CHECK(world.waiting("sam").empty());
  CHECK(world.member_words(group) == "mia olga*");
  CHECK(world.seen("olga", group) == "1t");  // the change of the option; nothing of the invitation
  CHECK(GroupWorld::words(world.invite(world.as("olga"), group, {"max"})) == "max waiting");  // the first stands
  CHECK(world.news().deliveries.empty());
  world.crash();
  CHECK(world.waiting("max") == "Team by mia ");

  SECTION("he agrees") {
    const auto in = world.answer("max", group, true);
    REQUIRE(in);
    CHECK(in->result == MemberResult::Done);
    CHECK(world.member_words(group) == "max mia olga*");
    CHECK(group_words(world.news()) == Told{"for max invite", "on max", "tip 2"});
    CHECK(code_of(world.answer("max", group, true)) == Code::ApplicationDecided);
    CHECK(code_of(world.answer("max", group, false)) == Code::ApplicationDecided);
    REQUIRE(world.quit(world.as("max"), group));  // and may be asked again
    CHECK(GroupWorld::words(world.invite(world.as("mia"), group, {"max"})) == "max waiting");
  }
  SECTION("he refuses: who invited hears of it") {
    REQUIRE(world.answer("max", group, false));
    CHECK(group_words(world.news()) == Told{"for mia refuse"});
    CHECK(world.member_words(group) == "mia olga*");
    CHECK(world.waiting("max").empty());
    CHECK(code_of(world.answer("max", group, true)) == Code::ApplicationDecided);
  }
  SECTION("it expires") {
    world.clock.pass(std::chrono::hours(7 * 24) - milliseconds(1));
    CHECK(world.waiting("max") == "Team by mia ");
    world.clock.pass(milliseconds(1));
    CHECK(world.waiting("max").empty());
    CHECK(code_of(world.answer("max", group, true)) == Code::ApplicationDecided);
    world.loop.pass(milliseconds(60'000));
    REQUIRE(world.loop.until([&] { return world.number("SELECT count(*) FROM im_applications") == 0; }));
  }
  SECTION("who invited is put out: it counts no more") {
    REQUIRE(world.kick_out(world.as("olga"), group, {"mia"}));
    CHECK(code_of(world.answer("max", group, true)) == Code::GroupForbidden);
    REQUIRE(world.answer("max", group, false));
  }
  SECTION("the app brings him in meanwhile") {
    CHECK(GroupWorld::words(world.invite(GroupWorld::app(), group, {"max"})) == "max done");
    CHECK(world.waiting("max").empty());
    const auto late = world.answer("max", group, true);
    REQUIRE(late);
    CHECK(late->result == MemberResult::Already);
    CHECK(world.member_words(group) == "max mia olga*");
  }
  SECTION("the app brings him in, and he is put out: it brings him back no more") {
    REQUIRE(world.invite(GroupWorld::app(), group, {"max"}));
    REQUIRE(world.kick_out(world.as("olga"), group, {"max"}));
    CHECK(world.waiting("max").empty());
    CHECK(code_of(world.answer("max", group, true)) == Code::ApplicationDecided);
    CHECK(world.member_words(group) == "mia olga*");
    CHECK(GroupWorld::words(world.invite(world.as("mia"), group, {"max"})) == "max waiting");  // anew
  }
  SECTION("others cannot answer for him") {
    CHECK(code_of(world.answer("sam", group, true)) == Code::ApplicationDecided);
    CHECK(code_of(world.decide(world.as("olga"), {.group = group, .user = "max"})) == Code::ApplicationDecided);
    CHECK(code_of(world.decide(world.as("mia"), {.group = group, .user = "max"})) == Code::GroupForbidden);
  }
}

TEST_CASE("im group invitations: owner and admins have to agree, and then the invited", "[im][service][group]") {
  InviteWorld world;
  const bool consent = GENERATE(false, true);
  const std::string group = world.make(GroupType::Public, InviteOption::Approval, consent);
  REQUIRE(world.set_role(world.as("olga"), group, "mia", GroupRole::Admin));
  REQUIRE(world.invite(GroupWorld::app(), group, {"adam"}));
  world.news();
  CHECK(GroupWorld::words(world.invite(world.as("adam"), group, {"max", "sam"})) == "max waiting, sam waiting");
  CHECK(group_words(world.news()) == Told{"event apply", "event apply"});
  CHECK(world.waiting("max").empty());  // it is not his turn
  CHECK(code_of(world.answer("max", group, true)) == Code::ApplicationDecided);
  const auto listed = world.applications(world.as("mia"), group);
  REQUIRE(listed);
  REQUIRE(listed->size() == 2);
  CHECK((*listed)[0].inviter == "adam");
  CHECK_FALSE((*listed)[0].for_user);
  CHECK(code_of(world.decide(world.as("adam"), {.group = group, .user = "max"})) == Code::GroupForbidden);
  REQUIRE(world.decide(world.as("mia"), {.group = group, .user = "sam", .agree = false}));
  CHECK(group_words(world.news()) == Told{"for adam refuse"});
  REQUIRE(world.decide(world.as("mia"), {.group = group, .user = "max"}));
  CHECK(code_of(world.decide(world.as("olga"), {.group = group, .user = "max", .agree = false})) ==
        Code::ApplicationDecided);
  if (consent) {
    CHECK(group_words(world.news()) == Told{"for max invited"});
    CHECK(world.waiting("max") == "Team by adam ");
    REQUIRE(world.answer("max", group, true));
  }
  CHECK(world.member_words(group) == "adam max mia+ olga*");
  // An admin's own needs nobody's but the invited one's.
  CHECK(GroupWorld::words(world.invite(world.as("mia"), group, {"sam"})) == (consent ? "sam waiting" : "sam done"));
}

TEST_CASE("im group invitations: who may, by type and option", "[im][service][group]") {
  InviteWorld world;
  const std::string work = world.create(GroupType::Work, {"mia"});
  const std::string open = world.create(GroupType::Public, {"mia"});
  const std::string meeting = world.create(GroupType::Meeting, {"mia"});
  CHECK(world.info(world.as("olga"), work)->invite == InviteOption::Free);
  CHECK(world.info(world.as("olga"), open)->invite == InviteOption::Disabled);
  for (const std::string& group : {open, meeting})
    CHECK(code_of(world.invite(world.as("olga"), group, {"max"})) == Code::GroupForbidden);
  CHECK(code_of(world.change_info(world.as("mia"), {.group = work, .invite = InviteOption::Disabled})) ==
        Code::GroupForbidden);
  CHECK(code_of(world.change_info(world.as("mia"), {.group = open, .invite_consent = true})) == Code::GroupForbidden);
  REQUIRE(world.change_info(world.as("olga"), {.group = work, .invite = InviteOption::Disabled}));
  CHECK(code_of(world.invite(world.as("olga"), work, {"max"})) == Code::GroupForbidden);
  CHECK(GroupWorld::words(world.invite(GroupWorld::app(), work, {"max"})) == "max done");
  CHECK(code_of(world.invite(world.as("sam"), work, {"adam"})) == Code::GroupForbidden);
  REQUIRE(world.change_info(world.as("olga"), {.group = meeting, .invite = InviteOption::Free}));
  CHECK(GroupWorld::words(world.invite(world.as("mia"), meeting, {"max"})) == "max done");
  world.restart();
  CHECK(world.info(world.as("olga"), work)->invite == InviteOption::Disabled);
  CHECK(world.info(world.as("olga"), meeting)->invite == InviteOption::Free);
}

TEST_CASE("im group invitations: as many wait as may, of a group and of a user", "[im][service][group]") {
  ServiceOptions options;
  options.groups.invitations_max = 1;
  options.groups.applications_max = 2;
  InviteWorld world(std::move(options));
  const std::string one = world.make(GroupType::Work, InviteOption::Free, true);
  const std::string two = world.make(GroupType::Work, InviteOption::Free, true);
  CHECK(GroupWorld::words(world.invite(world.as("mia"), one, {"max", "sam", "adam"})) ==
        "max waiting, sam waiting, adam failed");
  const auto full = world.invite(world.as("mia"), two, {"max"});
  REQUIRE(full);
  CHECK(full->members[0].why == "user: as many invitations wait for this user as may");
  REQUIRE(world.answer("max", one, false));
  CHECK(GroupWorld::words(world.invite(world.as("mia"), two, {"max"})) == "max waiting");
  REQUIRE(world.dismiss(GroupWorld::app(), two));
  CHECK(world.waiting("max").empty());
  CHECK(code_of(world.answer("max", two, true)) == Code::GroupUnknown);
}

}  // namespace
}  // namespace nightpost::im
