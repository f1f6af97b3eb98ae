// What an app's server is asked before it happens: who waits for its answer and who does not, what an answer changes,
// and what holds when there is none.
#include <deque>
#include <nlohmann/json.hpp>
#include <set>

#include "group_world.h"

namespace nightpost::im {
namespace {

using nlohmann::json;
using Is = BeforeVerdict::Is;

BeforeSet all_befores() {
  BeforeSet set;
  for (std::size_t i = 0; i < kBefores; ++i) set.add(static_cast<Before>(i));
  return set;
}

ServiceOptions asking(BeforeWishes with = {}) {
  if (with.wanted.empty()) with.wanted = {{kApp, all_befores()}};
  ServiceOptions options;
  options.before = std::move(with);
  return options;
}

/// Answers when the test says so, or at once by `always`.
struct FakeAsker final : BeforeAsker {
  std::deque<std::pair<BeforeQuestion, Heard>> open;
  std::optional<BeforeVerdict> always;
  int count = 0;
  BeforeQuestion last;
  EventLoop* loop = nullptr;

  void ask(BeforeQuestion question, Heard heard) override {
    ++count;
    last = question;
    if (!always) return open.emplace_back(std::move(question), std::move(heard)), void();
    loop->post([heard = std::move(heard), verdict = *always]() mutable { heard(std::move(verdict)); });
  }
  void answer(BeforeVerdict verdict = {}) {
    REQUIRE_FALSE(open.empty());
    auto [question, heard] = std::move(open.front());
    open.pop_front();
    heard(std::move(verdict));
  }
};

struct BeforeWorld : GroupWorld {
  explicit BeforeWorld(ServiceOptions with = asking()) : GroupWorld(std::move(with)) {
    asker.loop = &loop;
    asker.always = BeforeVerdict{};
    for (const char* const user : {"olga", "mia", "max"}) REQUIRE(import(user));
    service->set_asker(&asker);
  }
  ~BeforeWorld() override { service->set_asker(nullptr); }

