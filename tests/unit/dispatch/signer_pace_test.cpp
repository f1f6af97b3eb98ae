// What the certificates of one signer share; and, through the whole dispatcher, what they do not.
#include "dispatch/signer_pace.h"

#include <array>
#include <catch2/catch.hpp>
#include <random>

#include "dispatch/pacer.h"
#include "dispatch_fixture.h"
#include "times.h"

using namespace nightpost;
using namespace nightpost::dispatch;
using nightpost::testing::event_for;
using nightpost::testing::Fixture;

namespace {

struct Signing final : LocalAuthorizer {
  Result<GrantStep> begin(WallTime) const override { return Grant{}; }
  milliseconds age_min() const noexcept override { return milliseconds(0); }
  std::string signer() const override { return "apns:team:key"; }
};

Answer full(Scope scope) { return {.verdict = Verdict::Throttled, .scope = scope}; }

/// Two certificates of one signer, a user each.
struct TwoTopics : Fixture {
  TwoTopics() {
    for (const std::int64_t certificate : {1, 2}) {
      const std::string user = "u" + std::to_string(certificate);
      world.routes[certificate] = world.route(certificate, 6 + static_cast<std::uint64_t>(certificate));
      world.routes[certificate]->authorizer = std::make_shared<Signing>();
      world.add(user).devices.front().certificate = {certificate};
    }
  }
  std::size_t sent_to(const std::string& user) {
    const std::size_t before = world.sent.size();
    accept(event_for({user}));
    return world.sent.size() - before;
  }
};

}  // namespace

TEST_CASE("signer: unbounded until the vendor complains, few then, doubled by each proof", "[dispatch][signer]") {
  Options options;
  options.credential_in_flight_max = 20;
  SignerPace pace(options);
  CHECK(pace.allowed() == SignerPace::kUnbounded);
  pace.proven(true);
  CHECK(pace.allowed() == SignerPace::kUnbounded);
  SECTION("a pause") { CHECK(pace.throttle(full(Scope::Credential), {}, 1, kNow, kNow)); }
  SECTION("a connection") { CHECK_FALSE(pace.throttle(full(Scope::Connection), {}, 1, kNow, kNow)); }
  SECTION("a stale grant") {
    const Grant grant;
    pace.stale(&grant);
  }
  CHECK(pace.allowed() == 4);
  pace.proven(false);  // of a certificate whose breaker is not closed
  CHECK(pace.allowed() == 4);
  pace.proven(true);
  CHECK(pace.allowed() == 8);
  pace.proven(true);
  CHECK(pace.allowed() == 16);
  pace.proven(true);
  CHECK(pace.allowed() == SignerPace::kUnbounded);
}

TEST_CASE("signer: a quota counts what all of them send", "[dispatch][signer]") {
  Options options;
  SignerPace pace(options);
  CHECK_FALSE(pace.quota_spent_until(0, kNow));
  CHECK(pace.is_idle(kNow));
  CHECK_FALSE(pace.quota_spent_until(3, kNow));
  CHECK_FALSE(pace.is_idle(kNow));
  pace.sent(kNow);
  pace.answered();
  pace.reserve();
  CHECK_FALSE(pace.quota_spent_until(3, kNow));
  pace.reserve();
  CHECK(pace.quota_spent_until(3, kNow) == kNow + std::chrono::minutes(1));
  pace.unreserve();
  CHECK_FALSE(pace.quota_spent_until(3, kNow));
  pace.sent(kNow);
  CHECK(pace.quota_spent_until(3, kNow + seconds(59)) == kNow + std::chrono::minutes(1));
  CHECK_FALSE(pace.quota_spent_until(3, kNow + seconds(60)));
}

TEST_CASE("signer: a rate may be of a second", "[dispatch][signer]") {
  Options options;
  SignerPace pace(options);
  const RequestRate rate(2, seconds(1));
  for (int i = 0; i < 2; ++i) {
    CHECK_FALSE(pace.quota_spent_until(rate, kNow + milliseconds(i)));
    pace.sent(kNow + milliseconds(i));
    pace.answered();
  }
  CHECK(pace.quota_spent_until(rate, kNow + milliseconds(999)) == kNow + seconds(1));
  CHECK_FALSE(pace.quota_spent_until(rate, kNow + seconds(1)));
  CHECK(pace.is_idle(kNow + seconds(2)));
}

