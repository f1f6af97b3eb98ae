#include "store/postgres_reader.h"

#include <poll.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <vector>

#include "unit/store/temp_store.h"

namespace nightpost::store {
namespace {

using std::chrono::steady_clock;
using support::PostgresClient;

MonoTime in(milliseconds time) { return steady_clock::now() + time; }

/// One turn of an owner's loop.
void turn(PostgresReader& reader) {
  const auto left = std::chrono::ceil<milliseconds>(reader.wake_at() - steady_clock::now()).count();
  pollfd socket{.fd = reader.socket(), .events = POLLIN, .revents = 0};
  if (reader.wants_write()) socket.events |= POLLOUT;
  ::poll(&socket, 1, static_cast<int>(std::clamp<std::int64_t>(left, 0, 1'000)));
  reader.on_ready(steady_clock::now());
}

template <class Done>
void turn_until(PostgresReader& reader, Done done) {
  const MonoTime limit = in(seconds(60));
  while (!done()) {
    REQUIRE(steady_clock::now() < limit);
    turn(reader);
  }
}

/// Asks and waits.
Result<std::vector<Receiver>> receivers(PostgresReader& reader, const std::vector<ReceiverKey>& keys,
                                        milliseconds patience = seconds(30)) {
  std::optional<Result<std::vector<Receiver>>> out;
  reader.receivers(keys, in(patience), [&](auto found) { out = std::move(found); });
  turn_until(reader, [&] { return out.has_value(); });
  return *std::move(out);
}

Result<bool> app_known(PostgresReader& reader, AppId app) {
  std::optional<Result<bool>> out;
  reader.app_known(app, in(seconds(30)), [&](auto known) { out = std::move(known); });
  turn_until(reader, [&] { return out.has_value(); });
  return *std::move(out);
}

TEST_CASE("postgres reader: finds what the store finds", "[store][postgres][reader]") {
  const TempStore temp(Kind::Postgres);
  const auto store = temp.open();
  REQUIRE(store->set_device(kApp, "ann", a_device("1")));
  REQUIRE(store->set_device(kApp, "ann", a_device("2")));
  REQUIRE(store->set_settings(kApp, "quiet", {.enabled = false}));
  REQUIRE(store->set_mute(kApp, "quiet", {}));
  PostgresReader reader(temp.url(), {});
  const auto found =
      receivers(reader, {{kApp, "quiet"}, {kApp, "nobody"}, {kApp, std::string("a\0b", 3)}, {kApp, "ann"}});
  REQUIRE(found);
  CHECK_FALSE((*found)[0].settings.enabled);
  CHECK((*found)[0].mutes.size() == 1);
  CHECK((*found)[1].devices.empty());
  CHECK((*found)[2].devices.empty());
  CHECK((*found)[3].devices.size() == 2);
  CHECK(receivers(reader, {})->empty());
  CHECK(reader.connected());
}

TEST_CASE("postgres reader: knows an app by a device or a certificate", "[store][postgres][reader]") {
  const TempStore temp(Kind::Postgres);
  const auto store = temp.open();
  REQUIRE(store->set_device(AppId{1}, "ann", a_device()));
  REQUIRE(store->add_certificate(a_certificate("prod", AppId{2})));
  PostgresReader reader(temp.url(), {});
  CHECK(app_known(reader, {1}) == true);
  CHECK(app_known(reader, {2}) == true);
  CHECK(app_known(reader, {3}) == false);
  CHECK(app_known(reader, {-1}) == false);
}

TEST_CASE("postgres reader: many questions go out together and are answered in order", "[store][postgres][reader]") {
  const TempStore temp(Kind::Postgres);
  const auto store = temp.open();
  for (int i = 0; i < 10; ++i) REQUIRE(store->set_device(kApp, std::to_string(i), a_device(std::to_string(i))));
  PostgresReader reader(temp.url(), {}, {.questions_max = 40, .in_pipeline_max = 7});
  std::vector<int> answered;
  for (int i = 0; i < 40; ++i) {
    const ReceiverKey key{kApp, std::to_string(i % 10)};
    reader.receivers({&key, 1}, in(seconds(30)), [&, i](auto found) {
      if (found && found->at(0).devices.at(0).device_id == std::to_string(i % 10)) answered.push_back(i);
    });
  }
  std::optional<Result<std::vector<Receiver>>> refused;
  reader.receivers({}, in(seconds(30)), [&](auto found) { refused = std::move(found); });
  REQUIRE(refused);
  CHECK(refused->error().code == Errc::Overloaded);
  turn_until(reader, [&] { return answered.size() == 40; });
  CHECK(std::ranges::is_sorted(answered));
}

TEST_CASE("postgres reader: an answer may ask again", "[store][postgres][reader]") {
  const TempStore temp(Kind::Postgres);
  temp.open();
  PostgresReader reader(temp.url(), {}, {.questions_max = 1});
  int answers = 0;
  std::function<void()> ask = [&] {
    reader.receivers({}, in(seconds(30)), [&](auto) {
      if (++answers < 5) ask();
    });
  };
  ask();
  turn_until(reader, [&] { return answers == 5; });
}

TEST_CASE("postgres reader: a question that the server refuses spoils no other", "[store][postgres][reader]") {
  const TempStore temp(Kind::Postgres);
  const auto store = temp.open();
  REQUIRE(store->set_device(kApp, "ann", a_device()));
  PostgresReader reader(temp.url(), {.busy_timeout = milliseconds(20)});
  REQUIRE(receivers(reader, {{kApp, "ann"}}));
  PostgresClient other(temp.url());
  other.run("BEGIN; LOCK TABLE certificates");
  std::optional<Result<bool>> known;
  reader.app_known(kApp, in(seconds(30)), [&](auto answer) { known = std::move(answer); });
  CHECK(receivers(reader, {{kApp, "ann"}})->at(0).devices.size() == 1);
  REQUIRE(known);
  REQUIRE_FALSE(*known);
  CHECK(known->error().code == Errc::Overloaded);
  other.run("ROLLBACK");
  CHECK(app_known(reader, kApp) == true);
}

TEST_CASE("postgres reader: a deadline ends a wait, not the connection", "[store][postgres][reader]") {
  const TempStore temp(Kind::Postgres);
  temp.open();
  PostgresReader reader(temp.url(), {.busy_timeout = seconds(60)});
  REQUIRE(receivers(reader, {{kApp, "ann"}}));
  PostgresClient other(temp.url());
  other.run("BEGIN; LOCK TABLE devices");
  const auto late = receivers(reader, {{kApp, "ann"}}, milliseconds(20));
  REQUIRE_FALSE(late);
  CHECK(late.error().code == Errc::Timeout);
  CHECK(reader.connected());
  other.run("ROLLBACK");
  CHECK(receivers(reader, {{kApp, "ann"}}));
}

TEST_CASE("postgres reader: a lost connection asks again", "[store][postgres][reader]") {
  const TempStore temp(Kind::Postgres);
  const auto store = temp.open();
  REQUIRE(store->set_device(kApp, "ann", a_device()));
  PostgresReader reader(temp.url(), {.busy_timeout = seconds(60)}, {.reconnect_first = milliseconds(1)});
  REQUIRE(receivers(reader, {{kApp, "ann"}}));
  PostgresClient other(temp.url());
  other.run("BEGIN; LOCK TABLE devices");
  std::optional<Result<bool>> known;
  std::optional<Result<std::vector<Receiver>>> found;
  reader.app_known(kApp, in(seconds(30)), [&](auto answer) { known = std::move(answer); });
  const ReceiverKey key{kApp, "ann"};
  reader.receivers({&key, 1}, in(seconds(30)), [&](auto answer) { found = std::move(answer); });
  PostgresClient(temp.url())
      .text(
          "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity WHERE application_name = 'nightpost' "
          "AND "
          "datname = current_database()");
  other.run("ROLLBACK");
  turn_until(reader, [&] { return known && found; });
  CHECK(*known == true);
  REQUIRE(*found);
  CHECK((**found)[0].devices.size() == 1);
}

TEST_CASE("postgres reader: while nobody answers, questions end by their deadline and say why",
          "[store][postgres][reader]") {
  support::PostgresServer server({"fsync=off"});
  const std::string url = server.new_database();
  REQUIRE(open_postgres(url, nullptr));
  server.stop();
  PostgresReader reader(url, {}, {.reconnect_first = milliseconds(1), .reconnect_max = milliseconds(5)});
  const auto late = receivers(reader, {{kApp, "ann"}}, milliseconds(50));
  REQUIRE_FALSE(late);
  CHECK(late.error().code == Errc::Timeout);
  CHECK(late.error().detail.contains("store server: "));
  CHECK_FALSE(reader.connected());
  server.start();
  CHECK(receivers(reader, {{kApp, "ann"}}));
  CHECK(reader.trouble().empty());
}

}  // namespace
}  // namespace nightpost::store
