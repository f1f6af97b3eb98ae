// Pushes that share requests: who goes together, and whose answer is whose.
#include <algorithm>
#include <catch2/catch.hpp>

#include "batch_fixture.h"

using namespace nightpost;
using namespace nightpost::dispatch;
using nightpost::testing::BatchFixture;
using nightpost::testing::event_for;
using nightpost::testing::kNowMs;
using nightpost::testing::World;
using nlohmann::json;

namespace {

const std::string kText = "新消息|Denny:are you coming tonight?|";

}  // namespace

TEST_CASE("batch: who shares a request", "[dispatch][batch]") {
  BatchFixture f;
  f.options.titles["zh"] = "新消息";
  json event = f.members(4);
  const auto bodies = [&] {
    std::vector<std::string> all;
    for (const World::Sent& each : f.world.sent) all.push_back(each.http.body);
    std::ranges::sort(all);
    return all;
  };
  using Bodies = std::vector<std::string>;
  SECTION("all whose content is equal") {
    f.accept(event);
    CHECK(bodies() == Bodies{kText + "3,t0,t1,t2,t3"});
  }
  SECTION("not who reads another language") {
    f.world.users["u1"].settings.language = "en";
    f.accept(event);
    CHECK(bodies() == Bodies{"a new message|Denny:are you coming tonight?|3,t1", kText + "3,t0,t2,t3"});
  }
  SECTION("not who has another badge") {
    event["to"][2]["unread"] = 9;
    f.accept(event);
    CHECK(bodies() == Bodies{kText + "3,t0,t1,t3", kText + "9,t2"});
  }
  SECTION("a badge that the vendor does not show parts nobody") {
    f.provider->wants.badge = false;
    event["to"][2]["unread"] = 9;
    f.accept(event);
    CHECK(f.world.sent.size() == 1);
  }
  SECTION("not who wants silence, but where no sound is shown") {
    f.provider->wants.sound = GENERATE(false, true);
    f.world.users["u3"].settings.sound_c2c = "none";
    f.accept(event);
    CHECK(f.world.sent.size() == (f.provider->wants.sound ? 2U : 1U));
  }
  SECTION("not who has another credential") {
    auto other = World::route(2, 8);
    other->certificate.vendor = Vendor::Xiaomi;
    other->provider = f.provider;
    f.world.routes[2] = other;
    f.world.users["u0"].devices.front().certificate = {2};
    f.accept(event);
    CHECK(bodies() == Bodies{kText + "3,t0", kText + "3,t1,t2,t3"});
  }
  SECTION("not who is in another event") {
    f.accept(event);
    f.accept(event);
    CHECK(f.world.sent.size() == 2);
  }
  CHECK(f.world.outcomes.empty());
}

