#include "resolve/grant_book.h"

#include <catch2/catch.hpp>
#include <latch>
#include <random>
#include <thread>
#include <vector>

#include "unit/resolve/fakes.h"

namespace nightpost::resolve {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

constexpr WallTime kStart = WallTime(hours(500'000));

TEST_CASE("grants: one is used until its renewal, then the next is made", "[resolve][grants]") {
  struct Row {
    const char* name;
    milliseconds later;
    int signs;
  };
  const Row row = GENERATE(values<Row>({
      {"at once", milliseconds(0), 1},
      {"before renewal", minutes(50) - milliseconds(1), 1},
      {"at renewal", minutes(50), 2},
      {"after expiry", minutes(61), 2},
      {"clock set back a little", -minutes(20), 1},
      {"clock set back further than a grant may be young", -minutes(20) - milliseconds(1), 2},
      {"clock set back for hours", -hours(5), 2},
  }));
  CAPTURE(row.name);
  GrantBook book;
  const FakeAuthorizer authorizer;
  const auto first = current(book, "k", authorizer, kStart);
  REQUIRE(first);
  const auto second = current(book, "k", authorizer, kStart + row.later);
  REQUIRE(second);
  CHECK(authorizer.signed_so_far() == row.signs);
  CHECK((*first == *second) == (row.signs == 1));
  CHECK(current(book, "k", authorizer, kStart + row.later).value() == *second);  // whichever it is, it stays
}

TEST_CASE("grants: signers do not share, equal keys do", "[resolve][grants]") {
  GrantBook book;
  const FakeAuthorizer one("one"), two("two"), one_again("one");
  const auto first = current(book, "one", one, kStart);
  CHECK(current(book, "two", two, kStart).value()->authorization == "two#1");
  CHECK(current(book, "one", one_again, kStart).value() == *first);
  CHECK(one_again.signed_so_far() == 0);
}

TEST_CASE("grants: a refused one is replaced only when it is old enough", "[resolve][grants]") {
  struct Row {
    const char* name;
    milliseconds age;
    bool replaced;
  };
  const Row row = GENERATE(values<Row>({
      {"just made", milliseconds(0), false},
      {"a second old", seconds(1), false},
      {"one ms too young", minutes(20) - milliseconds(1), false},
      {"clock set back a little", -minutes(20), false},
      {"old enough", minutes(20), true},
      {"past its renewal", minutes(55), true},
      {"expired", hours(3), true},
      {"from the future", -hours(3), true},
  }));
  CAPTURE(row.name);
  GrantBook book;
  const FakeAuthorizer authorizer;
  const auto first = current(book, "k", authorizer, kStart).value();
  const WallTime now = kStart + row.age;
  const auto second = refresh(book, "k", authorizer, *first, now);
  REQUIRE(second.has_value() == row.replaced);
  if (second) {
    CHECK((*second)->authorization != first->authorization);
    CHECK(current(book, "k", authorizer, now).value() == *second);
    CHECK(refresh(book, "k", authorizer, *first, now).value() ==
          *second);  // the next to be refused gets the one there is
    CHECK(authorizer.signed_so_far() == 2);
    CHECK(refresh(book, "k", authorizer, **second, now).error().code == Errc::Unauthorized);  // and that one is young
  } else {
    CHECK(second.error().code == Errc::Unauthorized);
    CHECK(authorizer.signed_so_far() == 1);
    CHECK(current(book, "k", authorizer, now).value() == first);
  }
}

TEST_CASE("grants: an unknown refused one is judged by its own age", "[resolve][grants]") {
  GrantBook book;  // of a process that has just started
  const FakeAuthorizer authorizer;
  const Grant young{.authorization = "x", .issued_at = kStart, .renew_at = kStart, .expires_at = kStart + hours(1)};
  CHECK(refresh(book, "k", authorizer, young, kStart + minutes(1)).error().code == Errc::Unauthorized);
  CHECK(authorizer.signed_so_far() == 0);
  CHECK(refresh(book, "k", authorizer, young, kStart + minutes(30)));
}

TEST_CASE("grants: one of the same date would be refused again", "[resolve][grants]") {
  GrantBook book;
  FakeAuthorizer authorizer;
  authorizer.dated = kStart;  // as where grants are dated from the half hour
  const auto first = current(book, "k", authorizer, kStart + minutes(1)).value();
  CHECK(refresh(book, "k", authorizer, *first, kStart + minutes(29)).error().code == Errc::Unauthorized);
  CHECK(current(book, "k", authorizer, kStart + minutes(29)).value() == first);
  authorizer.dated = kStart + minutes(30);
  CHECK(refresh(book, "k", authorizer, *first, kStart + minutes(31)).value()->issued_at == *authorizer.dated);
}

TEST_CASE("grants: a key that cannot sign", "[resolve][grants]") {
  GrantBook book;
  FakeAuthorizer authorizer;
  authorizer.refuses = true;
  CHECK(current(book, "k", authorizer, kStart).error().code == Errc::Malformed);
  authorizer.refuses = false;
  const auto first = current(book, "k", authorizer, kStart).value();
  authorizer.refuses = true;
  CHECK(current(book, "k", authorizer, kStart + minutes(55)).value() == first);  // old, but it holds
  CHECK(current(book, "k", authorizer, kStart + minutes(60)).error().code == Errc::Malformed);
  CHECK(refresh(book, "k", authorizer, *first, kStart + minutes(55)).error().code == Errc::Malformed);
}

TEST_CASE("grants: threads that ask at once sign once", "[resolve][grants][threads]") {
  constexpr int kThreads = 8;
  GrantBook book;
  const FakeAuthorizer authorizer;
  const auto at_once = [&](auto ask) {
    std::vector<std::shared_ptr<const HeldGrant>> grants(kThreads);
    std::latch start(kThreads);
    {
      std::vector<std::jthread> threads;
      for (auto& grant : grants)
        threads.emplace_back([&] {
          start.arrive_and_wait();
          grant = ask().value_or(nullptr);
        });
    }
    for (const auto& grant : grants) CHECK(grant == grants.front());
    return grants.front();
  };
  const auto first = at_once([&] { return current(book, "k", authorizer, kStart); });
  REQUIRE(first);
  CHECK(authorizer.signed_so_far() == 1);
  const auto second = at_once([&] { return refresh(book, "k", authorizer, *first, kStart + minutes(30)); });
  REQUIRE(second);
  CHECK(second != first);
  CHECK(authorizer.signed_so_far() == 2);
  CHECK(at_once([&] { return current(book, "k", authorizer, kStart + minutes(81)); }) != second);
  CHECK(authorizer.signed_so_far() == 3);
}

TEST_CASE("grants: threads with many signers each get their own", "[resolve][grants][threads]") {
  GrantBook book;
  std::vector<std::unique_ptr<FakeAuthorizer>> authorizers;
  for (int i = 0; i < 16; ++i) authorizers.push_back(std::make_unique<FakeAuthorizer>(std::to_string(i)));
  std::atomic<int> wrong = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&] {
        for (int i = 0; i < 400; ++i) {
          const auto& authorizer = *authorizers[static_cast<std::size_t>(i) % authorizers.size()];
          const auto grant = current(book, authorizer.signer(), authorizer, kStart);
          if (!grant || (*grant)->authorization != authorizer.signer() + "#1") ++wrong;
        }
      });
  }
  CHECK(wrong == 0);
}

