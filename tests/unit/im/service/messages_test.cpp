#include "service_world.h"

namespace nightpost::im {
namespace {

const NewMessage* new_message(const Committed& news, const std::string& to) {
  for (const Delivery& each : news.deliveries)
    if (each.to.user == to)
      if (const auto* message = std::get_if<NewMessage>(&each.item)) return message;
  return nullptr;
}

TEST_CASE("im messages: a message is stored, counted, delivered and has its intent", "[im][service]") {
  Two world;
  REQUIRE(world.import("anna", "Anna"));
  SendRequest request = world.text("denny", "how are you");
  request.cloud_data = "{}";
  request.priority = Priority::High;
  const SendReply reply = world.send(world.anna, request);
  CHECK(reply.id == MessageId{ConvId{1}, Seq{1}});
  CHECK(reply.at == world.clock.wall());
  CHECK(reply.ver == Ver{1});
  CHECK_FALSE(reply.repeated);

  const Committed news = world.news();
  REQUIRE(news.deliveries.size() == 2);
  const Delivery& own = news.deliveries[0];
  CHECK(own.to.user == "anna");
  CHECK(own.except == "phone");
  CHECK(own.ver == Ver{1});
  CHECK(own.unread_total == 0);
  const Delivery& other = news.deliveries[1];
  CHECK(other.to.user == "denny");
  CHECK(other.except.empty());
  CHECK(other.ver == Ver{1});
  CHECK(other.unread_total == 1);
  const Message& message = *std::get<NewMessage>(other.item).message;
  CHECK(message.id == reply.id);
  CHECK(message.from == "anna");
  CHECK(message.to == "denny");
  CHECK(message.nick == "Anna");
  CHECK(message.elements == R"([{"type":"text","text":"how are you"}])");
  CHECK(message.cloud_data == "{}");
  CHECK(message.priority == Priority::High);

  REQUIRE(news.intents.size() == 1);
  CHECK(news.intents[0].to.user == "denny");
  CHECK(news.intents[0].unread_total == 1);
  REQUIRE(news.intents[0].targets.size() == 1);
  CHECK(news.intents[0].targets[0].device == "phone");
  const auto stored = world.intents();
  REQUIRE(stored.size() == 1);
  CHECK(stored[0].id == news.intents[0].id);
  CHECK(stored[0].message->elements == message.elements);
  CHECK(stored[0].ver == Ver{1});

  const Chat chat = world.chat(world.denny, "anna");
  CHECK(chat.unread == 1);
  CHECK(chat.head == Seq{1});
  REQUIRE(chat.last);
  CHECK(chat.last->client_id == request.client_id);
  CHECK(world.chat(world.anna, "denny").unread == 0);
}

TEST_CASE("im messages: the profile of that moment stays with a message", "[im][service]") {
  Two world;
  REQUIRE(world.import("anna", "before"));
  world.send(world.anna, "denny");
  REQUIRE(world.import("anna", "after"));
  world.send(world.anna, "denny");
  const auto all = world.pull(world.denny, {.peer = "anna"}).messages;
  REQUIRE(all.size() == 2);
  CHECK(all[0].nick == "before");
  CHECK(all[1].nick == "after");
}

TEST_CASE("im messages: a repeat gets the first result, whatever has happened since", "[im][service]") {
  Two world;
  SendRequest request = world.text("denny");
  const SendReply first = world.send(world.anna, request);
  world.send(world.anna, "denny");
  world.news();
  SECTION("from another login") { world.anna = world.login("anna"); }
  SECTION("blacklisted meanwhile") { REQUIRE(world.block(world.denny, "anna")); }
  SECTION("with other content") { request.elements = R"([{"type":"text","text":"other"}])"; }
  SECTION("to somebody else") { request.to = "nobody"; }
  SECTION("recalled meanwhile") { REQUIRE(world.recall(world.anna, first.id)); }
  SECTION("after a restart") { world.restart(); }
  SECTION("a day less than a week later") {
    world.clock.pass(std::chrono::hours(6 * 24));
    world.loop.pass(std::chrono::hours(6 * 24));
    world.send(world.denny, "anna");  // behind the pruning
  }
  world.news();
  const auto again = world.send(world.anna, request);
  CHECK(again.repeated);
  CHECK(again.id == first.id);
  CHECK(again.at == first.at);
  CHECK(again.ver == first.ver);
  CHECK(world.news().deliveries.empty());
}

TEST_CASE("im messages: another sender's client id is another one, and an old one is forgotten", "[im][service]") {
  ServiceOptions options;
  options.pruned_max = 2;
  Two world(options);
  const SendRequest request = world.text("denny");
  world.send(world.anna, request);
  SendRequest back = request;
  back.to = "anna";
  CHECK_FALSE(world.send(world.denny, back).repeated);
  for (int i = 0; i < 5; ++i) world.send(world.denny, "anna");
  world.clock.pass(std::chrono::hours(7 * 24 + 1));
  for (int i = 0; i < 6; ++i) {
    world.loop.pass(std::chrono::minutes(1));
    world.sync(world.anna);  // a turn of the loop
    world.send(world.anna, "denny");
  }
  CHECK_FALSE(world.send(world.anna, request).repeated);
}

TEST_CASE("im messages: what a send is refused for changes nothing", "[im][service]") {
  Two world;
  world.set_words({{"forbidden"}});
  SendRequest request = world.text("denny");
  Code want = Code::Internal;
  SECTION("nobody of that name") { request.to = "nobody", want = Code::ReceiverUnknown; }
  SECTION("no name") { request.to = "", want = Code::Malformed; }
  SECTION("no client id") { request.client_id = "", want = Code::Malformed; }
  SECTION("a client id with a line break") { request.client_id = "a\nb", want = Code::Malformed; }
  SECTION("no elements") { request.elements = "[]", want = Code::Malformed; }
  SECTION("too large") {
    const std::string one = R"({"type":"text","text":")" + std::string(5'000, 'x') + R"("})";
    request.elements = "[" + one + "," + one + "," + one + "]";
    want = Code::TooLarge;
  }
  SECTION("a push that is none") { request.push = "[]", want = Code::Malformed; }
  SECTION("cloud data too large") { request.cloud_data = std::string(8 * 1024 + 1, 'x'), want = Code::TooLarge; }
  SECTION("cloud data with a zero") { request.cloud_data = std::string("\0", 1), want = Code::Malformed; }
  SECTION("a word") {
    request.elements = R"([{"type":"text","text":"forbidden"}])";
    want = Code::WordRefused;
  }
  CHECK(code_of(world.try_send(world.anna, request)) == want);
  CHECK(world.told.empty());
  CHECK(world.number("SELECT count(*) FROM im_convs") == 0);
  CHECK(world.number("SELECT max(ver) FROM im_accounts") == 0);
}

TEST_CASE("im messages: the blacklist hides in silence", "[im][service]") {
  Two world;
  world.send(world.anna, "denny");
  REQUIRE(world.block(world.denny, "anna"));
  world.news();
  const SendReply hidden = world.send(world.anna, "denny");
  const Committed news = world.news();
  CHECK(news.deliveries.size() == 1);
  CHECK_FALSE(new_message(news, "denny"));
  REQUIRE(new_message(news, "anna"));
  CHECK(new_message(news, "anna")->message->flags == MessageFlags{});  // nor is she told
  CHECK(world.chat(world.anna, "denny").last->flags == MessageFlags{});
  CHECK(news.intents.empty());
  CHECK(world.chat(world.denny, "anna").unread == 1);
  CHECK(world.chat(world.denny, "anna").head == Seq{1});
  CHECK(world.chat(world.anna, "denny").head == Seq{2});

  REQUIRE(world.block(world.denny, "anna", false));
  world.send(world.anna, "denny");
  const PullReply his = world.pull(world.denny, {.peer = "anna", .after = Seq{0}});
  REQUIRE(his.messages.size() == 2);
  CHECK(his.messages[1].id.seq == Seq{3});
  CHECK(his.from == Seq{1});
  CHECK(his.to == Seq{3});
  const PullReply hers = world.pull(world.anna, {.peer = "denny"});
  REQUIRE(hers.messages.size() == 3);
  CHECK(hers.messages[1].flags == MessageFlags{});
  CHECK(world.chat(world.denny, "anna").unread == 2);

  // What he never saw is no business of his when it is recalled.
  world.news();
  REQUIRE(world.recall(world.anna, hidden.id));
  CHECK(world.news().deliveries.size() == 1);
  CHECK(world.pull(world.denny, {.peer = "anna"}).recalls.empty());
  CHECK(world.pull(world.anna, {.peer = "denny"}).recalls.size() == 1);
  CHECK(code_of(world.recall(world.denny, hidden.id)) == Code::MessageUnknown);
}

TEST_CASE("im messages: the blacklist says so where it is set to, and has a limit", "[im][service]") {
  ServiceOptions options;
  options.blacklist_silent = false;
  options.blacklist_max = 1;
  Two world(options);
  REQUIRE(world.block(world.denny, "anna"));
  CHECK(code_of(world.try_send(world.anna, world.text("denny"))) == Code::Blacklisted);
  CHECK(world.try_send(world.denny, world.text("anna")));
  world.login("berta");
  CHECK(code_of(world.block(world.denny, "berta")) == Code::TooLarge);
  CHECK(world.block(world.denny, "anna"));
  CHECK(code_of(world.block(world.denny, "denny")) == Code::Malformed);
  CHECK(code_of(world.block(world.denny, "nobody")) == Code::AccountUnknown);
  const auto list =
      world.ask<std::vector<std::string>>([&](auto reply) { world.service->blacklist(world.denny, std::move(reply)); });
  CHECK(list == std::vector<std::string>{"anna"});
}

TEST_CASE("im messages: to oneself is stored and delivered, and nothing more", "[im][service]") {
  Two world;
  const SendReply reply = world.send(world.anna, "anna");
  const Committed news = world.news();
  REQUIRE(news.deliveries.size() == 1);
  CHECK(news.deliveries[0].ver == Ver{1});
  CHECK(news.intents.empty());
  const Chat chat = world.chat(world.anna, "anna");
  CHECK(chat.unread == 0);
  CHECK(world.pull(world.anna, {.peer = "anna"}).messages.size() == 1);
  REQUIRE(world.read(world.anna, {.peer = "anna"}));
  CHECK(world.recall(world.anna, reply.id));
  CHECK(world.sync(world.anna).unread_total == 0);
}

TEST_CASE("im messages: online only leaves nothing behind", "[im][service]") {
  Two world;
  SendRequest request = world.text("denny");
  request.online_only = true;
  const SendReply reply = world.send(world.anna, request);
  CHECK(reply.id == MessageId{});
  const Committed news = world.news();
  REQUIRE(news.deliveries.size() == 2);
  for (const Delivery& each : news.deliveries) {
    CHECK(each.ver == Ver{0});
    CHECK(std::get<NewMessage>(each.item).online_only);
  }
  CHECK(news.intents.empty());
  CHECK(world.sync(world.denny).chats.empty());
  CHECK(world.number("SELECT count(*) FROM im_messages") == 0);

  REQUIRE(world.block(world.denny, "anna"));
  world.send(world.anna, request);
  CHECK_FALSE(new_message(world.news(), "denny"));
  request.to = "nobody";
  CHECK(code_of(world.try_send(world.anna, request)) == Code::ReceiverUnknown);
}

TEST_CASE("im messages: no_unread and no_last", "[im][service]") {
  Two world;
  SendRequest quiet = world.text("denny", "quiet");
  quiet.no_unread = true;
  SendRequest aside = world.text("denny", "aside");
  aside.no_last = true;
  world.send(world.anna, quiet);
  world.send(world.anna, aside);
  const Chat chat = world.chat(world.denny, "anna");
  CHECK(chat.unread == 1);
  CHECK(chat.head == Seq{2});
  REQUIRE(chat.last);
  CHECK(chat.last->id.seq == Seq{1});
  CHECK(world.read(world.denny, {.peer = "anna", .seq = Seq{1}})->unread == 1);
}

TEST_CASE("im messages: an intent only where somebody may be pushed to", "[im][service]") {
  Two world;
  SECTION("push disabled") {
    SendRequest request = world.text("denny");
    request.push = R"({"disabled":true})";
    world.send(world.anna, request);
    CHECK(world.news().intents.empty());
  }
  SECTION("a desktop alone") {
    world.login("berta", "desk", Platform::Desktop);
    world.send(world.anna, "berta");
    CHECK(world.news().intents.empty());
  }
  SECTION("an imported account that never logged in") {
    REQUIRE(world.import("berta"));
    world.send(world.anna, "berta");
    CHECK(world.news().intents.empty());
  }
  SECTION("displaced and logged out devices are no targets") {
    world.login("denny", "second");
    const Terminal droid = world.login("denny", "droid", Platform::Android);
    world.send(world.anna, "denny");
    CHECK(world.news().intents.at(0).targets.size() == 2);
    REQUIRE(world.logout(droid));
    world.send(world.anna, "denny");
    const auto intent = world.news().intents.at(0);
    REQUIRE(intent.targets.size() == 1);
    CHECK(intent.targets[0].device == "second");
  }
  CHECK(world.intents().size() == static_cast<std::size_t>(world.number("SELECT count(*) FROM im_intents")));
}

TEST_CASE("im messages: time never falls within a conversation", "[im][service]") {
  Two world;
  const WallTime first = world.send(world.anna, "denny").at;
  world.clock.pass(std::chrono::hours(-1));
  CHECK(world.send(world.denny, "anna").at == first);
  world.clock.pass(std::chrono::hours(2));
  CHECK(world.send(world.denny, "anna").at == first + std::chrono::hours(1));
}

TEST_CASE("im messages: a recall leaves a tombstone and takes the unread and the push back", "[im][service]") {
  Two world;
  SendRequest request = world.text("denny", "a word too much");
  request.push = R"({"title":"secret"})";
  request.cloud_data = "cloud";
  const SendReply sent = world.send(world.anna, request);
  const SendReply kept = world.send(world.anna, "denny");
  world.news();
  world.clock.pass(std::chrono::seconds(120));
  const auto ver = world.recall(world.anna, sent.id);
  REQUIRE(ver);
  CHECK(*ver == Ver{3});
  const Committed news = world.news();
  CHECK(news.recalled == std::vector{sent.id});
  REQUIRE(news.deliveries.size() == 2);
  CHECK(std::get<Recalled>(news.deliveries[0].item).recall.by == "anna");
  CHECK(news.deliveries[0].except == "phone");
  CHECK(std::get<Recalled>(news.deliveries[1].item).peer == "anna");
  CHECK(news.deliveries[1].unread_total == 1);
  REQUIRE(world.intents().size() == 1);
  CHECK(world.intents()[0].message->id == kept.id);

  const PullReply his = world.pull(world.denny, {.peer = "anna"});
  CHECK(his.messages[0].flags.recalled);
  CHECK(his.messages[0].elements.empty());
  CHECK(his.messages[0].push.empty());
  CHECK(his.messages[0].cloud_data.empty());
  REQUIRE(his.recalls.size() == 1);
  CHECK(his.recalls[0].id == sent.id);
  CHECK(his.changes == 1);
  CHECK(world.pull(world.denny, {.peer = "anna", .changes = 1}).recalls.empty());
  CHECK(world.chat(world.denny, "anna").changes == 1);
  CHECK(world.chat(world.denny, "anna").unread == 1);
  CHECK(world.number("SELECT count(*) FROM im_messages WHERE elements LIKE '%too much%'") == 0);

  SECTION("a repeat is the same, however late") {
    world.clock.pass(std::chrono::hours(1));
    CHECK(world.recall(world.anna, sent.id) == *ver);
    CHECK(world.news().deliveries.empty());
  }
  SECTION("too late, another's, and what is not there") {
    world.clock.pass(milliseconds(1));
    CHECK(code_of(world.recall(world.anna, kept.id)) == Code::RecallTooLate);
    CHECK(code_of(world.recall(world.denny, kept.id)) == Code::NotTheSender);
    CHECK(code_of(world.recall(world.anna, {kept.id.conv, Seq{99}})) == Code::MessageUnknown);
    CHECK(code_of(world.recall(world.anna, {ConvId{99}, Seq{1}})) == Code::MessageUnknown);
    CHECK(code_of(world.recall(world.anna, {ConvId{-1}, Seq{-1}})) == Code::MessageUnknown);
    CHECK(code_of(world.recall(world.login("berta"), kept.id)) == Code::MessageUnknown);
  }
}

TEST_CASE("im messages: recalling what was read, or is not counted, lowers nothing", "[im][service]") {
  Two world;
  const SendReply read = world.send(world.anna, "denny");
  SendRequest quiet = world.text("denny");
  quiet.no_unread = true;
  REQUIRE(world.read(world.denny, {.peer = "anna"}));
  const SendReply uncounted = world.send(world.anna, quiet);
  world.send(world.anna, "denny");
  REQUIRE(world.recall(world.anna, read.id));
  REQUIRE(world.recall(world.anna, uncounted.id));
  CHECK(world.chat(world.denny, "anna").unread == 1);
  CHECK(world.sync(world.denny).unread_total == 1);
}

TEST_CASE("im messages: deleted for me is gone on all my devices, and counts as before", "[im][service]") {
  Two world;
  const SendReply first = world.send(world.anna, "denny");
  const SendReply second = world.send(world.anna, "denny");
  const Terminal desk = world.login("denny", "desk", Platform::Desktop);
  world.news();
  REQUIRE(world.remove(world.denny, {second.id}));
  const Committed news = world.news();
  REQUIRE(news.deliveries.size() == 1);
  CHECK(std::get<Removed>(news.deliveries[0].item).peer == "anna");
  CHECK(news.recalled == std::vector{second.id});  // its push is not to be made any more
  CHECK(world.pull(desk, {.peer = "anna"}).messages.size() == 1);
  CHECK(world.chat(desk, "anna").unread == 2);
  CHECK(world.chat(desk, "anna").last->id == first.id);
  CHECK(world.pull(world.anna, {.peer = "denny"}).messages.size() == 2);
  CHECK(world.remove(world.denny, {second.id}));  // a repeat

  CHECK(code_of(world.remove(world.denny, {first.id, {first.id.conv, Seq{3}}})) == Code::MessageUnknown);
  CHECK(code_of(world.remove(world.denny, {{ConvId{9}, Seq{1}}})) == Code::MessageUnknown);
  CHECK(code_of(world.remove(world.login("berta"), {first.id})) == Code::MessageUnknown);
  CHECK(code_of(world.remove(world.denny, {})) == Code::Malformed);
  CHECK(code_of(world.remove(world.denny, std::vector(31, first.id))) == Code::Malformed);
  CHECK(world.pull(desk, {.peer = "anna"}).messages.size() == 1);
}

TEST_CASE("im messages: what has expired is in no history, and is counted by nobody once it is pruned",
          "[im][service]") {
  ServiceOptions options;
  options.message_kept = std::chrono::hours(24);
  options.pruned_max = 1;
  Two world(options);
  world.send(world.anna, "denny");
  world.send(world.anna, "denny");
  world.clock.pass(std::chrono::hours(23));
  world.send(world.anna, "denny");
  world.clock.pass(std::chrono::hours(1));
  const PullReply left = world.pull(world.denny, {.peer = "anna", .after = Seq{0}});
  REQUIRE(left.messages.size() == 1);
  CHECK(left.from == Seq{1});
  CHECK(left.to == Seq{3});
  for (int i = 0; i < 3; ++i) {
    world.loop.pass(std::chrono::minutes(1));
    world.read(world.anna, {.peer = "denny"}).value();  // a turn of writer and loop
  }
  CHECK(world.number("SELECT count(*) FROM im_messages") == 1);
  CHECK(world.chat(world.denny, "anna").unread == 1);
  CHECK(world.sync(world.denny).unread_total == 1);
  CHECK(world.intents().size() == 1);
  CHECK(world.read(world.denny, {.peer = "anna", .seq = Seq{2}})->unread == 1);
}

}  // namespace
}  // namespace nightpost::im
