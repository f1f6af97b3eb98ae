// A shard's look-ups on a loop, against a real server that also goes away.
#include "app/postgres_source.h"

#include <catch2/catch.hpp>

#include "unit/store/temp_store.h"

namespace nightpost::app {
namespace {

using std::chrono::steady_clock;
using store::a_certificate;
using store::a_device;
using store::Kind;
using store::TempStore;
using support::PostgresClient;

/// A source on a loop; what the feed would tell it is told by hand.
struct SourceBed {
  explicit SourceBed(const std::string& url, milliseconds lookup_timeout = seconds(30), std::size_t named_max = 10,
                     std::size_t connections = 2)
      : remover(store::attach_postgres(url, nullptr), {}),
        source(loop,
               {.url = url,
                .store = {.busy_timeout = seconds(60), .changes_named_max = named_max},
                .lookup_timeout = lookup_timeout,
                .connections = connections},
               remover, monitor, [this] { ++answered; }) {
    take();
  }
  ~SourceBed() { remover.stop(); }

  void take(Changes changes = {}) { source.take({steady_clock::now(), std::move(changes), book, ""}); }
  void add(std::int64_t id) {
    auto next = std::make_shared<CertificateBook>(*book);
    next->entries.emplace(
        id, std::make_shared<const CertificateBook::Entry>(Certificate{.id = {id}, .app = store::kApp},
                                                           CertificateSecret{.bytes = "b", .password = ""}));
    next->apps.insert(store::kApp.value);
    book = std::move(next);
  }
  template <class Done>
  void turn_until(Done done) {
    const MonoTime limit = steady_clock::now() + seconds(60);
    loop.restart();
    while (!done()) {
      REQUIRE(steady_clock::now() < limit);
      loop.run_one_for(milliseconds(100));
    }
  }
  Result<std::vector<Receiver>> receivers(const std::vector<ReceiverKey>& keys) {
    std::optional<Result<std::vector<Receiver>>> out;
    source.receivers(keys, [&](auto found) { out = std::move(found); });
    turn_until([&] { return out.has_value(); });
    return *std::move(out);
  }

