// What the app's server alone does with groups, on the service: the list, notices, imports, edits, receipts, attributes
// and counters.
#include "im/service/group_admin.h"

#include <limits>
#include <set>

#include "group_world.h"

namespace nightpost::im {
namespace {

struct AdminWorld : GroupWorld {
  explicit AdminWorld(ServiceOptions with = {}) : GroupWorld(std::move(with)) {}
  Answer<std::vector<MemberOutcome>> import_members(const std::string& group, std::vector<MemberImport> all) {
    return ask<std::vector<MemberOutcome>>(
        [&](auto reply) { service->import_members(kApp, group, std::move(all), std::move(reply)); });
  }
  Answer<GroupAdmin::Imported> import(const std::string& group, std::vector<GroupMessageImport> all) {
    return ask<GroupAdmin::Imported>(
        [&](auto reply) { service->import_to_group(kApp, group, std::move(all), std::move(reply)); });
  }
  /// A group brought from elsewhere, of Olga's, that is an hour old.
  std::string old_group(GroupType type = GroupType::Public) {
    begun = clock.wall() - std::chrono::hours(1);
    auto made = try_create(app("olga"), {.group = "old", .type = type, .name = "Old", .created_at = begun});
    if (!made) FAIL(made.error().why);
    news();
    return made->group;
  }
  GroupMessageImport said(std::int64_t second, const std::string& from = "mia", std::uint32_t random = 1) const {
    return {.from = from,
            .at = begun + seconds(second),
            .random = random,
            .elements = R"([{"type":"text","text":"old"}])",
            .cloud_data = {}};
  }
  Answer<void> edit(const std::string& group, Seq seq, MessageEdit with) {
    return ask<void>([&](auto reply) { service->edit_in_group(kApp, group, seq, std::move(with), std::move(reply)); });
  }
  Answer<void> set_unread(const std::string& user, const std::string& group, std::int64_t count) {
    return ask<void>([&](auto reply) { service->set_group_unread({kApp, user}, group, count, std::move(reply)); });
  }
  Answer<Seq> recall_of(const std::string& group, const std::string& sender, Seq below = {}) {
    return ask<Seq>([&](auto reply) { service->recall_of_sender(kApp, group, sender, below, std::move(reply)); });
  }
  Answer<GroupIds> ids(GroupIdsRequest request, AppId of = kApp) {
    return ask<GroupIds>([&](auto reply) { service->group_ids(of, request, std::move(reply)); });
  }
  Answer<void> notify(GroupNotice notice) {
    return ask<void>([&](auto reply) { service->notify_group(kApp, std::move(notice), std::move(reply)); });
  }
  WallTime begun{};
};

const MessageEdit kOther{.elements = R"([{"type":"text","text":"other"}])", .cloud_data = std::nullopt};

TEST_CASE("group admin: all groups of an app, page by page", "[im][group][admin]") {
  AdminWorld world;
  CHECK(world.ids({})->total == 0);
  for (int i = 0; i < 3; ++i) world.create(GroupType::Public, {}, "p" + std::to_string(i));
  world.create(GroupType::Work, {}, "w");
  world.create(GroupType::Public, {}, "gone");
  REQUIRE(world.dismiss(world.app(), "gone"));
  const auto first = world.ids({.limit = 2, .type = GroupType::Public});
  CHECK(first->groups == std::vector<std::string>{"p0", "p1"});
  CHECK(first->total == 3);
  const auto second = world.ids({.after = first->next, .limit = 2, .type = GroupType::Public});
  CHECK(second->groups == std::vector<std::string>{"p2"});
  CHECK(second->next == ConvId{});
  CHECK(world.ids({})->groups.size() == 4);
  CHECK(world.ids({.limit = 4})->next == ConvId{});  // none is behind the last
  CHECK(world.ids({}, AppId{7})->groups.empty());
  CHECK(code_of(world.ids({.limit = 0})) == Code::Malformed);
  CHECK(code_of(world.ids({.limit = 10'001})) == Code::Malformed);
}

TEST_CASE("group admin: a notice is an event, to all or to some", "[im][group][admin]") {
  AdminWorld world;
  const std::string group = world.create(GroupType::Public);
  const std::string seen = world.seen("mia", group);
  world.news();
  REQUIRE(world.notify({.group = group, .content = "closed at 8", .to = {}}));
  Committed told = world.news();
  CHECK(group_words(told) == Told{"event custom"});
  CHECK_FALSE(told.deliveries.at(0).only);
  CHECK(std::get<GroupNews>(told.deliveries.at(0).item).tip->contains(R"("note":"closed at 8")"));
  REQUIRE(world.notify({.group = group, .content = "you are late", .to = {"max"}}));
  told = world.news();
  CHECK(*told.deliveries.at(0).only == std::vector<std::string>{"max"});
  CHECK(told.group_intents.empty());
  CHECK(world.seen("mia", group) == seen);  // in no history
  CHECK(code_of(world.notify({.group = "none", .content = "x", .to = {}})) == Code::GroupUnknown);
  CHECK(code_of(world.notify({.group = group, .content = "", .to = {}})) == Code::Malformed);
  CHECK(code_of(world.notify({.group = group, .content = std::string(2'049, 'x'), .to = {}})) == Code::TooLarge);
  CHECK(code_of(world.notify({.group = group, .content = "x", .to = {""}})) == Code::Malformed);
}

TEST_CASE("group admin: a group, its messages and its members from elsewhere", "[im][group][admin]") {
  AdminWorld world;
  const std::string group = world.old_group();
  CHECK(world.info(world.app(), group)->created_at == world.begun);
  CHECK(world.seen("olga", group) == "");  // no tip
  const auto done = world.import(group, {world.said(10), world.said(20, "max"), world.said(15), world.said(30),
                                         world.said(40, "nobody"), world.said(10)});
  REQUIRE(done->size() == 6);
  CHECK((*done)[0]->id.seq == Seq{1});
  CHECK((*done)[1]->at == world.begun + seconds(20));
  CHECK(code_of((*done)[2]) == Code::Malformed);  // before the newest
  CHECK((*done)[3]->id.seq == Seq{3});
  CHECK(code_of((*done)[4]) == Code::AccountUnknown);
  CHECK((*done)[5]->repeated);
  CHECK((*done)[5]->id.seq == Seq{1});
  const Committed told = world.news();
  CHECK(group_words(told) == Told{"event sync"});
  CHECK(told.group_intents.empty());  // nothing is pushed
  CHECK(code_of(world.import(group, {world.said(5)})->front()) == Code::Malformed);
  CHECK(code_of(world.import(group, {world.said(-1)})->front()) == Code::Malformed);
  CHECK(code_of(world.import(group, {world.said(7'200)})->front()) == Code::Malformed);
  GroupMessageImport broken = world.said(50);
  broken.elements = "[]";
  CHECK(code_of(world.import(group, {broken})->front()) == Code::Malformed);
  CHECK(code_of(world.import("none", {world.said(50)})) == Code::GroupUnknown);
  CHECK(code_of(world.import(group, {})) == Code::Malformed);

  // Who joined between the first two messages sees the others, of which so many are unread.
  const auto members = world.import_members(group, {{"mia", GroupRole::Admin, world.begun + seconds(15), 1},
                                                    {"max", GroupRole::Member, std::nullopt, 5},
                                                    {"olga", GroupRole::Member, std::nullopt, 0},
                                                    {"nobody", GroupRole::Member, std::nullopt, 0},
                                                    {"sam", GroupRole::Owner, std::nullopt, 0},
                                                    {"adam", GroupRole::Member, world.clock.wall() + seconds(5), 0}});
  std::vector<int> results;
  for (const MemberOutcome& one : *members) results.push_back(static_cast<int>(one.result));
  CHECK(results == std::vector<int>{1, 1, 2, 0, 0, 0});
  CHECK(world.member_words(group) == "max mia+ olga*");
  CHECK(world.seen("mia", group) == "2 3");
  CHECK(world.unread("mia", group) == 1);
  CHECK(world.seen("max", group) == "");  // he joins now
  CHECK(world.unread("max", group) == 0);
  CHECK(world.seen("olga", group) == "1 2 3");
  CHECK(world.unread("olga", group) == 3);
  CHECK(code_of(world.import_members("none", {{"mia"}})) == Code::GroupUnknown);
  CHECK(code_of(world.import_members(group, {})) == Code::Malformed);
  CHECK(code_of(world.try_create(world.app("olga"), {.group = "later",
                                                     .type = GroupType::Public,
                                                     .name = "L",
                                                     .created_at = world.clock.wall() + seconds(61)})) ==
        Code::Malformed);

  world.restart();
  CHECK(world.import(group, {world.said(10)})->front()->repeated);
  CHECK(world.write("mia", group).seq == Seq{4});  // and the group goes on

  // Brought anew under the same id, it is another group.
  REQUIRE(world.dismiss(world.app(), group));
  REQUIRE(world.old_group() == group);
  const auto anew = world.import(group, {world.said(10)});
  CHECK_FALSE(anew->front()->repeated);
  CHECK(world.seen("olga", group) == "1");
}

TEST_CASE("group admin: words that are not allowed are not imported, either", "[im][group][admin]") {
  AdminWorld world;
  world.set_words({{"forbidden"}});
  const std::string group = world.old_group();
  GroupMessageImport bad = world.said(10);
  bad.elements = R"([{"type":"text","text":"forbidden"}])";
  const auto done = world.import(group, {bad, world.said(20)});
  CHECK(code_of((*done)[0]) == Code::WordRefused);
  CHECK((*done)[1]->id.seq == Seq{1});
}

TEST_CASE("group admin: unread is set, up and down", "[im][group][admin]") {
  AdminWorld world;
  const std::string group = world.create(GroupType::Public);
  for (int i = 0; i < 3; ++i) world.write("olga", group);
  world.write("mia", group);
  world.write("olga", group);
  CHECK(world.unread("mia", group) == 4);
  world.news();
  REQUIRE(world.set_unread("mia", group, 0));
  CHECK(world.unread("mia", group) == 0);
  CHECK(world.total("mia") == 0);
  const Committed told = world.news();
  REQUIRE(told.read.size() == 1);
  REQUIRE(world.set_unread("mia", group, 3));
  CHECK(world.unread("mia", group) == 3);  // her own in between does not count
  CHECK(world.total("mia") == 3);
  CHECK(world.news().read.empty());
  REQUIRE(world.set_unread("mia", group, 4'000'000'000));
  CHECK(world.unread("mia", group) == 4);  // as many as there are
  REQUIRE(world.read_group("mia", {.group = group}));
  CHECK(world.unread("mia", group) == 0);
  CHECK(code_of(world.set_unread("adam", group, 0)) == Code::GroupForbidden);
  CHECK(code_of(world.set_unread("mia", "none", 0)) == Code::GroupUnknown);
  CHECK(code_of(world.set_unread("mia", group, -1)) == Code::Malformed);
}

TEST_CASE("group admin: an edited message", "[im][group][admin][edit]") {
  AdminWorld world;
  const std::string group = world.create(GroupType::Public);
  const MessageId id = world.write("mia", group);
  GroupSendRequest secret = world.words_for(group);
  secret.targets = {"max"};
  const MessageId hidden = world.write("mia", secret);
  world.news();
  REQUIRE(world.edit(group, id.seq, kOther));
  Committed told = world.news();
  REQUIRE(told.deliveries.size() == 1);
  const Message& made = *std::get<MessageEdited>(told.deliveries[0].item).message;
  CHECK(made.elements == *kOther.elements);
  CHECK(made.flags.edited);
  CHECK(told.group_intents.empty());
  REQUIRE(world.edit(group, id.seq, kOther));  // a repeat
  CHECK(world.news().deliveries.empty());
  REQUIRE(world.edit(group, id.seq, {.elements = std::nullopt, .cloud_data = "more"}));
  const auto pull = world.try_pull_group(world.as("olga"), {.group = group});
  CHECK(pull->messages.at(0).elements == *kOther.elements);
  CHECK(pull->messages.at(0).cloud_data == "more");
  CHECK(pull->messages.at(0).flags.edited);
  CHECK(pull->edits == std::vector<MessageId>{id});  // the newest says it all
  CHECK(pull->recalls.empty());
  CHECK(pull->changes == 2);
  CHECK(world.try_pull_group(world.as("olga"), {.group = group, .changes = 2})->edits.empty());
  CHECK(world.unread("olga", group) == 1);
  world.news();
  REQUIRE(world.edit(group, hidden.seq, kOther));
  told = world.news();
  CHECK(*told.deliveries.at(0).only == std::vector<std::string>{"max", "mia"});

  REQUIRE(world.invite(world.app(), group, {"adam"}, true));  // he does not see what was said before
  world.news();
  REQUIRE(world.edit(group, id.seq, {.elements = std::nullopt, .cloud_data = "for others"}));
  CHECK(group_words(world.news()) == Told{"event sync"});
  CHECK(world.try_pull_group(world.as("olga"), {.group = group, .changes = 2})->edits.size() == 2);

  CHECK(code_of(world.edit("none", id.seq, kOther)) == Code::GroupUnknown);
  CHECK(code_of(world.edit(group, Seq{99}, kOther)) == Code::GroupMessageUnknown);
  CHECK(code_of(world.edit(group, id.seq, {})) == Code::Malformed);
  CHECK(code_of(world.edit(group, id.seq, {.elements = "[]", .cloud_data = {}})) == Code::Malformed);
  CHECK(code_of(world.edit(group, id.seq, {.elements = {}, .cloud_data = std::string(8'193, 'x')})) == Code::TooLarge);
  REQUIRE(world.recall(world.phone("mia"), id));
  CHECK(code_of(world.edit(group, id.seq, kOther)) == Code::GroupMessageUnknown);
  REQUIRE(world.change_info(world.as("olga"), {.group = group, .name = "Other"}));
  const Seq tip = world.info(world.app(), group)->head;
  CHECK(code_of(world.edit(group, tip, kOther)) == Code::GroupMessageUnknown);
}

TEST_CASE("group admin: a call whose name is taken is a repeat, an earlier name counts for a while", "[im][group]") {
  AdminWorld world;
  GroupSendRequest request = world.words_for(world.create(GroupType::Public));
  request.repeat_window = seconds(300);
  REQUIRE(world.try_write(world.app("olga"), request));
  world.clock.pass(seconds(301));  // it waited in a queue
  const auto again = world.try_write(world.app("olga"), request);
  REQUIRE(again);
  CHECK(again->repeated);
  request.earlier_client_id = request.client_id;
  request.client_id = "later";
  CHECK_FALSE(world.try_write(world.app("olga"), request)->repeated);
}

TEST_CASE("group admin: all that a user sent is recalled", "[im][group][admin]") {
  AdminWorld world;
  const std::string group = world.create(GroupType::Public);
  for (int i = 0; i < 101; ++i) world.write("mia", group);
  world.write("max", group);
  const auto next = world.recall_of(group, "mia");
  CHECK(*next == Seq{2});  // a hundred at once
  CHECK(*world.recall_of(group, "mia", *next) == Seq{});
  CHECK(world.number("SELECT count(*) FROM im_messages WHERE recalled = 1") == 101);
  CHECK(world.unread("olga", group) == 1);
  CHECK(*world.recall_of(group, "mia") == Seq{});
  CHECK(*world.recall_of(group, "nobody") == Seq{});
  CHECK(code_of(world.recall_of("none", "mia")) == Code::GroupUnknown);
  const std::string zero("\0", 1);  // which one of the stores cannot be asked for
  CHECK(code_of(world.recall_of(group, "mia" + zero)) == Code::Malformed);
  CHECK(code_of(world.recall_of(group + zero, "mia")) == Code::GroupUnknown);
}

TEST_CASE("group admin: who has read a message", "[im][group][admin]") {
  AdminWorld world;
  const std::string group = world.create(GroupType::Public, {"mia", "max", "sam"});
  const MessageId id = world.write("olga", group);
  REQUIRE(world.invite(world.app(), group, {"adam"}));  // was not there
  REQUIRE(world.read_group("mia", {.group = group}));
  const auto receipts = [&](std::vector<Seq> seqs) {
    return world.ask<std::vector<Receipt>>(
        [&](auto reply) { world.service->receipts(kApp, group, std::move(seqs), std::move(reply)); });
  };
  const auto got = receipts({id.seq, Seq{99}});
  CHECK((*got)[0].known);
  CHECK((*got)[0].read == 1);
  CHECK((*got)[0].unread == 2);
  CHECK_FALSE((*got)[1].known);
  const auto users = [&](ReceiptUsersRequest request) {
    return world.ask<ReceiptUsers>(
        [&](auto reply) { world.service->receipt_users(kApp, std::move(request), std::move(reply)); });
  };
  CHECK(users({.group = group, .seq = id.seq})->users == std::vector<std::string>{"mia"});
  const auto first = users({.group = group, .seq = id.seq, .read = false, .limit = 1});
  REQUIRE(first->users.size() == 1);
  CHECK(first->more);
  const auto second = users({.group = group, .seq = id.seq, .read = false, .after = first->users[0], .limit = 1});
  CHECK_FALSE(second->more);
  CHECK(std::set{first->users[0], second->users.at(0)} == std::set<std::string>{"max", "sam"});
  CHECK(code_of(users({.group = group, .seq = Seq{99}})) == Code::GroupMessageUnknown);
  CHECK(code_of(users({.group = "none", .seq = id.seq})) == Code::GroupUnknown);
  CHECK(code_of(users({.group = group, .seq = id.seq, .limit = 101})) == Code::Malformed);
  CHECK(code_of(receipts({})) == Code::Malformed);

  // Who joined later has not read it, though he sees what was said before.
  const std::string meeting = world.create(GroupType::Meeting, {"mia"});
  const MessageId said = world.write("olga", meeting);
  world.clock.pass(seconds(1));
  REQUIRE(world.join(world.as("adam"), meeting));
  const auto of_meeting = world.ask<std::vector<Receipt>>(
      [&](auto reply) { world.service->receipts(kApp, meeting, {said.seq}, std::move(reply)); });
  CHECK(of_meeting->at(0).read == 0);
  CHECK(of_meeting->at(0).unread == 1);
  CHECK(users({.group = meeting, .seq = said.seq})->users.empty());
}

TEST_CASE("group admin: attributes and counters", "[im][group][admin]") {
  AdminWorld world;
  const std::string group = world.create(GroupType::Meeting);
  const auto attributes = [&] {
    return world.ask<GroupAttributes>(
        [&](auto reply) { world.service->group_attributes(kApp, group, std::move(reply)); });
  };
  const auto change = [&](AttributesChange what, const std::string& of) {
    return world.ask<void>(
        [&](auto reply) { world.service->change_group_attributes(kApp, of, std::move(what), std::move(reply)); });
  };
  CHECK(attributes()->empty());
  REQUIRE(change({.clear = true, .set = {{"b", "1"}, {"a", "2"}}}, group));
  REQUIRE(change({.clear = false, .set = {{"b", "3"}}}, group));
  CHECK(*attributes() == GroupAttributes{{"a", "2"}, {"b", "3"}});
  GroupAttributes many;
  for (int i = 0; i < 15; ++i) many.emplace_back("n" + std::to_string(i), "");
  CHECK(code_of(change({.clear = false, .set = many}, group)) == Code::TooLarge);
  CHECK(attributes()->size() == 2);
  CHECK(change({.clear = true, .set = many}, group));
  CHECK(code_of(change({.clear = false, .set = {{"", "x"}}}, group)) == Code::Malformed);
  CHECK(code_of(change({.clear = false, .set = {{"x", std::string(4'097, 'x')}}}, group)) == Code::TooLarge);
  CHECK(code_of(change({.clear = false, .set = {{std::string(33, 'x'), "x"}}}, group)) == Code::TooLarge);
  CHECK(code_of(change({.clear = true, .set = {}}, "none")) == Code::GroupUnknown);

  using Mode = CountersChange::Mode;
  const auto count = [&](Mode mode, GroupCounters values) {
    return world.ask<GroupCounters>([&](auto reply) {
      world.service->change_group_counters(kApp, group, {.mode = mode, .values = std::move(values)}, std::move(reply));
    });
  };
  const auto counters = [&] {
    return *world.ask<GroupCounters>([&](auto reply) { world.service->group_counters(kApp, group, std::move(reply)); });
  };
  CHECK(*count(Mode::Set, {{"likes", 5}, {"views", 1}}) == GroupCounters{{"likes", 5}, {"views", 1}});
  CHECK(*count(Mode::Add, {{"likes", -7}, {"new", 1}}) == GroupCounters{{"likes", -2}, {"new", 1}});
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  CHECK(code_of(count(Mode::Add, {{"views", kMost}})) == Code::Malformed);
  CHECK(count(Mode::Remove, {{"new", 0}, {"none", 0}}));
  CHECK(counters() == GroupCounters{{"likes", -2}, {"views", 1}});
  GroupCounters more;
  for (int i = 0; i < 19; ++i) more.emplace_back("n" + std::to_string(i), 0);
  CHECK(code_of(count(Mode::Set, more)) == Code::TooLarge);
  CHECK(count(Mode::Remove, {}));
  CHECK(counters().empty());
}

}  // namespace
}  // namespace nightpost::im
