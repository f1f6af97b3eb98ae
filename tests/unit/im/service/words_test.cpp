// An app's words at every door, and that a change holds without a restart.
#include "group_world.h"
#include "im/service/admin_service.h"
#include "im/service/call_requests.h"
#include "im/service/mass_push.h"

namespace nightpost::im {
namespace {

const Word kBadWord{"bad"}, kRudeWord{"rude", WordAction::Mask};

std::string text_element(const std::string& words) { return R"([{"type":"text","text":")" + words + R"("}])"; }

struct WordWorld : GroupWorld {
  explicit WordWorld(ServiceOptions with = {}) : GroupWorld(std::move(with)) { set_words({kBadWord, kRudeWord}); }
  Answer<SendReply> say(const std::string& words, const std::string& push = "") {
    SendRequest request = text("mia", words);
    request.push = push;
    return try_send(phone("olga"), std::move(request));
  }
  /// What mia has from olga last.
  std::string heard() {
    const auto all = pull(phone("mia"), {.peer = "olga"}).messages;
    return all.empty() ? "" : all.back().elements;
  }
  Answer<AdminSent> say_as(const std::string& words) {
    AdminSend message;
    message.to = "mia";
    message.elements = text_element(words);
    message.wire_random = ++random_;
    return ask<AdminSent>([&](auto reply) { service->send_as({kApp, "olga"}, message, std::move(reply)); });
  }
  Answer<std::int64_t> push_all(const std::string& words, const std::string& push) {
    MassPush all{.from = "olga",
                 .random = ++random_,
                 .elements = words.empty() ? "" : text_element(words),
                 .push = push,
                 .lifetime = {},
                 .to = {}};
    return ask<std::int64_t>([&](auto reply) { service->push_to_all(kApp, std::move(all), std::move(reply)); });
  }

