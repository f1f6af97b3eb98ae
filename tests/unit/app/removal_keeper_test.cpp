// What is held reaches the store, and ops' word reaches who holds it.
#include "app/removal_keeper.h"

#include <catch2/catch.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "store/connection.h"
#include "unit/app/receipt_fakes.h"
#include "unit/store/temp_store.h"

namespace nightpost::app {
namespace {

using dispatch::RemovalBook;
using store::a_phone;
using store::TempStore;
constexpr auto kAnswers = RemovalBook::Heard::Answers;

/// A certificate with phones, of which a guard holds some.
struct Kept {
  TempStore temp;
  std::unique_ptr<store::Store> store = temp.open();
  ManualClock clock;
  std::ostringstream lines;
  observe::Log log{observe::Level::Debug, 1'000, lines, clock};
  dispatch::SignerLedger ledger;
  dispatch::Options options;
  RemovalKeeperMetrics metrics;
  Certificate certificate = store->add_certificate(store::a_certificate()).value();
  std::unique_ptr<RemovalKeeper> keeper;
  std::shared_ptr<RemovalBook> book;

  explicit Kept(std::size_t kept_max = 100) {
    options.mass_removal_window = 2;
    options.removals_kept_max = kept_max;
    keeper = std::make_unique<RemovalKeeper>(
        temp.open({.busy_timeout = milliseconds(1)}), ledger,
        RemovalKeeperOptions{.worker = "w", .kept_max = kept_max, .kept_for = std::chrono::days(7), .commit_max = 2},
        clock, log, metrics);
    book = ledger.removals_of(certificate, options);
    for (const char* user : {"ann", "bob", "cid"}) REQUIRE(store->set_device(kApp, user, a_phone(user)));
  }
  void die(std::uint32_t count = 2) { book->count(kAnswers, {.dead = count}, clock.mono()); }
  void hold(const std::string& user) {
    book->keep(held_removal_of(kApp, user, a_phone(user)), kAnswers, "Unregistered", clock.wall());
  }
  std::vector<store::RemovalHold> holds() { return store->removal_holds(std::nullopt).value(); }
  std::size_t devices() { return store->devices(kApp, std::nullopt, 10)->size(); }
};

TEST_CASE("removal keeper: writes what is held, and asks nothing while nothing is", "[app][removals]") {
  Kept f;
  f.keeper->look();
  CHECK(f.holds().empty());
  f.die();
  f.keeper->look();
  CHECK(f.holds().empty());  // it holds, and has held nobody yet
  f.hold("ann");
  f.hold("bob");
  f.keeper->look();
  f.keeper->look();
  const auto holds = f.holds();
  REQUIRE(holds.size() == 1);
  CHECK(holds[0].certificate == f.certificate.id);
  CHECK(holds[0].worker == "w");
  CHECK(holds[0].heard == "answers");
  CHECK(holds[0].code == "Unregistered");
  CHECK(holds[0].since == f.clock.wall());
  CHECK(holds[0].kept == 2);
  CHECK(f.metrics.kept.read() == 2);
  CHECK(f.devices() == 3);
  f.clock.mono_now += f.options.mass_removal_period;
  f.keeper->look();
  CHECK(f.holds().size() == 1);  // over by time, undecided
}

TEST_CASE("removal keeper: ops' word removes what is held, here and in the store, and ends the hold",
          "[app][removals]") {
  Kept f;
  f.die();
  f.hold("ann");
  f.keeper->look();
  f.hold("bob");
  f.hold("cid");
  SECTION("said in time") { REQUIRE(f.store->approve_removals(f.certificate.id, f.clock.wall() + seconds(60))); }
  SECTION("over since") {
    REQUIRE(f.store->approve_removals(f.certificate.id, f.clock.wall()));
    f.keeper->look();
    CHECK(f.devices() == 3);
    CHECK(f.book->holds(f.clock.mono()));
    return;
  }
  SECTION("of another certificate") {
    const auto other = f.store->add_certificate(store::a_certificate("other"));
    REQUIRE(f.store->approve_removals(other->id, f.clock.wall() + seconds(60)));
    f.keeper->look();
    CHECK(f.devices() == 3);
    return;
  }
  f.keeper->look();
  CHECK(f.devices() == 0);
  CHECK(f.holds().empty());
  CHECK(f.metrics.removed.read() == 3);
  CHECK_FALSE(f.book->holds(f.clock.mono()));
  CHECK(f.lines.str().contains("worker.token_removals_approved"));
  f.die(1'000);
  CHECK_FALSE(f.book->holds(f.clock.mono()));
  f.clock.mono_now += seconds(60);
  f.clock.wall_now += seconds(60);
  f.die();
  CHECK(f.book->holds(f.clock.mono()));
}

TEST_CASE("removal keeper: once enough live, what was kept is forgotten and nobody removed", "[app][removals]") {
  Kept f;
  f.die();
  f.hold("ann");
  f.keeper->look();
  f.hold("bob");
  f.book->count(kAnswers, {.live = 1}, f.clock.mono());
  f.hold("cid");  // of a reply that was judged before
  f.keeper->look();
  REQUIRE(f.holds().size() == 1);
  CHECK(f.holds()[0].kept == 1);
  CHECK(f.devices() == 3);
}

TEST_CASE("removal keeper: an edit of the certificate forgets what its version before held", "[app][removals]") {
  Kept f;
  f.die();
  f.hold("ann");
  REQUIRE(f.store->set_certificate_status(f.certificate.id, CertificateStatus::Active));
  f.keeper->look();
  CHECK(f.holds().empty());
  REQUIRE(f.store->approve_removals(f.certificate.id, f.clock.wall() + seconds(60)));  // of the new version
  f.hold("bob");
  f.keeper->look();
  CHECK(f.devices() == 3);
  CHECK(f.book->holds(f.clock.mono()));
}

TEST_CASE("removal keeper: what the store does not take is told again, and said once", "[app][removals]") {
  Kept f(1);
  f.die();
  f.hold("ann");
  {
    auto writer = store::Connection::open(f.temp.path(), {});
    REQUIRE(writer);
    REQUIRE(writer->run("BEGIN IMMEDIATE", "lock"));
    f.keeper->look();
    f.keeper->look();
    CHECK(f.metrics.errors.read() == 2);
    f.hold("bob");
    REQUIRE(writer->run("ROLLBACK", "lock"));
  }
  f.keeper->look();
  REQUIRE(f.holds().size() == 1);
  CHECK(f.holds()[0].kept == 1);
  CHECK(f.holds()[0].unkept == 1);
  const std::string said = f.lines.str();
  CHECK(said.find("token_removals_not_kept") == said.rfind("token_removals_not_kept"));
}

TEST_CASE("removal keeper: what the process before held is undecided still", "[app][removals]") {
  Kept f;
  f.die();
  f.hold("ann");
  f.keeper->look();
  REQUIRE(f.holds().size() == 1);
  dispatch::SignerLedger ledger;
  RemovalKeeper next(f.temp.open(), ledger,
                     {.worker = "next", .kept_max = 100, .kept_for = std::chrono::days(7), .removals = f.options},
                     f.clock, f.log, f.metrics);
  SECTION("enough live: what was held is forgotten") {
    next.look_back();
    const auto book = ledger.removals_of(f.certificate, f.options);
    CHECK_FALSE(book->holds(f.clock.mono()));
    CHECK(book->count(kAnswers, {.live = 1}, f.clock.mono()) == dispatch::RemovalGuard::Change::Released);
    next.look();
    CHECK(f.holds().empty());
  }
  SECTION("the next dead token holds at once") {
    next.look_back();
    const auto book = ledger.removals_of(f.certificate, f.options);
    book->count(kAnswers, {.dead = 1}, f.clock.mono());
    CHECK(book->holds(f.clock.mono()));
    CHECK(f.holds().size() == 1);
  }
  SECTION("too long ago: forgotten") {
    f.clock.wall_now += std::chrono::days(8);
    next.look_back();
    CHECK(f.holds().empty());
    const auto book = ledger.removals_of(f.certificate, f.options);
    book->count(kAnswers, {.dead = 1}, f.clock.mono());
    CHECK_FALSE(book->holds(f.clock.mono()));
  }
  CHECK(f.devices() == 3);
}

TEST_CASE("removal keeper: its end writes what was held until then", "[app][removals]") {
  Kept f;
  f.keeper->start();
  f.die();
  f.hold("ann");
  f.keeper->stop();
  REQUIRE(f.holds().size() == 1);
  CHECK(f.holds()[0].kept == 1);
}

}  // namespace
}  // namespace nightpost::app
