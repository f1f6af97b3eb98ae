// Dead tokens, and tokens that do not belong: they go, or stay in doubt, and the pushes of others go on.
#include <catch2/catch.hpp>
#include <set>

#include "batch_fixture.h"
#include "dispatch/suspect_book.h"

using namespace nightpost;
using namespace nightpost::dispatch;
using nightpost::testing::BatchFixture;
using nightpost::testing::event_for;
using nightpost::testing::Fixture;
using nightpost::testing::kNowMs;
using nlohmann::json;

namespace {

/// 200 users, of whom each fifth lives. What is removed has no device any more.
struct DeadTable : Fixture {
  static constexpr int kUsers = 200, kLive = kUsers / 5;
  bool dead_first = false;

  bool lives(int i) const { return dead_first ? i >= kUsers - kLive : i % 5 == 4; }
  /// An event for each user who has a device; answered one by one as they are.
  void round(int status, const std::string& word) {
    for (int i = 0; i < kUsers; ++i) {
      const std::string user = "u" + std::to_string(i);
      if (world.removed.size() != seen) forget_removed();
      if (world.users[user].devices.empty()) continue;
      const std::size_t before = world.sent.size();
      accept(event_for({user}));
      REQUIRE(world.sent.size() == before + 1);
      if (lives(i))
        world.answer(200, "id");
      else
        world.answer(status, word);
    }
    forget_removed();
    pass(seconds(60));
  }
  void forget_removed() {
    for (; seen < world.removed.size(); ++seen)
      world.users[world.removed[seen].substr(0, world.removed[seen].find('/'))].devices.clear();
  }
  int told(const std::string& rule) const {
    return int(std::ranges::count_if(world.outcomes, [&](const json& each) { return each["rule"] == rule; }));
  }
  /// The live, and nobody else, are left.
  bool is_clean() {
    for (int i = 0; i < kUsers; ++i)
      if (world.users["u" + std::to_string(i)].devices.empty() == lives(i)) return false;
    return true;
  }
  std::size_t seen = 0;  // of world.removed
};

}  // namespace

TEST_CASE("suspects: a table of which four fifths are dead is clean after two rounds, and who lives is told",
          "[dispatch][suspects]") {
  struct Row {
    const char* what;
    int status;
    const char* word;
    bool dead_first;
    const char* rule;
  };
  const auto row = GENERATE(values<Row>({
      {"called gone", 410, "Unregistered", false, "token_gone"},
      {"called gone, all of them before any accepted push", 410, "Unregistered", true, "token_gone"},
      {"put in doubt one by one", 400, "BadDeviceToken", false, "token_doubted_twice"},
      {"put in doubt before any accepted push", 400, "BadDeviceToken", true, "token_doubted_twice"},
  }));
  CAPTURE(row.what);
  DeadTable f;
  f.dead_first = row.dead_first;
  for (int i = 0; i < DeadTable::kUsers; ++i) f.world.add("u" + std::to_string(i));
  f.round(row.status, row.word);
  f.round(row.status, row.word);
  CHECK(f.is_clean());
  CHECK(f.told("accepted") == 2 * DeadTable::kLive);
  CHECK(f.told(row.rule) == DeadTable::kUsers - DeadTable::kLive);
  CHECK(f.world.removed.size() == std::size_t(DeadTable::kUsers - DeadTable::kLive));
  CHECK(f.world.metrics.breakers_opened.read() == 0);
  f.round(row.status, row.word);
  CHECK(f.told("accepted") == 3 * DeadTable::kLive);
  CHECK(f.all_over());
}

TEST_CASE("suspects: a wrong environment calls all of them bad, and loses none", "[dispatch][suspects]") {
  DeadTable f;
  for (int i = 0; i < DeadTable::kUsers; ++i) f.world.add("u" + std::to_string(i));
  for (int round = 0; round < 4; ++round)
    for (int i = 0; i < DeadTable::kUsers; ++i) {
      f.accept(event_for({"u" + std::to_string(i)}));
      f.world.answer(400, "BadDeviceToken");
    }
  CHECK(f.world.removed.empty());
  CHECK(f.told("token_suspect") == 4 * DeadTable::kUsers);
  CHECK(f.world.metrics.breakers_opened.read() == 0);
}

