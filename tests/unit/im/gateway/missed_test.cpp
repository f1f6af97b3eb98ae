// What becomes of clients when commits of another node were not heard of: none counts on what it was not told.
#include <catch2/catch.hpp>

#include "gateway_rig.h"
#include "session_rig.h"

namespace nightpost::im {
namespace {

using fake::group_message;
using fake::Words;

struct DoubtRig : fake::SessionRig {
  DoubtRig() {
    tells_caught_up = true;
    log_in(10);
    session->doubt();
  }
  void synced(std::int64_t ver) {
    ask(9, "sync", R"({"ver":1,"since":1})");
    SyncReply reply;
    reply.ver = Ver{ver};
    service.pop(service.syncs).second(reply);
    heard();
  }
};

TEST_CASE("session: in doubt what follows at once is delivered, and what does not leaves the client behind",
          "[im][session][missed]") {
  DoubtRig rig;
  rig.deliver(11);
  CHECK(rig.heard() == Words{"deliver 1 11"});
  rig.deliver(13);  // was 12 its own or another's?
  CHECK(rig.heard() == Words{"behind 13"});
  rig.ack(1);
  CHECK(rig.session->acknowledged() == Ver{11});
  rig.deliver(14);
  CHECK(rig.heard().empty());
  rig.synced(14);
  CHECK(rig.session->acknowledged() == Ver{11});
  rig.ack_ver(14);
  CHECK(rig.session->acknowledged() == Ver{14});
}

TEST_CASE("session: in doubt an answer does not say that all before it was delivered", "[im][session][missed]") {
  DoubtRig rig;
  rig.ask(1, "chat", R"({"peer":"anna","pinned":true})");
  SECTION("where something may be between") {
    rig.service.pop(rig.service.changes)(Ver{12});
    CHECK(rig.heard() == Words{"behind 12", "res 1 0"});
  }
  SECTION("else it does") {
    rig.service.pop(rig.service.changes)(Ver{11});
    CHECK(rig.heard() == Words{"res 1 0"});
  }
  SECTION("nor without doubt") {
    rig.session->settle_doubt(Ver{10}, false);
    rig.service.pop(rig.service.changes)(Ver{12});
    CHECK(rig.heard() == Words{"res 1 0"});
  }
}

TEST_CASE("session: once looked up, it is behind where it was not told of something", "[im][session][missed]") {
  DoubtRig rig;
  SECTION("nothing") {
    rig.session->settle_doubt(Ver{10}, false);
    CHECK(rig.heard().empty());
    rig.deliver(12);
    CHECK(rig.heard() == Words{"deliver 1 12"});
  }
  SECTION("of a look before what it has meanwhile") {
    rig.deliver(11);
    rig.session->settle_doubt(Ver{10}, false);
    CHECK(rig.heard() == Words{"deliver 1 11"});
  }
  SECTION("one-to-one") {
    rig.session->settle_doubt(Ver{12}, false);
    CHECK(rig.heard() == Words{"behind 12"});
    rig.synced(11);  // of before
    CHECK(rig.last["body"]["more"] == true);
    rig.synced(12);
    CHECK(rig.last["body"]["more"] == false);
  }
  SECTION("of groups") {
    rig.session->settle_doubt(Ver{10}, true);
    CHECK(rig.heard() == Words{"behind 10"});
    rig.synced(10);
    rig.told();
    rig.ack_ver(10);
    CHECK(rig.told() == Words{"caught up"});
  }
  SECTION("of both") {
    rig.session->settle_doubt(Ver{12}, true);
    CHECK(rig.heard() == Words{"behind 12"});
  }
  SECTION("behind already") {
    rig.deliver(13);
    CHECK(rig.heard() == Words{"behind 13"});
    rig.session->settle_doubt(Ver{13}, true);
    rig.session->settle_doubt(Ver{13}, false);
  }
  CHECK_FALSE(rig.session->in_doubt());
}

TEST_CASE("session: in doubt nobody is told that it has all messages of its groups", "[im][session][missed]") {
  DoubtRig rig;
  rig.session->settle_doubt(Ver{10}, true);
  rig.heard();
  rig.session->doubt();  // once more, while it catches up
  rig.synced(10);
  rig.told();
  rig.ack_ver(10);
  CHECK(rig.told().empty());
  SECTION("until it is known that nothing was missed") {
    rig.session->settle_doubt(Ver{10}, false);
    CHECK(rig.told() == Words{"caught up"});
  }
  SECTION("nor where something was") {
    rig.session->settle_doubt(Ver{10}, true);
    CHECK(rig.told().empty());
    CHECK(rig.heard() == Words{"behind 10"});
  }
}

/// Mia's phone as the rig logs it in, a member of group 5.
Standing standing() {
  return {.user = {AppId{1}, "mia"},
          .ver = Ver{10},
          .groups = {ConvId{5}},
          .logins = {{"phone", Epoch{1}, TerminalState::LoggedIn, {}}}};
}
/// Answers the oldest look; whom it was for.
std::vector<UserKey> answer(fake::Rig& rig, Answer<std::vector<Standing>> with) {
  REQUIRE_FALSE(rig.service.standing_looks.empty());
  auto [users, since, reply] = rig.service.pop(rig.service.standing_looks);
  reply(std::move(with));
  return users;
}

TEST_CASE("gateway: after a gap the store says who is behind, and whose login ended", "[im][gateway][missed]") {
  fake::Rig rig;
  fake::Client mia(rig);
  mia.log_in("mia");
  rig.gateway->missed(rig.clock.today, {.all = true});
  REQUIRE(rig.service.standing_looks.size() == 1);
  CHECK(std::get<1>(rig.service.standing_looks.front()) == rig.clock.today);
  Standing found = standing();
  std::string want;
  SECTION("all is well") {}
  SECTION("a message") {
    found.ver = Ver{12};
    want = "behind 12";
  }
  SECTION("a group moved") {
    found.groups_moved = true;
    want = "behind 10";
  }
  SECTION("the device logged in at another node") {
    found.logins[0].epoch = Epoch{2};
    want = "bye kicked_instance";
  }
  SECTION("another took its place") {
    found.logins[0].state = TerminalState::Displaced;
    want = "bye kicked_device";
  }
  SECTION("it was logged out, or kicked") {
    found.logins[0].state = TerminalState::LoggedOut;
    want = "bye logged_out";
  }
  SECTION("its terminal was forgotten") {
    found.logins.clear();
    want = "bye logged_out";
  }
  SECTION("the account is gone") {
    found.removed = true;
    want = "bye account_removed";
  }
  CHECK(answer(rig, std::vector{found}) == std::vector<UserKey>{{AppId{1}, "mia"}});
  if (want.empty())
    CHECK(mia.silent());
  else
    CHECK(mia.hear(1) == Words{want});
  CHECK(rig.service.standing_looks.empty());
}

TEST_CASE("gateway: of a gap that the log knows those alone are looked up whom it concerns", "[im][gateway][missed]") {
  fake::Rig rig;
  std::vector<std::unique_ptr<fake::Client>> clients;
  for (std::size_t i = 0; i < 50; ++i) {
    clients.push_back(std::make_unique<fake::Client>(rig));
    clients.back()->hello("u" + std::to_string(i));
    clients.back()->hear(1);
  }
  const UserKey u3{AppId{1}, "u3"}, u7{AppId{1}, "u7"}, away{AppId{1}, "away"};
  rig.commit(fake::subscribed("u7", true));
  const auto doubted = [&](const Concerned& whom) {
    rig.gateway->missed(rig.clock.today, whom);
    std::vector<UserKey> users;
    if (!rig.service.standing_looks.empty()) users = answer(rig, std::vector<Standing>());
    CHECK(rig.service.standing_looks.empty());
    return users;
  };
  CHECK(doubted({}).empty());
  CHECK(doubted({.users = {away}, .groups = {ConvId{99}}}).empty());
  CHECK(doubted({.users = {u3, away}}) == std::vector{u3});
  CHECK(doubted({.groups = {ConvId{5}}}) == std::vector{u7});
  CHECK(doubted({.users = {u3, u7}, .groups = {ConvId{5}}}) == std::vector{u3, u7});
  CHECK(doubted({.withdrew = true}).empty());
  CHECK(doubted({.all = true}).size() == 50);
  // One that concerns who is being looked up: he is once more, and nobody else.
  rig.gateway->missed(rig.clock.today, {.users = {u3, u7}});
  rig.gateway->missed(rig.clock.today, {.users = {u7}});
  Standing of_u3{.user = u3}, of_u7{.user = u7};
  CHECK(answer(rig, std::vector{of_u3, of_u7}).size() == 2);
  CHECK(answer(rig, std::vector{of_u7}) == std::vector{u7});
  CHECK(rig.service.standing_looks.empty());
}

TEST_CASE("gateway: who was shown more than the store has is to come again", "[im][gateway][missed]") {
  fake::Rig rig;
  fake::Client mia(rig);
  mia.log_in("mia");
  rig.gateway->missed(WallTime{}, {.withdrew = true, .all = true});
  Standing found = standing();
  found.ver = Ver{9};  // 10 was shown
  answer(rig, std::vector{found});
  CHECK(mia.hear(1) == Words{"bye draining"});
  CHECK(rig.service.standing_looks.empty());
}

TEST_CASE("gateway: after a gap messages of groups go to who is in them by the store", "[im][gateway][missed]") {
  fake::Rig rig;
  fake::Client mia(rig);
  mia.log_in("mia");
  rig.commit(fake::subscribed("mia", true));
  Delivery other = fake::group_message(2, "olga");
  other.group = ConvId{6};
  rig.gateway->missed(rig.clock.today, {.all = true});
  Standing found = standing();
  SECTION("left one, joined another") {
    found.groups = {ConvId{6}};
    answer(rig, std::vector{found});
    rig.commit(fake::group_message(1, "olga"));
    rig.commit(other);
    CHECK(mia.hear(1) == Words{"deliver 1 0"});
    CHECK(mia.last["items"][0]["message"]["id"] == "5-2");  // of the second
    CHECK(mia.silent());
  }
  SECTION("a live group is no row") {
    found.groups = {};
    found.logins[0].live = ConvId{5};
    answer(rig, std::vector{found});
    rig.commit(other);
    rig.commit(fake::group_message(1, "olga"));
    CHECK(mia.hear(1) == Words{"deliver 1 0"});
    CHECK(mia.last["items"][0]["message"]["id"] == "5-1");
  }
  SECTION("what changed while it was looked up is looked up again") {
    rig.commit(fake::subscribed("mia", false));
    answer(rig, std::vector{found});  // which may be of before
    rig.commit(fake::group_message(1, "olga"));
    CHECK(mia.silent());
    found.groups = {};
    CHECK(answer(rig, std::vector{found}).size() == 1);
    CHECK(rig.service.standing_looks.empty());
  }
  SECTION("a group that was dismissed meanwhile does not come back") {
    rig.commit(fake::subscribed("", false));
    answer(rig, std::vector{found});
    rig.commit(fake::group_message(1, "olga"));
    CHECK(mia.silent());
    CHECK(rig.service.standing_looks.size() == 1);
  }
}

TEST_CASE("gateway: a look that fails is made again, and a second gap asks again", "[im][gateway][missed]") {
  fake::Rig rig;
  fake::Client mia(rig);
  mia.log_in("mia");
  const WallTime first = rig.clock.today;
  rig.gateway->missed(first, {.all = true});
  answer(rig, std::unexpected(Refusal{Code::Busy, "away"}));
  CHECK(rig.service.standing_looks.empty());
  rig.pass(milliseconds(1'000));
  REQUIRE(rig.service.standing_looks.size() == 1);
  rig.gateway->missed(first + milliseconds(500), {.all = true});
  CHECK(rig.service.standing_looks.size() == 1);  // one at a time
  Standing found = standing();
  answer(rig, std::vector{found});  // of before the second gap
  REQUIRE(rig.service.standing_looks.size() == 1);
  CHECK(std::get<1>(rig.service.standing_looks.front()) == first);
  found.ver = Ver{11};
  answer(rig, std::vector{found});
  CHECK(mia.hear(1) == Words{"behind 11"});
  CHECK(rig.service.standing_looks.empty());
}

TEST_CASE("gateway: many users are looked up page by page, those not connected not at all", "[im][gateway][missed]") {
  fake::Rig rig;
  rig.gateway->missed(rig.clock.today, {.all = true});
  CHECK(rig.service.standing_looks.empty());
  std::vector<std::unique_ptr<fake::Client>> clients;
  for (std::size_t i = 0; i <= kStandingsMax; ++i) {
    clients.push_back(std::make_unique<fake::Client>(rig));
    clients.back()->hello("u" + std::to_string(i));
    clients.back()->hear(1);
  }
  rig.gateway->missed(rig.clock.today, {.all = true});
  CHECK(answer(rig, std::vector<Standing>()).size() == kStandingsMax);
  CHECK(answer(rig, std::vector<Standing>()).size() == 1);
  CHECK(rig.service.standing_looks.empty());
  // A second gap, before all were looked up: whose turn it was not yet comes first.
  rig.gateway->missed(rig.clock.today, {.all = true});
  rig.gateway->missed(rig.clock.today, {.all = true});
  const std::vector<UserKey> first = answer(rig, std::vector<Standing>());
  const std::vector<UserKey> second = answer(rig, std::vector<Standing>());
  REQUIRE(second.size() == kStandingsMax);
  CHECK(std::ranges::find(first, second.front()) == first.end());
  CHECK(answer(rig, std::vector<Standing>()).size() == 1);
  CHECK(rig.service.standing_looks.empty());
}

}  // namespace
}  // namespace nightpost::im
