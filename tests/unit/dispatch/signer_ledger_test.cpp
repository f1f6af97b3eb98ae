// What shards share of a signer; with threads, so that TSan sees it.
#include "dispatch/signer_ledger.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>
#include <vector>

#include "dispatch/signer_pace.h"
#include "times.h"

using namespace nightpost;
using namespace nightpost::dispatch;
using State = SignerHealth::State;

namespace {

/// Each on a thread of its own.
template <class Work>
void together(int threads, Work work) {
  std::vector<std::jthread> all;
  for (int i = 0; i < threads; ++i) all.emplace_back([work, i] { work(i); });
}

}  // namespace

TEST_CASE("ledger: one signer for one key, as long as anybody holds it", "[dispatch][ledger]") {
  SignerLedger ledger;
  const auto one = ledger.open("https://a team", Vendor::Apns);
  CHECK(ledger.open("https://a team", Vendor::Apns) == one);
  auto other = ledger.open("https://b team", Vendor::Fcm);
  CHECK(other != one);
  other->fall(State::Silent, kNow, {});
  CHECK(ledger.count()[std::size_t(Vendor::Apns)] == std::array<std::size_t, 3>{1, 0, 0});
  CHECK(ledger.count()[std::size_t(Vendor::Fcm)] == std::array<std::size_t, 3>{0, 1, 0});
  other.reset();
  CHECK(ledger.count()[std::size_t(Vendor::Fcm)] == std::array<std::size_t, 3>{});
  CHECK(ledger.open("https://b team", Vendor::Fcm)->is_healthy());  // anew
}

TEST_CASE("ledger: pauses only grow, and each asks for few", "[dispatch][ledger]") {
  SharedSigner signer;
  const auto epoch = signer.epoch();
  signer.pause_until(kNow + seconds(5));
  signer.pause_until(kNow + seconds(3));
  CHECK(signer.paused_until() == kNow + seconds(5));
  CHECK(signer.epoch() == epoch + 1);
}

TEST_CASE("ledger: kinds of message rest, each for itself", "[dispatch][ledger]") {
  SharedSigner signer;
  Options options;
  options.class_rests_max = 2;
  CHECK_FALSE(signer.any_class_rests(kNow));
  CHECK(signer.rest_class("a", kNow + seconds(9), kNow, options));
  CHECK(signer.any_class_rests(kNow));
  CHECK(signer.class_rests_until("a", kNow) == kNow + seconds(9));
  CHECK(signer.class_rests_until("b", kNow) == std::nullopt);
  SECTION("and only grow") {
    CHECK_FALSE(signer.rest_class("a", kNow + seconds(5), kNow, options));
    CHECK(signer.class_rests_until("a", kNow) == kNow + seconds(9));
    CHECK_FALSE(signer.rest_class("a", kNow + seconds(12), kNow, options));
    CHECK(signer.class_rests_until("a", kNow) == kNow + seconds(12));
    CHECK(signer.any_class_rests(kNow + seconds(11)));
  }
  SECTION("until they are over") {
    CHECK(signer.class_rests_until("a", kNow + seconds(9)) == std::nullopt);
    CHECK_FALSE(signer.any_class_rests(kNow + seconds(9)));
    CHECK(signer.rest_class("a", kNow + seconds(20), kNow + seconds(9), options));
  }
  SECTION("of too many the first to end gives way") {
    CHECK(signer.rest_class("b", kNow + seconds(4), kNow, options));
    CHECK(signer.rest_class("c", kNow + seconds(7), kNow, options));
    CHECK(signer.class_rests_until("a", kNow));
    CHECK_FALSE(signer.class_rests_until("b", kNow));
    CHECK(signer.class_rests_until("c", kNow));
    // What is over makes room by itself.
    CHECK(signer.rest_class("d", kNow + seconds(30), kNow + seconds(8), options));
    CHECK(signer.class_rests_until("a", kNow + seconds(8)));
  }
}

TEST_CASE("ledger: tokens in doubt belong to one version of a certificate", "[dispatch][ledger]") {
  SignerLedger ledger;
  Certificate certificate{.id = {1}};
  auto first = ledger.suspects_of(certificate, {});
  CHECK(ledger.suspects_of(certificate, {}) == first);
  first->doubt("a", kNow, kNow);
  certificate.version = 2;
  const auto second = ledger.suspects_of(certificate, {});
  CHECK(second != first);
  CHECK(second->size() == 0);
  CHECK(ledger.suspects() == 1);
  first.reset();
  CHECK(ledger.suspects() == 0);
}

