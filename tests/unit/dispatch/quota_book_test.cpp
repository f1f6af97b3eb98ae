// What is counted of a vendor's quotas, and what is known to be over.
#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "dispatch/quota_book.h"
#include "dispatch/signer_ledger.h"

using namespace nightpost;
using namespace nightpost::dispatch;
using std::chrono::hours;
using std::chrono::minutes;

namespace {

constexpr WallTime kNoon{milliseconds(1'795'233'600'000)};  // 2026-11-21, 12:00 in China
const Options kOptions;

Quota quota(Quota::Of of, Quota::Per per, std::uint32_t most, std::string name = "messages") {
  return {.name = std::move(name), .of = of, .per = per, .most = most};
}
const Quota kTwoADevice = quota(Quota::Of::Device, Quota::Per::Day, 2);
const Quota kThreeADay = quota(Quota::Of::App, Quota::Per::Day, 3);

/// Whether one message was counted.
bool takes(QuotaBook& book, const Quota& of, std::string_view token, WallTime now, Audience audience = Audience::Few,
           const Options& options = kOptions) {
  return !book.take(std::span(&of, 1), {.token = token, .audience = audience}, now, options);
}

}  // namespace

TEST_CASE("quota book: a device has its own count, a day in the vendor's day", "[dispatch][quota]") {
  QuotaBook book("signer");
  CHECK(takes(book, kTwoADevice, "a", kNoon));
  CHECK(takes(book, kTwoADevice, "a", kNoon));
  CHECK_FALSE(takes(book, kTwoADevice, "a", kNoon + hours(12) - milliseconds(1)));
  CHECK(takes(book, kTwoADevice, "b", kNoon));
  CHECK(takes(book, kTwoADevice, "a", kNoon + hours(12)));
  const auto spent = [&] {
    takes(book, kTwoADevice, "a", kNoon + hours(13));
    return book.take(std::span(&kTwoADevice, 1), {.token = "a"}, kNoon + hours(14), kOptions);
  }();
  REQUIRE(spent);
  CHECK(spent->quota == &kTwoADevice);
  CHECK(spent->most == 2);
  CHECK(spent->opens == kNoon + hours(36));
}

TEST_CASE("quota book: what is counted apart", "[dispatch][quota]") {
  QuotaBook book("signer");
  REQUIRE(takes(book, kTwoADevice, "a", kNoon));
  REQUIRE(takes(book, kTwoADevice, "a", kNoon));
  CHECK_FALSE(takes(book, kTwoADevice, "a", kNoon));
  SECTION("names") {
    CHECK(takes(book, quota(Quota::Of::Device, Quota::Per::Day, 2, "operation messages"), "a", kNoon));
  }
  SECTION("periods") { CHECK(takes(book, quota(Quota::Of::Device, Quota::Per::Hour, 2), "a", kNoon)); }
  SECTION("the app and its devices") { CHECK(takes(book, kThreeADay, "a", kNoon)); }
  SECTION("signers, though they share the table") {
    SignerLedger ledger;
    const auto one = ledger.quotas_of("one", Vendor::Oppo, kOptions),
               two = ledger.quotas_of("two", Vendor::Oppo, kOptions);
    CHECK(ledger.quotas_of("one", Vendor::Oppo, kOptions) == one);
    CHECK(takes(*one, kTwoADevice, "a", kNoon));
    CHECK(takes(*one, kTwoADevice, "a", kNoon));
    CHECK_FALSE(takes(*one, kTwoADevice, "a", kNoon));
    CHECK(takes(*two, kTwoADevice, "a", kNoon));
    CHECK(ledger.quota_devices(kNoon).counted == 2);
    CHECK(ledger.quota_devices(kNoon + hours(12)).counted == 0);
  }
}

TEST_CASE("quota book: all of a message's quotas or none", "[dispatch][quota]") {
  QuotaBook book;
  const std::array quotas = {kThreeADay, kTwoADevice};
  const auto take = [&](std::string_view token) { return book.take(quotas, {.token = token}, kNoon, kOptions); };
  CHECK_FALSE(take("a"));
  CHECK_FALSE(take("a"));
  const auto device = take("a");
  REQUIRE(device);
  CHECK(device->quota == &quotas[1]);
  CHECK_FALSE(take("b"));  // the third of the app's: the refused one was not counted
  const auto app = take("b");
  REQUIRE(app);
  CHECK(app->quota == &quotas[0]);
  REQUIRE(book.uses(kNoon).size() == 1);
  CHECK(book.uses(kNoon)[0].used == 3);
  CHECK(book.uses(kNoon)[0].most == 3);
  CHECK(book.uses(kNoon + hours(12)).empty());
}

