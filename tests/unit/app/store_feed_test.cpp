// One thread's looks at a real server: what it tells, what it says while the server is away.
#include "app/store_feed.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <mutex>
#include <sstream>

#include "support/kafka_worker.h"
#include "unit/store/temp_store.h"

namespace nightpost::app {
namespace {

using kafka::test::within;
using store::a_certificate;
using store::a_device;
using store::kApp;
using store::Kind;
using store::TempStore;
using support::PostgresClient;
using support::PostgresServer;

constexpr milliseconds kLong{60'000};

/// A feed of a database, and all that it has told.
struct FeedBed {
  explicit FeedBed(std::string url, std::shared_ptr<const store::Sealer> sealer = nullptr,
                   store::StoreOptions options = {.connect_timeout = milliseconds(1'000)})
      : feed({.open =
                  [url, sealer, options](std::stop_token stop) mutable {
                    options.stop = std::move(stop);
                    return store::open_postgres(url, sealer, options);
                  },
              .writable = store::check_writable,
              .addresses = [] { return std::string("10.0.0.1"); }},
             {.poll = milliseconds(10), .retry_max = milliseconds(20)}, log, metrics) {}
  ~FeedBed() { feed.stop(); }

  void listen() {
    REQUIRE(within(kLong, [&] { return feed.loaded(); }));
    feed.subscribe([this](const StoreNews& news) {
      const std::lock_guard lock(mutex);
      told.push_back(news);
    });
  }
  bool heard(const std::function<bool(const StoreNews&)>& what) {
    return within(kLong, [&] {
      const std::lock_guard lock(mutex);
      return std::ranges::any_of(told, what);
    });
  }
  bool says(const std::string& word) {
    return within(kLong, [&] { return feed.trouble().contains(word); });
  }

  std::ostringstream said;
  SystemClock clock;
  observe::Log log{observe::Level::Info, 1'000, said, clock};
  StoreFeedMetrics metrics;
  std::mutex mutex;
  std::vector<StoreNews> told;
  StoreFeed feed;
};

std::uint64_t lags(const StoreFeedMetrics& metrics) {
  std::uint64_t count = 0;
  for (std::size_t i = 0; i <= dispatch::LatencyHistogram::kBoundsMs.size(); ++i) count += metrics.change_lag.cell(i);
  return count;
}

/// And no more than her.
bool names_ann(const StoreNews& news) {
  const auto is_ann = [](const ReceiverKey& key) { return key == ReceiverKey{kApp, "ann"}; };
  const Changes& changes = news.changes;
  return !changes.receivers.empty() && std::ranges::all_of(changes.receivers, is_ann) && changes.apps.empty() &&
         !changes.everything;
}

TEST_CASE("store feed: certificates come whole, changes by name", "[app][postgres][feed]") {
  const TempStore temp(Kind::Postgres);
  const auto store = temp.open();
  const auto first = store->add_certificate(a_certificate("first"));
  REQUIRE(first);
  FeedBed bed(temp.url(), temp.sealer);
  bed.listen();
  {
    const std::lock_guard lock(bed.mutex);
    REQUIRE(bed.told.size() >= 1);
    CHECK(bed.told[0].book->entries.at(first->id.value)->secret->password == "hunter2");
    CHECK(bed.told[0].book->apps == std::set<std::int64_t>{kApp.value});
    CHECK(bed.told[0].addresses == "10.0.0.1");
  }
  REQUIRE(store->set_device(kApp, "ann", a_device()));
  CHECK(bed.heard(names_ann));
  const auto before = bed.feed.book();
  const auto second = store->add_certificate(a_certificate("second"));
  REQUIRE(second);
  CHECK(bed.heard([&](const StoreNews& news) {
    return news.changes.certificates && news.book->entries.contains(second->id.value);
  }));
  const std::int64_t id = first->id.value;
  CHECK(bed.feed.book()->entries.at(id) == before->entries.at(id));  // the same version is not read again
  REQUIRE(store->set_certificate_status(first->id, CertificateStatus::Disabled));
  CHECK(bed.heard([&](const StoreNews& news) {
    return news.book->entries.at(id)->certificate.status == CertificateStatus::Disabled;
  }));
  CHECK(bed.feed.trouble().empty());
  CHECK(bed.metrics.available.read() == 1);
  CHECK(bed.metrics.looks_failed.read() == 0);
}

TEST_CASE("store feed: how late a change is heard of, however long its transaction was open", "[app][postgres][feed]") {
  const TempStore temp(Kind::Postgres);
  const auto store = temp.open();
  FeedBed bed(temp.url());
  bed.listen();
  const std::uint64_t looks = bed.metrics.looks.read();
  REQUIRE(within(kLong, [&] { return bed.metrics.looks.read() > looks + 2; }));
  CHECK(lags(bed.metrics) == 0);  // nothing was written
  REQUIRE(store->set_device(kApp, "ann", a_device()));
  CHECK(within(kLong, [&] { return lags(bed.metrics) > 0; }));
  CHECK(bed.heard(names_ann));
  const std::uint64_t heard = lags(bed.metrics);
  const std::uint64_t before_ms = bed.metrics.change_lag.sum_ms();
  PostgresClient(temp.url())
      .run("INSERT INTO changes (at, kind, app_id) VALUES (now() - interval '8 minutes', 'app', " +
           std::to_string(kApp.value) + ")");
  CHECK(within(kLong, [&] { return lags(bed.metrics) > heard; }));
  CHECK(bed.metrics.change_lag.sum_ms() - before_ms < 480'000 / 2);  // the look before did not see it
}

TEST_CASE("store feed: a secret that does not open keeps no other away", "[app][postgres][feed]") {
  const TempStore temp(Kind::Postgres);
  const auto store = temp.open();
  REQUIRE(store->add_certificate(a_certificate()));
  FeedBed bed(temp.url(), store::Sealer::from_key_text(store::Sealer::new_key_text()).value());
  REQUIRE(within(kLong, [&] { return bed.feed.loaded(); }));
  const auto& secret = bed.feed.book()->entries.begin()->second->secret;
  REQUIRE_FALSE(secret);
  CHECK(secret.error().code == Errc::Unauthorized);
}

TEST_CASE("store feed: a server that is away is waited for, and said", "[app][postgres][feed]") {
  PostgresServer server({"fsync=off"});
  const std::string url = server.new_database();
  server.stop();
  FeedBed bed(url);
  CHECK(bed.says("store server: "));
  CHECK_FALSE(bed.feed.loaded());
  CHECK_FALSE(bed.feed.hopeless());
  server.start();
  bed.listen();
  CHECK(within(kLong, [&] { return bed.feed.trouble().empty(); }));

  server.stop();  // once more, while it runs
  CHECK(bed.says("store"));
  CHECK(bed.metrics.available.read() == 0);
  server.start();
  CHECK(within(kLong, [&] { return bed.feed.trouble().empty(); }));
  CHECK(bed.heard([](const StoreNews& news) { return news.changes.everything; }));  // it may be another server
  bed.feed.stop();
  CHECK(bed.said.str().contains("store.waiting"));
  CHECK(bed.said.str().contains("store.trouble"));
  CHECK(bed.said.str().contains("store.back"));
}

TEST_CASE("store feed: a server that takes no writes is read, and said", "[app][postgres][feed]") {
  const TempStore temp(Kind::Postgres);
  const auto store = temp.open();
  PostgresClient admin(temp.url());
  const std::string database = admin.text("SELECT current_database()");
  admin.run("ALTER DATABASE " + database + " SET default_transaction_read_only = on");
  FeedBed bed(temp.url());
  bed.listen();
  CHECK(bed.says("takes no writes"));
  REQUIRE(store->set_device(kApp, "ann", a_device()));  // its session began before
  CHECK(bed.heard(names_ann));
  admin.run("ALTER DATABASE " + database + " RESET default_transaction_read_only");  // so did this one
  admin.text(
      "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity WHERE application_name = "
      "'nightpost' AND datname = current_database()");
  CHECK(within(kLong, [&] { return bed.feed.trouble().empty(); }));
}

TEST_CASE("store feed: what no waiting mends is named", "[app][postgres][feed]") {
  const TempStore temp(Kind::Postgres);
  temp.open();
  PostgresClient(temp.url()).run("INSERT INTO nightpost_schema VALUES (99)");
  FeedBed bed(temp.url());
  REQUIRE(within(kLong, [&] { return bed.feed.hopeless().has_value(); }));
  CHECK(bed.feed.hopeless()->code == Errc::Malformed);
  CHECK_FALSE(bed.feed.loaded());
}

TEST_CASE("store feed: its end waits for no server", "[app][postgres][feed]") {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {::htonl(INADDR_LOOPBACK)}};
  socklen_t size = sizeof address;
  REQUIRE(::bind(listener, reinterpret_cast<const sockaddr*>(&address), size) == 0);
  REQUIRE(::listen(listener, 64) == 0);
  REQUIRE(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  const std::string port = std::to_string(::ntohs(address.sin_port));
  {
    // It takes connections and never answers; the test's own limit would end an end that waits.
    FeedBed bed("postgresql://np@127.0.0.1:" + port + "/np?sslmode=disable", nullptr,
                {.connect_timeout = std::chrono::hours(1)});
    const int met = ::accept(listener, nullptr, nullptr);
    REQUIRE(met >= 0);
    bed.feed.stop();
    CHECK_FALSE(bed.feed.loaded());
    ::close(met);
  }
  ::close(listener);
}

}  // namespace
}  // namespace nightpost::app