TEST_CASE("signer: is not forgotten while a period of its app's quotas runs", "[dispatch][signer][quota]") {
  Options options;
  SignerPace pace(options);
  constexpr WallTime kWallThen{milliseconds(1'795'225'887'405)};
  const Quota device{.name = "messages", .of = Quota::Of::Device, .per = Quota::Per::Day, .most = 1};
  CHECK_FALSE(pace.take(std::span(&device, 1), {.token = "t"}, {kNow, kWallThen}));
  CHECK(pace.is_idle(kNow));  // devices are counted elsewhere
  const Quota app{.name = "messages", .of = Quota::Of::App, .per = Quota::Per::Hour, .most = 1};
  CHECK_FALSE(pace.take(std::span(&app, 1), {.token = "t"}, {kNow, kWallThen}));
  CHECK(pace.take(std::span(&app, 1), {.token = "t"}, {kNow, kWallThen}));
  const milliseconds left = period_end(app, kWallThen) - kWallThen;
  CHECK_FALSE(pace.is_idle(kNow + left - milliseconds(1)));
  CHECK(pace.is_idle(kNow + left));
}

TEST_CASE("signer: one topic throttled, the other waits too", "[dispatch][signer]") {
  TwoTopics f;
  REQUIRE(f.sent_to("u1") == 1);
  f.world.answer(429, "Credential 20");
  CHECK(f.sent_to("u2") == 0);
  f.pass(seconds(19));
  CHECK(f.world.sent.size() == 1);
  f.pass(seconds(3));
  CHECK(f.world.sent.size() == 3);
}

TEST_CASE("signer: an edit of a certificate keeps the pause, not the breaker", "[dispatch][signer]") {
  TwoTopics f;
  REQUIRE(f.sent_to("u1") == 1);
  const auto edit = [&] {
    f.world.routes[1] = std::make_shared<Route>(*f.world.routes[1]);
    f.world.routes[1]->id += 100;
    f.world.routes[1]->certificate.name = "renamed";
  };
  SECTION("throttled") {
    f.world.answer(429, "Credential 20");
    edit();
    CHECK(f.sent_to("u1") == 0);
    f.pass(seconds(23));
    CHECK(f.world.sent.size() == 3);
  }
  SECTION("refused") {
    f.world.answer(403, "Forbidden");
    CHECK(f.sent_to("u1") == 0);
    edit();
    CHECK(f.sent_to("u1") == 1);
  }
}

TEST_CASE("signer: a refused topic does not stop the others", "[dispatch][signer]") {
  TwoTopics f;
  REQUIRE(f.sent_to("u1") == 1);
  f.world.answer(403, "TopicDisallowed");
  CHECK(f.sent_to("u1") == 0);
  CHECK(f.sent_to("u2") == 1);
}

TEST_CASE("signer: nor do one topic's dead tokens", "[dispatch][signer]") {
  TwoTopics f;
  for (std::size_t i = 0; i < f.options.mass_removal_window; ++i) {
    REQUIRE(f.sent_to("u1") == 1);
    f.world.answer(410, "Unregistered");
  }
  CHECK(f.world.outcomes.back()["rule"] == "removal_held");
  REQUIRE(f.sent_to("u2") == 1);
  f.world.answer(410, "Unregistered");
  CHECK(f.world.outcomes.back()["rule"] == "token_gone");  // it goes
}

