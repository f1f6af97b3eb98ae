#include "dispatch/pacer_book.h"

#include <catch2/catch.hpp>

#include "support/fake_authorizer.h"
#include "support/fake_provider.h"
#include "times.h"

using namespace nightpost;
using namespace nightpost::dispatch;
using nightpost::testing::FakeProvider;

namespace {

/// Of a credential that names no signer; or of one that does.
Route route(std::uint64_t id, const char* signer = nullptr) {
  Route made{.id = id, .provider = std::make_shared<FakeProvider>()};
  if (signer != nullptr) made.authorizer = std::make_shared<testing::FakeAuthorizer>(signer);
  return made;
}

/// So that it can be told from a new one.
void mark(Pacer& pacer) {
  Pacer::Feedback feedback;
  pacer.count_answer(feedback, Answer{.verdict = Verdict::Accepted}, {}, nullptr, kNow);
}
void pause(Pacer& pacer, milliseconds time) {
  Pacer::Feedback feedback;
  const Answer full{.verdict = Verdict::Throttled, .retry_after = time, .scope = Scope::Credential};
  pacer.count_answer(feedback, full, {}, nullptr, kNow);
  pacer.conclude(feedback, Probe::None, 1, kNow, kNow);
}

Options with(std::size_t routes_max) {
  Options options;
  options.routes_max = routes_max;
  options.credential_in_flight_first = 2;
  return options;
}
}  // namespace

TEST_CASE("pacer book: the least recently used goes, one for each that comes", "[dispatch]") {
  const Options options = with(10);
  PacerBook book(options);
  for (std::uint64_t id = 1; id <= 10; ++id) mark(book.of(route(id), kNow));
  book.of(route(1), kNow);  // used again
  for (std::uint64_t id = 100; id < 109; ++id) book.of(route(id), kNow);
  CHECK(book.size() == 10);
  CHECK(book.of(route(1), kNow).allowed() == 4);
  CHECK(book.of(route(2), kNow).allowed() == 2);  // anew
}

TEST_CASE("pacer book: a signer stays as long as a route of it does, however many others come", "[dispatch]") {
  const Options options = with(2);
  PacerBook book(options);
  book.of(route(1, "team"), kNow);
  for (std::uint64_t id = 10; id < 20; ++id) {
    const std::string other = "other " + std::to_string(id);
    book.of(route(id, other.c_str()), kNow);
    book.of(route(1, "team"), kNow);  // in use all the while
  }
  pause(book.of(route(1, "team"), kNow), seconds(60));
  CHECK(book.of(route(2, "team"), kNow).paused_until() == kNow + seconds(60));  // its certificate was edited
}