TEST_CASE("suspects: a doubted token that was registered since stays", "[dispatch][suspects]") {
  const bool is_new = GENERATE(false, true);  // registered after the push was sent
  CAPTURE(is_new);
  Fixture f;
  f.world.add("vinson");
  f.world.add("ann");
  f.accept(event_for({"vinson"}));
  f.world.answer(400, "BadDeviceToken");
  f.accept(event_for({"ann"}));
  f.world.answer(200);
  f.pass(seconds(1));
  if (is_new) f.world.users["vinson"].devices.front().registered_at = wall_from_ms(kNowMs + 3'600'000);
  f.accept(event_for({"vinson"}));
  std::string rule = is_new ? "token_newer" : "token_doubted_twice";
  SECTION("the store removes it") {}
  SECTION("it went meanwhile") {
    f.world.removes = false;
    if (!is_new) rule = "token_already_removed";
  }
  SECTION("the store is down") {
    f.world.remove_error = Error{Errc::Io, "disk"};
    if (!is_new) rule = "removal_failed";
  }
  f.world.answer(400, "BadDeviceToken");
  CHECK(f.world.outcomes.back()["rule"] == rule);
  CHECK(f.world.outcomes.back()["code"] == "BadDeviceToken");
  CHECK(f.all_over());
}

TEST_CASE("suspects: a token doubted twice whose removal is held goes with its next push", "[dispatch][suspects]") {
  Fixture f;
  f.options.mass_removal_window = 2;
  for (const char* user : {"vinson", "ann", "bob", "cid"}) f.world.add(user);
  const auto told = [&](const char* user, int status, const char* body) {
    f.accept(event_for({user}));
    f.world.answer(status, body);
    return f.world.outcomes.back()["rule"].get<std::string>();
  };
  CHECK(told("vinson", 400, "BadDeviceToken") == "token_suspect");
  CHECK(told("ann", 200, "id") == "accepted");
  f.pass(seconds(1));
  CHECK(told("bob", 410, "Unregistered") == "token_gone");
  CHECK(told("cid", 410, "Unregistered") == "removal_held");
  CHECK(told("vinson", 400, "BadDeviceToken") == "removal_held");
  CHECK(f.world.removed.size() == 1);
  CHECK(told("ann", 200, "id") == "accepted");  // releases
  f.pass(seconds(1));
  CHECK(told("vinson", 400, "BadDeviceToken") == "token_doubted_twice");
  CHECK(f.world.removed.size() == 2);
}

TEST_CASE("suspects: no right to one token blames the token, where the credential was taken lately",
          "[dispatch][suspects][breaker]") {
  Fixture f;
  f.world.add("mallory");  // reports another app's token
  f.world.add("ann");
  SECTION("it was") {
    f.accept(event_for({"ann"}));
    f.world.answer(200);
    for (int i = 0; i < 20; ++i) {
      f.accept(event_for({"mallory"}));
      f.world.answer(403, "NoRight");
      CHECK(f.world.outcomes.back()["rule"] == "token_suspect");
      f.accept(event_for({"ann"}));
      f.world.answer(200);
      f.pass(seconds(30));
    }
    CHECK(f.world.metrics.breakers_opened.read() == 0);
    CHECK(f.world.removed.empty());  // such words never remove
  }
  SECTION("too long ago") {
    f.accept(event_for({"ann"}));
    f.world.answer(200);
    f.pass(f.options.proof_kept + seconds(1));
    f.accept(event_for({"mallory"}));
    f.world.answer(403, "NoRight");
    CHECK(f.world.outcomes.back()["rule"] == "credential_bad");
    CHECK(f.world.metrics.breakers_opened.read() == 1);
  }
  SECTION("never") {
    f.accept(event_for({"mallory"}));
    f.world.answer(403, "NoRight");
    CHECK(f.world.outcomes.back()["rule"] == "credential_bad");
    CHECK(f.world.metrics.breakers_opened.read() == 1);
  }
  SECTION("words that blame the credential alone open the breaker all the same") {
    f.accept(event_for({"ann"}));
    f.world.answer(200);
    f.accept(event_for({"mallory"}));
    f.world.answer(403, "Forbidden");
    CHECK(f.world.metrics.breakers_opened.read() == 1);
  }
  CHECK(f.all_over());
}