TEST_CASE("batch: ten thousand members in the fewest requests", "[dispatch][batch]") {
  BatchFixture f;
  f.accept(f.members(10'000));
  REQUIRE(f.world.sent.size() == 10);
  CHECK(f.dispatcher().requests_in_flight() == 10);
  for (std::size_t i = 0; i < 10; ++i) f.world.answer(200, "", i);
  CHECK(f.outcomes("accepted") == 10'000);
  CHECK(f.world.released.size() == 1);
  CHECK(f.all_over());
}

TEST_CASE("batch: every token has its own answer, and only what may is sent again", "[dispatch][batch]") {
  BatchFixture f;
  f.accept(f.members(5));
  f.world.answer(200, " t1:gone t2:later t3:asleep t4:later");
  CHECK(f.outcomes("accepted") == 1);
  CHECK(f.outcomes("token_gone") == 1);
  CHECK(f.outcomes("vendor_suppressed") == 1);
  CHECK(f.world.removed == std::vector<std::string>{"u1/u1-phone"});
  CHECK(f.world.released.empty());
  f.pass(seconds(1));
  REQUIRE(f.world.sent.size() == 2);
  CHECK(f.world.sent[1].http.body.ends_with(",t2,t4"));
  f.world.answer(200);
  CHECK(f.outcomes("accepted") == 3);
  CHECK(f.world.outcomes.back()["attempt"] == 2);
  CHECK(f.all_over());
}

TEST_CASE("batch: whom the batch's answer left in doubt is asked for alone", "[dispatch][batch]") {
  BatchFixture f;
  f.accept(f.members(4));
  f.world.answer(200, " t0:whose t1:whose t2:later t3:later");
  f.pass(seconds(1));
  REQUIRE(f.world.sent.size() == 4);
  for (const char* company : {"|3,t0", "|3,t1", "|3,t2,t3"})
    CHECK(std::ranges::count_if(f.world.sent,
                                [&](const World::Sent& each) { return each.http.body.ends_with(company); }) == 1);
  for (std::size_t i = 1; i < 4; ++i) f.world.answer(200, " t0:gone", i);
  CHECK(f.outcomes("token_gone") == 1);
  CHECK(f.outcomes("accepted") == 3);
  CHECK(f.all_over());
}

TEST_CASE("batch: what fails as a whole is repeated as a whole", "[dispatch][batch]") {
  BatchFixture f;
  const bool answered = GENERATE(true, false);
  f.accept(f.members(300));
  if (answered)
    f.world.answer(500);
  else
    f.world.lose(Errc::Timeout, true);
  f.pass(seconds(1));
  REQUIRE(f.world.sent.size() == 2);
  CHECK(f.world.sent[0].http.body == f.world.sent[1].http.body);
  if (answered) {
    f.world.answer(200);
    CHECK(f.outcomes("accepted") == 300);
  } else {
    f.world.lose(Errc::ConnectionLost, true);  // a third could be a third notification on the screen: not quickly
    CHECK(f.outcomes("unanswered") == 300);
    CHECK(f.world.letters.empty());
    REQUIRE(f.only_remainder().left.size() == 300);
    CHECK(f.only_remainder().left[299].devices.at(0).unheard == 2);
  }
  CHECK(f.all_over());
}

TEST_CASE("batch: content first, tokens afterwards", "[dispatch][batch]") {
  BatchFixture f;
  f.provider->saves_first = true;
  f.provider->chunk = 2;
  f.accept(f.members(5));
  REQUIRE(f.paths() == std::vector<std::string>{"/save"});
  SECTION("all goes well") {
    f.world.answer(200, "saved 77");
    REQUIRE(f.paths() == std::vector<std::string>{"/save", "/push", "/push", "/push"});
    CHECK(f.world.sent[3].http.body == "77|144115-1-7,t4");
    CHECK(f.world.outcomes.empty());
    f.world.answer(200, " t0:gone", 1);
    f.world.answer(500, "", 2);
    f.world.answer(200, "", 3);
    CHECK(f.outcomes("accepted") == 2);
    CHECK(f.outcomes("token_gone") == 1);
    CHECK(f.world.outcomes.back()["attempt"] == 1);  // both requests are one attempt
    f.pass(seconds(1));
    REQUIRE(f.world.sent.size() == 5);
    CHECK(f.world.sent[4].http.path == "/save");
    f.world.answer(200, "saved 78");
    REQUIRE(f.world.sent.size() == 6);
    CHECK(f.world.sent[5].http.body == "78|144115-1-7,t2,t3");
    f.world.answer(200);
    CHECK(f.outcomes("accepted") == 4);
  }
  SECTION("the vendor refuses the content") {
    f.world.answer(430, "no more today");
    CHECK(f.world.sent.size() == 1);
    CHECK(f.outcomes("vendor_throttled") == 0);
    CHECK(f.outcomes("retries_exhausted") == 5);
    CHECK(f.world.outcomes[0]["code"] == "9430");  // the note that build() made of the request
  }
  SECTION("stored content has reached nobody, so it may be stored again and again") {
    for (int i = 1; i < 4; ++i) {
      f.world.lose(Errc::Timeout, true);
      f.pass(seconds(10));
      REQUIRE(f.world.sent.size() == std::size_t(i) + 1);
    }
    f.world.answer(200, "saved 1");
    for (std::size_t i = 4; i < 7; ++i) f.world.answer(200, "", i);
    CHECK(f.outcomes("accepted") == 5);
  }
  CHECK(f.all_over());
}

TEST_CASE("batch: letters of unequal content wait a moment for each other", "[dispatch][batch]") {
  BatchFixture f;
  f.provider->wants = {.tokens = true, .tokens_min = 3, .mixed_max = 4};
  const auto event = [&](int user, const std::string& title) {
    json one = f.members(1, user);
    one["push"]["title"] = title;
    return one;
  };
  SECTION("several share a request") {
    f.accept(event(0, "a"));
    f.pass(milliseconds(2));
    f.accept(event(1, "b"));
    CHECK(f.world.sent.empty());
    f.pass(milliseconds(3));
    REQUIRE(f.world.sent.size() == 1);
    CHECK(f.world.sent[0].http.body == "a>t0,b>t1,");
    f.world.answer(200, " t1:later");
    CHECK(f.world.released.size() == 1);
    f.pass(seconds(1));
    REQUIRE(f.world.sent.size() == 2);
    CHECK(f.world.sent[1].http.body.starts_with("b|"));  // alone now
    f.world.answer(200);
  }
  SECTION("a full one waits for nobody") {
    for (int i = 0; i < 5; ++i) f.accept(event(i, "x"));
    CHECK(f.world.sent.size() == 1);
    f.pass(milliseconds(5));
    REQUIRE(f.world.sent.size() == 2);
    f.world.answer(200, "", 0);
    f.world.answer(200, "", 1);
  }
  SECTION("enough of equal content are no letters") {
    f.accept(f.members(3));
    REQUIRE(f.paths() == std::vector<std::string>{"/push"});
    f.world.answer(200);
  }
  SECTION("one that can never be sent does not take the others with it") {
    f.accept(event(0, "a"));
    json bad = event(1, "b");
    bad["push"]["ext"] = "too big";
    f.accept(bad);
    f.accept(event(2, "c"));
    f.pass(milliseconds(5));
    CHECK(f.outcomes("payload_unbuildable") == 1);
    REQUIRE(f.paths() == std::vector<std::string>{"/push", "/push"});
    f.world.answer(200, "", 0);
    f.world.answer(200, "", 1);
  }
  SECTION("handed back, they are not sent") {
    f.accept(event(0, "a"));
    f.accept(event(1, "b"));
    f.dispatcher().hand_back([](RecordId record_id) { return record_id == RecordId{1}; });
    f.pass(milliseconds(5));
    REQUIRE(f.world.sent.size() == 1);
    CHECK(f.world.sent[0].http.body.starts_with("b|"));
    f.world.answer(200);
    CHECK(f.world.released == std::vector<RecordId>{RecordId{2}});
  }
  CHECK(f.all_over());
}

TEST_CASE("batch: what can never be sent ends for all", "[dispatch][batch]") {
  BatchFixture f;
  json event = f.members(3);
  SECTION("too big") { event["push"]["ext"] = "too big"; }
  SECTION("a room that forgets a token leaves no push open") { f.provider->forgets_last = true; }
  f.accept(event);
  const bool forgets = f.provider->forgets_last;
  CHECK(f.outcomes("payload_unbuildable") == (forgets ? 1 : 3));
  if (forgets) f.world.answer(200);
  CHECK(f.world.letters.size() == 1);
  CHECK(f.all_over());
}

TEST_CASE("batch: a grant that is being obtained", "[dispatch][batch]") {
  BatchFixture f;
  f.world.grant_pending = true;
  f.accept(f.members(3));
  CHECK(f.world.sent.empty());
  SECTION("comes") {
    f.world.grant_pending = false;
    f.pass(seconds(10));
    CHECK(f.world.sent.empty());  // not before we are told
    f.dispatcher().on_grant(99);  // another route's
    CHECK(f.world.sent.empty());
    f.dispatcher().on_grant(7);
    REQUIRE(f.world.sent.size() == 1);
    CHECK(f.world.sent[0].http.body.ends_with(",t0,t1,t2"));
    f.world.answer(200);
    CHECK(f.outcomes("accepted") == 3);
  }
  SECTION("comes too late") {
    f.pass(f.options.retry_for);
    CHECK(f.outcomes("retries_exhausted") == 3);
    f.world.grant_pending = false;
    f.dispatcher().on_grant(7);
    CHECK(f.world.sent.empty());
  }
  SECTION("cannot be had") {
    f.world.grant_pending = false;
    f.world.grant_error = Error{Errc::Unauthorized, "invalid_client"};
    f.dispatcher().on_grant(7);
    CHECK(f.outcomes("credential_bad") == 1);  // which opens the breaker for the others
    CHECK(f.outcomes("credential_breaker_open") == 2);
  }
  SECTION("is handed back with its event") {
    f.dispatcher().hand_back([](RecordId) { return true; });
    f.world.grant_pending = false;
    f.dispatcher().on_grant(7);
    CHECK(f.world.sent.empty());
    CHECK(f.world.released.empty());
  }
  CHECK(f.all_over());
}

TEST_CASE("batch: a stale grant is refreshed once, and the batch replayed once", "[dispatch][batch]") {
  BatchFixture f;
  f.accept(f.members(50));
  const bool pending = GENERATE(false, true);
  f.world.grant_pending = pending;
  f.world.answer(401);
  if (pending) {
    CHECK(f.world.sent.size() == 1);
    f.world.grant_pending = false;
    f.world.current = std::make_shared<Grant>(Grant{.authorization = "grant 2"});
    f.dispatcher().on_grant(7);
  }
  REQUIRE(f.world.sent.size() == 2);
  CHECK(f.world.sent[1].header("authorization") == "grant 2");
  CHECK(f.world.sent[1].http.body == f.world.sent[0].http.body);
  SECTION("and is good") {
    f.world.answer(200);
    CHECK(f.outcomes("accepted") == 50);
  }
  SECTION("and is called stale again") {
    f.world.answer(401);
    CHECK(f.world.sent.size() == 2);
    CHECK(f.outcomes("credential_bad") == 50);
    CHECK(f.world.metrics.breakers_opened.read() == 1);
  }
  CHECK(f.all_over());
}

TEST_CASE("batch: a day's quota is used up", "[dispatch][batch]") {
  BatchFixture f;
  f.options.retry_for = f.options.quick_for = std::chrono::hours(48);
  f.options.push_deadline = seconds(60);
  json event = f.members(2);
  event["expires_at"] = kNowMs + 3 * 86'400'000LL;
  f.accept(event);
  f.world.answer(430);
  const auto there = wall_from_ms(kNowMs) + std::chrono::hours(8);
  const milliseconds until = std::chrono::floor<std::chrono::days>(there) + std::chrono::days(1) - there;
  f.accept(event);
  f.pass(until - seconds(1));
  CHECK(f.world.sent.size() == 1);
  f.pass(seconds(2));
  CHECK(f.world.sent.size() == 3);
  f.world.answer(200, "", 1);
  f.world.answer(200, "", 2);
  CHECK(f.outcomes("accepted") == 4);
  CHECK(f.all_over());
}

TEST_CASE("batch: nothing waits longer than its event lives", "[dispatch][batch]") {
  BatchFixture f;
  const json event = f.members(2);
  SECTION("a quota") {
    f.accept(event);
    f.world.answer(430);
    CHECK(f.outcomes("retries_exhausted") == 2);
    f.accept(event);
    CHECK(f.outcomes("vendor_throttled") == 2);
    CHECK(f.world.letters.size() == 2);
  }
  SECTION("closing hours") {
    f.provider->opens_at = wall_from_ms(kNowMs) + std::chrono::hours(1);
    f.accept(event);
    CHECK(f.outcomes("vendor_closed") == 2);
  }
  SECTION("closing hours that end in time") {
    f.provider->opens_at = wall_from_ms(kNowMs) + seconds(20);
    f.accept(event);
    f.pass(seconds(19));
    CHECK(f.world.sent.empty());
    f.pass(seconds(2));
    REQUIRE(f.world.sent.size() == 1);
    f.world.answer(200);
  }
  SECTION("a throttled credential comes back together") {
    f.accept(event);
    f.world.answer(429);
    f.accept(event);
    f.pass(seconds(6));
    CHECK(f.world.sent.size() == 1);
    f.pass(seconds(2));
    REQUIRE(f.world.sent.size() == 3);
    f.world.answer(200, "", 1);
    f.world.answer(200, "", 2);
  }
  CHECK(f.all_over());
}

TEST_CASE("batch: mass death is seen before the first token is removed", "[dispatch][batch]") {
  BatchFixture f;
  f.accept(f.members(60));
  std::string all;
  for (int i = 0; i < 60; ++i) all += " t" + std::to_string(i) + ":gone";
  f.world.answer(200, all);
  CHECK(f.world.removed.empty());
  CHECK(f.outcomes("removal_held") == 60);
  CHECK(f.world.metrics.breakers_opened.read() == 0);
  CHECK(f.all_over());
}

TEST_CASE("batch: what is handed back while its request is in the air still settles", "[dispatch][batch]") {
  BatchFixture f;
  f.accept(f.members(3));
  f.dispatcher().hand_back([](RecordId) { return true; });
  f.world.answer(200, " t1:later");
  CHECK(f.outcomes("accepted") == 2);
  CHECK(f.world.released.empty());  // t1 was not delivered: the next owner has to
  f.pass(seconds(60));
  CHECK(f.world.sent.size() == 1);
  CHECK(f.all_over());
}

TEST_CASE("batch: content stored after the hand back is addressed to nobody", "[dispatch][batch]") {
  BatchFixture f;
  f.provider->saves_first = true;
  f.accept(f.members(3));
  REQUIRE(f.paths() == std::vector<std::string>{"/save"});
  f.dispatcher().hand_back([](RecordId) { return true; });
  f.world.answer(200, "saved 77");
  CHECK(f.world.sent.size() == 1);
  CHECK(f.world.outcomes.empty());
  CHECK(f.world.released.empty());
  CHECK(f.all_over());
}

TEST_CASE("batch: content stored at the last moment is stored anew", "[dispatch][batch]") {
  BatchFixture f;
  f.provider->saves_first = true;
  f.options.push_deadline = seconds(10);
  f.accept(f.members(3));
  f.pass(seconds(10));
  f.world.answer(200, "saved 77");
  f.pass(seconds(1));
  REQUIRE(f.paths() == std::vector<std::string>{"/save", "/save"});
  f.world.answer(200, "saved 78");
  f.world.answer(200);
  CHECK(f.outcomes("accepted") == 3);
  CHECK(f.all_over());
}

TEST_CASE("batch: stored content proves a credential whose breaker probes", "[dispatch][batch]") {
  BatchFixture f;
  f.provider->saves_first = true;
  f.accept(f.members(2));
  f.world.grant_error = f.world.refresh_error = Error{Errc::Unauthorized, "invalid_client"};
  f.world.answer(401);
  REQUIRE(f.world.metrics.breakers_opened.read() == 1);
  f.world.grant_error = f.world.refresh_error = std::nullopt;
  f.pass(f.options.breaker_first);
  f.accept(f.members(2, 2));
  f.world.answer(200, "saved 1");
  f.accept(f.members(2, 4));  // not the probe's business any more
  CHECK(f.paths() == std::vector<std::string>{"/save", "/save", "/push", "/save"});
  f.world.answer(200, "", 2);
  f.world.answer(200, "saved 2", 3);
  f.world.answer(200);
  CHECK(f.outcomes("accepted") == 4);
  CHECK(f.all_over());
}

TEST_CASE("batch: a letter waits neither beyond its time nor into a throttled credential", "[dispatch][batch]") {
  BatchFixture f;
  f.provider->wants = {.tokens = true, .tokens_min = 3, .mixed_max = 4};
  f.options.mixed_linger = milliseconds(50);
  SECTION("its event ends first") {
    json event = f.members(1);
    event["expires_at"] = kNowMs + 20;
    f.accept(event);
    REQUIRE(f.world.sent.size() == 1);
    f.world.answer(200);
    CHECK(f.outcomes("accepted") == 1);
  }
  SECTION("throttled meanwhile") {
    f.accept(f.members(3));
    f.accept(f.members(1, 3));
    f.accept(f.members(1, 4));
    f.world.answer(429, "", 0);
    f.pass(seconds(6));
    CHECK(f.world.sent.size() == 1);
    f.pass(seconds(2));
    CHECK(f.paths() == std::vector<std::string>{"/push", "/push", "/mixed"});
    f.world.answer(200, "", 1);
    f.world.answer(200, "", 2);
    CHECK(f.outcomes("accepted") == 5);
  }
  CHECK(f.all_over());
}
