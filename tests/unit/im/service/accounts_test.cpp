#include "service_world.h"

namespace nightpost::im {
namespace {

using Why = Ended::Why;
using Names = std::vector<std::string>;

TEST_CASE("im accounts: one comes into being at the first login with a good signature", "[im][service]") {
  World world;
  const auto first = world.try_login(world.login_request("denny", "phone", Platform::Ios));
  REQUIRE(first);
  CHECK(first->terminal.user == UserKey{kApp, "denny"});
  CHECK(first->terminal.epoch == Epoch{1});
  CHECK(first->ver == Ver{0});
  CHECK(first->signature_ends > world.clock.wall());
  CHECK(world.number("SELECT count(*) FROM im_accounts") == 1);
}

TEST_CASE("im accounts: what a login is refused for", "[im][service]") {
  World world;
  LoginRequest request = world.login_request("denny", "phone", Platform::Ios);
  Code want = Code::Internal;
  SECTION("another app") { request.app = AppId{2}, want = Code::AppUnknown; }
  SECTION("no user") { request.user = "", want = Code::Malformed; }
  SECTION("a system's name") { request.user = "@TIM#SYSTEM", want = Code::Malformed; }
  SECTION("no device") { request.device = "", want = Code::Malformed; }
  SECTION("a language with a zero") { request.language = std::string("z\0h", 3), want = Code::Malformed; }
  SECTION("no signature") { request.signature = "", want = Code::SigEmpty; }
  SECTION("another's signature") { request.user = "other", want = Code::SigOtherUser; }
  SECTION("an old signature") { world.clock.pass(std::chrono::hours(25)), want = Code::SigExpired; }
  SECTION("another key") {
    request.signature = make_user_sig(kApp, "denny", "another key", world.clock.wall(), std::chrono::hours(1));
    want = Code::SigMismatch;
  }
  CHECK(code_of(world.try_login(request)) == want);
  CHECK(world.number("SELECT count(*) FROM im_accounts") == 0);
}

TEST_CASE("im accounts: both keys are good while one replaces the other", "[im][service]") {
  World world;
  const auto by = [&](const std::string& key) {
    LoginRequest request = world.login_request("denny", "phone", Platform::Ios);
    request.signature = make_user_sig(kApp, "denny", key, world.clock.wall(), std::chrono::hours(1));
    return world.try_login(request);
  };
  CHECK_FALSE(by("next"));
  world.service->set_keys({{kApp, {kKey, "next"}}});
  CHECK(by("next"));
  CHECK(by(kKey));
  world.service->set_keys({{kApp, {"next"}}});
  CHECK_FALSE(by(kKey));
}

TEST_CASE("im accounts: another device of the slot displaces, which is said once", "[im][service]") {
  World world;
  const Terminal old = world.login("denny", "old");
  REQUIRE(world.report_token(old, "token-of-old"));
  const Terminal pad = world.login("denny", "desk", Platform::Desktop);
  CHECK(world.bound("denny") == Names{"old"});
  world.news();
  const Terminal now = world.login("denny", "new");
  const Committed news = world.news();
  REQUIRE(news.ended.size() == 1);
  CHECK(news.ended[0].terminal.device == "old");
  CHECK(news.ended[0].terminal.epoch == old.epoch);
  CHECK(news.ended[0].why == Why::Displaced);
  CHECK(world.bound("denny").empty());

  CHECK(code_of(world.try_sync(old)) == Code::NotLoggedIn);
  CHECK(code_of(world.try_send(old, world.text("denny"))) == Code::NotLoggedIn);
  CHECK(world.try_sync(pad));
  SECTION("the next login is refused, the one after it displaces in turn") {
    CHECK(code_of(world.try_login(world.login_request("denny", "old", Platform::Ios))) == Code::Displaced);
    CHECK(world.try_sync(now));  // the refused one has displaced nobody
    CHECK(world.news().ended.empty());
    CHECK(world.try_login(world.login_request("denny", "old", Platform::Ios)));
    CHECK(world.news().ended.size() == 1);
    CHECK(code_of(world.try_sync(now)) == Code::NotLoggedIn);
  }
  SECTION("who insists is not refused") {
    LoginRequest request = world.login_request("denny", "old", Platform::Ios);
    request.force = true;
    CHECK(world.try_login(request));
    CHECK(code_of(world.try_sync(now)) == Code::NotLoggedIn);
  }
}

TEST_CASE("im accounts: the same device replaces its login and keeps its token", "[im][service]") {
  World world;
  const Terminal before = world.login("denny");
  REQUIRE(world.report_token(before, "token"));
  const Terminal after = world.login("denny");
  CHECK(after.epoch > before.epoch);
  const Committed news = world.news();
  REQUIRE(news.ended.size() == 1);
  CHECK(news.ended[0].why == Why::SameDevice);
  CHECK(news.ended[0].terminal.epoch == before.epoch);
  CHECK(world.bound("denny") == Names{"phone"});
  CHECK(code_of(world.try_sync(before)) == Code::NotLoggedIn);
  CHECK(world.try_sync(after));
}

TEST_CASE("im accounts: a login's number is never given again, whatever the device", "[im][service]") {
  World world;
  const Terminal one = world.login("denny", "one");
  REQUIRE(world.logout(one));
  const Terminal two = world.login("denny", "two");
  REQUIRE(world.logout(two));
  CHECK(world.login("denny", "one").epoch == Epoch{3});
}

TEST_CASE("im accounts: a logout takes the token away", "[im][service]") {
  World world;
  const Terminal who = world.login("denny");
  REQUIRE(world.report_token(who, "token"));
  REQUIRE(world.logout(who));
  CHECK(world.bound("denny").empty());
  CHECK(world.news().ended.at(0).why == Why::LoggedOut);
  CHECK(code_of(world.logout(who)) == Code::NotLoggedIn);
  const Terminal other = world.login("anna");
  world.send(other, "denny");
  CHECK(world.intents().empty());  // nobody to push to
}

TEST_CASE("im accounts: a logout takes the phone's VoIP token away, too", "[im][service][voip]") {
  World world;
  const Terminal who = world.login("denny");
  REQUIRE(world.report_token(who, "token"));
  Device voip = world.open_store()->devices(kApp, "denny", 10).value().at(0).device;
  voip.device_id += kVoipSuffix;
  voip.platform = Platform::Ios;
  voip.token = DeviceToken("pushkit", TokenKind::Voip);
  REQUIRE(world.open_store()->set_device(kApp, "denny", voip));
  REQUIRE(world.bound("denny") == Names{"phone", "phone.voip"});
  REQUIRE(world.logout(who));
  CHECK(world.bound("denny").empty());
}

TEST_CASE("im accounts: a kick ends all logins and refuses signatures of before", "[im][service]") {
  World world;
  const Terminal phone = world.login("denny");
  REQUIRE(world.report_token(phone, "token"));
  const Terminal desk = world.login("denny", "desk", Platform::Desktop);
  const LoginRequest before = world.login_request("denny", "phone", Platform::Ios);
  world.clock.pass(milliseconds(400));  // the same second
  world.news();
  REQUIRE(world.kick("denny"));
  CHECK(world.news().ended.size() == 2);
  CHECK(world.bound("denny").empty());
  CHECK(code_of(world.try_sync(phone)) == Code::NotLoggedIn);
  CHECK(code_of(world.try_sync(desk)) == Code::NotLoggedIn);
  CHECK(code_of(world.try_login(before)) == Code::SigRevoked);
  world.clock.pass(milliseconds(600));
  CHECK(world.try_login(world.login_request("denny", "phone", Platform::Ios)));
  CHECK(code_of(world.kick("nobody")) == Code::AccountUnknown);
}

TEST_CASE("im accounts: a token has one owner, and late news of the old one do not unbind it", "[im][service]") {
  World world;
  const Terminal anna = world.login("anna", "phone");
  REQUIRE(world.report_token(anna, "token"));
  const auto before = world.open_store()->devices(kApp, "anna", 10).value();
  const Terminal bert = world.login("bert", "phone");
  REQUIRE(world.report_token(bert, "token"));
  CHECK(world.bound("anna").empty());
  CHECK(world.bound("bert") == Names{"phone"});
  REQUIRE(world.logout(anna));
  CHECK(world.open_store()->remove_token(kApp, "anna", before.at(0).device) == false);
  CHECK(world.bound("bert") == Names{"phone"});
}

TEST_CASE("im accounts: an unbinding that a killed process owed is made up for at the start", "[im][service]") {
  World world;
  const Terminal who = world.login("denny");
  REQUIRE(world.report_token(who, "token"));
  world.service.reset();
  const std::string row =
      "INSERT INTO im_unbinds (app_id, user_id, device_id, node) SELECT 1400000001, 'denny', 'phone', ";
  SECTION("of this node") {
    world.sql(row + "id FROM im_nodes WHERE process <> ''");
    world.start();
  }
  SECTION("or of one that is over") {
    world.sql(row + "id FROM im_nodes WHERE process = ''");
    world.start();
    world.loop.pass(milliseconds(0));
    world.login("bert");
  }
  const Terminal anna = world.login("anna");  // a commit behind it
  CHECK(world.bound("denny").empty());
  world.send(anna, "denny");
  CHECK(world.number("SELECT count(*) FROM im_unbinds") == 0);
}

TEST_CASE("im accounts: a token that is reported anew is not lost to the logout before", "[im][service]") {
  World world;
  const Terminal first = world.login("denny");
  REQUIRE(world.report_token(first, "token"));
  REQUIRE(world.logout(first));
  const Terminal second = world.login("denny");
  REQUIRE(world.report_token(second, "token"));
  CHECK(world.bound("denny") == Names{"phone"});
  world.restart();
  world.login("anna");
  CHECK(world.bound("denny") == Names{"phone"});
}

TEST_CASE("im accounts: tokens are for platforms that are pushed to, and the store's rules hold", "[im][service]") {
  World world;
  CHECK(code_of(world.report_token(world.login("denny", "desk", Platform::Desktop), "t")) == Code::Malformed);
  const Terminal who = world.login("denny");
  CHECK(code_of(world.report_token(who, "")) == Code::Malformed);
  CHECK(world.bound("denny").empty());
}

TEST_CASE("im accounts: the store never hears of a foreground, and of the badge once there is a device",
          "[im][service]") {
  World world;
  const Terminal who = world.login("denny");
  const auto report = [&](AppState state) {
    return world.ask<void>([&](auto reply) { world.service->report_state(who, state, std::move(reply)); });
  };
  const auto device = [&] { return world.open_store()->devices(kApp, "denny", 10).value().at(0).device; };
  REQUIRE(report({.foreground = false, .unread = 3}));
  REQUIRE(world.report_token(who, "token"));
  CHECK(device().badge_base == 3);
  CHECK(device().state == DeviceState::Background);
  REQUIRE(report({.foreground = true}));
  CHECK(device().state == DeviceState::Background);
  REQUIRE(report({.foreground = false, .unread = 8}));
  CHECK(device().badge_base == 8);
  CHECK(code_of(report({.foreground = false, .unread = -1})) == Code::Malformed);
}

TEST_CASE("im accounts: settings and mutes reach the dispatcher's store", "[im][service]") {
  World world;
  const Terminal who = world.login("denny");
  const auto mute = [&](Mute what, bool on) {
    return world.ask<void>([&](auto reply) { world.service->set_mute(who, what, on, std::move(reply)); });
  };
  REQUIRE(world.ask<void>([&](auto reply) {
    world.service->set_push_settings(who, {.enabled = false, .language = "de"}, std::move(reply));
  }));
  REQUIRE(mute({.kind = Mute::Kind::Peer, .target = "anna"}, true));
  const ReceiverKey key{kApp, "denny"};
  auto found = world.open_store()->receivers({&key, 1}).value().at(0);
  CHECK_FALSE(found.settings.enabled);
  CHECK(found.mutes.size() == 1);
  REQUIRE(mute({.kind = Mute::Kind::Peer, .target = "anna"}, false));
  CHECK(world.open_store()->receivers({&key, 1}).value().at(0).mutes.empty());
  CHECK(code_of(mute({.kind = Mute::Kind::All, .target = "anna"}, true)) == Code::Malformed);
}

TEST_CASE("im accounts: profiles", "[im][service]") {
  World world;
  const Terminal who = world.login("denny");
  REQUIRE(world.import("anna", "Anna"));
  const auto set = [&](Profile profile) {
    return world.ask<void>([&](auto reply) { world.service->set_profile(who, profile, std::move(reply)); });
  };
  const auto get = [&](std::vector<std::string> users) {
    return world.ask<std::vector<std::pair<std::string, Profile>>>(
        [&](auto reply) { world.service->profiles(who, users, std::move(reply)); });
  };
  REQUIRE(set({.nick = "Denny", .face = "https://example.com/d.png"}));
  REQUIRE(set({.nick = "D"}));
  const auto got = get({"anna", "nobody", "denny"});
  REQUIRE(got);
  REQUIRE(got->size() == 2);
  CHECK((*got)[0].second.nick == "Anna");
  CHECK((*got)[1].second.nick == "D");
  CHECK((*got)[1].second.face == "https://example.com/d.png");
  CHECK(code_of(set({.nick = std::string(501, 'x')})) == Code::TooLarge);
  CHECK(code_of(set({.nick = std::string("a\0b", 3)})) == Code::Malformed);
  CHECK(code_of(set({.nick = "\xff"})) == Code::Malformed);
  CHECK(code_of(get({})) == Code::Malformed);
  CHECK(code_of(get(std::vector<std::string>(101, "x"))) == Code::Malformed);
}

TEST_CASE("im accounts: a removed account is unknown until it is imported again, and begins anew", "[im][service]") {
  World world;
  const Terminal anna = world.login("anna");
  Terminal denny = world.login("denny");
  world.send(anna, "denny");
  world.send(anna, "denny");
  const Ver before = world.sync(denny).ver;
  REQUIRE(world.ask<void>([&](auto reply) { world.service->remove_account({kApp, "denny"}, std::move(reply)); }));
  CHECK(world.news().ended.at(0).why == Why::AccountRemoved);
  CHECK(world.intents().empty());
  CHECK(code_of(world.try_send(anna, world.text("denny"))) == Code::ReceiverUnknown);
  world.clock.pass(std::chrono::seconds(2));
  CHECK(code_of(world.try_login(world.login_request("denny", "phone", Platform::Ios))) == Code::AccountUnknown);

  REQUIRE(world.import("denny"));
  denny = world.login("denny");
  CHECK(denny.epoch == Epoch{2});
  CHECK(world.sync(denny, {.ver = before}).reset);
  world.send(anna, "denny");
  const Chat chat = world.chat(denny, "anna");
  CHECK(chat.unread == 1);
  CHECK(chat.head == Seq{3});
  const PullReply all = world.pull(denny, {.peer = "anna"});
  REQUIRE(all.messages.size() == 1);  // what was before is not his
  CHECK(all.messages[0].id.seq == Seq{3});
}

}  // namespace
}  // namespace nightpost::im
