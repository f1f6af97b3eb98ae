// Whose removals are held, which, and what ops say to it; with threads, so that TSan sees it.
#include "dispatch/removal_book.h"

#include <catch2/catch.hpp>
#include <string>
#include <thread>
#include <vector>

using namespace nightpost;
using namespace nightpost::dispatch;

namespace {

using Change = RemovalGuard::Change;
constexpr auto kAnswers = RemovalBook::Heard::Answers;
constexpr auto kReceipts = RemovalBook::Heard::Receipts;

struct Shelf {
  Options options;
  MonoTime now = MonoTime(std::chrono::hours(1));
  RemovalBook book;
  explicit Shelf(std::size_t kept_max = 3) : options(limited(kept_max)), book({.id = {7}, .version = 4}, options) {}
  static Options limited(std::size_t kept_max) {
    Options options;
    options.mass_removal_window = 10;
    options.removals_kept_max = kept_max;
    return options;
  }
  Change count(RemovalBook::Heard where, RemovalGuard::Said said) { return book.count(where, said, now); }
  void keep(const std::string& user, RemovalBook::Heard where = kAnswers) {
    book.keep({.app = {1}, .user_id = user, .device_id = "phone"}, where, "code of " + user, wall_from_ms(5));
  }
  static std::string users(const RemovalBook::News& news) {
    std::string all;
    for (const HeldRemoval& each : news.kept) all += each.user_id;
    return all;
  }
};

}  // namespace

TEST_CASE("removal book: either guard holds for both, and only it lets go", "[dispatch][removal]") {
  Shelf f;
  const auto [one, other] = GENERATE(std::pair(kAnswers, kReceipts), std::pair(kReceipts, kAnswers));
  CHECK(f.count(one, {.dead = 10}) == Change::Held);
  CHECK(f.book.holds(f.now));
  CHECK(f.count(other, {.live = 1'000}) == Change::None);  // the same pushes, heard of elsewhere
  CHECK(f.book.holds(f.now));
  SECTION("released by its own") {
    CHECK(f.count(one, {.live = 2}) == Change::Released);
    CHECK_FALSE(f.book.holds(f.now));
    CHECK(f.book.take().released);
  }
  SECTION("not while the other holds, too") {
    CHECK(f.count(other, {.dead = 10}) == Change::Held);
    CHECK(f.count(one, {.live = 2}) == Change::Released);
    CHECK(f.book.holds(f.now));
    CHECK_FALSE(f.book.take().released);
    CHECK(f.count(other, {.live = 2}) == Change::Released);
    CHECK_FALSE(f.book.holds(f.now));
    CHECK(f.book.take().released);
  }
  SECTION("or by time, and then nothing is said to be alive") {
    f.now += f.options.mass_removal_period;
    CHECK_FALSE(f.book.holds(f.now));
    CHECK(f.book.take().empty());
  }
}

TEST_CASE("removal book: deliveries do not hide what answers call dead, nor the other way", "[dispatch][removal]") {
  Shelf f;
  const auto [dying, living] = GENERATE(std::pair(kAnswers, kReceipts), std::pair(kReceipts, kAnswers));
  for (int i = 0; i < 9; ++i) {
    CHECK(f.count(dying, {.dead = 1}) == Change::None);
    CHECK(f.count(living, {.live = 10}) == Change::None);
  }
  CHECK(f.count(dying, {.dead = 1}) == Change::Held);
}

TEST_CASE("removal book: what is held is told once, bounded", "[dispatch][removal]") {
  Shelf f(3);
  CHECK(f.book.certificate() == CertificateId{7});
  CHECK(f.book.version() == 4);
  CHECK(f.book.is_told());
  for (const char* user : {"a", "b", "c", "d", "e"}) f.keep(user, kReceipts);
  CHECK_FALSE(f.book.is_told());
  RemovalBook::News news = f.book.take();
  CHECK(f.users(news) == "abc");
  CHECK(news.unkept == 2);
  CHECK(news.where == kReceipts);
  CHECK(news.code == "code of e");
  CHECK(news.last == wall_from_ms(5));
  CHECK_FALSE(news.released);
  CHECK(f.book.is_told());
  CHECK(f.book.take().empty());

  SECTION("put back: before what came since, as far as there is room") {
    f.keep("x");
    f.book.put_back(std::move(news));
    news = f.book.take();
    CHECK(f.users(news) == "abx");
    CHECK(news.unkept == 3);
    CHECK(news.code == "code of x");
  }
  SECTION("put back: nothing came since") {
    f.book.put_back(std::move(news));
    CHECK_FALSE(f.book.is_told());
    CHECK(f.book.take().code == "code of e");
  }
  SECTION("put back: it is over meanwhile") {
    REQUIRE(f.count(kAnswers, {.dead = 10}) == Change::Held);
    REQUIRE(f.count(kAnswers, {.live = 2}) == Change::Released);
    f.book.put_back(std::move(news));
    CHECK(f.book.take().kept.empty());
  }
  SECTION("put back: nothing") {
    f.book.put_back({});
    CHECK(f.book.is_told());
  }
}

TEST_CASE("removal book: what was held before it let go is forgotten, what is held after it is not",
          "[dispatch][removal]") {
  Shelf f;
  REQUIRE(f.count(kAnswers, {.dead = 10}) == Change::Held);
  f.keep("a");
  REQUIRE(f.count(kAnswers, {.live = 2}) == Change::Released);
  f.keep("b");
  const RemovalBook::News news = f.book.take();
  CHECK(news.released);
  CHECK(f.users(news) == "b");
}

TEST_CASE("removal book: ops' word ends a hold and keeps others from beginning, until it ends itself",
          "[dispatch][removal]") {
  Shelf f;
  const auto where = GENERATE(kAnswers, kReceipts);
  REQUIRE(f.count(where, {.dead = 10}) == Change::Held);
  f.book.approve(f.now + seconds(60));
  CHECK_FALSE(f.book.holds(f.now));
  CHECK(f.count(where, {.dead = 1'000}) == Change::None);
  CHECK_FALSE(f.book.holds(f.now));
  CHECK(f.book.take().empty());
  f.now += seconds(60);
  CHECK_FALSE(f.book.holds(f.now));
  CHECK(f.count(where, {.dead = 9}) == Change::None);  // it begins anew
  CHECK(f.count(where, {.dead = 1}) == Change::Held);
  CHECK(f.book.holds(f.now));
}

TEST_CASE("removal book: shards, receipts and a keeper at once", "[dispatch][removal][threaded]") {
  Shelf f(1'000'000);
  constexpr int kRounds = 2'000;
  std::size_t told = 0;
  {
    std::vector<std::jthread> all;
    for (const auto where : {kAnswers, kAnswers, kReceipts})
      all.emplace_back([&, where] {
        for (int i = 0; i < kRounds; ++i) {
          f.book.count(where, {.live = std::uint32_t(i % 2), .dead = 1}, f.now);
          if (i % 3 == 0) f.book.count(where, {.live = 1}, f.now);
          f.book.holds(f.now);
          f.keep("u", where);
        }
      });
    all.emplace_back([&] {
      for (int i = 0; i < kRounds; ++i) {
        RemovalBook::News news = f.book.take();
        if (i % 2 == 0)
          f.book.put_back(std::move(news));
        else
          told += news.kept.size();
        if (i % 500 == 0) f.book.approve(f.now);
      }
    });
  }
  told += f.book.take().kept.size();
  CHECK(told <= 3 * std::size_t(kRounds));  // fewer where a guard let go in between
  CHECK(f.book.is_told());
}