TEST_CASE("quota book: what was not sent is given back, in its own period only", "[dispatch][quota]") {
  QuotaBook book;
  const std::array quotas = {kThreeADay, kTwoADevice};
  const auto take = [&](WallTime now) { return !book.take(quotas, {.token = "a"}, now, kOptions); };
  REQUIRE(take(kNoon));
  REQUIRE(take(kNoon));
  REQUIRE_FALSE(take(kNoon));
  book.give_back(quotas, {.token = "a"}, kNoon);
  CHECK(take(kNoon + hours(1)));
  CHECK_FALSE(take(kNoon + hours(1)));
  const WallTime tomorrow = kNoon + hours(12);
  REQUIRE(take(tomorrow));
  book.give_back(quotas, {.token = "a"}, kNoon);
  CHECK(take(tomorrow));
  CHECK_FALSE(take(tomorrow));
  book.give_back(quotas, {.token = "stranger"}, tomorrow);
  CHECK_FALSE(take(tomorrow));
}

TEST_CASE("quota book: what was counted in the period that runs is not counted again", "[dispatch][quota]") {
  QuotaBook book;
  const std::array quotas = {quota(Quota::Of::App, Quota::Per::Second, 9), kThreeADay, kTwoADevice};
  const QuotaBook::Message again{.token = "a", .counted_at = kNoon};
  REQUIRE_FALSE(book.take(quotas, {.token = "a"}, kNoon, kOptions));
  const WallTime later = kNoon + hours(1);
  for (int i = 0; i < 9; ++i) CHECK_FALSE(book.take(quotas, again, later, kOptions));
  CHECK(book.take(quotas, again, later, kOptions));  // another second, which has had its nine
  book.give_back(quotas, again, later);              // of the day and the device there is nothing to give back
  CHECK(book.uses(later).size() == 2);
  CHECK(takes(book, kTwoADevice, "a", later));
  CHECK_FALSE(takes(book, kTwoADevice, "a", later));
  CHECK_FALSE(book.take(quotas, again, kNoon + hours(12), kOptions));
  CHECK(takes(book, kTwoADevice, "a", kNoon + hours(12)));
  CHECK_FALSE(takes(book, kTwoADevice, "a", kNoon + hours(12)));
}

TEST_CASE("quota book: of an app's quota this process has its share, at least one; of a device's all",
          "[dispatch][quota]") {
  struct Row {
    double share;
    std::uint32_t most, ours;
  };
  const Row row = GENERATE(values<Row>({{1, 3, 3}, {0.5, 10, 5}, {0.5, 3, 1}, {0.01, 3, 1}, {0.25, 1, 1}}));
  CAPTURE(row.share, row.most);
  Options options;
  options.quota_share = row.share;
  QuotaBook book;
  const Quota of_app = quota(Quota::Of::App, Quota::Per::Day, row.most);
  for (std::uint32_t i = 0; i < row.ours; ++i) REQUIRE(takes(book, of_app, "a", kNoon, Audience::Few, options));
  const auto spent = book.take(std::span(&of_app, 1), {.token = "a"}, kNoon, options);
  REQUIRE(spent);
  CHECK(spent->most == row.ours);
  CHECK(takes(book, kTwoADevice, "a", kNoon, Audience::Few, options));
  CHECK(takes(book, kTwoADevice, "a", kNoon, Audience::Few, options));
}

TEST_CASE("quota book: bulk leaves of a second what others asked for lately, and takes the rest", "[dispatch][quota]") {
  const Quota rate = quota(Quota::Of::App, Quota::Per::Second, 100);
  QuotaBook book;
  const auto all_of = [&](Audience audience, WallTime now) {
    int taken = 0;
    while (takes(book, rate, "a", now, audience)) ++taken;
    return taken;
  };
  CHECK(all_of(Audience::Many, kNoon) == 95);  // a twentieth is left in any case
  for (int i = 0; i < 5; ++i) CHECK(takes(book, rate, "a", kNoon));
  CHECK_FALSE(takes(book, rate, "a", kNoon));

  const WallTime second = kNoon + seconds(1);  // six were asked for: twice that and a twentieth
  CHECK(all_of(Audience::Many, second) == 83);
  CHECK(all_of(Audience::Few, second) == 17);

  const WallTime third = kNoon + seconds(2);  // bulk keeps its share, however many others come
  for (int i = 0; i < 60; ++i) takes(book, rate, "a", third);
  const WallTime fourth = kNoon + seconds(3);
  CHECK(all_of(Audience::Many, fourth) == 20);
  CHECK(all_of(Audience::Few, fourth) == 80);

  CHECK(all_of(Audience::Many, kNoon + seconds(60)) == 95);  // what others asked for long ago counts no more
}