 private:
  std::uint32_t random_ = 0;
};

TEST_CASE("im words: refused and masked, one to one and in a group, live and stored", "[im][service][words]") {
  WordWorld world;
  CHECK(code_of(world.say("so BAD")) == Code::WordRefused);
  CHECK(world.news().deliveries.empty());
  REQUIRE(world.say("how rude!"));
  for (const Delivery& delivery : world.news().deliveries)
    CHECK(std::get<NewMessage>(delivery.item).message->elements == text_element("how ****!"));
  CHECK(world.heard() == text_element("how ****!"));
  REQUIRE(world.say("fine"));
  CHECK(world.heard() == text_element("fine"));

  const std::string group = world.create(GroupType::Public);
  world.news();
  CHECK(code_of(world.try_write(world.as("mia"), world.words_for(group, "bad"))) == Code::WordRefused);
  REQUIRE(world.try_write(world.as("mia"), world.words_for(group, "rude")));
  CHECK(std::get<NewMessage>(world.news().deliveries.at(0).item).message->elements == text_element("****"));
  CHECK(world.metrics.word_counts.refused == 2);
  CHECK(world.metrics.word_counts.masked == 2);
  CHECK(world.metrics.words.read() == 2);
}

TEST_CASE("im words: what is marked passes, and the app's server is told", "[im][service][words]") {
  ServiceOptions options;
  options.callbacks.wanted[kApp] = CallbackSet::all();
  WordWorld world(std::move(options));
  world.set_words({kRudeWord, {"odd", WordAction::Mark}});
  const auto told = [&](const std::string& command) {
    return world.number("SELECT count(*) FROM im_callbacks WHERE command = '" + command +
                        "' AND body LIKE '%\"WordsMarked\":1%'");
  };
  REQUIRE(world.say("fine"));
  REQUIRE(world.say("rude"));
  CHECK(told("C2C.CallbackAfterSendMsg") == 0);
  REQUIRE(world.say("how odd, how rude"));
  CHECK(world.heard() == text_element("how odd, how ****"));
  CHECK(told("C2C.CallbackAfterSendMsg") == 1);
  REQUIRE(world.say("fine", R"({"title":"odd"})"));
  CHECK(told("C2C.CallbackAfterSendMsg") == 2);
  const std::string group = world.create(GroupType::Public);
  REQUIRE(world.try_write(world.as("mia"), world.words_for(group, "odd")));
  REQUIRE(world.try_write(world.as("mia"), world.words_for(group, "even")));
  CHECK(told("Group.CallbackAfterSendMsg") == 1);
  CHECK(world.metrics.word_counts.marked == 3);
  CHECK(world.metrics.word_counts.masked == 2);
}

TEST_CASE("im words: a repeat finds its first result, also once its words are not allowed", "[im][service][words]") {
  WordWorld world;
  SendRequest request = world.text("mia", "later");
  const SendReply first = world.send(world.phone("olga"), request);
  world.set_words({{"later"}});
  CHECK(world.send(world.phone("olga"), request).id == first.id);
  CHECK(code_of(world.say("later")) == Code::WordRefused);
}

TEST_CASE("im words: what people read is looked at, and nothing else", "[im][service][words]") {
  WordWorld world;
  struct Row {
    const char* name;
    const char* elements;
    const char* want;  // empty: refused
  };
  const Row row = GENERATE(values<Row>({
      {"the second text", R"([{"type":"text","text":"a"},{"type":"text","text":"rude"}])",
       R"([{"type":"text","text":"a"},{"type":"text","text":"****"}])"},
      {"a file's name", R"([{"type":"file","name":"bad.doc","uuid":"u"}])", ""},
      {"a place", R"([{"type":"location","desc":"rude","latitude":1,"longitude":2}])",
       R"([{"type":"location","desc":"****","latitude":1,"longitude":2}])"},
      {"what a push shows of a custom element", R"([{"type":"custom","data":"x","desc":"rude"}])",
       R"([{"type":"custom","data":"x","desc":"****"}])"},
      {"a card's nick", R"([{"type":"card","user":"u","nick":"bad"}])", ""},
      {"a line of an abstract", R"([{"type":"merged","title":"t","abstract":["a","rude b"],"uuid":"u"}])",
       R"([{"type":"merged","title":"t","abstract":["a","**** b"],"uuid":"u"}])"},
      {"escaped", R"([{"type":"text","text":"b\u0061d"}])", ""},
      {"an app's own data", R"([{"type":"custom","data":"bad","ext":"bad"}])",
       R"([{"type":"custom","data":"bad","ext":"bad"}])"},
      {"a URL", R"([{"type":"file","name":"a","url":"https://bad.example"}])",
       R"([{"type":"file","name":"a","url":"https://bad.example"}])"},
      {"quotes stay escaped", R"([{"type":"text","text":"\"rude\"\n"}])", R"([{"type":"text","text":"\"****\"\n"}])"},
  }));
  CAPTURE(row.name);
  SendRequest request = world.text("mia");
  request.elements = row.elements;
  request.cloud_data = "bad";
  const auto sent = world.try_send(world.phone("olga"), request);
  if (*row.want == '\0')
    CHECK(code_of(sent) == Code::WordRefused);
  else
    CHECK(world.heard() == row.want);
}

TEST_CASE("im words: a push's words are looked at, too", "[im][service][words]") {
  WordWorld world;
  CHECK(code_of(world.say("a", R"({"title":"bad"})")) == Code::WordRefused);
  CHECK(code_of(world.say("a", R"({"apns":{"desc":"bad"}})")) == Code::WordRefused);
  REQUIRE(world.say("a", R"({"title":"rude","desc":"b","ext":"bad"})"));
  REQUIRE(world.news().intents.size() == 1);
  CHECK(world.intents().back().message->push == R"({"title":"****","desc":"b","ext":"bad"})");
}

TEST_CASE("im words: the app's server is held to them, or passes by a setting", "[im][service][words]") {
  WordWorld world;
  const std::string group = world.create(GroupType::Public);
  const auto edit = [&](const AdminSent& sent, const std::string& words) {
    return world.ask<void>([&](auto reply) {
      world.service->edit_as({kApp, "olga"}, "mia", sent.wire, {.elements = text_element(words), .cloud_data = {}},
                             std::move(reply));
    });
  };
  const auto sent = world.say_as("first");
  REQUIRE(sent);
  CHECK(code_of(world.say_as("bad")) == Code::WordRefused);
  CHECK(code_of(edit(*sent, "bad")) == Code::WordRefused);
  REQUIRE(edit(*sent, "rude"));
  CHECK(world.heard() == text_element("****"));
  CHECK(code_of(world.try_write(GroupWorld::app("mia"), world.words_for(group, "bad"))) == Code::WordRefused);
  CHECK(code_of(world.push_all("bad", "")) == Code::WordRefused);
  CHECK(code_of(world.push_all("", R"({"desc":"bad"})")) == Code::WordRefused);

  world.set("words_of_app", "false");
  REQUIRE(world.say_as("bad"));
  CHECK(world.heard() == text_element("bad"));
  CHECK(edit(*sent, "so bad"));
  CHECK(world.try_write(GroupWorld::app("mia"), world.words_for(group, "bad")));
  CHECK(world.push_all("bad", ""));
  CHECK(code_of(world.say("bad")) == Code::WordRefused);  // users are not the app
}

TEST_CASE("im words: a push to all is stored as it was judged when it began", "[im][service][words]") {
  WordWorld world;
  MassPush all{.from = "olga",
               .random = 77,
               .elements = text_element("later rude"),
               .push = "",
               .lifetime = std::chrono::hours(1),
               .to = {}};
  const auto task =
      world.ask<std::int64_t>([&](auto reply) { world.service->push_to_all(kApp, all, std::move(reply)); });
  REQUIRE(task);
  world.set_words({{"later"}});
  REQUIRE(world.ask<MassPushStep>([&](auto reply) { world.service->mass_push_step(*task, std::move(reply)); }));
  CHECK(world.heard() == text_element("later ****"));
}

TEST_CASE("im words: an invite to a call says nothing bad, either", "[im][service][words]") {
  WordWorld world;
  const auto call = [&](const std::string& desc, const std::string& id) {
    return world.ask<CallReply>([&](auto reply) {
      world.service->invite_to_call(
          world.phone("olga"),
          {.to = "mia", .client_id = id, .timeout = milliseconds(30'000), .data = "bad", .desc = desc},
          std::move(reply));
    });
  };
  CHECK(code_of(call("bad", "c1")) == Code::WordRefused);
  REQUIRE(call("rude", "c2"));
  CHECK(world.heard().contains(R"("desc":"****")"));
}

TEST_CASE("im words: names are free, until the app says otherwise", "[im][service][words]") {
  WordWorld world;
  const std::string group = world.create(GroupType::Public);
  const auto nick = [&](const std::string& to) {
    return world.ask<void>([&](auto reply) {
      world.service->set_profile(world.phone("olga"), {.nick = to, .face = {}}, std::move(reply));
    });
  };
  const auto card = [&](const std::string& to) {
    return world.change_member(world.as("mia"), {.group = group, .card = to});
  };
  CHECK(nick("bad"));
  CHECK(card("bad"));
  CHECK(world.change_info(world.as("olga"), {.group = group, .name = "bad"}));
  CHECK(world.import("mia", "bad"));

  world.set("words_in_names", "true");
  CHECK(code_of(nick("Bad")) == Code::WordRefused);
  CHECK(code_of(card("bad one")) == Code::WordRefused);
  CHECK(code_of(world.change_info(world.as("olga"), {.group = group, .notification = "bad"})) == Code::WordRefused);
  CHECK(code_of(world.try_create(world.as("max"), {.type = GroupType::Public, .name = "bad"})) == Code::WordRefused);
  CHECK(code_of(world.import("mia", "bad")) == Code::WordRefused);
  REQUIRE(nick("rude olga"));
  const auto made = world.try_create(world.as("max"), {.type = GroupType::Public, .name = "rude"});
  REQUIRE(made);
  CHECK(world.info(world.as("max"), made->group)->name == "****");
  REQUIRE(card("rude"));
  const auto page = world.members(GroupWorld::app(), {.group = group, .limit = 100});
  REQUIRE(page);
  const auto mia = std::ranges::find(page->members, "mia", &GroupMember::user);
  REQUIRE(mia != page->members.end());
  CHECK(mia->card == "****");
  const auto profile = world.ask<std::vector<std::pair<std::string, Profile>>>(
      [&](auto reply) { world.service->profiles(world.phone("mia"), {"olga"}, std::move(reply)); });
  CHECK(profile->at(0).second.nick == "**** olga");
}

TEST_CASE("im words: of another app, taken away, spelt with tricks", "[im][service][words]") {
  WordWorld world;
  world.set_rules([](RuleEditor& editor) { REQUIRE(editor.set_word(AppId{7}, {"hello"}, 10)); });
  CHECK(world.say("hello"));
  CHECK(world.say("b-a-d"));
  world.set("words_ignore_spacing", "true");
  CHECK(code_of(world.say("b-a-d")) == Code::WordRefused);
  world.set_rules([](RuleEditor& editor) { REQUIRE(editor.remove_word(kApp, "ＢＡＤ")); });
  CHECK(world.say("bad"));
}

TEST_CASE("im words: they hold from the first message after a start and a kill", "[im][service][words]") {
  WordWorld world;
  SECTION("a restart") { world.restart(); }
  SECTION("a kill") { world.crash(); }
  CHECK(code_of(world.say("bad")) == Code::WordRefused);
  CHECK(world.metrics.words.read() == 2);
}

TEST_CASE("im words: more than may be are passed over", "[im][service][words]") {
  ServiceOptions few;
  few.words_max = 1;
  World world(few);
  world.set_rules([](RuleEditor& editor) {
    for (const char* const word : {"aaa", "bbb"}) REQUIRE(editor.set_word(kApp, {word}, 10));
  });
  CHECK(world.metrics.words.read() == 1);
}

TEST_CASE("im settings: each holds for its app within a look, and is the config's again without", "[im][settings]") {
  Two world;
  const MessageId id = world.send(world.anna, "denny").id;
  world.clock.pass(milliseconds(121'000));
  CHECK(code_of(world.recall(world.anna, id)) == Code::RecallTooLate);
  world.set("recall_window_ms", "200000");
  REQUIRE(world.recall(world.anna, id));
  const MessageId next = world.send(world.anna, "denny").id;
  world.clock.pass(milliseconds(121'000));
  world.set_rules([](RuleEditor& editor) { REQUIRE(editor.unset_setting(kApp, "recall_window_ms")); });
  CHECK(code_of(world.recall(world.anna, next)) == Code::RecallTooLate);

  REQUIRE(world.block(world.denny, "anna"));
  CHECK(world.try_send(world.anna, world.text("denny")));
  world.set("blacklist_silent", "false");
  CHECK(code_of(world.try_send(world.anna, world.text("denny"))) == Code::Blacklisted);
}

TEST_CASE("im settings: only friends may write, by a setting", "[im][settings]") {
  Two world;
  const auto befriend = [&](const std::string& user, const std::string& other) {
    FriendChange change;
    change.user = other;
    REQUIRE(world.ask<AdminService::Each>([&](auto reply) {
      world.service->save_friends({kApp, user}, {change}, AdminService::Befriend::Force, false, std::move(reply));
    }));
  };
  world.set("friends_only", "true");
  const SendRequest first = world.text("denny");
  CHECK(code_of(world.try_send(world.anna, first)) == Code::NotFriends);
  befriend("anna", "denny");
  CHECK(code_of(world.try_send(world.anna, first)) == Code::NotFriends);
  CHECK(world.try_send(world.anna, world.text("anna")));  // oneself
  befriend("denny", "anna");
  CHECK(world.try_send(world.anna, first));
  AdminSend message;
  message.to = "stranger";
  message.elements = text_element("hello");
  REQUIRE(world.import("stranger"));
  CHECK(world.ask<AdminSent>([&](auto reply) { world.service->send_as({kApp, "anna"}, message, std::move(reply)); }));
}

TEST_CASE("im settings: logins, groups, what is kept", "[im][settings]") {
  GroupWorld world;
  const Terminal one = world.login("olga", "web1", Platform::Web);
  world.set("web_slots", "2");
  world.news();
  world.login("olga", "web2", Platform::Web);
  CHECK(world.news().ended.empty());
  CHECK(world.try_sync(one));

  world.set("groups_per_user_max", "1");
  world.create(GroupType::Public, {});
  CHECK(code_of(world.try_create(world.as("olga"), {.type = GroupType::Public, .name = "two"})) ==
        Code::UserGroupsFull);
  world.set("group_members_max", "2");
  const auto made = world.try_create(world.as("adam"), {.type = GroupType::Public, .name = "small"});
  REQUIRE(made);
  CHECK(world.info(world.as("adam"), made->group)->members_max == 2);

  world.set("message_kept_ms", "1000");
  world.send(world.phone("mia"), "max");
  world.clock.pass(milliseconds(1'001));
  CHECK(world.pull(world.phone("max"), {.peer = "mia"}).messages.empty());

  world.set("auto_read", "true");
  const Terminal phone = world.login("sam");
  world.set("message_kept_ms", "0");
  world.send(world.phone("mia"), "sam");
  world.service->acknowledged(phone, Ver{1});
  world.loop.pass(world.options.acknowledged_saved);
  REQUIRE(world.import("behind"));
  CHECK(world.chat(phone, "mia").unread == 0);
}

}  // namespace
}  // namespace nightpost::im