/// Whichever certificate sends: never more at once than the signer may, nothing in its pauses, no more than its quota,
/// and nobody is stuck.
TEST_CASE("signer: property: bounded together, and never stuck", "[dispatch][signer]") {
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 rng(seed);
    const auto dice = [&](std::uint64_t sides) { return rng() % sides; };
    Options options;
    options.credential_in_flight_first = 1 + dice(5);
    options.credential_in_flight_max = 1 + dice(30);
    const auto signer = std::make_shared<SignerPace>(options);
    std::vector<Pacer> pacers;
    for (int i = 0; i < 3; ++i) pacers.emplace_back(options, signer);
    const std::size_t quota = dice(2) == 0 ? 0 : 1 + dice(40);
    struct Flight {
      std::size_t of;
      Probe probe;
      MonoTime sent_at;
    };
    std::vector<Flight> air;
    std::vector<MonoTime> sends;
    MonoTime now = kNow;
    for (int step = 0; step < 300; ++step) {
      now += milliseconds(dice(dice(8) == 0 ? 30'000 : 200));
      for (auto more = dice(10); more > 0; --more) {
        const std::size_t of = dice(3);
        if (pacers[of].admit(Probe::None, quota, now).may != Pacer::May::Go) continue;
        REQUIRE(now >= signer->paused_until());
        REQUIRE(air.size() < signer->allowed());
        const Probe probe = pacers[of].begin_probe(now);
        pacers[of].sent(now);
        air.push_back({of, probe, now});
        sends.push_back(now);
      }
      if (air.empty()) continue;
      const std::size_t which = dice(air.size());
      const Flight flight = air[which];
      air.erase(air.begin() + std::ptrdiff_t(which));
      Pacer& pacer = pacers[flight.of];
      pacer.answered();
      constexpr std::array kVerdicts = {Verdict::Accepted, Verdict::Accepted,  Verdict::Accepted,
                                        Verdict::Rejected, Verdict::Throttled, Verdict::Transient};
      Answer answer{.verdict = kVerdicts[dice(kVerdicts.size())], .scope = Scope::Credential};
      if (dice(3) == 0) answer.scope = Scope::Connection;
      if (dice(2) == 0) answer.retry_after = milliseconds(dice(20'000));
      const bool refused = dice(20) == 0;
      Pacer::Feedback feedback;
      const Next next{.what = refused ? Next::Do::TripBreaker : Next::Do::End};
      pacer.count_answer(feedback, answer, next, nullptr, now);
      pacer.conclude(feedback, flight.probe, dice(3), flight.sent_at, now);
    }
    // In any minute at most what two quota's minutes that it touches allow.
    if (quota > 0)
      for (std::size_t i = 0; i + 2 * quota < sends.size(); ++i)
        REQUIRE(sends[i + 2 * quota] - sends[i] >= std::chrono::minutes(1));
    for (const Flight& flight : air) {
      pacers[flight.of].answered();
      pacers[flight.of].probe_lost(flight.probe, now);
    }
    now += options.breaker_max + std::chrono::minutes(1);
    for (Pacer& pacer : pacers) REQUIRE(pacer.admit(Probe::None, quota, now).may == Pacer::May::Go);
    REQUIRE(signer->is_idle(now + std::chrono::minutes(1)));
  }
}

TEST_CASE("signer: silent is: in the air, and nothing heard for a while", "[dispatch][signer][health]") {
  Options options;
  SignerPace pace(options);
  CHECK_FALSE(pace.look(kNow).again);  // nothing is in the air
  pace.sent(kNow);
  CHECK(pace.arm(kNow) == kNow + options.silence);
  CHECK_FALSE(pace.arm(kNow + seconds(1)));
  MonoTime now = kNow + options.silence;
  SECTION("heard of meanwhile: looked at again when that is long ago") {
    pace.heard(kNow + seconds(2));
    const auto look = pace.look(now);
    CHECK_FALSE(look.fell);
    CHECK(look.again == kNow + seconds(2) + options.silence);
    CHECK(pace.is_healthy());
  }
  SECTION("answered meanwhile, and another one sent") {
    pace.answered();
    pace.sent(kNow + seconds(4));
    CHECK(pace.look(now).again == kNow + seconds(4) + options.silence);
  }
  SECTION("all answered: nobody looks, until there is another request") {
    pace.answered();
    CHECK_FALSE(pace.look(now).again);
    pace.sent(now);
    CHECK(pace.arm(now) == now + options.silence);
  }
  SECTION("silent at the second look") {
    auto look = pace.look(now);
    CHECK_FALSE(look.fell);
    REQUIRE(look.again);
    CHECK(*look.again > now);
    CHECK_FALSE(pace.look(now).again);  // a call that nobody waits for
    SECTION("unless the answers lay unread") {
      now = *look.again;
      pace.heard(now);
      CHECK_FALSE(pace.look(now).fell);
    }
    SECTION("once") {
      now = *look.again;
      look = pace.look(now);
      CHECK(look.fell == options.probe_first);
      CHECK(pace.state() == SignerHealth::State::Silent);
      now = *look.again;
      CHECK_FALSE(pace.look(now).fell);
    }
  }
  SECTION("a look that never came is asked for again") {
    CHECK_FALSE(pace.arm(now));
    CHECK(pace.arm(now + seconds(2)) == now + seconds(2) + options.silence);
  }
}

TEST_CASE("signer: as many in the air as are free beside it", "[dispatch][signer]") {
  struct Row {
    double alpha;
    std::size_t hanging, each, next;  // signers that hang; what each of them and the one after them may have
  };
  const auto row = GENERATE(values<Row>({
      {1, 0, 0, 500},
      {1, 1, 500, 250},
      {1, 3, 0, 0},
      {2, 1, 667, 222},
      {1e9, 1, 1'000, 0},
  }));
  CAPTURE(row.alpha, row.hanging);
  Options options;
  options.pushes_in_flight_max = 1'000;
  options.slots_alpha = row.alpha;
  Slots shard;
  std::vector<std::unique_ptr<SignerPace>> signers;
  const auto fill = [&] {
    SignerPace& one =
        *signers.emplace_back(std::make_unique<SignerPace>(options, std::make_shared<SharedSigner>(), &shard));
    std::size_t sent = 0;
    for (std::size_t room = one.room(); one.fits(); ++sent) {
      REQUIRE(one.room() <= room);
      one.sent(kNow);
      shard.take();
    }
    CHECK(one.room() == 0);
    return sent;
  };
  for (std::size_t i = 0; i < row.hanging; ++i) {
    const std::size_t sent = fill();
    if (row.each > 0) CHECK(sent == row.each);
  }
  const std::size_t sent = fill();
  if (row.next > 0 || row.alpha > 100) CHECK(sent == row.next);
  if (row.alpha == 1) {
    // All of them together leave their part: who comes next always finds a place.
    CHECK(fill() > 0);
    CHECK(signers.front()->room(1'000) == 0);
  }
}

TEST_CASE("signer: counts its pushes, and how fast those that wait go", "[dispatch][signer]") {
  Options options;
  SignerPace pace(options);
  CHECK(pace.expected_wait(Audience::Few, kNow) == milliseconds(0));
  pace.hold(Audience::Few);
  CHECK(pace.held() == 1);
  CHECK_FALSE(pace.is_idle(kNow));
  for (int i = 0; i < 100; ++i) pace.wait_began(Audience::Few, kNow);
  CHECK_FALSE(pace.expected_wait(Audience::Few, kNow));  // not known yet
  for (int i = 0; i < 50; ++i) pace.wait_ended(Audience::Few, true, kNow + seconds(1));
  CHECK(pace.waiting() == 50);
  CHECK(pace.expected_wait(Audience::Few, kNow + seconds(1)) == milliseconds(1'020));
  for (int i = 0; i < 49; ++i) pace.wait_ended(Audience::Few, false, kNow + seconds(1));  // over, not sent
  CHECK(pace.expected_wait(Audience::Few, kNow + seconds(1)) == milliseconds(40));
  CHECK(*pace.expected_wait(Audience::Few, kNow + seconds(9)) > seconds(1'000));
  pace.let_go(Audience::Few);
  CHECK(pace.is_idle(kNow));
  CHECK_FALSE(pace.is_active(kNow));
  pace.asked(kNow);
  CHECK(pace.is_active(kNow + seconds(4)));
  CHECK_FALSE(pace.is_active(kNow + seconds(5)));
}