TEST_CASE("suspects: such a token is no proof for a breaker that is open", "[dispatch][suspects][breaker]") {
  Fixture f;
  f.world.add("mallory");
  f.world.add("ann");
  f.accept(event_for({"ann"}));
  f.world.answer(200);
  f.accept(event_for({"ann"}));
  f.world.answer(403, "Forbidden");
  REQUIRE(f.world.metrics.breakers_opened.read() == 1);
  f.pass(f.options.breaker_first);
  f.accept(event_for({"mallory"}));  // the probe
  f.world.answer(403, "NoRight");
  CHECK(f.world.outcomes.back()["rule"] == "token_suspect");
  CHECK(f.world.metrics.breakers_opened.read() == 1);
  const std::size_t before = f.world.sent.size();
  f.accept(event_for({"ann"}));
  CHECK(f.world.sent.size() == before);  // still open
  f.pass(f.options.breaker_first);
  f.accept(event_for({"ann"}));
  REQUIRE(f.world.sent.size() == before + 1);
  f.world.answer(200);
  CHECK(f.world.outcomes.back()["rule"] == "accepted");
}

TEST_CASE("suspects: one foreign token opens a breaker once, and leaves the probe to others",
          "[dispatch][suspects][breaker]") {
  Fixture f;
  f.world.add("mallory");
  f.world.add("ann");
  f.accept(event_for({"mallory"}));
  f.world.answer(403, "NoRight");  // nothing was ever accepted, so it may be the credential
  REQUIRE(f.world.metrics.breakers_opened.read() == 1);
  f.pass(f.options.breaker_first);
  for (int i = 0; i < 5; ++i) {  // who writes to themselves all the time
    f.accept(event_for({"mallory"}));
    CHECK(f.world.outcomes.back()["rule"] == "credential_breaker_open");
  }
  REQUIRE(f.world.sent.size() == 1);
  SECTION("another one probes: it is the token's fault from then on") {
    f.accept(event_for({"ann"}));
    REQUIRE(f.world.sent.size() == 2);
    f.world.answer(200);
    f.accept(event_for({"mallory"}));
    REQUIRE(f.world.sent.size() == 3);
    f.world.answer(403, "NoRight");
    CHECK(f.world.outcomes.back()["rule"] == "token_suspect");
  }
  SECTION("nobody else is there: it probes later, and opens nothing") {
    for (int i = 0; i < 3; ++i) {
      f.pass(2 * f.options.breaker_first);
      f.accept(event_for({"mallory"}));
      REQUIRE(f.world.sent.size() == std::size_t(i) + 2);
      f.world.answer(403, "NoRight");
      CHECK(f.world.outcomes.back()["rule"] == "credential_bad");
    }
    f.pass(f.options.breaker_first);
    f.accept(event_for({"ann"}));
    f.world.answer(200);
    CHECK(f.world.outcomes.back()["rule"] == "accepted");
  }
  SECTION("another credential fault of it opens the breaker again, for twice as long") {
    f.pass(f.options.breaker_first);
    f.accept(event_for({"mallory"}));
    f.world.answer(403, "Forbidden");
    CHECK(f.world.metrics.breakers_opened.read() == 2);
    return;
  }
  CHECK(f.world.metrics.breakers_opened.read() == 1);
}