  json body() const { return json::parse(asker.last.body); }
  void until_asked(std::size_t most) {
    REQUIRE(loop.until([&] { return asker.open.size() >= most; }));
  }
  struct Sent {
    std::optional<Answer<SendReply>> answer;
    bool done() const { return answer.has_value(); }
  };
  std::shared_ptr<Sent> begin(const Terminal& who, SendRequest request) {
    auto out = std::make_shared<Sent>();
    service->send(who, std::move(request), [out](Answer<SendReply> got) {
      CHECK_FALSE(out->answer);
      out->answer.emplace(std::move(got));
    });
    CHECK_FALSE(out->answer);
    return out;
  }
  Answer<SendReply> try_write(const Actor& who, GroupSendRequest request) {
    return ask<SendReply>([&](auto reply) { service->send_to_group(who, std::move(request), std::move(reply)); });
  }
  GroupSendRequest say(const std::string& group, const std::string& id) {
    return {.group = group, .client_id = id, .elements = R"([{"type":"text","text":"hello"}])"};
  }
  Answer<AdminSent> send_as(const std::string& from, AdminSend message) {
    return ask<AdminSent>([&](auto reply) { service->send_as({kApp, from}, std::move(message), std::move(reply)); });
  }
  Answer<AdminService::Each> befriend(std::vector<FriendChange> all, AdminService::Befriend how) {
    return ask<AdminService::Each>(
        [&](auto reply) { service->save_friends({kApp, "olga"}, std::move(all), how, true, std::move(reply)); });
  }
  FakeAsker asker;
};

AdminSend admin_words(const std::string& to) {
  return {.to = to, .elements = R"([{"type":"text","text":"hello"}])", .push = {}, .cloud_data = {}};
}

BeforeVerdict refused(Code code, const std::string& why = "no") { return {.is = Is::Refused, .refusal = {code, why}}; }

/// The members of a body are those that the table names.
void check_question(Before what, const json& body) {
  CAPTURE(body.dump());
  CHECK(body.at("CallbackCommand") == traits_of(what).command);
  std::set<std::string> may, must;
  for (const std::string_view field : traits_of(what).fields) {
    const std::string name(field.substr(0, field.size() - (field.ends_with('?') ? 1 : 0)));
    may.insert(name);
    if (!field.ends_with('?')) must.insert(name);
  }
  for (const auto& [name, value] : body.items()) {
    if (name == "CallbackCommand") continue;
    CAPTURE(name);
    CHECK(may.contains(name));
    must.erase(name);
  }
  CHECK(must == std::set<std::string>{});
}

}  // namespace

TEST_CASE("before-callbacks: an invite to a call is asked about as a message", "[im][service][callbacks][call]") {
  BeforeWorld world;
  const auto invite = [&] {
    return world.ask<CallReply>([&](auto reply) {
      world.service->invite_to_call(world.phone("olga"), {.to = "mia", .client_id = "c1", .desc = "Olga calls"},
                                    std::move(reply));
    });
  };
  world.asker.always = refused(Code::CallbackRefused);
  CHECK(code_of(invite()) == Code::CallbackRefused);
  CHECK(world.body().at("MsgBody").at(0).at("desc") == "Olga calls");
  CHECK(world.number("SELECT count(*) FROM im_calls") == 0);
  world.asker.always = BeforeVerdict{};
  REQUIRE(invite());
  CHECK(world.number("SELECT count(*) FROM im_calls") == 1);
  CHECK(world.asker.count == 2);
  REQUIRE(invite());  // a repeat asks nobody
  CHECK(world.asker.count == 2);
}

TEST_CASE("before-callbacks: each of the table is asked by what it is about, through both doors",
          "[im][service][callbacks]") {
  BeforeWorld world;
  const auto& olga = world.phone("olga");
  struct Row {
    Before what;
    std::function<void()> act;
    json want;  // some of its members
    std::string platform;
  };
  std::string group;
  const std::vector<Row> rows = {
      {Before::Send,
       [&] { world.send(olga, "mia"); },
       {{"From_Account", "olga"},
        {"To_Account", "mia"},
        {"MsgSeq", 1},
        {"MsgKey", "1_0_1795225887"},
        {"OnlineOnlyFlag", 0},
        {"MsgBody", json::array({{{"type", "text"}, {"text", "hello"}}})}},
       "iOS"},
      {Before::Send,
       [&] {
         AdminSend message = admin_words("mia");
         message.wire_seq = 77;
         message.wire_random = 8;
         message.online_only = true;
         REQUIRE(world.send_as("olga", message));
       },
       {{"MsgSeq", 77}, {"MsgRandom", 8}, {"OnlineOnlyFlag", 1}, {"MsgKey", "77_8_1795225887"}},
       "RESTAPI"},
      {Before::GroupCreate,
       [&] { group = world.create(GroupType::Public, {"mia"}, "team"); },
       {{"Operator_Account", "olga"},
        {"Type", "Public"},
        {"Name", "Team"},
        {"GroupId", "team"},
        {"MemberList", json::array({{{"Member_Account", "mia"}}})}},
       "iOS"},
      {Before::GroupSend,
       [&] { REQUIRE(world.try_write(world.as("mia"), world.say(group, "g1"))); },
       {{"GroupId", "team"}, {"Type", "Public"}, {"From_Account", "mia"}, {"TopicId", ""}},
       "iOS"},
      {Before::GroupJoin,
       [&] { REQUIRE(world.join(world.as("sam"), group)); },
       {{"GroupId", "team"}, {"Type", "Public"}, {"Requestor_Account", "sam"}},
       "iOS"},
      {Before::GroupInvite,
       [&] { REQUIRE(world.invite(world.app("olga"), group, {"max", "adam"})); },
       {{"Operator_Account", "olga"},
        {"DestinationMembers", json::array({{{"Member_Account", "max"}}, {{"Member_Account", "adam"}}})}},
       "RESTAPI"},
      {Before::FriendAdd,
       [&] { REQUIRE(world.befriend({{.user = "mia", .remark = "M"}}, AdminService::Befriend::Ask)); },
       {{"Requester_Account", "olga"},
        {"AddType", "Add_Type_Both"},
        {"ForceAddFlags", 0},
        {"FriendItem",
         json::array(
             {{{"To_Account", "mia"}, {"Remark", "M"}, {"GroupName", ""}, {"AddSource", ""}, {"AddWording", ""}}})}},
       "RESTAPI"},
  };
  std::set<Before> seen;
  for (const Row& row : rows) {
    CAPTURE(std::string(traits_of(row.what).command));
    const int before = world.asker.count;
    row.act();
    CHECK(world.asker.count == before + 1);
    CHECK(world.asker.last.what == row.what);
    CHECK(world.asker.last.app == kApp);
    CHECK(world.asker.last.platform == row.platform);
    const json body = world.body();
    check_question(row.what, body);
    json some = json::object();
    for (const auto& [name, value] : row.want.items()) some[name] = body.contains(name) ? body[name] : json();
    CHECK(some == row.want);
    seen.insert(row.what);
  }
  CHECK(seen.size() == kBefores);
}

TEST_CASE("before-callbacks: nothing of a request that is refused has happened", "[im][service][callbacks]") {
  BeforeWorld world;
  const std::string group = world.create(GroupType::Public, {"mia"}, "team");
  world.news();
  world.asker.always = refused(static_cast<Code>(120'123), "not at night");
  const auto& olga = world.phone("olga");
  const auto sent = world.try_send(olga, world.text("max"));
  REQUIRE_FALSE(sent);
  CHECK(static_cast<int>(sent.error().code) == 120'123);
  CHECK(sent.error().why == "not at night");
  CHECK(static_cast<int>(code_of(world.send_as("olga", admin_words("max")))) == 120'123);
  CHECK(static_cast<int>(code_of(world.try_write(world.as("mia"), world.say(group, "g1")))) == 120'123);
  CHECK(static_cast<int>(code_of(world.try_create(world.as("mia"), {.group = "other", .name = "Other"}))) == 120'123);
  CHECK(static_cast<int>(code_of(world.join(world.as("sam"), group))) == 120'123);
  CHECK(static_cast<int>(code_of(world.invite(world.app("olga"), group, {"max"}))) == 120'123);
  CHECK(static_cast<int>(code_of(world.befriend({{.user = "mia"}}, AdminService::Befriend::Force))) == 120'123);
  const Committed news = world.news();
  CHECK(news.deliveries.empty());
  CHECK(news.intents.empty());
  CHECK(world.sync(olga).chats.empty());
  CHECK(world.member_words(group) == "mia olga*");
  CHECK(world.metrics.before.parked.read() == 0);
}

TEST_CASE("before-callbacks: an answer may put other content in the message's place", "[im][service][callbacks]") {
  BeforeWorld world;
  const std::string group = world.create(GroupType::Public, {"mia"}, "team");
  world.news();
  const std::string other = R"([{"type":"text","text":"***"}])";
  world.asker.always = BeforeVerdict{.elements = other,
                                     .cloud_data = "cloud",
                                     .push = CheckedPush{.canonical = R"({"disabled":true})", .disabled = true}};
  const auto& olga = world.phone("olga");
  world.send(olga, "mia");
  const Message stored = world.pull(world.phone("mia"), {.peer = "olga"}).messages.at(0);
  CHECK(stored.elements == other);
  CHECK(stored.cloud_data == "cloud");
  CHECK(stored.push == R"({"disabled":true})");
  CHECK(world.news().intents.empty());  // it is not to be pushed
  REQUIRE(world.try_write(world.as("olga"), world.say(group, "g1")));
  const Committed news = world.news();
  REQUIRE_FALSE(news.deliveries.empty());
  CHECK(std::get<NewMessage>(news.deliveries.at(0).item).message->elements == other);
  CHECK(news.group_intents.empty());
}

TEST_CASE("before-callbacks: a group's message that is dropped is a success for its sender alone",
          "[im][service][callbacks]") {
  BeforeWorld world;
  const std::string group = world.create(GroupType::Public, {"mia"}, "team");
  world.news();
  world.asker.always = BeforeVerdict{.is = Is::Dropped};
  const auto sent = world.try_write(world.as("mia"), world.say(group, "g1"));
  REQUIRE(sent);
  CHECK(sent->id == MessageId{});
  CHECK(sent->at == world.clock.wall());
  CHECK(sent->ver.value > 0);  // the account's, as of any answer
  CHECK(world.news().deliveries.empty());
}

TEST_CASE("before-callbacks: of an invitation single users may be refused", "[im][service][callbacks]") {
  BeforeWorld world;
  const std::string group = world.create(GroupType::Public, {}, "team");
  world.asker.always = BeforeVerdict{.refused_users = {"max", "nobody"}};
  CHECK(BeforeWorld::words(world.invite(world.app("olga"), group, {"max", "mia"})) == "mia done, max failed");
  CHECK(BeforeWorld::words(world.invite(world.app("olga"), group, {"max"})) == "max failed");
  CHECK(world.member_words(group) == "mia olga*");
}

TEST_CASE("before-callbacks: a conversation keeps its order, and holds no other", "[im][service][callbacks]") {
  BeforeWorld world;
  world.asker.always.reset();
  const auto& olga = world.phone("olga");
  const auto& mia = world.phone("mia");
  const auto first = world.begin(olga, world.text("mia", "one"));
  const auto second = world.begin(mia, world.text("olga", "two"));
  const auto third = world.begin(olga, world.text("mia", "three"));
  const auto other = world.begin(olga, world.text("max", "other"));
  world.until_asked(2);
  const auto words = [&](std::size_t at) { return json::parse(world.asker.open[at].first.body)["MsgBody"][0]["text"]; };
  if (words(0) == "one") std::swap(world.asker.open[0], world.asker.open[1]);  // two threads look
  CHECK(words(0) == "other");
  CHECK(words(1) == "one");
  CHECK(world.metrics.before.parked.read() == 4);
  world.asker.answer();  // the other conversation's
  REQUIRE(world.loop.until([&] { return other->done(); }));
  CHECK_FALSE(first->done());
  CHECK(world.sync(mia).chats.empty());  // and what is not asked about goes on
  world.asker.answer();
  REQUIRE(world.loop.until([&] { return first->done(); }));
  world.until_asked(1);
  CHECK(words(0) == "two");
  world.asker.answer(refused(Code::CallbackRefused));
  REQUIRE(world.loop.until([&] { return second->done(); }));
  CHECK(code_of(*second->answer) == Code::CallbackRefused);
  world.until_asked(1);
  world.asker.answer();
  REQUIRE(world.loop.until([&] { return third->done(); }));
  CHECK((*first->answer)->id.seq == Seq{1});
  CHECK((*third->answer)->id.seq == Seq{2});
  CHECK(world.metrics.before.parked.read() == 0);
}

TEST_CASE("before-callbacks: a repeat is answered without a question", "[im][service][callbacks]") {
  BeforeWorld world;
  const auto& olga = world.phone("olga");
  SendRequest once = world.text("mia");
  SECTION("of one that is stored") {
    const SendReply sent = world.send(olga, once);
    CHECK(world.asker.count == 1);
    world.asker.always = refused(Code::CallbackRefused);
    const SendReply again = world.send(olga, once);
    CHECK(again.id == sent.id);
    CHECK(again.repeated);
    CHECK(world.asker.count == 1);
  }
  SECTION("of one that is being asked about") {
    world.asker.always.reset();
    const auto first = world.begin(olga, once);
    const auto again = world.begin(olga, once);
    world.until_asked(1);
    world.asker.answer();
    REQUIRE(world.loop.until([&] { return first->done() && again->done(); }));
    CHECK((*again->answer)->repeated);
    CHECK((*again->answer)->id == (*first->answer)->id);
    CHECK(world.asker.count == 1);
  }
  SECTION("of the server API's, whose content was changed") {
    world.asker.always = BeforeVerdict{.elements = R"([{"type":"text","text":"***"}])"};
    AdminSend message = admin_words("mia");
    message.wire_random = 9;
    const auto sent = world.send_as("olga", message);
    REQUIRE(sent);
    const auto repeated = world.send_as("olga", message);
    REQUIRE(repeated);
    CHECK(repeated->id == sent->id);
    CHECK(repeated->repeated);
    CHECK(world.asker.count == 1);
  }
}

TEST_CASE("before-callbacks: who is not to be asked is not", "[im][service][callbacks]") {
  BeforeWorld world;
  const auto& olga = world.phone("olga");
  const auto not_asked = [&] { return std::exchange(world.asker.count, 0) == 0; };
  CHECK(code_of(world.try_send(olga, world.text("nobody"))) == Code::ReceiverUnknown);  // refused anyway
  CHECK(not_asked());
  REQUIRE(world.ask<void>([&](auto reply) {
    world.service->set_silence({kApp, "olga"}, {.chats = kForEver, .groups = kForEver}, std::move(reply));
  }));
  CHECK(code_of(world.try_send(olga, world.text("mia"))) == Code::Silenced);
  CHECK(not_asked());
  CHECK(code_of(world.try_write(world.as("olga"), world.say("none", "g"))) == Code::GroupUnknown);
  CHECK(not_asked());
  Terminal ended = world.phone("mia");
  ended.epoch = {99};
  CHECK(code_of(world.try_send(ended, world.text("max"))) == Code::NotLoggedIn);
  CHECK(not_asked());
  AdminSend forbidden = admin_words("mia");
  forbidden.ask_before = false;
  REQUIRE(world.send_as("max", forbidden));
  CHECK(not_asked());
  REQUIRE(world.ask<void>([&](auto reply) {
    world.service->import_message(
        {kApp, "max"}, {.to = "mia", .elements = forbidden.elements, .cloud_data = {}, .at = world.clock.wall()},
        std::move(reply));
  }));
  CHECK(not_asked());
  REQUIRE(world.befriend({{.user = "mia"}}, AdminService::Befriend::Change));
  CHECK(not_asked());
  REQUIRE(world.try_create(world.app("olga"), {.group = "old", .name = "Old", .created_at = world.clock.wall()}));
  CHECK(not_asked());
  GroupSendRequest by_client = world.say("team", "g2");
  by_client.ask_before = false;  // a client's word for it is not taken
  const std::string group = world.create(GroupType::Public, {"mia"}, "team");
  world.asker.count = 0;
  REQUIRE(world.try_write(world.as("mia"), by_client));
  CHECK_FALSE(not_asked());
}

TEST_CASE("before-callbacks: an app is asked what it wants, and others nothing", "[im][service][callbacks]") {
  BeforeSet joins;
  joins.add(Before::GroupJoin);
  BeforeWorld world(asking({.wanted = {{kApp, joins}}}));
  world.send(world.phone("olga"), "mia");
  const std::string group = world.create(GroupType::Public, {}, "team");
  CHECK(world.asker.count == 0);
  REQUIRE(world.join(world.as("sam"), group));
  CHECK(world.asker.count == 1);
  world.service->set_asker(nullptr);
  REQUIRE(world.join(world.as("max"), group));
  CHECK(world.asker.count == 1);
}

TEST_CASE("before-callbacks: what waits is bounded", "[im][service][callbacks]") {
  BeforeWorld world(asking({.wanted = {{kApp, all_befores()}}, .parked_max = 4, .line_max = 2}));
  world.asker.always.reset();
  const auto& olga = world.phone("olga");
  std::vector<std::shared_ptr<BeforeWorld::Sent>> waiting;
  for (int i = 0; i < 3; ++i) waiting.push_back(world.begin(olga, world.text("mia")));
  const auto over_line = world.try_send(olga, world.text("mia"));  // two wait behind the first
  REQUIRE_FALSE(over_line);
  CHECK(over_line.error().code == Code::Busy);
  CHECK(over_line.error().why.contains("the app's server"));
  waiting.push_back(world.begin(olga, world.text("max")));
  CHECK(code_of(world.try_send(olga, world.text("sam"))) == Code::Busy);
  CHECK(code_of(world.try_create(world.as("mia"), {.name = "G"})) == Code::Busy);
  CHECK(world.metrics.before.full.read() == 3);
  CHECK(world.metrics.before.parked.read() == 4);
  world.until_asked(2);
  world.asker.always = BeforeVerdict{};
  world.asker.answer();
  world.asker.answer();
  REQUIRE(
      world.loop.until([&] { return std::ranges::all_of(waiting, [](const auto& each) { return each->done(); }); }));
  CHECK(world.metrics.before.parked.read() == 0);
  world.send(olga, "sam");
}

TEST_CASE("before-callbacks: a stop refuses what waits, once", "[im][service][callbacks]") {
  BeforeWorld world;
  world.asker.always.reset();
  const auto& olga = world.phone("olga");
  std::vector<std::shared_ptr<BeforeWorld::Sent>> waiting;
  for (int i = 0; i < 3; ++i) waiting.push_back(world.begin(olga, world.text("mia")));
  world.until_asked(1);
  world.service->stop();
  for (const auto& each : waiting) {
    REQUIRE(each->done());
    CHECK(code_of(*each->answer) == Code::Busy);
  }
  world.asker.answer();  // too late: nobody hears it
  CHECK(world.metrics.before.parked.read() == 0);
  CHECK(code_of(world.try_send(olga, world.text("mia"))) == Code::Busy);
}

}  // namespace nightpost::im