  boost::asio::io_context loop{1};
  CoarseClock clock;
  LoopMetrics loop_metrics;
  LoopMonitor monitor{milliseconds(50), clock, loop_metrics};
  TokenRemover remover;
  int answered = 0;
  std::shared_ptr<const CertificateBook> book = std::make_shared<CertificateBook>();
  PostgresSource source;
};

TEST_CASE("postgres source: receivers are looked up on the loop", "[app][postgres][source]") {
  const TempStore temp(Kind::Postgres);
  const auto store = temp.open();
  REQUIRE(store->set_device(store::kApp, "ann", a_device()));
  SourceBed bed(temp.url());
  const auto found = bed.receivers({{store::kApp, "nobody"}, {store::kApp, "ann"}});
  REQUIRE(found);
  CHECK((*found)[0].devices.empty());
  CHECK((*found)[1].devices.size() == 1);
  CHECK(bed.answered > 0);
  CHECK(bed.source.trouble().empty());
  std::size_t answers = 0;
  const ReceiverKey key{store::kApp, "ann"};
  for (int i = 0; i < 200; ++i) bed.source.receivers({&key, 1}, [&](auto one) { answers += one.has_value() ? 1 : 0; });
  bed.turn_until([&] { return answers == 200; });
}

TEST_CASE("postgres source: a batch is split among the connections, and told once, in its order",
          "[app][postgres][source]") {
  const TempStore temp(Kind::Postgres);
  const auto store = temp.open();
  std::vector<ReceiverKey> keys;
  for (int i = 0; i < 250; ++i) {
    keys.push_back({store::kApp, "user" + std::to_string(i)});
    if (i % 3 == 0) continue;  // without a phone
    Device device = a_device();
    device.token = DeviceToken("token of " + keys.back().user_id);
    REQUIRE(store->set_device(store::kApp, keys.back().user_id, device));
  }
  PostgresClient admin(temp.url());
  const std::string before = admin.text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()");
  const auto connections = GENERATE(values<std::size_t>({1, 2, 3, 16}));
  CAPTURE(connections);
  SourceBed bed(temp.url(), seconds(30), 10, connections);
  for (const std::size_t size : {1u, 63u, 64u, 127u, 128u, 250u}) {
    CAPTURE(size);
    const auto found = bed.receivers({keys.begin(), keys.begin() + std::ptrdiff_t(size)});
    REQUIRE(found);
    REQUIRE(found->size() == size);
    for (std::size_t i = 0; i < size; ++i) {
      CAPTURE(i);
      REQUIRE((*found)[i].devices.size() == (i % 3 == 0 ? 0 : 1));
      if (i % 3 != 0) CHECK((*found)[i].devices[0].token.text() == "token of " + keys[i].user_id);
    }
  }
  CHECK(admin.text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()") ==
        std::to_string(std::stoul(before) + connections));
}

TEST_CASE("postgres source: a batch of which one part fails has failed, once", "[app][postgres][source]") {
  const TempStore temp(Kind::Postgres);
  const auto store = temp.open();
  SourceBed bed(temp.url(), seconds(30), 10, 3);
  std::vector<ReceiverKey> keys(200, {store::kApp, "ann"});
  REQUIRE(bed.receivers(keys));
  REQUIRE(store->set_mute(store::kApp, "bob", {.kind = Mute::Kind::Peer, .target = "ann"}));
  PostgresClient(temp.url())
      .run("ALTER TABLE mutes DROP CONSTRAINT mutes_kind_check; UPDATE mutes SET kind = 'of the future'");
  keys[150] = {store::kApp, "bob"};
  int told = 0;
  bed.source.receivers(keys, [&](auto found) {
    ++told;
    REQUIRE_FALSE(found);
    CHECK(found.error().detail.contains("mutes: a row holds a word"));
  });
  bed.turn_until([&] { return told > 0; });
  CHECK(bed.receivers({{store::kApp, "ann"}}));
  CHECK(told == 1);
}

TEST_CASE("postgres source: while one connection is refused the others go on", "[app][postgres][source]") {
  const TempStore temp(Kind::Postgres);
  temp.open();
  PostgresClient admin(temp.url());
  admin.run(
      "DROP ROLE IF EXISTS half; CREATE ROLE half LOGIN CONNECTION LIMIT 1; "
      "GRANT USAGE ON SCHEMA public TO half; GRANT SELECT ON ALL TABLES IN SCHEMA public TO half");
  {
    SourceBed bed(support::PostgresServer::shared().address(admin.text("SELECT current_database()"), "half"));
    const std::vector<ReceiverKey> keys(200, {store::kApp, "ann"});
    bool half = false;  // the one that is refused has been
    for (int i = 0; i < 50; ++i) {
      const auto found = bed.receivers(keys);
      half = half || found.has_value();
      if (half) CHECK(found);
      CHECK(bed.source.trouble().empty());
    }
    CHECK(half);
  }
  admin.run("DROP OWNED BY half; DROP ROLE half");
}

TEST_CASE("postgres source: a token is removed beside the loop and told on it", "[app][postgres][source]") {
  const TempStore temp(Kind::Postgres);
  const auto store = temp.open();
  REQUIRE(store->set_device(store::kApp, "ann", a_device()));
  SourceBed bed(temp.url());
  std::vector<Result<bool>> told;
  for (int i = 0; i < 2; ++i)
    bed.source.remove_token(store::kApp, "ann", a_device(), [&](auto gone) { told.push_back(gone); });
  CHECK(told.empty());
  bed.turn_until([&] { return told.size() == 2; });
  CHECK(told[0] == true);
  CHECK(told[1] == false);
}

TEST_CASE("postgres source: an app without certificates is asked for once", "[app][postgres][source]") {
  const TempStore temp(Kind::Postgres);
  const auto store = temp.open();
  REQUIRE(store->set_device(AppId{8}, "ann", a_device()));
  SourceBed bed(temp.url());
  bed.add(1);
  bed.take();
  CHECK(bed.source.app_known(store::kApp) == true);
  for (const auto& [app, known] : {std::pair{AppId{8}, true}, std::pair{AppId{9}, false}}) {
    const auto first = bed.source.app_known(app);
    REQUIRE_FALSE(first);
    CHECK(first.error().code == Errc::Overloaded);
    CHECK(bed.source.app_known(app).error().code == Errc::Overloaded);
    bed.turn_until([&] { return bed.source.app_known(app).has_value(); });
    CHECK(bed.source.app_known(app) == known);
    bed.take({.everything = true});
    CHECK(bed.source.app_known(app) == known);  // for a while, whatever is written
  }
}

TEST_CASE("postgres source: whether a certificate is there is said after a look", "[app][postgres][source]") {
  const TempStore temp(Kind::Postgres);
  temp.open();
  SourceBed bed(temp.url());
  CHECK(bed.source.certificate({5}).error().code == Errc::Overloaded);
  CHECK(bed.source.certificate({6}).error().code == Errc::Overloaded);
  bed.source.take({MonoTime{}, {}, bed.book, ""});  // a look that began before the question
  CHECK(bed.source.certificate({5}).error().code == Errc::Overloaded);
  bed.add(5);
  bed.take({.certificates = true});
  CHECK(bed.source.changes()->certificates);
  CHECK(bed.source.changes()->empty());
  CHECK(bed.source.certificate({5}).has_value());
  CHECK(bed.source.secret({5})->bytes == "b");
  CHECK(bed.source.certificate({6}).error().code == Errc::NotFound);
  CHECK(bed.source.secret({6}).error().code == Errc::NotFound);
  bed.book = std::make_shared<CertificateBook>();
  bed.source.take({MonoTime{} + seconds(1), {.certificates = true}, bed.book, ""});
  CHECK(bed.source.certificate({5}).error().code == Errc::NotFound);  // removed: known at once
}

TEST_CASE("postgres source: changes that nobody asks for are bounded", "[app][postgres][source]") {
  const TempStore temp(Kind::Postgres);
  temp.open();
  SourceBed bed(temp.url(), seconds(30), 3);
  bed.take({.apps = {store::kApp}, .receivers = {{store::kApp, "a"}}});
  bed.take({.receivers = {{store::kApp, "b"}}});
  auto changes = bed.source.changes();
  CHECK(changes->receivers.size() == 2);
  CHECK(changes->apps.size() == 1);
  CHECK_FALSE(changes->everything);
  bed.take({.receivers = {{store::kApp, "a"}, {store::kApp, "b"}}});
  bed.take({.receivers = {{store::kApp, "c"}, {store::kApp, "d"}}});
  bed.take({.receivers = {{store::kApp, "e"}}});
  changes = bed.source.changes();
  CHECK(changes->everything);
  CHECK(changes->receivers.empty());
}

TEST_CASE("postgres source: a slow look-up ends by its time, and no other with it", "[app][postgres][source]") {
  const TempStore temp(Kind::Postgres);
  const auto store = temp.open();
  SourceBed bed(temp.url(), milliseconds(500));
  REQUIRE(bed.receivers({{store::kApp, "ann"}}));
  PostgresClient other(temp.url());
  other.run("BEGIN; LOCK TABLE devices");
  const auto late = bed.receivers({{store::kApp, "ann"}});
  REQUIRE_FALSE(late);
  CHECK(late.error().code == Errc::Timeout);
  other.run("ROLLBACK");
  bed.turn_until([&] { return bed.receivers({{store::kApp, "ann"}}).has_value(); });
}

TEST_CASE("postgres source: while the server is away look-ups fail at once; then they go on",
          "[app][postgres][source]") {
  support::PostgresServer server({"fsync=off"});
  const std::string url = server.new_database();
  REQUIRE(store::open_postgres(url, nullptr));
  SourceBed bed(url);
  for (int round = 0; round < 2; ++round) {
    REQUIRE(bed.receivers({{store::kApp, "ann"}}));
    CHECK(bed.source.trouble().empty());
    server.stop();
    bed.turn_until([&] { return !bed.source.trouble().empty(); });
    bool told = false;
    bed.source.receivers({}, [&](auto found) { told = !found && found.error().code == Errc::Io; });
    CHECK(told);
    CHECK_FALSE(bed.source.app_known({100 + round}));
    server.start();
    bed.turn_until([&] { return bed.source.trouble().empty(); });
  }
}

TEST_CASE("postgres source: a server without a connection left is said, and tried again", "[app][postgres][source]") {
  const TempStore temp(Kind::Postgres);
  temp.open();
  PostgresClient admin(temp.url());
  admin.run(
      "DROP ROLE IF EXISTS shard; CREATE ROLE shard LOGIN CONNECTION LIMIT 0; "
      "GRANT USAGE ON SCHEMA public TO shard; GRANT SELECT ON ALL TABLES IN SCHEMA public TO shard");
  {
    SourceBed bed(support::PostgresServer::shared().address(admin.text("SELECT current_database()"), "shard"));
    bed.turn_until([&] { return bed.source.trouble().contains("no connection left"); });
    admin.run("ALTER ROLE shard CONNECTION LIMIT -1");
    bed.turn_until([&] { return bed.source.trouble().empty(); });
    const auto found = bed.receivers({{store::kApp, "ann"}});
    INFO((found ? "" : found.error().detail));
    CHECK(found);
  }
  admin.run("DROP OWNED BY shard; DROP ROLE shard");
}

TEST_CASE("postgres source: it may end with questions in the air", "[app][postgres][source]") {
  const TempStore temp(Kind::Postgres);
  temp.open();
  bool told = false;
  {
    SourceBed bed(temp.url());
    REQUIRE(bed.receivers({}));
    bed.source.receivers({}, [&](auto) { told = true; });
    bed.source.app_known({9});
  }
  CHECK_FALSE(told);
}

}  // namespace
}  // namespace nightpost::app
