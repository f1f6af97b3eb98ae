// Messages of groups: their numbers, who sees, counts and is pushed what, and what a device that was away learns.
#include "group_world.h"

namespace nightpost::im {
namespace {

using Option = ReceiveOption;

TEST_CASE("group messages: dense numbers, one delivery and one intent, whatever the size", "[im][group]") {
  GroupWorld world;
  const std::string group = world.create(GroupType::Public, {"mia", "max", "sam"});
  REQUIRE(world.change_member(world.as("mia"), {.group = group, .card = "Mia M"}));
  world.news();
  const MessageId first = world.write("mia", group);
  CHECK(first.seq == Seq{1});
  CHECK(world.write("olga", group).seq == Seq{2});
  const Committed told = world.news();
  REQUIRE(told.deliveries.size() == 2);
  const Delivery& delivery = told.deliveries[0];
  CHECK(delivery.group == first.conv);
  CHECK(delivery.to.user == "mia");
  CHECK(delivery.except == "phone");
  CHECK(delivery.ver == Ver{});
  const Message& message = *std::get<NewMessage>(delivery.item).message;
  CHECK(message.group == group);
  CHECK(message.card == "Mia M");
  CHECK(message.to == "");
  REQUIRE(told.group_intents.size() == 2);
  CHECK(told.group_intents[0].name == "Team");
  CHECK(told.group_intents[0].ranges == 1);
  CHECK(told.intents.empty());
}

/// From now on the table `written` has a row for each row written of what a send may write.
void count_writes(const GroupWorld& world) {
  world.sql("CREATE TABLE IF NOT EXISTS written (n INTEGER)");
  world.sql("DELETE FROM written");
  if (world.on_server())
    world.sql(
        "CREATE OR REPLACE FUNCTION note_written() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO written "
        "VALUES (1); RETURN NULL; END $$");
  using Write = std::pair<std::string, std::string>;
  for (const auto& [event, table] : {Write{"UPDATE", "im_members"}, Write{"UPDATE", "im_accounts"},
                                     Write{"INSERT", "im_group_intents"}, Write{"INSERT", "im_messages"}}) {
    const std::string after = " written_of_" + table + " AFTER " + event + " ON " + table;
    if (world.on_server())
      world.sql("CREATE OR REPLACE TRIGGER" + after + " FOR EACH ROW EXECUTE FUNCTION note_written()");
    else
      world.sql("CREATE TRIGGER IF NOT EXISTS" + after + " BEGIN INSERT INTO written VALUES (1); END");
  }
}

TEST_CASE("group messages: a send writes as many rows in a large group as in a small one", "[im][group]") {
  GroupWorld world;
  const auto rows_of_a_send = [&](const std::string& group) {
    world.write("olga", group);  // the first makes nothing more
    count_writes(world);
    world.write("olga", group);
    return world.number("SELECT count(*) FROM written");
  };
  const std::string small = world.create(GroupType::Work);
  const std::string large = world.create(GroupType::Work, {});
  std::vector<std::string> many;
  for (int i = 0; i < 300; ++i) REQUIRE(world.import(many.emplace_back("user" + std::to_string(i))));
  REQUIRE(world.invite(GroupWorld::app(), large, many));
  CHECK(rows_of_a_send(small) == 3);  // the message, its intent, the sender's own row
  CHECK(rows_of_a_send(large) == 3);
}

TEST_CASE("group messages: what is refused", "[im][group]") {
  GroupWorld world;
  const std::string group = world.create(GroupType::Public, {"mia"});
  const auto refused = [&](auto change, const char* user = "mia") {
    GroupSendRequest request = world.words_for(group);
    change(request);
    const auto reply = world.try_write(world.as(user), request);
    return reply ? std::string("sent") : std::string(name_of(reply.error().code)) + " " + reply.error().why;
  };
  CHECK(refused([](auto&) {}) == "sent");
  CHECK(refused([](auto&) {}, "sam") == "group_forbidden group: send in a group of type Public takes a member");
  CHECK(refused([](auto& r) { r.group = "nowhere"; }) == "group_unknown group: no such group");
  CHECK(refused([](auto& r) { r.group = ""; }) == "malformed group: empty");
  CHECK(refused([](auto& r) { r.client_id = ""; }) == "malformed client_id: empty");
  CHECK(refused([](auto& r) { r.elements = "{}"; }).starts_with("malformed elements"));
  CHECK(refused([](auto& r) { r.elements = R"([{"type":"tip","kind":"join"}])"; }).starts_with("malformed elements"));
  CHECK(refused([](auto& r) { r.push = R"({"nonsense":1})"; }).starts_with("malformed push"));
  CHECK(refused([](auto& r) { r.cloud_data = std::string(8'193, 'x'); }) ==
        "too_large cloud_data: longer than 8192 bytes");
  CHECK(refused([](auto& r) { r.mentions.assign(31, "max"); }) == "malformed mentions: not 0-30");
  CHECK(refused([](auto& r) { r.mentions = {"@TIM#x"}; }) == "malformed mentions: begins with @TIM#");
  CHECK(refused([](auto& r) { r.mentions = {std::string(kMentionAll)}; }) == "sent");
  CHECK(refused([](auto& r) { r.targets.assign(51, "max"); }) == "malformed targets: not 0-50");
  CHECK(refused([](auto& r) { r.targets = {"max"}, r.online_only = true; }) ==
        "malformed targets: not together with online_only");
  CHECK(code_of(world.try_write(GroupWorld::app(), world.words_for(group))) == Code::Malformed);  // from nobody
  CHECK(world.try_write(GroupWorld::app("sam"), world.words_for(group)));  // the app may write for a stranger
}

TEST_CASE("group messages: a repeat finds the first, even after a kick", "[im][group]") {
  GroupWorld world;
  const std::string group = world.create(GroupType::Public, {"mia"});
  const GroupSendRequest request = world.words_for(group);
  const auto first = world.try_write(world.as("mia"), request);
  REQUIRE(first);
  REQUIRE(world.kick_out(world.as("olga"), group, {"mia"}));
  const auto again = world.try_write(world.as("mia"), request);
  REQUIRE(again);
  CHECK(again->repeated);
  CHECK(again->id == first->id);
  CHECK(again->at == first->at);
  CHECK(code_of(world.try_write(world.as("mia"), world.words_for(group))) == Code::GroupForbidden);
}

TEST_CASE("group messages: history begins at the join; Meeting shows what was before", "[im][group]") {
  GroupWorld world;
  const std::string work = world.create(GroupType::Work, {"mia"});
  const std::string meeting = world.create(GroupType::Meeting, {"mia"});
  for (const std::string& group : {work, meeting}) {
    world.write("olga", group);
    world.write("mia", group);
  }
  REQUIRE(world.invite(world.as("mia"), work, {"sam"}));
  REQUIRE(world.join(world.as("sam"), meeting));
  CHECK(world.seen("sam", work) == "3t");
  CHECK(world.seen("sam", meeting) == "1 2");
  CHECK(world.seen("olga", work) == "1 2 3t");
  world.write("mia", work);
  REQUIRE(world.kick_out(world.as("olga"), work, {"sam"}));
  world.write("mia", work);
  CHECK(world.seen("sam", work) == "group_forbidden");
  REQUIRE(world.invite(world.as("mia"), work, {"sam"}));
  world.write("mia", work);
  CHECK(world.seen("sam", work) == "7t 8");  // not the time between, nor before
  CHECK(world.unread("sam", work) == 1);
}

TEST_CASE("group messages: unread counts what others wrote above the mark", "[im][group]") {
  GroupWorld world;
  const std::string group = world.create(GroupType::Public, {"mia", "max"});
  world.write("olga", group);
  world.write("mia", group);
  const MessageId third = world.write("olga", group);
  auto quiet = world.words_for(group);
  quiet.no_unread = true;
  world.write("olga", quiet);
  REQUIRE(world.change_info(world.as("olga"), {.group = group, .name = "Crew"}));  // a tip
  CHECK(world.unread("mia", group) == 2);
  CHECK(world.unread("max", group) == 3);
  CHECK(world.unread("olga", group) == 1);
  CHECK(world.total("max") == 3);
  world.send(world.phone("olga"), world.text("max"));
  CHECK(world.total("max") == 4);
  const Committed one_to_one = world.news();
  CHECK(one_to_one.deliveries.back().unread_total == 4);

  auto read = world.read_group("max", {.group = group, .seq = Seq{2}});
  REQUIRE(read);
  CHECK(read->read == Seq{2});
  CHECK(read->unread == 1);
  CHECK(read->unread_total == 2);
  CHECK(group_words(world.news()) == Told{"for max read 2"});
  CHECK(world.read_group("max", {.group = group, .seq = Seq{1}})->read == Seq{2});  // never back
  CHECK(world.read_group("mia", {.group = group, .seq = Seq{1}})->unread == 1);     // her own above the mark
  CHECK(world.read_group("mia", {.group = group, .seq = Seq{99}})->read == Seq{5});
  CHECK(world.read_group("mia", {.group = group})->unread == 0);
  CHECK(code_of(world.read_group("sam", {.group = group})) == Code::GroupForbidden);
  CHECK(code_of(world.read_group("mia", {.group = group, .seq = Seq{1}, .until = WallTime{}})) == Code::Malformed);

  REQUIRE(world.recall(world.phone("olga"), third));
  CHECK(world.unread("max", group) == 0);
  CHECK(world.unread("mia", group) == 0);
  CHECK(world.total("max") == 1);
  CHECK(world.unread("olga", group) == 1);  // her own recalled one never counted
}

TEST_CASE("group messages: read up to a second", "[im][group]") {
  GroupWorld world;
  const std::string group = world.create(GroupType::Work, {"mia"});
  const WallTime start = world.clock.wall();
  for (int i = 0; i < 4; ++i) {
    world.write("olga", group);
    world.clock.pass(milliseconds(1'000));
  }
  CHECK(world.read_group("mia", {.group = group, .until = start + milliseconds(1'500)})->read == Seq{2});
  CHECK(world.read_group("mia", {.group = group, .until = start - milliseconds(60'000)})->read == Seq{2});
  CHECK(world.read_group("mia", {.group = group, .until = start + milliseconds(60'000)})->read == Seq{4});
}

TEST_CASE("group messages: Meeting and Discard count nothing; who turns back counts from the head", "[im][group]") {
  GroupWorld world;
  const std::string meeting = world.create(GroupType::Meeting, {"mia"});
  const std::string work = world.create(GroupType::Work, {"mia", "max"});
  world.write("olga", meeting);
  world.write("olga", work);
  CHECK(world.unread("mia", meeting) == 0);
  CHECK(world.total("mia") == 1);
  world.news();
  REQUIRE(world.set_option("mia", work, Option::Discard));
  CHECK(group_words(world.news()) == Told{"off mia", "for mia sync"});
  CHECK(world.unread("mia", work) == 0);
  CHECK(world.total("mia") == 0);
  world.write("olga", work);
  REQUIRE(world.set_option("mia", work, Option::NotNotify));
  CHECK(group_words(world.news()).back() == "for mia sync");
  CHECK(world.unread("mia", work) == 0);
  world.write("olga", work);
  CHECK(world.unread("mia", work) == 1);
  CHECK(world.total("mia") == 1);  // NotNotify counts
  CHECK(world.total("max") == 3);
}

TEST_CASE("group messages: who is pushed to", "[im][group]") {
  GroupWorld world;
  const std::string group = world.create(GroupType::Public, {"mia", "max", "sam"});
  REQUIRE(world.set_option("max", group, Option::NotNotify));
  REQUIRE(world.set_option("sam", group, Option::Discard));
  CHECK(world.receiver_words(world.write("olga", group)) == "mia");
  CHECK(world.receiver_words(world.write("mia", group)) == "olga");
  auto request = world.words_for(group);
  request.mentions = {"mia", "max", "nobody"};
  CHECK(world.receiver_words(world.write("olga", request)) == "mia@");  // NotNotify stands above a mention
  request = world.words_for(group);
  request.mentions = {std::string(kMentionAll)};
  const MessageId all = world.write("mia", request);
  CHECK(world.receiver_words(all) == "olga@");
  REQUIRE(world.read_group("olga", {.group = group}));
  CHECK(world.receiver_words(all) == "");  // read meanwhile
  const MessageId next = world.write("mia", group);
  const auto receivers = world.receivers(next);
  REQUIRE(receivers.size() == 1);
  CHECK(receivers[0].unread_total == 1);
  REQUIRE(receivers[0].targets.size() == 1);
  CHECK(receivers[0].targets[0].device == "phone");
  REQUIRE(world.recall(world.phone("mia"), next));
  CHECK(world.receiver_words(next) == "");

  REQUIRE(world.logout(world.phone("olga")));
  CHECK(world.receiver_words(world.write("mia", group)) == "");
}

TEST_CASE("group messages: a mention may pass NotNotify where the app says so", "[im][group]") {
  ServiceOptions options;
  options.groups.mention_passes_not_notify = true;
  GroupWorld world(options);
  const std::string group = world.create(GroupType::Public, {"mia", "max"});
  REQUIRE(world.set_option("max", group, Option::NotNotify));
  auto request = world.words_for(group);
  request.mentions = {"max"};
  CHECK(world.receiver_words(world.write("olga", request)) == "max@ mia");
  CHECK(world.receiver_words(world.write("olga", group)) == "mia");
}

TEST_CASE("group messages: a mention stands at the conversation until it is read or recalled", "[im][group]") {
  GroupWorld world;
  const std::string group = world.create(GroupType::Work, {"mia", "max"});
  auto request = world.words_for(group);
  request.mentions = {"mia"};
  const MessageId one = world.write("olga", request);
  request = world.words_for(group);
  request.mentions = {std::string(kMentionAll)};
  const MessageId all = world.write("max", request);
  GroupChat chat = world.group_chat("mia", group);
  CHECK(chat.mentioned);
  CHECK(chat.mentioned_all);
  CHECK(chat.mention == all.seq);
  chat = world.group_chat("max", group);
  CHECK_FALSE(chat.mentioned);
  REQUIRE(world.recall(world.phone("max"), all));
  chat = world.group_chat("mia", group);
  CHECK(chat.mentioned);
  CHECK_FALSE(chat.mentioned_all);
  CHECK(chat.mention == one.seq);
  REQUIRE(world.read_group("mia", {.group = group}));
  CHECK_FALSE(world.group_chat("mia", group).mentioned);
}

TEST_CASE("group messages: recall by the sender in time, by who stands above at any time", "[im][group]") {
  GroupWorld world;
  const std::string group = world.create(GroupType::Public, {"mia", "max", "adam"});
  REQUIRE(world.set_role(world.as("olga"), group, "adam", GroupRole::Admin));
  const auto recall = [&](const char* user, MessageId id) {
    const auto reply = world.recall(world.phone(user), id);
    return reply ? std::string("done") : std::string(name_of(reply.error().code));
  };
  const MessageId first = world.write("mia", group);
  const MessageId second = world.write("adam", group);
  const MessageId third = world.write("mia", group);
  const MessageId tip{first.conv, Seq{1}};
  world.news();
  CHECK(recall("max", first) == "group_forbidden");
  CHECK(recall("sam", first) == "group_message_unknown");
  CHECK(recall("mia", {first.conv, Seq{99}}) == "group_message_unknown");
  CHECK(recall("mia", {ConvId{9'999}, Seq{1}}) == "message_unknown");
  CHECK(recall("olga", tip) == "group_message_unknown");  // a tip
  CHECK(recall("mia", first) == "done");
  const Committed told = world.news();
  CHECK(group_words(told) == Told{"recall " + std::to_string(first.seq.value)});
  CHECK(told.recalled == std::vector<MessageId>{first});
  CHECK(recall("mia", first) == "done");  // a repeat does no harm
  CHECK(world.news().deliveries.empty());
  CHECK(recall("mia", second) == "group_forbidden");
  world.clock.pass(milliseconds(120'001));
  CHECK(recall("mia", third) == "group_recall_too_late");
  CHECK(recall("adam", third) == "done");
  CHECK(recall("olga", second) == "done");
  CHECK(world.try_pull_group(world.as("max"), {.group = group})->messages.at(1).elements == "");
  CHECK(world.group_intents().empty());
  const auto pull = world.try_pull_group(world.as("max"), {.group = group, .changes = 1});
  CHECK(pull->recalls.size() == 2);
  CHECK(pull->changes == 3);
}

TEST_CASE("group messages: for some alone", "[im][group]") {
  GroupWorld world;
  const std::string group = world.create(GroupType::Work, {"mia", "max", "sam"});
  auto request = world.words_for(group);
  request.targets = {"mia"};
  world.news();
  const MessageId id = world.write("olga", request);
  const Committed told = world.news();
  CHECK(*told.deliveries.at(0).only == std::vector<std::string>{"mia"});
  CHECK(world.receiver_words(id) == "mia");
  CHECK(world.seen("mia", group) == "1");
  CHECK(world.seen("olga", group) == "1");
  CHECK(world.seen("max", group) == "");
  CHECK(world.unread("mia", group) == 0);  // it counts for nobody
  CHECK_FALSE(world.group_chat("max", group).last);
  REQUIRE(world.recall(world.phone("olga"), id));
  CHECK(*world.news().deliveries.at(0).only == std::vector<std::string>{"mia"});
  CHECK(code_of(world.recall(world.phone("max"), id)) == Code::GroupMessageUnknown);
}

TEST_CASE("group messages: online-only are delivered and nothing else", "[im][group]") {
  GroupWorld world;
  const std::string group = world.create(GroupType::Work);
  auto request = world.words_for(group);
  request.online_only = true;
  world.news();
  const auto reply = world.try_write(world.as("olga"), request);
  REQUIRE(reply);
  CHECK(reply->id == MessageId{});
  const Committed told = world.news();
  REQUIRE(told.deliveries.size() == 1);
  CHECK(std::get<NewMessage>(told.deliveries[0].item).online_only);
  CHECK(told.group_intents.empty());
  CHECK(world.seen("mia", group) == "");
  CHECK(world.unread("mia", group) == 0);
}

TEST_CASE("group messages: the list: pinned, cleared, hidden until the next message", "[im][group]") {
  GroupWorld world;
  const std::string group = world.create(GroupType::Work);
  world.write("olga", group);
  world.write("olga", group);
  const auto change = [&](GroupChatChange with) {
    with.group = group;
    return world.ask<Ver>(
        [&](auto reply) { world.service->change_group_chat(world.as("mia"), with, std::move(reply)); });
  };
  REQUIRE(change({.pinned = true, .mark = "star"}));
  CHECK(world.group_chat("mia", group).pinned);
  REQUIRE(change({.remove = true}));
  GroupChat chat = world.group_chat("mia", group);
  CHECK(chat.hidden);
  CHECK_FALSE(chat.pinned);
  CHECK(chat.mark == "star");
  CHECK(chat.unread == 0);
  CHECK(world.total("mia") == 0);
  CHECK(world.seen("mia", group) == "1 2");
  world.write("olga", group);
  CHECK_FALSE(world.group_chat("mia", group).hidden);
  REQUIRE(change({.remove = true, .with_messages = true}));
  CHECK(world.seen("mia", group) == "");
  CHECK(world.seen("olga", group) == "1 2 3");
  CHECK(code_of(change({.with_messages = true})) == Code::Malformed);
  CHECK(code_of(change({.mark = std::string(65, 'x')})) == Code::TooLarge);

  const MessageId id = world.write("olga", group);
  REQUIRE(world.remove(world.phone("mia"), {id}));
  CHECK(world.seen("mia", group) == "");
  CHECK(world.seen("olga", group) == "1 2 3 4");
  CHECK(code_of(world.remove(world.phone("sam"), {id})) == Code::MessageUnknown);
  CHECK(code_of(world.remove(world.phone("mia"), {id, {id.conv, Seq{9}}})) == Code::MessageUnknown);
}

TEST_CASE("group messages: a device that was away learns by sync what moved, and what changed for it", "[im][group]") {
  GroupWorld world;
  const std::string work = world.create(GroupType::Work, {"mia", "max"}, "w");
  const std::string book = world.create(GroupType::Public, {"mia"}, "b");
  const std::string still = world.create(GroupType::Public, {"mia"}, "s");
  const SyncReply before = world.sync(world.phone("mia"));
  CHECK(before.groups.size() == 3);
  CHECK(before.moved == 0);
  world.clock.pass(milliseconds(200'000));
  const auto later = [&](std::size_t limit = 100, ConvId after = {}) {
    return world.sync(
        world.phone("mia"),
        {.ver = before.ver, .limit = limit, .since = before.time + milliseconds(100'000), .after_group = after});
  };
  CHECK(later().groups.empty());
  world.write("olga", work);
  world.write("max", work);
  SyncReply sync = later();
  REQUIRE(sync.groups.size() == 1);
  CHECK(sync.moved == 1);
  CHECK(sync.ver == before.ver);
  CHECK(sync.groups[0].group == "w");
  CHECK(sync.groups[0].head == Seq{2});
  CHECK(sync.groups[0].unread == 2);
  CHECK(sync.groups[0].last->from == "max");
  CHECK(sync.unread_total == 2);

  REQUIRE(world.dismiss(world.as("olga"), book));
  REQUIRE(world.kick_out(world.as("olga"), still, {"mia"}));
  sync = later();
  REQUIRE(sync.groups.size() == 3);
  CHECK(sync.groups[0].group == "s");  // her own side changed
  CHECK(sync.groups[0].gone);
  CHECK(sync.groups[1].group == "w");
  CHECK(sync.groups[2].group == "b");
  CHECK(sync.groups[2].gone);
  CHECK(sync.moved == 2);
  sync = later(1);
  CHECK(sync.groups.size() == 1);
  CHECK(sync.more);
  // Page by page nothing is lost.
  std::vector<std::string> found;
  SyncRequest request{.ver = before.ver, .limit = 1, .since = before.time + milliseconds(100'000)};
  for (bool more = true; more && found.size() < 9;) {
    sync = world.sync(world.phone("mia"), request);
    for (const GroupChat& chat : sync.groups) found.push_back(chat.group);
    request.ver = sync.ver;
    request.after_group = sync.after_group;
    more = sync.more;
  }
  CHECK(found == std::vector<std::string>{"s", "w", "b"});
  // Who begins anew is not told of what is over.
  const SyncReply anew = world.sync(world.phone("mia"));
  REQUIRE(anew.groups.size() == 1);
  CHECK(anew.groups[0].group == "w");
}

TEST_CASE("group messages: a login says whose messages are to be delivered", "[im][group]") {
  GroupWorld world;
  const std::string work = world.create(GroupType::Work);
  const std::string book = world.create(GroupType::Public, {"mia"});
  REQUIRE(world.set_option("mia", book, Option::Discard));
  const std::string over = world.create(GroupType::Public, {"mia"});
  REQUIRE(world.dismiss(world.as("olga"), over));
  const auto reply = world.try_login(world.login_request("mia", "tablet", Platform::Android));
  REQUIRE(reply);
  REQUIRE(reply->groups.size() == 1);
  CHECK(reply->groups[0] == world.group_chat("olga", work).conv);
}

TEST_CASE("group messages: what expires counts for nobody", "[im][group]") {
  ServiceOptions options;
  options.message_kept = milliseconds(100'000);
  GroupWorld world(options);
  const std::string group = world.create(GroupType::Work);
  world.write("olga", group);
  world.write("mia", group);
  world.write("olga", group);
  world.clock.pass(milliseconds(60'000));
  world.write("mia", group);
  world.write("olga", group);
  CHECK(world.unread("mia", group) == 3);
  CHECK(world.unread("max", group) == 5);
  world.clock.pass(milliseconds(50'000));
  world.loop.pass(milliseconds(60'000));
  REQUIRE(world.loop.until([&] { return world.number("SELECT count(*) FROM im_messages") == 2; }));
  CHECK(world.seen("max", group) == "4 5");
  CHECK(world.unread("mia", group) == 1);
  CHECK(world.unread("max", group) == 2);
  CHECK(world.unread("olga", group) == 1);
  CHECK(world.total("max") == 2);
  CHECK(world.read_group("max", {.group = group, .seq = Seq{2}})->unread == 2);
  CHECK(world.read_group("max", {.group = group, .seq = Seq{4}})->unread == 1);
}

TEST_CASE("group messages: intents stand until they are settled, in parts", "[im][group]") {
  GroupWorld world;
  const std::string group = world.create(GroupType::Work);
  const MessageId first = world.write("olga", group);
  world.write("olga", group);
  auto quiet = world.words_for(group);
  quiet.push = R"({"disabled":true})";
  world.write("olga", quiet);
  auto all = world.group_intents();
  REQUIRE(all.size() == 2);
  CHECK(all[0].message->id == first);
  CHECK(all[0].name == "Team");
  world.service->group_intent_done(all[0].id, 1);
  world.service->group_intent_settled(all[1].id);
  world.restart();
  all = world.group_intents();
  REQUIRE(all.size() == 1);
  CHECK(all[0].done == 1);
  REQUIRE(world.dismiss(GroupWorld::app(), group));
  CHECK(world.group_intents().empty());
}

TEST_CASE("group messages: a stop saves what waits behind others to be saved", "[im][group]") {
  ServiceOptions options;
  options.intents_batch = 1;
  GroupWorld world(options);
  const std::string group = world.create(GroupType::Work);
  world.write("olga", group);
  const auto all = world.group_intents();
  REQUIRE(all.size() == 1);
  for (int i = 0; i < 300; ++i)  // more than a commit takes
    world.service->send_to_group(world.as("olga"), world.words_for(group), [](const Answer<SendReply>&) {});
  world.service->group_intent_settled(all[0].id);
  world.service->stop();
  CHECK(world.number("SELECT count(*) FROM im_group_intents WHERE id = " + std::to_string(all[0].id)) == 0);
}

TEST_CASE("group messages: what ended long ago is forgotten, and its devices begin anew", "[im][group]") {
  GroupWorld world;
  const std::string group = world.create(GroupType::Public, {"mia", "max"});
  world.write("olga", group);
  const Ver mine = world.sync(world.phone("mia")).ver;
  const SyncReply his = world.sync(world.phone("max"));
  REQUIRE(world.kick_out(world.as("olga"), group, {"mia"}));
  REQUIRE(world.dismiss(world.as("olga"), group));
  world.clock.pass(milliseconds(31LL * 24 * 3'600 * 1'000));
  for (int i = 0; i < 10; ++i) world.loop.pass(milliseconds(60'000)), world.sync(world.phone("olga"));
  REQUIRE(world.loop.until([&] {
    world.loop.pass(milliseconds(60'000));
    return world.number("SELECT count(*) FROM im_groups") == 0;
  }));
  CHECK(world.number("SELECT count(*) FROM im_members") == 0);
  CHECK(world.number("SELECT count(*) FROM im_messages") == 0);
  CHECK(world.number("SELECT count(*) FROM im_convs") == 0);
  CHECK(world.sync(world.phone("mia"), {.ver = mine}).reset);
  CHECK(world.sync(world.phone("max"), {.ver = his.ver, .since = his.time}).reset);  // was away since before the end
}

TEST_CASE("group messages: a total that falls is told to the phones that show another", "[im][group]") {
  GroupWorld world;
  const std::string group = world.create(GroupType::Public, {"mia", "max"});
  world.login("mia", "tablet", Platform::Android);
  const auto badges = [&] {
    std::vector<std::string> out;
    for (const FollowUp& one : world.news().follow_ups) {
      CHECK(one.kind == FollowUp::Kind::Badge);
      out.push_back(one.to.user + " " + std::to_string(one.unread_total) + " but " + one.by_device);
    }
    return out;
  };
  world.write("olga", group);
  world.write("olga", group);
  CHECK(badges().empty());
  REQUIRE(world.read_group("mia", {.group = group, .seq = Seq{1}}));
  CHECK(badges() == Told{"mia 1 but phone"});
  REQUIRE(world.read_group("mia", {.group = group, .seq = Seq{1}}));
  CHECK(badges().empty());
  REQUIRE(world.read_group("max", {.group = group}));
  CHECK(badges().empty());  // his only phone knows it
  world.send(world.phone("olga"), world.text("mia"));
  world.news();
  REQUIRE(world.set_option("mia", group, Option::Discard));
  CHECK(badges() == Told{"mia 1 but phone"});  // the one-to-one message
  REQUIRE(world.set_option("mia", group, Option::Notify));
  CHECK(badges().empty());
  world.write("olga", group);
  world.news();
  REQUIRE(world.kick_out(world.as("olga"), group, {"mia"}));
  CHECK(badges() == Told{"mia 1 but "});
  // What a later process finds has today's total.
  const auto left = world.follow_ups();
  REQUIRE(left.size() == 3);
  for (const FollowUp& one : left) CHECK(one.unread_total == 1);
}

TEST_CASE("group messages: who is silenced in all groups, by the app", "[im][group]") {
  GroupWorld world;
  const std::string group = world.create(GroupType::Work);
  const auto silence = [&](SilenceChange change) {
    return world.ask<void>([&](auto reply) { world.service->set_silence({kApp, "mia"}, change, std::move(reply)); });
  };
  REQUIRE(silence({.chats = kForEver}));
  CHECK(world.try_write(world.as("mia"), world.words_for(group)));  // one-to-one alone
  REQUIRE(silence({.groups = world.clock.wall() + milliseconds(60'000)}));
  CHECK(code_of(world.try_write(world.as("mia"), world.words_for(group))) == Code::GroupSilenced);
  CHECK(world.try_write(GroupWorld::app("mia"), world.words_for(group)));
  CHECK(world.try_write(world.as("max"), world.words_for(group)));
  world.clock.pass(milliseconds(60'000));
  CHECK(world.try_write(world.as("mia"), world.words_for(group)));
}

}  // namespace
}  // namespace nightpost::im
