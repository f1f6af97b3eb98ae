// One-to-one messages that the app's server edits, friend groups, and both kinds of conversation in one list.
#include "group_world.h"
#include "im/service/admin_service.h"

namespace nightpost::im {
namespace {

const MessageEdit kAtSeven{.elements = R"([{"type":"text","text":"at 7"}])", .cloud_data = std::nullopt};

struct Edits : Two {
  AdminSent send_named(const std::string& from, const std::string& to) {
    AdminSend message;
    message.to = to;
    message.elements = R"([{"type":"text","text":"at 6"}])";
    message.wire_random = ++random;
    auto sent = ask<AdminSent>([&](auto reply) { service->send_as({kApp, from}, message, std::move(reply)); });
    if (!sent) FAIL(sent.error().why);
    return *sent;
  }
  Answer<void> edit(const std::string& from, const std::string& to, WireId name, MessageEdit with) {
    return ask<void>([&](auto reply) { service->edit_as({kApp, from}, to, name, std::move(with), std::move(reply)); });
  }
  std::uint32_t random = 0;
};

TEST_CASE("edits: both sides have the new content, live and by pull", "[im][edit]") {
  Edits world;
  const AdminSent sent = world.send_named("anna", "denny");
  const std::int64_t unread = world.chat(world.denny, "anna").unread;
  const Ver before = world.chat(world.denny, "anna").ver;
  world.news();
  REQUIRE(world.edit("anna", "denny", sent.wire, kAtSeven));
  const Committed told = world.news();
  REQUIRE(told.deliveries.size() == 2);
  for (const Delivery& delivery : told.deliveries)
    CHECK(std::get<MessageEdited>(delivery.item).message->elements == *kAtSeven.elements);
  CHECK(told.deliveries[0].to.user == "anna");
  CHECK(told.deliveries[1].to.user == "denny");
  CHECK(told.intents.empty());
  const Chat chat = world.chat(world.denny, "anna");
  CHECK(chat.unread == unread);
  CHECK(chat.ver > before);  // a sync tells of it
  CHECK(chat.last->flags.edited);
  PullReply pull = world.pull(world.denny, {.peer = "anna"});
  CHECK(pull.edits == std::vector<MessageId>{sent.id});
  CHECK(pull.messages.at(0).elements == *kAtSeven.elements);
  CHECK(world.pull(world.denny, {.peer = "anna", .changes = pull.changes}).edits.empty());

  REQUIRE(world.edit("anna", "denny", sent.wire, kAtSeven));  // a repeat
  CHECK(world.news().deliveries.empty());
  REQUIRE(world.edit("anna", "denny", sent.wire, {.elements = std::nullopt, .cloud_data = "x"}));
  pull = world.pull(world.denny, {.peer = "anna"});
  CHECK(pull.edits.size() == 1);
  CHECK(pull.messages.at(0).cloud_data == "x");

  // A device that knew of nothing hears of the recall, too.
  REQUIRE(world.recall(world.anna, sent.id));
  pull = world.pull(world.denny, {.peer = "anna"});
  CHECK(pull.recalls.size() == 1);
  CHECK(pull.messages.at(0).elements == "");
  world.restart();
  CHECK(world.pull(world.login("denny"), {.peer = "anna"}).edits.size() == 1);
}

TEST_CASE("edits: what is no message of the sender's", "[im][edit]") {
  Edits world;
  const AdminSent sent = world.send_named("anna", "denny");
  CHECK(code_of(world.edit("denny", "anna", sent.wire, kAtSeven)) == Code::MessageUnknown);
  CHECK(code_of(world.edit("anna", "nobody", sent.wire, kAtSeven)) == Code::MessageUnknown);
  WireId other = sent.wire;
  ++other.random;
  CHECK(code_of(world.edit("anna", "denny", other, kAtSeven)) == Code::MessageUnknown);
  CHECK(code_of(world.edit("anna", "denny", sent.wire, {})) == Code::Malformed);
  CHECK(code_of(world.edit("anna", "denny", sent.wire, {.elements = "{}", .cloud_data = {}})) == Code::Malformed);
  CHECK(code_of(world.edit("anna", "denny", sent.wire, {.elements = {}, .cloud_data = std::string(8'193, 'x')})) ==
        Code::TooLarge);
  REQUIRE(world.recall(world.anna, sent.id));
  CHECK(code_of(world.edit("anna", "denny", sent.wire, kAtSeven)) == Code::MessageUnknown);
}

TEST_CASE("edits: who has the sender on his blacklist hears of nothing", "[im][edit]") {
  Edits world;
  REQUIRE(world.block(world.denny, "anna"));
  const SendReply hidden = world.send(world.anna, world.text("denny"));
  const std::int64_t second = std::chrono::floor<seconds>(hidden.at).time_since_epoch().count();
  world.news();
  REQUIRE(world.edit("anna", "denny", {static_cast<std::uint32_t>(hidden.id.seq.value), 0, second}, kAtSeven));
  const Committed told = world.news();
  REQUIRE(told.deliveries.size() == 1);
  CHECK(told.deliveries[0].to.user == "anna");
  CHECK(world.pull(world.denny, {.peer = "anna"}).edits.empty());
}

TEST_CASE("edits: who has removed the message does not get it back", "[im][edit]") {
  Edits world;
  const AdminSent sent = world.send_named("anna", "denny");
  REQUIRE(world.change(world.denny, {.peer = "anna", .remove = true, .with_messages = true}));
  world.news();
  REQUIRE(world.edit("anna", "denny", sent.wire, kAtSeven));
  const Committed told = world.news();
  REQUIRE(told.deliveries.size() == 1);
  CHECK(told.deliveries[0].to.user == "anna");
}

TEST_CASE("edits: the newest of them takes the place of those before, and of no removal", "[im][edit]") {
  Edits world;
  const AdminSent sent = world.send_named("anna", "denny");
  REQUIRE(world.edit("anna", "denny", sent.wire, kAtSeven));
  REQUIRE(world.remove(world.denny, {sent.id}));
  world.news();
  REQUIRE(world.edit("anna", "denny", sent.wire, {.elements = std::nullopt, .cloud_data = "x"}));
  REQUIRE(world.news().deliveries.size() == 1);  // anna's
  const PullReply his = world.pull(world.denny, {.peer = "anna"});
  CHECK(his.removes == std::vector{sent.id});
  CHECK(his.edits == std::vector{sent.id});
  CHECK(his.messages.empty());
  CHECK(world.pull(world.anna, {.peer = "denny"}).edits == std::vector{sent.id});
}

TEST_CASE("friend groups: made, filled, taken away", "[im][friends]") {
  Two world;
  const UserKey anna{kApp, "anna"};
  const auto groups = [&] {
    auto all =
        world.ask<std::vector<FriendGroup>>([&](auto reply) { world.service->friend_groups(anna, std::move(reply)); });
    std::string out;
    for (const FriendGroup& group : *all) {
      out += (out.empty() ? "" : " ") + group.name + ":";
      for (const std::string& one : group.friends) out += one;
    }
    return out;
  };
  const auto add = [&](std::vector<std::string> names, std::vector<std::string> users) {
    return world.ask<AdminService::Each>([&](auto reply) {
      world.service->add_friend_groups(anna, std::move(names), std::move(users), std::move(reply));
    });
  };
  FriendChange change;
  change.user = "denny";
  change.labels = std::vector<std::string>{"org"};
  REQUIRE(world.ask<AdminService::Each>([&](auto reply) {
    world.service->save_friends(anna, {change}, AdminService::Befriend::Force, false, std::move(reply));
  }));
  CHECK(groups() == "org:denny");  // a label makes one
  const auto done = add({"cooks", "drivers"}, {"denny", "nobody"});
  CHECK((*done)[0]);
  CHECK(code_of((*done)[1]) == Code::NotAFriend);
  CHECK(add({"empty"}, {})->empty());
  CHECK(groups() == "cooks:denny drivers:denny empty: org:denny");
  REQUIRE(world.ask<void>(
      [&](auto reply) { world.service->remove_friend_groups(anna, {"drivers", "org", "none"}, std::move(reply)); }));
  CHECK(groups() == "cooks:denny empty:");
  std::vector<std::string> many;
  for (int i = 0; i < 31; ++i) many.push_back("n" + std::to_string(i));
  CHECK(code_of(add(many, {})) == Code::FriendGroupsFull);
  CHECK(code_of(add({""}, {})) == Code::Malformed);
  CHECK(code_of(add({"a\nb"}, {})) == Code::Malformed);
  CHECK(code_of(add({}, {})) == Code::Malformed);
  REQUIRE(world.ask<void>([&](auto reply) { world.service->remove_account(anna, std::move(reply)); }));
  CHECK(world.number("SELECT count(*) FROM im_friend_groups") == 0);
}

TEST_CASE("friend groups: labels make no more of them than there may be", "[im][friends]") {
  Two world;
  const UserKey anna{kApp, "anna"};
  for (const char* const user : {"max", "mia"}) REQUIRE(world.import(user));
  const auto befriend = [&](const std::string& user, int from, int to) {
    FriendChange change;
    change.user = user;
    change.labels.emplace();
    for (int i = from; i < to; ++i) change.labels->push_back("n" + std::to_string(i));
    auto done = world.ask<AdminService::Each>([&](auto reply) {
      world.service->save_friends(anna, {change}, AdminService::Befriend::Force, false, std::move(reply));
    });
    REQUIRE(done);
    return std::move(done->at(0));
  };
  REQUIRE(befriend("denny", 0, 20));
  REQUIRE(befriend("max", 10, 32));  // twelve new ones
  CHECK(code_of(befriend("mia", 31, 33)) == Code::FriendGroupsFull);
  CHECK(world.number("SELECT count(*) FROM im_friends") == 2);
  REQUIRE(befriend("mia", 0, 2));
  REQUIRE(befriend("max", 10, 20));
  REQUIRE(befriend("mia", 32, 34));  // there is room again
  // Those who have more since before there was a limit keep them.
  world.sql(
      "UPDATE im_friends SET labels = labels || 'old1\nold2\nold3\nold4\nold5\nold6\nold7\nold8\nold9\nold10\nold11\n"
      "old12\n' WHERE friend = 'denny'");
  CHECK(code_of(befriend("mia", 40, 41)) == Code::FriendGroupsFull);
  CHECK(befriend("mia", 0, 5));
}

TEST_CASE("recent chats: of both kinds in one order", "[im][recent]") {
  GroupWorld world;
  const std::string old = world.create(GroupType::Public, {"mia"}, "old");
  world.write("olga", old);
  world.clock.pass(seconds(10));
  world.send(world.phone("adam"), "mia");
  world.clock.pass(seconds(10));
  const std::string newer = world.create(GroupType::Work, {"mia"}, "newer");
  world.write("olga", newer);
  const auto page = [&](std::size_t skip, std::size_t limit) {
    auto reply = world.ask<RecentReply>(
        [&](auto back) { world.service->recent_chats({kApp, "mia"}, skip, limit, std::move(back)); });
    std::string out;
    for (const RecentChat& chat : reply->chats) out += (out.empty() ? "" : " ") + chat.peer + chat.group;
    return out + (reply->complete ? "." : "");
  };
  CHECK(page(0, 10) == "newer adam old.");
  CHECK(page(0, 2) == "newer adam");
  CHECK(page(2, 2) == "old.");
  CHECK(page(3, 2) == ".");
  GroupChatChange pin;
  pin.group = old;
  pin.pinned = true;
  REQUIRE(
      world.ask<Ver>([&](auto reply) { world.service->change_group_chat(world.as("mia"), pin, std::move(reply)); }));
  CHECK(page(0, 10) == "old newer adam.");
  GroupChatChange remove;
  remove.group = newer;
  remove.remove = true;
  REQUIRE(
      world.ask<Ver>([&](auto reply) { world.service->change_group_chat(world.as("mia"), remove, std::move(reply)); }));
  CHECK(page(0, 10) == "old adam.");
  REQUIRE(world.quit(world.as("mia"), old));
  CHECK(page(0, 10) == "adam.");
}

}  // namespace
}  // namespace nightpost::im