TEST_CASE("pacer book: nothing goes that a request, a pause, a quota or an open breaker hangs on", "[dispatch]") {
  const Options options = with(4);
  PacerBook book(options);
  for (std::uint64_t id = 1; id <= 4; ++id) mark(book.of(route(id), kNow));
  Pacer& sent = book.of(route(1), kNow);
  sent.sent(kNow);
  pause(book.of(route(2), kNow), seconds(1));
  book.of(route(3), kNow).admit(Probe::None, 1, kNow);
  book.of(route(4), kNow).refuse(Probe::None, "bad", "", kNow);
  for (std::uint64_t id = 100; id < 1'100; ++id) book.of(route(id), kNow);
  CHECK(&book.of(route(1), kNow) == &sent);
  CHECK(book.of(route(2), kNow).paused_until() > kNow);
  CHECK_FALSE(book.of(route(3), kNow).is_idle(kNow));
  CHECK(book.of(route(4), kNow).refusal() == "bad");
  CHECK(book.size() <= 5);
  const MonoTime later = kNow + std::chrono::minutes(2);
  book.of(route(1), later).answered();
  for (std::uint64_t id = 2'000; id < 2'100; ++id) book.of(route(id), later);
  CHECK(book.of(route(4), later).refusal().empty());
}

TEST_CASE("pacer book: certificates of one signer share pauses and quota", "[dispatch][pacer]") {
  struct Row {
    const char* what;
    Route first, second;
    bool share;
  };
  Route elsewhere = route(2, "apns:team:key");
  elsewhere.provider = [] {
    struct Development final : Provider {
      std::string host = "https://development.example";
      Vendor vendor() const noexcept override { return Vendor::Apns; }
      const std::string& origin() const noexcept override { return host; }
      Result<std::vector<Planned>> build(const Notification&, std::span<const DeviceToken>,
                                         const Grant&) const override {
        return std::vector<Planned>();
      }
      std::vector<Answer> classify(std::uint8_t, std::span<const DeviceToken>, const HttpResponse&) const override {
        return {};
      }
      bool goodbye_names_credential(std::string_view) const noexcept override { return false; }
      bool well_formed(const DeviceToken&) const noexcept override { return true; }
    };
    return std::make_shared<Development>();
  }();
  const Row rows[] = {
      {"another topic of one key, or an edit of one", route(1, "apns:team:key"), route(2, "apns:team:key"), true},
      {"another key", route(1, "apns:team:key"), route(2, "apns:team:other"), false},
      {"another environment", route(1, "apns:team:key"), elsewhere, false},
      {"no signer", route(1, ""), route(2, ""), false},
      {"no authorizer", route(1), route(2), false},
      {"a signer, and none", route(1, "apns:team:key"), route(2), false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const Options options = with(10);
    PacerBook book(options);
    CHECK(book.of(row.first, kNow).admit(Probe::None, 1, kNow).may == Pacer::May::Go);
    book.of(row.first, kNow).sent(kNow);
    CHECK((book.of(row.second, kNow).admit(Probe::None, 1, kNow).may == Pacer::May::WaitForTime) == row.share);
    pause(book.of(row.first, kNow), seconds(9));
    CHECK((book.of(row.second, kNow).paused_until() == kNow + seconds(9)) == row.share);
  }
}

TEST_CASE("pacer book: but not a breaker, nor what a certificate has proven", "[dispatch][pacer]") {
  const Options options = with(10);
  PacerBook book(options);
  const Route one = route(1, "apns:team:key");
  const Route two = route(2, "apns:team:key");
  for (int i = 0; i < 4; ++i) mark(book.of(one, kNow));
  CHECK(book.of(one, kNow).allowed() == 32);
  CHECK(book.of(two, kNow).allowed() == 2);  // its bundle id may be wrong
  book.of(two, kNow).refuse(Probe::None, "TopicDisallowed", "", kNow);
  CHECK_FALSE(book.of(two, kNow).breaker_admits(kNow));
  CHECK(book.of(one, kNow).breaker_admits(kNow));
  CHECK(book.of(one, kNow).allowed() == 32);
}

TEST_CASE("pacer book: the ledger tells how a breaker stands, at each change", "[dispatch][pacer]") {
  using Shown = BreakerGauge::State;
  const Options options = with(10);
  SignerLedger ledger;
  PacerBook book(options, nullptr, &ledger);
  Route one = route(1, "apns:team:key");
  one.certificate.id = {3};
  Pacer& pacer = book.of(one, kNow);
  const auto shown = [&](MonoTime now) {
    const auto all = ledger.standings(now);
    REQUIRE(all.size() == 1);
    CHECK(all[0].certificate == CertificateId{3});
    return all[0].breaker;
  };
  CHECK(shown(kNow) == Shown::Closed);
  pacer.refuse(Probe::None, "InvalidProviderToken", "", kNow);
  CHECK(shown(kNow) == Shown::Open);
  const MonoTime later = kNow + options.breaker_first;
  CHECK(shown(later) == Shown::HalfOpen);
  const Probe lost = pacer.begin_probe(later);
  REQUIRE(lost != Probe::None);
  CHECK(shown(later) == Shown::HalfOpen);
  pacer.probe_lost(lost, later);
  CHECK(shown(later) == Shown::Open);
  const MonoTime again = later + options.breaker_first;
  const Probe good = pacer.begin_probe(again);
  REQUIRE(good != Probe::None);
  CHECK(pacer.content_stored(good, again).closed);
  CHECK(shown(again) == Shown::Closed);
  CHECK(ledger.standings(kNow)[0].paused == milliseconds(0));
  pause(pacer, seconds(1));
  CHECK(ledger.standings(kNow)[0].paused > milliseconds(0));
  CHECK(shown(kNow) == Shown::Closed);
}

TEST_CASE("pacer book: after a pause the few that try are the signer's", "[dispatch][pacer]") {
  const Options options = with(10);
  PacerBook book(options);
  const Route routes[] = {route(1, "s"), route(2, "s"), route(3, "s")};
  for (const Route& each : routes)
    for (int i = 0; i < 12; ++i) mark(book.of(each, kNow));
  pause(book.of(routes[0], kNow), seconds(1));
  const MonoTime later = kNow + seconds(1);
  std::size_t sent = 0;
  for (int round = 0; round < 5; ++round)
    for (const Route& each : routes) {
      Pacer& pacer = book.of(each, later);
      if (pacer.admit(Probe::None, 0, later).may != Pacer::May::Go) continue;
      pacer.sent(later);
      ++sent;
    }
  CHECK(sent == options.credential_in_flight_first);
  // Proofs by any of them let all go on.
  for (int i = 0; i < 20; ++i) mark(book.of(routes[2], later));
  for (const Route& each : routes) CHECK(book.of(each, later).room() > 1'000);
}

TEST_CASE("pacer book: a pause outlives the certificate that met it", "[dispatch][pacer]") {
  const Options options = with(2);
  PacerBook book(options);
  pause(book.of(route(1, "s"), kNow), seconds(30));
  for (std::uint64_t id = 10; id < 40; ++id) book.of(route(id), kNow);
  CHECK(book.of(route(2, "s"), kNow).paused_until() == kNow + seconds(30));
  const MonoTime later = kNow + seconds(31);
  CHECK(book.of(route(2, "s"), later).admit(Probe::None, 0, later).may == Pacer::May::Go);
}