TEST_CASE("ledger: held removals belong to one version of a certificate, and are not forgotten untold",
          "[dispatch][ledger]") {
  SignerLedger ledger;
  Options options;
  options.mass_removal_window = 2;
  Certificate certificate{.id = {1}, .version = 1};
  auto first = ledger.removals_of(certificate, options);
  CHECK(ledger.removals_of(certificate, options) == first);
  CHECK(ledger.held_removals(kNow).empty());
  CHECK(first->count(RemovalBook::Heard::Answers, {.dead = 2}, kNow) == RemovalGuard::Change::Held);
  first->keep({.app = {7}, .user_id = "ann", .device_id = "phone"}, RemovalBook::Heard::Answers, "gone", {});
  certificate.version = 2;
  CHECK_FALSE(ledger.removals_of(certificate, options)->holds(kNow));
  REQUIRE(ledger.held_removals(kNow).size() == 1);
  const MonoTime later = kNow + options.mass_removal_period;
  const RemovalBook* const told = first.get();
  first.reset();
  for (std::int64_t id = 2; id < 200; ++id) ledger.removals_of({.id = {id}}, options);  // sweeps
  REQUIRE(ledger.held_removals(later).size() == 1);
  CHECK(ledger.held_removals(later)[0].get() == told);
  CHECK(ledger.held_removals(later)[0]->take().kept.size() == 1);
  CHECK(ledger.held_removals(later).empty());
}

TEST_CASE("ledger: how a certificate stands is told of its latest version, as the worst of the shards",
          "[dispatch][ledger]") {
  using Shown = BreakerGauge::State;
  SignerLedger ledger;
  CHECK(ledger.standings(kNow).empty());
  const auto signer = ledger.open("https://a team", Vendor::Apns);
  Certificate certificate{.id = {3}, .vendor = Vendor::Apns};
  const Certificate other{.id = {7}, .vendor = Vendor::Fcm};
  Breaker open, probing;
  open.trip(false, kNow, seconds(60), seconds(60));
  probing.trip(false, kNow - seconds(5), seconds(5), seconds(60));
  REQUIRE(probing.sent(kNow));

  const auto here = ledger.breaker_of(certificate, signer);
  auto there = ledger.breaker_of(certificate, signer);
  const auto alone = ledger.breaker_of(other, ledger.open("https://b", Vendor::Fcm));  // nobody holds that signer
  REQUIRE(ledger.standings(kNow).size() == 2);
  CHECK(ledger.standings(kNow)[0].certificate == CertificateId{3});
  CHECK(ledger.standings(kNow)[0].breaker == Shown::Closed);
  CHECK(ledger.standings(kNow)[1].vendor == Vendor::Fcm);
  CHECK(ledger.standings(kNow)[1].paused == milliseconds(0));

  here->set(probing);
  CHECK(ledger.standings(kNow)[0].breaker == Shown::HalfOpen);
  there->set(open);
  CHECK(ledger.standings(kNow)[0].breaker == Shown::Open);
  CHECK(ledger.standings(kNow)[1].breaker == Shown::Closed);
  signer->pause_until(kNow + seconds(30));
  CHECK(ledger.standings(kNow)[0].paused == seconds(30));
  CHECK(ledger.standings(kNow + seconds(30))[0].paused == milliseconds(0));
  there.reset();
  CHECK(ledger.standings(kNow)[0].breaker == Shown::HalfOpen);

  certificate.version = 2;  // edited: what the old one met is over
  auto edited = ledger.breaker_of(certificate, signer);
  REQUIRE(ledger.standings(kNow).size() == 2);
  CHECK(ledger.standings(kNow)[0].breaker == Shown::Closed);
  here->set(open);
  CHECK(ledger.standings(kNow)[0].breaker == Shown::Closed);
  edited.reset();
  CHECK(ledger.standings(kNow)[0].breaker == Shown::Open);
}

TEST_CASE("ledger: a quota is leased in parts, and no more than it", "[dispatch][ledger]") {
  struct Row {
    std::size_t quota, part;
  };
  const auto row = GENERATE(values<Row>({{1, 1}, {3, 1}, {255, 1}, {512, 2}, {600'000, 2'343}}));
  SharedSigner signer;
  CHECK_FALSE(signer.in_period(kNow));
  std::size_t all = 0;
  for (;;) {
    const auto lease = signer.lease(row.quota, kNow + seconds(1));
    CHECK(lease.ends == kNow + seconds(61));
    if (lease.requests == 0) break;
    CHECK(lease.requests <= row.part);
    all += lease.requests;
  }
  CHECK(all == row.quota);
  CHECK(signer.in_period(kNow + seconds(60)));
  CHECK_FALSE(signer.in_period(kNow + seconds(61)));
  CHECK(signer.lease(row.quota, kNow + seconds(61)).requests > 0);
}

