// Groups: who makes, joins, leads and leaves them, type by type, and what the others hear of it.
#include "group_world.h"

namespace nightpost::im {
namespace {

TEST_CASE("groups: one is made, with an id of ours or of the creator's", "[im][group]") {
  GroupWorld world;
  auto made = world.try_create(
      world.as("olga"),
      {.type = GroupType::Work, .name = "Team", .members = {{"mia"}, {"nobody"}, {"olga"}, {"max", GroupRole::Admin}}});
  REQUIRE(made);
  CHECK(made->group == "@TGS#" + std::to_string(made->conv.value));
  CHECK(made->unknown == std::vector<std::string>{"nobody"});
  CHECK(world.member_words(made->group) == "max mia olga*");  // no admins in a Work group
  const Committed told = world.news();
  CHECK(group_words(told) ==
        Told{"for olga create", "on olga", "for mia invite", "on mia", "for max invite", "on max"});
  CHECK(told.deliveries.front().except == "phone");

  CHECK(world.create(GroupType::Public, {}, "book club") == "book club");
  const auto info = world.info(world.as("olga"), "book club");
  REQUIRE(info);
  CHECK(info->type == GroupType::Public);
  CHECK(info->owner == "olga");
  CHECK(info->join == JoinOption::Approval);
  CHECK(info->members == 1);
  CHECK(info->members_max == 6'000);
  CHECK(info->self->role == GroupRole::Owner);
  CHECK(code_of(world.try_create(world.as("olga"), {.group = "book club", .name = "x"})) == Code::GroupIdOwned);
  CHECK(code_of(world.try_create(world.as("mia"), {.group = "book club", .name = "x"})) == Code::GroupIdUsed);
  CHECK(code_of(world.try_create(world.as("olga"), {.type = GroupType::Work, .name = "x", .join = JoinOption::Free})) ==
        Code::Malformed);
  CHECK(code_of(world.try_create(GroupWorld::app("nobody"), {.name = "x"})) == Code::AccountUnknown);
}

TEST_CASE("groups: what a creator asks for is checked by name", "[im][group]") {
  GroupWorld world;
  struct Row {
    GroupCreate request;
    Code code;
    const char* why;
  };
  GroupCreate many{.name = "x"};
  for (int i = 0; i < 501; ++i) many.members.push_back({"u" + std::to_string(i)});
  for (const Row& row : {
           Row{{.name = ""}, Code::Malformed, "name: empty"},
           Row{{.name = std::string(31, 'x')}, Code::TooLarge, "name: longer than 30 bytes"},
           Row{{.name = "a\xff"}, Code::Malformed, "name: not UTF-8"},
           Row{{.name = std::string("a\0b", 3)}, Code::Malformed, "name: holds U+0000"},
           Row{{.name = "x", .introduction = std::string(241, 'x')},
               Code::TooLarge,
               "introduction: longer than 240 bytes"},
           Row{{.name = "x", .notification = std::string(301, 'x')},
               Code::TooLarge,
               "notification: longer than 300 bytes"},
           Row{{.name = "x", .face = std::string(101, 'x')}, Code::TooLarge, "face: longer than 100 bytes"},
           Row{{.group = "@TGS#9", .name = "x"},
               Code::GroupIdInvalid,
               "group: begins with @TGS#, as the server's own do"},
           Row{{.group = std::string(49, 'g'), .name = "x"}, Code::GroupIdInvalid, "group: longer than 48 bytes"},
           Row{{.group = "g\n1", .name = "x"}, Code::GroupIdInvalid, "group: has a byte that is not printable ASCII"},
           Row{{.name = "x", .members = {{"mia", GroupRole::Owner}}},
               Code::Malformed,
               "members: the owner is who creates the group"},
           Row{{.name = "x", .members = {{"@TIM#x"}}}, Code::Malformed, "members: begins with @TIM#"},
           Row{many, Code::Malformed, "members: not 0-500"},
           Row{{.name = "x", .members_max = 1, .members = {{"mia"}}}, Code::GroupFull, "members: more than 1"},
           Row{{.name = "x", .fields = {{"city", "Oslo"}}},
               Code::Malformed,
               "fields: one that the app has not declared"},
       }) {
    CAPTURE(row.why);
    const auto made = world.try_create(world.as("olga"), row.request);
    REQUIRE_FALSE(made);
    CHECK(made.error().code == row.code);
    CHECK(made.error().why == row.why);
  }
  CHECK(world.number("SELECT count(*) FROM im_groups") == 0);
  CHECK(world.news().deliveries.empty());
}

TEST_CASE("groups: joining: by oneself, by approval, by invitation alone", "[im][group]") {
  GroupWorld world;
  const std::string work = world.create(GroupType::Work);
  const std::string meeting = world.create(GroupType::Meeting);
  const std::string book = world.create(GroupType::Public);
  world.news();
  CHECK(code_of(world.join(world.as("sam"), work)) == Code::GroupForbidden);
  CHECK(code_of(world.join(world.as("sam"), "@TGS#99999")) == Code::GroupUnknown);
  CHECK(code_of(world.join(world.as("sam"), "")) == Code::Malformed);

  auto joined = world.join(world.as("sam"), meeting);
  REQUIRE(joined);
  CHECK(joined->result == MemberResult::Done);
  CHECK(group_words(world.news()) == Told{"for sam join", "on sam", "event join"});  // a Meeting stores no tips
  CHECK(world.join(world.as("sam"), meeting)->result == MemberResult::Already);

  joined = world.join(world.as("sam"), book, "I read");
  REQUIRE(joined);
  CHECK(joined->result == MemberResult::Waiting);
  const Committed told = world.news();
  REQUIRE(told.deliveries.size() == 1);
  CHECK(*told.deliveries[0].only == std::vector<std::string>{"olga"});
  CHECK(group_words(told) == Told{"event apply"});
  CHECK(world.seen("sam", book) == "group_forbidden");
}

TEST_CASE("groups: an application is decided once", "[im][group]") {
  GroupWorld world;
  const std::string group = world.create(GroupType::Public, {"mia", "adam"});
  REQUIRE(world.set_role(world.as("olga"), group, "adam", GroupRole::Admin));
  REQUIRE(world.join(world.as("sam"), group, "please"));
  REQUIRE(world.join(world.as("max"), group, "me too"));
  CHECK(code_of(world.applications(world.as("mia"), group)) == Code::GroupForbidden);
  CHECK(code_of(world.applications(world.as("sam"), group)) == Code::GroupForbidden);
  auto all = world.applications(world.as("adam"), group);
  REQUIRE(all);
  REQUIRE(all->size() == 2);
  CHECK((*all)[0].user == "max");  // at the same time: by name
  CHECK((*all)[1].note == "please");

  CHECK(code_of(world.decide(world.as("mia"), {group, "sam"})) == Code::GroupForbidden);
  CHECK(code_of(world.decide(world.as("sam"), {group, "sam"})) == Code::GroupForbidden);
  CHECK(code_of(world.decide(world.as("olga"), {group, "nobody"})) == Code::ApplicationDecided);
  world.news();
  REQUIRE(world.decide(world.as("adam"), {group, "sam", true, "welcome"}));
  CHECK(group_words(world.news()) == Told{"for sam join", "on sam", "tip 2"});
  CHECK(code_of(world.decide(world.as("olga"), {group, "sam", false})) == Code::ApplicationDecided);
  REQUIRE(world.decide(world.as("olga"), {group, "max", false, "full"}));
  CHECK(group_words(world.news()) == Told{"for max refuse"});
  CHECK(world.member_words(group) == "adam+ mia olga* sam");
  all = world.applications(world.as("olga"), group);
  CHECK((*all)[0].decided);
  CHECK_FALSE((*all)[0].agreed);
  CHECK((*all)[1].agreed);
  CHECK((*all)[1].by == "adam");
  CHECK(world.join(world.as("max"), group)->result == MemberResult::Waiting);  // anew
  REQUIRE(world.decide(world.as("adam"), {group, "max"}));
  CHECK(world.member_words(group) == "adam+ max mia olga* sam");
}

TEST_CASE("groups: invitations, with what became of each", "[im][group]") {
  GroupWorld world;
  const std::string work = world.create(GroupType::Work, {"mia"});
  const std::string book = world.create(GroupType::Public, {"mia"});
  CHECK(GroupWorld::words(world.invite(world.as("sam"), work, {"max"})) == "refused group_forbidden");
  CHECK(GroupWorld::words(world.invite(world.as("olga"), book, {"max"})) == "refused group_forbidden");
  world.news();
  CHECK(GroupWorld::words(world.invite(world.as("mia"), work, {"max", "olga", "nobody", "max"})) ==
        "max done, olga already, nobody failed, max already");
  CHECK(group_words(world.news()) == Told{"for max invite", "on max", "tip 1"});
  CHECK(GroupWorld::words(world.invite(GroupWorld::app(), book, {"max", "sam"}, true)) == "max done, sam done");
  CHECK(group_words(world.news()) == Told{"for max invite", "on max", "for sam invite", "on sam"});
  CHECK(GroupWorld::words(world.invite(world.as("mia"), work, {})) == "refused malformed");
  CHECK(GroupWorld::words(world.invite(world.as("mia"), work, {"@TIM#x"})) == "refused malformed");
}

TEST_CASE("groups: limits of members and of groups a user", "[im][group]") {
  ServiceOptions options;
  options.groups.groups_per_user_max = 2;
  GroupWorld world(options);
  auto small = world.try_create(world.as("olga"), {.type = GroupType::Meeting, .name = "x", .members_max = 2});
  REQUIRE(small);
  REQUIRE(world.join(world.as("mia"), small->group));
  CHECK(code_of(world.join(world.as("max"), small->group)) == Code::GroupFull);
  CHECK(GroupWorld::words(world.invite(GroupWorld::app(), small->group, {"max"})) == "max failed");
  REQUIRE(world.quit(world.as("mia"), small->group));
  REQUIRE(world.join(world.as("max"), small->group));

  const std::string second = world.create(GroupType::Meeting, {});
  CHECK(code_of(world.try_create(world.as("olga"), {.name = "x"})) == Code::UserGroupsFull);
  REQUIRE(world.dismiss(world.as("olga"), second));  // which counts no more
  world.create(GroupType::Meeting, {"max"});
  REQUIRE(world.quit(world.as("max"), small->group));
  const auto fourth = world.try_create(world.as("sam"), {.name = "y", .members = {{"max"}, {"olga"}}});
  REQUIRE(fourth);
  CHECK(fourth->unknown == std::vector<std::string>{"olga"});  // she is in two
}

TEST_CASE("groups: leaving: quit, kick, dismiss", "[im][group]") {
  GroupWorld world;
  const std::string work = world.create(GroupType::Work, {"mia", "max"});
  const std::string book = world.create(GroupType::Public, {"mia", "adam", "max"});
  REQUIRE(world.set_role(world.as("olga"), book, "adam", GroupRole::Admin));
  world.news();
  CHECK(code_of(world.quit(world.as("olga"), book)) == Code::OwnerMayNotQuit);
  CHECK(code_of(world.quit(world.as("sam"), book)) == Code::GroupForbidden);
  REQUIRE(world.quit(world.as("mia"), work));
  const Committed told = world.news();
  CHECK(group_words(told) == Told{"off mia", "for mia quit", "tip 1"});
  REQUIRE(told.read.size() == 1);  // nothing of it is pushed to her any more
  REQUIRE(world.quit(world.as("olga"), work));
  CHECK(world.info(world.as("max"), work)->owner == "");
  CHECK(world.member_words(work) == "max");

  CHECK(GroupWorld::words(world.kick_out(world.as("mia"), book, {"max"})) == "refused group_forbidden");
  CHECK(GroupWorld::words(world.kick_out(world.as("adam"), book, {"olga", "max", "sam", "adam"})) ==
        "olga failed, max done, sam already, adam failed");
  CHECK(GroupWorld::words(world.kick_out(world.as("olga"), book, {"adam"})) == "adam done");
  CHECK(world.member_words(book) == "mia olga*");
  CHECK(code_of(world.dismiss(world.as("mia"), book)) == Code::GroupForbidden);
  CHECK(code_of(world.dismiss(world.as("max"), work)) == Code::GroupForbidden);
  REQUIRE(world.dismiss(GroupWorld::app(), work));
  world.news();
  REQUIRE(world.dismiss(world.as("olga"), book));
  CHECK(group_words(world.news()) == Told{"event dismiss", "off "});
  for (const std::string& gone : {work, book}) {
    CHECK(code_of(world.info(world.as("olga"), gone)) == Code::GroupUnknown);
    CHECK(code_of(world.try_write(world.as("mia"), world.words_for(gone))) == Code::GroupUnknown);
    CHECK(code_of(world.dismiss(world.as("olga"), gone)) == Code::GroupUnknown);
  }
  CHECK(world.create(GroupType::Public, {}, "again") == "again");
  REQUIRE(world.dismiss(world.as("olga"), "again"));
  CHECK(world.create(GroupType::Public, {}, "again") == "again");  // the id is free
}

TEST_CASE("groups: roles, silence, cards and transfers", "[im][group]") {
  GroupWorld world;
  const std::string book = world.create(GroupType::Public, {"mia", "adam", "max"});
  CHECK(code_of(world.set_role(world.as("mia"), book, "max", GroupRole::Admin)) == Code::GroupForbidden);
  CHECK(code_of(world.set_role(world.as("olga"), book, "sam", GroupRole::Admin)) == Code::GroupForbidden);
  CHECK(code_of(world.set_role(world.as("olga"), book, "olga", GroupRole::Admin)) == Code::GroupForbidden);
  CHECK(code_of(world.set_role(world.as("olga"), book, "mia", GroupRole::Owner)) == Code::Malformed);
  REQUIRE(world.set_role(world.as("olga"), book, "adam", GroupRole::Admin));
  CHECK(code_of(world.set_role(world.as("adam"), book, "mia", GroupRole::Admin)) == Code::GroupForbidden);
  const std::string work = world.create(GroupType::Work, {"mia"});
  CHECK(code_of(world.set_role(world.as("olga"), work, "mia", GroupRole::Admin)) == Code::GroupForbidden);
  CHECK(code_of(world.silence(world.as("olga"), work, "mia", milliseconds(1'000))) == Code::GroupForbidden);

  CHECK(code_of(world.silence(world.as("max"), book, "mia", milliseconds(1'000))) == Code::GroupForbidden);
  CHECK(code_of(world.silence(world.as("adam"), book, "olga", milliseconds(1'000))) == Code::GroupForbidden);
  CHECK(code_of(world.silence(world.as("olga"), book, "mia", milliseconds(-1))) == Code::Malformed);
  REQUIRE(world.silence(world.as("adam"), book, "mia", milliseconds(60'000)));
  CHECK(code_of(world.try_write(world.as("mia"), world.words_for(book))) == Code::GroupSilenced);
  world.clock.pass(milliseconds(59'999));
  CHECK(code_of(world.try_write(world.as("mia"), world.words_for(book))) == Code::GroupSilenced);
  CHECK(world.members(world.as("max"), {.group = book, .silenced = true})->members.size() == 1);
  world.clock.pass(milliseconds(1));
  CHECK(world.try_write(world.as("mia"), world.words_for(book)));
  REQUIRE(world.silence(world.as("olga"), book, "mia", MemberChange::kForever));
  CHECK(code_of(world.try_write(world.as("mia"), world.words_for(book))) == Code::GroupSilenced);
  REQUIRE(world.silence(world.as("olga"), book, "mia", milliseconds(0)));
  CHECK(world.try_write(world.as("mia"), world.words_for(book)));

  REQUIRE(world.change_info(world.as("adam"), {.group = book, .all_silenced = true}));
  CHECK(code_of(world.try_write(world.as("max"), world.words_for(book))) == Code::GroupSilenced);
  CHECK(world.try_write(world.as("adam"), world.words_for(book)));
  CHECK(world.try_write(GroupWorld::app("max"), world.words_for(book)));

  REQUIRE(world.change_member(world.as("mia"), {.group = book, .card = "Mia M"}));
  REQUIRE(world.change_member(world.as("adam"), {.group = book, .user = "max", .card = "Maxl"}));
  CHECK(code_of(world.change_member(world.as("mia"), {.group = book, .user = "max", .card = "x"})) ==
        Code::GroupForbidden);
  CHECK(code_of(world.change_member(world.as("adam"), {.group = book, .user = "olga", .card = "x"})) ==
        Code::GroupForbidden);
  CHECK(code_of(world.change_member(world.as("sam"), {.group = book, .card = "x"})) == Code::GroupForbidden);
  CHECK(code_of(
            world.change_member(world.as("olga"), {.group = book, .user = "mia", .option = ReceiveOption::Discard})) ==
        Code::GroupForbidden);
  CHECK(code_of(world.change_member(world.as("mia"), {.group = book, .card = std::string(51, 'x')})) == Code::TooLarge);

  CHECK(code_of(world.transfer(world.as("adam"), book, "adam")) == Code::GroupForbidden);
  CHECK(code_of(world.transfer(world.as("olga"), book, "sam")) == Code::GroupForbidden);
  REQUIRE(world.transfer(world.as("olga"), book, "mia"));
  CHECK(world.member_words(book) == "adam+ max mia* olga");
  REQUIRE(world.quit(world.as("olga"), book));
  REQUIRE(world.transfer(GroupWorld::app(), book, "max"));
  CHECK(world.info(world.as("mia"), book)->owner == "max");
}

TEST_CASE("groups: info, by role, and the app's own fields", "[im][group]") {
  ServiceOptions options;
  options.groups.fields = {{"city", FieldRight::Member}, {"rules", FieldRight::Admin}, {"level", FieldRight::App}};
  GroupWorld world(options);
  const std::string work = world.create(GroupType::Work, {"mia"});
  const std::string book = world.create(GroupType::Public, {"mia"});
  world.news();
  REQUIRE(world.change_info(world.as("mia"), {.group = work, .name = "Crew", .notification = "Monday"}));
  const Committed told = world.news();
  CHECK(group_words(told) == Told{"tip 1"});
  CHECK(std::get<NewMessage>(told.deliveries[0].item).message->elements ==
        R"([{"type":"tip","kind":"info","by":"mia","changed":{"name":"Crew","notification":"Monday"}}])");
  CHECK(world.change_info(world.as("mia"), {.group = work, .name = "Crew"}));  // a repeat: nothing is told
  CHECK(world.news().deliveries.empty());
  CHECK(code_of(world.change_info(world.as("mia"), {.group = book, .name = "x"})) == Code::GroupForbidden);
  CHECK(code_of(world.change_info(world.as("sam"), {.group = work, .name = "x"})) == Code::GroupForbidden);
  CHECK(code_of(world.change_info(world.as("olga"), {.group = work, .join = JoinOption::Free})) ==
        Code::GroupForbidden);
  CHECK(code_of(world.change_info(world.as("olga"), {.group = work, .all_silenced = true})) == Code::GroupForbidden);
  CHECK(code_of(world.change_info(world.as("olga"), {.group = book, .name = ""})) == Code::Malformed);
  CHECK(code_of(world.change_info(world.as("olga"), {.group = book, .members_max = 6'001})) == Code::Malformed);
  REQUIRE(world.change_info(world.as("olga"), {.group = book, .join = JoinOption::Free}));
  CHECK(world.join(world.as("sam"), book)->result == MemberResult::Done);

  REQUIRE(world.change_info(world.as("mia"), {.group = book, .fields = {{"city", "Oslo \"N\"\n"}}}));
  CHECK(code_of(world.change_info(world.as("mia"), {.group = book, .fields = {{"rules", "x"}}})) ==
        Code::GroupForbidden);
  CHECK(code_of(world.change_info(world.as("max"), {.group = book, .fields = {{"city", "x"}}})) ==
        Code::GroupForbidden);
  CHECK(code_of(world.change_info(world.as("olga"), {.group = book, .fields = {{"level", "9"}}})) ==
        Code::GroupForbidden);
  CHECK(code_of(world.change_info(world.as("olga"), {.group = book, .fields = {{"unknown", "9"}}})) == Code::Malformed);
  CHECK(code_of(world.change_info(world.as("olga"), {.group = book, .fields = {{"rules", std::string(513, 'x')}}})) ==
        Code::TooLarge);
  REQUIRE(world.change_info(GroupWorld::app(), {.group = book, .fields = {{"level", "9"}}}));
  CHECK(world.info(world.as("mia"), book)->fields ==
        std::map<std::string, std::string>{{"city", "Oslo \"N\"\n"}, {"level", "9"}});
  REQUIRE(world.change_info(GroupWorld::app(), {.group = book, .fields = {{"level", ""}}}));
  CHECK(world.info(world.as("mia"), book)->fields.size() == 1);

  // Strangers see the public part, of a Work group nothing.
  REQUIRE(world.change_info(world.as("olga"), {.group = book, .notification = "inside"}));
  CHECK(world.info(world.as("max"), book)->notification == "");
  CHECK(world.info(world.as("mia"), book)->notification == "inside");
  CHECK(code_of(world.info(world.as("max"), work)) == Code::GroupForbidden);
  CHECK(code_of(world.members(world.as("max"), {.group = book})) == Code::GroupForbidden);
}

TEST_CASE("groups: member lists are paged, whatever the order", "[im][group]") {
  GroupWorld world;
  const std::string group = world.create(GroupType::Meeting, {});
  std::vector<std::string> all{"olga"};
  for (int i = 0; i < 23; ++i) {
    all.push_back("user" + std::to_string(i));
    REQUIRE(world.import(all.back(), "Nick" + std::to_string(i)));
  }
  REQUIRE(world.invite(GroupWorld::app(), group, std::vector(all.begin() + 1, all.end())));
  std::vector<std::string> found;
  MembersRequest request{.group = group, .limit = 5};
  for (bool more = true; more;) {
    const auto page = world.members(world.as("olga"), request);
    REQUIRE(page);
    CHECK(page->total == 24);
    for (const GroupMember& member : page->members) {
      found.push_back(member.user);
      if (member.user != "olga") CHECK(member.nick == "Nick" + member.user.substr(4));
    }
    request.after = found.back();
    more = page->more;
    CHECK(found.size() <= 24);
  }
  std::ranges::sort(found);
  std::ranges::sort(all);
  CHECK(found == all);
  CHECK(world.members(world.as("olga"), {.group = group, .role = GroupRole::Owner})->members.size() == 1);
  CHECK(code_of(world.members(world.as("olga"), {.group = group, .limit = 101})) == Code::Malformed);
  CHECK(code_of(world.members(world.as("olga"), {.group = group, .limit = 0})) == Code::Malformed);

  const auto joined = world.ask<JoinedGroups>(
      [&](auto reply) { world.service->joined_groups(world.as("olga"), {.limit = 1}, std::move(reply)); });
  REQUIRE(joined);
  CHECK(joined->total == 1);
  CHECK(joined->groups.at(0).self->role == GroupRole::Owner);
  CHECK_FALSE(joined->more);
}

TEST_CASE("groups: who has logged out or goes does nothing there any more", "[im][group]") {
  GroupWorld world;
  const std::string work = world.create(GroupType::Work, {"mia", "max"});
  REQUIRE(world.logout(world.phone("mia")));
  CHECK(code_of(world.try_write(world.as("mia"), world.words_for(work))) == Code::NotLoggedIn);
  CHECK(code_of(world.quit(world.as("mia"), work)) == Code::NotLoggedIn);
  CHECK(code_of(world.info(world.as("mia"), work)) == Code::NotLoggedIn);
  CHECK(code_of(world.try_create(world.as("mia"), {.name = "x"})) == Code::NotLoggedIn);
  world.news();
  REQUIRE(world.ask<void>([&](auto reply) { world.service->remove_account({kApp, "olga"}, std::move(reply)); }));
  CHECK(world.member_words(work) == "max mia");
  CHECK(world.info(world.as("max"), work)->owner == "");
  CHECK(std::ranges::count(group_words(world.news()), "off olga") == 1);
}

/// "TABLE.COLUMN" of every text that the companion keeps.
std::vector<std::string> texts_kept(const World& world) {
  std::string all;
  if (world.on_server()) {
    all = support::PostgresClient(world.url.place)
              .text(
                  "SELECT string_agg(table_name || '.' || column_name, ' ') FROM information_schema.columns WHERE "
                  "table_schema = current_schema() AND table_name LIKE 'im\\_%' AND data_type = 'text'");
  } else {
    const auto file = store::Connection::open(world.url.place, world.store_options);
    REQUIRE(file);
    auto names = store::Statement::prepare(
        file->get(),
        "SELECT group_concat(t.name || '.' || c.name, ' ') FROM pragma_table_list t JOIN pragma_table_info(t.name) c "
        "WHERE t.name LIKE 'im\\_%' ESCAPE '\\' AND c.type = 'TEXT'",
        "test");
    REQUIRE(names);
    auto rows = names->query();
    REQUIRE(rows.next());
    all = rows.text(0);
  }
  std::vector<std::string> out;
  for (std::size_t at = 0; at < all.size();) {
    const std::size_t end = std::min(all.find(' ', at), all.size());
    out.push_back(all.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

TEST_CASE("groups: of what was recalled, one to one and in a group, no table and no answer keeps a word",
          "[im][group]") {
  GroupWorld world;
  const std::string group = world.create(GroupType::Work, {"mia"});
  SendRequest said = world.text("mia", "xyzzy");
  said.push = R"({"title":"xyzzy","desc":"xyzzy"})";
  said.cloud_data = "xyzzy";
  const MessageId one = world.send(world.phone("olga"), said).id;
  GroupSendRequest written = world.words_for(group, "xyzzy");
  written.push = said.push;
  written.cloud_data = said.cloud_data;
  written.mentions = {"mia"};
  const MessageId other = world.write("olga", written);
  const std::vector<std::string> texts = texts_kept(world);
  CHECK(texts.size() > 50);
  const auto kept = [&] {
    std::vector<std::string> where;
    for (const std::string& text : texts) {
      const std::size_t dot = text.find('.');
      const std::string column = text.substr(dot + 1), table = text.substr(0, dot);
      if (world.number("SELECT count(*) FROM " + table + " WHERE " + column + " LIKE '%xyzzy%'") > 0)
        where.push_back(text);
    }
    std::ranges::sort(where);
    return where;
  };
  CHECK(kept() == std::vector<std::string>{"im_messages.cloud_data", "im_messages.elements", "im_messages.push"});
  CHECK(world.intents().size() == 1);
  CHECK(world.group_intents().size() == 1);

  REQUIRE(world.recall(world.phone("olga"), one));
  REQUIRE(world.recall(world.phone("olga"), other));
  CHECK(kept().empty());
  CHECK(world.intents().empty());
  CHECK(world.group_intents().empty());
  CHECK(world.receivers(other).empty());
  const auto gone = [](const Message& message) {
    return message.flags.recalled && message.elements.empty() && message.push.empty() && message.cloud_data.empty();
  };
  for (const char* user : {"olga", "mia"}) {
    CAPTURE(user);
    const Chat chat = world.chat(world.phone(user), user == std::string("mia") ? "olga" : "mia");
    REQUIRE(chat.last);
    CHECK(gone(*chat.last));
    const GroupChat in_group = world.group_chat(user, group);
    CHECK_FALSE(in_group.mentioned);
    REQUIRE(in_group.last);
    CHECK(gone(*in_group.last));
    const auto page = world.try_pull_group(world.as(user), {.group = group});
    REQUIRE((page && page->messages.size() == 1));
    CHECK(gone(page->messages[0]));
  }
}

TEST_CASE("groups: a device that was away learns of role and silence, its user's and everybody's", "[im][group]") {
  GroupWorld world;
  const std::string group = world.create(GENERATE(GroupType::Public, GroupType::Meeting), {"mia"});
  const SyncReply before = world.sync(world.phone("mia"));
  world.clock.pass(milliseconds(200'000));
  const auto has_moved = [&] {
    const SyncReply now =
        world.sync(world.phone("mia"), {.ver = before.ver, .since = before.time + milliseconds(100'000)});
    return std::ranges::find(now.groups, group, &GroupChat::group) != now.groups.end();
  };
  CHECK_FALSE(has_moved());
  SECTION("silence") {
    REQUIRE(world.silence(world.as("olga"), group, "mia", milliseconds(60'000)));
    CHECK(has_moved());
    CHECK(world.info(world.as("mia"), group)->self->silenced_until == world.clock.wall() + milliseconds(60'000));
  }
  SECTION("role") {
    REQUIRE(world.set_role(world.as("olga"), group, "mia", GroupRole::Admin));
    CHECK(has_moved());
    CHECK(world.group_chat("mia", group).role == GroupRole::Admin);
  }
  SECTION("all are silenced") {
    REQUIRE(world.change_info(world.as("olga"), {.group = group, .all_silenced = true}));
    CHECK(has_moved());
    CHECK(world.info(world.as("mia"), group)->all_silenced);
  }
}

TEST_CASE("groups: who took the newest page alone sees that a range is missing, and reads it from either end",
          "[im][group]") {
  GroupWorld world;
  const std::string group = world.create(GroupType::Work, {"mia"});
  for (int i = 0; i < 10; ++i) world.write("olga", group);
  const auto pull = [&](GroupPullRequest request) {
    request.group = group;
    request.limit = 4;
    const auto page = world.try_pull_group(world.as("mia"), request);
    REQUIRE(page);
    CHECK(page->head == Seq{10});
    CHECK(std::cmp_equal(page->messages.size(), page->to.value - page->from.value + 1));
    return *page;
  };
  const PullReply newest = pull({});
  CHECK((newest.from == Seq{7} && newest.to == Seq{10} && newest.more));
  SECTION("downwards") {
    PullReply page = pull({.before = newest.from});
    CHECK((page.from == Seq{3} && page.to == Seq{6} && page.more));
    page = pull({.before = page.from});
    CHECK((page.from == Seq{1} && page.to == Seq{2} && !page.more));
  }
  SECTION("upwards, until the ranges join") {
    PullReply page = pull({.after = Seq{0}});
    CHECK((page.from == Seq{1} && page.to == Seq{4} && page.more));
    page = pull({.after = page.to});
    CHECK((page.from == Seq{5} && page.to == Seq{8} && page.more));
  }
}

}  // namespace
}  // namespace nightpost::im