TEST_CASE("suspects: a credential that is refused for each token is left alone", "[dispatch][suspects][breaker]") {
  Fixture f;
  for (int i = 0; i < 50; ++i) f.world.add("u" + std::to_string(i));
  for (int i = 0; i < 50; ++i) {
    const std::size_t before = f.world.sent.size();
    f.accept(event_for({"u" + std::to_string(i)}));
    if (f.world.sent.size() > before) f.world.answer(403, "NoRight");
    f.pass(milliseconds(100));
  }
  CHECK(f.world.metrics.breakers_opened.read() >= 1);
  CHECK(f.world.sent.size() < 5);
}

TEST_CASE("suspects: a right that is withdrawn opens the breaker, though the credential was taken lately",
          "[dispatch][suspects][breaker]") {
  Fixture f;
  f.world.add("ann");
  f.accept(event_for({"ann"}));
  f.world.answer(200);
  for (int i = 0; i < 50; ++i) {
    const std::string user = "u" + std::to_string(i);
    f.world.add(user);
    const std::size_t before = f.world.sent.size();
    f.accept(event_for({user}));
    if (f.world.sent.size() > before) f.world.answer(403, "NoRight");
  }
  CHECK(f.world.metrics.breakers_opened.read() == 1);
  CHECK(f.world.sent.size() == 1 + SuspectBook::kNotedMost);
  // Those in doubt do not keep it closed.
  f.pass(2 * f.options.breaker_first);
  f.accept(event_for({"u0"}));
  REQUIRE(f.world.sent.size() == 2 + SuspectBook::kNotedMost);
  f.world.answer(403, "NoRight");
  CHECK(f.world.metrics.breakers_opened.read() == 2);
}

TEST_CASE("suspects: a batch with a foreign token is split once, and then it goes alone",
          "[dispatch][suspects][batch]") {
  BatchFixture f;
  f.accept(f.members(3));
  f.world.answer(200);  // the credential is good
  f.accept(f.members(4));
  f.world.answer(403);  // t3 is another app's
  f.pass(seconds(5));
  REQUIRE(f.world.sent.size() == 6);  // each alone
  for (std::size_t i = 2; i < 6; ++i) {
    const bool foreign = f.world.sent[i].http.body.ends_with(",t3");
    f.world.answer(foreign ? 403 : 200, "", i);
  }
  CHECK(f.outcomes("accepted") == 6);
  CHECK(f.outcomes("token_suspect") == 1);
  CHECK(f.world.metrics.breakers_opened.read() == 0);
  CHECK(f.all_over());

  f.world.sent.clear();
  f.accept(f.members(4));
  REQUIRE(f.world.sent.size() == 2);
  std::multiset<std::string> asked;
  for (std::size_t i = 0; i < 2; ++i) {
    const std::string& body = f.world.sent[i].http.body;
    asked.insert(body.substr(body.rfind('|')));
    f.world.answer(body.ends_with(",t3") ? 403 : 200, "", i);
  }
  CHECK(asked == std::multiset<std::string>{"|3,t0,t1,t2", "|3,t3"});
  CHECK(f.outcomes("accepted") == 9);
  CHECK(f.all_over());
}

TEST_CASE("suspects: of a batch, those doubted again go, the others are told", "[dispatch][suspects][batch]") {
  BatchFixture f;
  f.accept(f.members(4));
  f.world.answer(200, " t1:doubted t2:doubted");
  CHECK(f.outcomes("token_suspect") == 2);
  f.pass(seconds(1));
  f.accept(f.members(4));
  for (std::size_t i = 1; i < f.world.sent.size(); ++i) f.world.answer(200, " t1:doubted", i);
  CHECK(f.outcomes("token_doubted_twice") == 1);
  CHECK(f.world.removed == std::vector<std::string>{"u1/u1-phone"});
  CHECK(f.outcomes("accepted") == 5);
  CHECK(f.all_over());
}