TEST_CASE("ledger: what one shard meets binds the others", "[dispatch][ledger]") {
  Options options;
  options.credential_in_flight_first = 4;
  const auto shared = std::make_shared<SharedSigner>();
  SignerPace one(options, shared), two(options, shared);
  SECTION("a pause, and few after it") {
    const Answer full{.verdict = Verdict::Throttled, .scope = Scope::Credential};
    one.throttle(full, kNow + seconds(7), 1, kNow, kNow);
    CHECK(two.paused_until() == kNow + seconds(7));
    CHECK(two.allowed() == SignerPace::kUnbounded);
    two.catch_up(kNow);
    CHECK(two.allowed() == 4);
    one.throttle(full, {}, 1, kNow + seconds(8), kNow + seconds(8));
    two.catch_up(kNow);
    CHECK(two.allowed() == 1);
    two.proven(true);
    CHECK(shared->complaints() == 0);
  }
  SECTION("a quota") {
    CHECK_FALSE(one.quota_spent_until(2, kNow));
    CHECK_FALSE(two.quota_spent_until(2, kNow));
    one.sent(kNow);
    two.sent(kNow);
    CHECK(one.quota_spent_until(2, kNow) == kNow + std::chrono::minutes(1));
    CHECK(two.quota_spent_until(2, kNow) == kNow + std::chrono::minutes(1));
    CHECK_FALSE(two.quota_spent_until(2, kNow + std::chrono::minutes(1)));
  }
  SECTION("failures: of all, one probe for all, and all begin with few") {
    for (int i = 1; i < options.failures_max; ++i) CHECK_FALSE(one.failed(true, kNow + milliseconds(i)));
    CHECK(one.failed(true, kNow + seconds(1)) == options.probe_first);
    CHECK(two.state() == State::Failing);
    const MonoTime later = kNow + seconds(3);
    const auto probe = two.begin_probe(later);
    REQUIRE(probe != 0);
    CHECK(one.begin_probe(later) == 0);
    CHECK(one.retry_at(later));
    CHECK(two.good(later));
    CHECK(one.is_healthy());
    one.catch_up(later);
    CHECK(one.allowed() == 4);
    CHECK(two.allowed() == 4);
  }
  SECTION("not the failures of one connection, while another shard fares better") {
    for (int i = 0; i < 10 * options.failures_max; ++i) {
      const MonoTime now = kNow + milliseconds(150 * i);
      two.good(now);
      CHECK_FALSE(one.failed(false, now));
    }
    CHECK(one.is_healthy());
  }
  SECTION("nor the silence of one connection, while another shard hears something") {
    one.sent(kNow);
    for (int i = 1; i < 20; ++i) {
      two.heard(kNow + seconds(i));
      CHECK_FALSE(one.look(kNow + seconds(i)).fell);
    }
    CHECK(one.is_healthy());
  }
}

TEST_CASE("ledger: threads lease no more than there is, and one of them probes", "[dispatch][ledger][threaded]") {
  SignerLedger ledger;
  constexpr std::size_t kQuota = 20'000;
  std::atomic<std::size_t> leased{0};
  std::atomic<int> fell{0}, recovered{0}, probing{0}, most{0};
  const Options options;
  const auto held = ledger.open("key 0", Vendor::Apns);  // so that its minute is one
  together(4, [&](int thread) {
    for (int round = 0; round < 200; ++round) {
      const auto signer = ledger.open("key " + std::to_string(round % 3), Vendor::Apns);
      const MonoTime now = kNow + milliseconds(round);
      signer->heard(now);
      signer->good(now);
      signer->pause_until(now + milliseconds(thread));
      signer->add_complaint();
      signer->forget_complaints();
      if (round % 3 == 0) leased += signer->lease(kQuota, kNow).requests;
      ledger.count();
    }
  });
  CHECK(leased <= kQuota);
  const auto signer = ledger.open("probed", Vendor::Apns);
  together(4, [&](int) {
    MonoTime now = kNow;
    for (int round = 0; round < 500; ++round) {
      now += seconds(40);
      if (signer->fall(State::Silent, now, options)) ++fell;
      if (const auto probe = signer->begin_probe(now + seconds(40)); probe != 0) {
        const int here = ++probing;
        for (int seen = most; here > seen && !most.compare_exchange_weak(seen, here);) {
        }
        --probing;
        if (round % 3 != 0)
          signer->probe_ended(probe, round % 2 == 0, now, options);
        else if (signer->recover())
          ++recovered;
      }
    }
  });
  CHECK(most <= 1);
  CHECK(fell >= 1);
  CHECK(recovered <= fell);
}