TEST_CASE("grants: however calls and clock go, none is signed within 20 minutes of the last", "[resolve][grants]") {
  const unsigned seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  GrantBook book;
  const FakeAuthorizer authorizer;
  WallTime now = kStart, last{};
  std::shared_ptr<const Grant> held;
  for (int i = 0; i < 5000; ++i) {
    now += seconds(random() % 600);
    const int before = authorizer.signed_so_far();
    const bool refused = held != nullptr && random() % 4 == 0;
    const auto got = refused ? refresh(book, "k", authorizer, *held, now) : current(book, "k", authorizer, now);
    if (got) held = *got;
    if (got) REQUIRE(now < held->expires_at);
    if (authorizer.signed_so_far() == before) continue;
    REQUIRE(authorizer.signed_so_far() == before + 1);
    REQUIRE(now - last >= minutes(20));
    last = now;
  }
}

TEST_CASE("grants: an authorizer that throws refuses, and its signer is not locked for ever", "[resolve][grants]") {
  GrantBook book;
  FakeAuthorizer authorizer;
  const WallTime now = wall_from_ms(1'795'225'887'405);
  authorizer.throws = true;
  for (int i = 0; i < 2; ++i) {
    const auto refused = current(book, "k", authorizer, now);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::Malformed);
    CHECK(refused.error().detail.find("near") == std::string::npos);
  }
  authorizer.throws = false;
  const auto grant = current(book, "k", authorizer, now);
  REQUIRE(grant);
  authorizer.throws = true;
  const WallTime later = now + std::chrono::minutes(30);
  CHECK(refresh(book, "k", authorizer, **grant, later).error().code == Errc::Malformed);
  CHECK(current(book, "k", authorizer, later));  // still holds
}

TEST_CASE("grants: of more signers than are kept the least recently used goes", "[resolve][grants]") {
  GrantBook book({.signers_max = 3});
  FakeAuthorizer authorizer;
  const WallTime now = wall_from_ms(1'795'225'887'405);
  for (const char* key : {"a", "b", "c", "a", "d"}) REQUIRE(current(book, key, authorizer, now));
  CHECK(authorizer.signed_so_far() == 4);
  for (const char* key : {"a", "c", "d"}) REQUIRE(current(book, key, authorizer, now));
  CHECK(authorizer.signed_so_far() == 4);
  REQUIRE(current(book, "b", authorizer, now));
  CHECK(authorizer.signed_so_far() == 5);
}

}  // namespace
}  // namespace nightpost::resolve