TEST_CASE("quota book: of a day's quota bulk leaves nothing, for nobody knows what the day brings",
          "[dispatch][quota]") {
  QuotaBook book;
  for (int i = 0; i < 3; ++i) CHECK(takes(book, kThreeADay, "a", kNoon, Audience::Many));
  CHECK_FALSE(takes(book, kThreeADay, "a", kNoon));
}

TEST_CASE("quota book: memory for devices is bounded, and who has had the most is remembered", "[dispatch][quota]") {
  constexpr std::size_t kRoom = 800;
  const auto devices = std::make_shared<DeviceCounts>(kRoom);
  CHECK(devices->counted(kNoon) == 0);
  QuotaBook book("signer", devices);
  const Quota five = quota(Quota::Of::Device, Quota::Per::Day, 5);
  for (int i = 0; i < 5; ++i) REQUIRE(takes(book, five, "heavy", kNoon));
  for (int i = 0; i < 20'000; ++i) takes(book, five, "t" + std::to_string(i), kNoon);
  CHECK(devices->counted(kNoon) <= devices->room());
  CHECK(devices->counted(kNoon) > kRoom * 9 / 10);
  CHECK_FALSE(takes(book, five, "heavy", kNoon));
  for (int i = 0; i < 20'000; ++i) takes(book, five, "t" + std::to_string(i), kNoon + hours(24));
  CHECK(takes(book, five, "heavy", kNoon + hours(24)));
}

TEST_CASE("quota book: a clock that goes back begins a period anew, and loses no room", "[dispatch][quota]") {
  QuotaBook book;
  for (const WallTime now : {kNoon, kNoon - hours(24), kNoon}) {
    CHECK(takes(book, kTwoADevice, "a", now));
    CHECK(takes(book, kTwoADevice, "a", now));
    CHECK_FALSE(takes(book, kTwoADevice, "a", now));
    CHECK(takes(book, kThreeADay, "a", now));
  }
}

TEST_CASE("quota book: a shard whose clock is a moment behind begins no period anew", "[dispatch][quota]") {
  for (const Quota& of : {quota(Quota::Of::App, Quota::Per::Second, 3), kThreeADay}) {
    CAPTURE(std::string(name_of(of.per)));
    QuotaBook book;
    const WallTime begins = kNoon + hours(12), behind = begins - milliseconds(1);
    CHECK(takes(book, of, "a", begins));
    CHECK(takes(book, of, "a", behind));
    CHECK(takes(book, of, "a", begins));
    CHECK_FALSE(takes(book, of, "a", behind));
    CHECK_FALSE(takes(book, of, "a", begins));
  }
}

TEST_CASE("quota book: the ledger sums what is used, and says what is left of the one that is fullest",
          "[dispatch][quota][ledger]") {
  SignerLedger ledger;
  const auto left = [&](Quota::Per per, WallTime now = kNoon) {
    return ledger.quotas(now)[std::size_t(Vendor::Vivo)][std::size_t(per)];
  };
  CHECK_FALSE(left(Quota::Per::Day).left);
  const auto one = ledger.quotas_of("one", Vendor::Vivo, kOptions);
  auto two = ledger.quotas_of("two", Vendor::Vivo, kOptions);
  const Quota ten = quota(Quota::Of::App, Quota::Per::Day, 10);
  takes(*one, kThreeADay, "a", kNoon);
  takes(*one, kThreeADay, "a", kNoon);
  takes(*two, ten, "a", kNoon);
  CHECK(left(Quota::Per::Day).used == 3);
  CHECK(left(Quota::Per::Day).left == 1u);
  CHECK_FALSE(left(Quota::Per::Minute).left);
  CHECK_FALSE(left(Quota::Per::Day, kNoon + hours(12)).left);
  two.reset();
  CHECK(left(Quota::Per::Day).used == 2);
}

TEST_CASE("quota book: threads take no more than there is", "[dispatch][quota][threaded]") {
  SignerLedger ledger;
  const Quota most = quota(Quota::Of::App, Quota::Per::Day, 1'000);
  const Quota each = quota(Quota::Of::Device, Quota::Per::Day, 50);
  std::atomic<int> of_app{0}, of_device{0};
  const auto held = ledger.quotas_of("signer", Vendor::Oppo, kOptions);
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      const auto book = ledger.quotas_of("signer", Vendor::Oppo, kOptions);
      for (int n = 0; n < 400; ++n) {
        of_app += takes(*book, most, "a", kNoon) ? 1 : 0;
        of_device += takes(*book, each, "one", kNoon) ? 1 : 0;
        ledger.quotas(kNoon);
        if (n % 50 == 0) ledger.quota_devices(kNoon);
      }
    });
  threads.clear();
  CHECK(of_app == 1'000);
  CHECK(of_device == 50);
}
