// What a store says of the writes of others, to those who keep copies.
#include <catch2/catch.hpp>
#include <functional>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "store/connection.h"
#include "unit/store/temp_store.h"

namespace nightpost::store {
namespace {

using Keys = std::vector<ReceiverKey>;

/// Each once, in order.
Keys distinct(const Keys& keys) {
  std::map<std::pair<std::int64_t, std::string>, ReceiverKey> all;
  for (const ReceiverKey& key : keys) all.emplace(std::pair(key.app.value, key.user_id), key);
  Keys out;
  for (const auto& [id, key] : all) out.push_back(key);
  return out;
}

/// Writes as any program may that has the file.
class Sql {
 public:
  explicit Sql(const std::string& path) { open(path); }
  explicit Sql(const TempStore& temp) {
    if (temp.url().empty())
      open(temp.path());
    else
      client_ = std::make_unique<support::PostgresClient>(temp.url());
  }
  void operator()(const std::string& sql) {
    CAPTURE(sql);
    if (client_) return client_->run(sql);
    REQUIRE(sqlite3_exec(db_.get(), sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
  }

 private:
  void open(const std::string& path) {
    sqlite3* raw = nullptr;
    REQUIRE(sqlite3_open(path.c_str(), &raw) == SQLITE_OK);
    db_.reset(raw);
  }

  Handle<sqlite3, sqlite3_close_v2> db_;
  std::unique_ptr<support::PostgresClient> client_;
};

const std::string kInsertDevice =
    "INSERT INTO devices (app_id, user_id, device_id, platform, certificate_id, token, registered_at, state, "
    "badge_base, language) VALUES (1400000001, 'ann', 'phone', 'ios', 1, 't', 1, 'offline', 0, '')";

const std::string kInsertPostgresDevice =
    "INSERT INTO devices (app_id, user_id, device_id, platform, certificate_id, token, token_kind, registered_at, "
    "language) VALUES (1400000001, 'ann', 'phone', 'ios', 1, 't', 'token', 1, '')";

TEST_CASE("changes: each kind of write names what it touched, and nothing else", "[store][changes]") {
  const TempStore temp(GENERATE(each_store()));
  const auto reader = temp.open();
  const auto writer = temp.open();
  const CertificateId id = writer->add_certificate(a_certificate())->id;
  const Device phone = a_device("phone", id.value);
  REQUIRE(writer->set_device(kApp, "ann", phone));
  REQUIRE(writer->set_mute(kApp, "ann", {.kind = Mute::Kind::Peer, .target = "bob"}));
  REQUIRE(reader->changes());
  Sql sql(temp);
  const std::string insert_device = temp.url().empty() ? kInsertDevice : kInsertPostgresDevice;

  const Keys ann = {{kApp, "ann"}};
  struct Row {
    const char* name;
    std::function<bool()> write;
    Keys receivers;
    bool certificates = false;
  };
  // One after the other: each begins with what the one before left.
  const Row rows[] = {
      {"device set again",
       [&] {
         Device again = phone;
         ++again.badge_base;
         return writer->set_device(kApp, "ann", again).has_value();
       },
       ann},
      {"another's device", [&] { return writer->set_device(AppId{7}, "ann", phone).has_value(); }, {{AppId{7}, "ann"}}},
      {"device refused", [&] { return !writer->set_device(kApp, "", phone); }, {}},
      {"device not there", [&] { return !writer->remove_device(kApp, "nobody", "x"); }, {}},
      {"look-up", [&] { return writer->receivers(ann).has_value(); }, {}},
      {"settings", [&] { return writer->set_settings(kApp, "ann", {.enabled = false}).has_value(); }, ann},
      {"mute changed",
       [&] { return writer->set_mute(kApp, "ann", {.kind = Mute::Kind::Peer, .target = "bob"}).has_value(); }, ann},
      {"mute added", [&] { return writer->set_mute(kApp, "ann", {}).has_value(); }, ann},
      {"mute removed", [&] { return writer->remove_mute(kApp, "ann", Mute::Kind::All, "").has_value(); }, ann},
      {"no mute removed", [&] { return writer->remove_mute(kApp, "ann", Mute::Kind::All, "").has_value(); }, {}},
      {"token not that one", [&] { return writer->remove_token(kApp, "ann", a_device("phone", 9)) == true; }, ann},
      {"token gone", [&] { return writer->remove_token(kApp, "ann", phone) == false; }, {}},
      {"certificate status",
       [&] { return writer->set_certificate_status(id, CertificateStatus::Disabled).has_value(); },
       {},
       true},
      {"certificate replaced",
       [&] { return writer->replace_certificate(id, a_certificate("new")).has_value(); },
       {},
       true},
      {"certificate added", [&] { return writer->add_certificate(a_certificate("more")).has_value(); }, {}, true},
      {"certificate removed", [&] { return writer->remove_certificate(id).has_value(); }, {}, true},
      {"SQL: device",
       [&] {
         sql(insert_device);
         return true;
       },
       ann},
      {"SQL: device moved",
       [&] {
         sql("UPDATE devices SET user_id = 'bob' WHERE user_id = 'ann' AND app_id = 1400000001");
         return true;
       },
       {{kApp, "ann"}, {kApp, "bob"}}},
      {"SQL: device deleted",
       [&] {
         sql("DELETE FROM devices WHERE user_id = 'bob'");
         return true;
       },
       {{kApp, "bob"}}},
      {"SQL: settings deleted",
       [&] {
         sql("DELETE FROM users WHERE user_id = 'ann'");
         return true;
       },
       ann},
      {"SQL: rolled back",
       [&] {
         sql("BEGIN; " + insert_device + "; ROLLBACK");
         return true;
       },
       {}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CHECK(row.write());
    const auto told = reader->changes();
    REQUIRE(told);
    CHECK(distinct(told->receivers) == row.receivers);
    CHECK(told->certificates == row.certificates);
    CHECK_FALSE(told->everything);
    CHECK(told->apps.empty());
    CHECK(reader->changes()->empty());  // once
  }
}

TEST_CASE("changes: a reader begins with its first call", "[store][changes]") {
  const TempStore temp(GENERATE(each_store()));
  REQUIRE(temp.open()->set_device(kApp, "ann", a_device()));
  const auto reader = temp.open();
  CHECK(reader->changes()->empty());
  REQUIRE(temp.open()->set_device(kApp, "bob", a_phone("bob")));
  CHECK(distinct(reader->changes()->receivers) == Keys{{kApp, "bob"}});
}

TEST_CASE("changes: on PostgreSQL they have the age of the oldest", "[store][changes][postgres]") {
  const TempStore temp(Kind::Postgres);
  const auto reader = temp.open({.changes_named_max = 8});
  REQUIRE(reader->changes());
  CHECK_FALSE(reader->changes()->age);
  REQUIRE(temp.open()->set_device(kApp, "ann", a_device()));
  Sql sql(temp);
  sql("INSERT INTO changes (at, kind, app_id) VALUES (now() - interval '8 minutes', 'app', 7), "
      "(now() + interval '1 hour', 'app', 8)");  // a clock that was set back
  const Changes told = reader->changes().value();
  CHECK(told.apps.size() == 2);
  REQUIRE(told.age);
  CHECK(*told.age >= milliseconds(480'000));
  CHECK(*told.age < milliseconds(960'000));
  CHECK_FALSE(reader->changes()->age);
  sql("INSERT INTO changes (at, kind, app_id) VALUES (now() + interval '1 hour', 'app', 8)");
  CHECK(reader->changes()->age == milliseconds(0));
  sql("INSERT INTO changes (kind, app_id) SELECT 'app', 7 FROM generate_series(1, 9)");
  const Changes all = reader->changes().value();
  CHECK(all.everything);
  CHECK_FALSE(all.age);
}

TEST_CASE("changes: more than is named, or more than is kept, is everything", "[store][changes]") {
  const TempStore temp;
  const auto reader = temp.open({.changes_named_max = 3});
  const auto patient = temp.open({.changes_named_max = 1'000'000});
  const auto writer = temp.open();
  REQUIRE(reader->changes());
  REQUIRE(patient->changes());
  const auto write = [&](int count) {
    for (int i = 0; i < count; ++i) REQUIRE(writer->set_settings(kApp, std::to_string(i), {}));
  };
  write(3);
  CHECK(reader->changes()->receivers.size() == 3);
  write(4);
  const Changes told = reader->changes().value();
  CHECK(told.everything);
  CHECK(told.receivers.empty());
  write(1);
  CHECK(reader->changes()->receivers.size() == 1);
  CHECK(patient->changes()->receivers.size() == 8);

  Sql sql(temp.path());
  sql("INSERT INTO changes (seq, kind, app_id, user_id) SELECT seq + 200000, kind, app_id, user_id FROM changes");
  write(1'024);  // one of them prunes
  CHECK(patient->changes()->everything);
  auto connection = Connection::open(temp.path(), {});
  REQUIRE(connection);
  CHECK(connection->number("SELECT min(seq) FROM changes", "changes").value() > 200'000);
  CHECK(connection->number("SELECT count(*) FROM changes", "changes").value() <= 131'072 + 1'024);
  write(1);
  CHECK(patient->changes()->receivers.size() == 1);
}

TEST_CASE("changes: a file that was put back, or a newer binary's word, is everything", "[store][changes]") {
  const TempStore temp;
  const auto reader = temp.open();
  REQUIRE(temp.open()->set_device(kApp, "ann", a_device()));
  REQUIRE(reader->changes());
  Sql sql(temp.path());
  sql("DELETE FROM changes; UPDATE sqlite_sequence SET seq = 0 WHERE name = 'changes'");
  CHECK(reader->changes()->everything);
  CHECK(reader->changes()->empty());
  sql("INSERT INTO changes (kind, app_id) VALUES ('group', 1)");
  CHECK(reader->changes()->everything);
}

TEST_CASE("changes: who loads many names the app", "[store][changes]") {
  const TempStore temp;
  const auto reader = temp.open();
  REQUIRE(reader->changes());
  Sql sql(temp.path());
  sql("BEGIN IMMEDIATE; INSERT INTO bulk_load VALUES (1); " + kInsertDevice +
      "; UPDATE devices SET token = 'u'; DELETE FROM devices; INSERT INTO mutes VALUES (1400000001, 'ann', 'all', '', "
      "1, 0); "
      "UPDATE mutes SET until = 2; DELETE FROM mutes; DELETE FROM bulk_load; "
      "INSERT INTO changes (kind, app_id) VALUES ('app', 1400000001); COMMIT");
  const Changes told = reader->changes().value();
  CHECK(told.apps == std::vector<AppId>{kApp});
  CHECK(told.receivers.empty());
  CHECK_FALSE(told.everything);
}

TEST_CASE("changes: whatever several write at once, each copy is dropped that is old", "[store][changes]") {
  const TempStore temp(GENERATE(each_store()));
  const auto reader = temp.open();
  REQUIRE(reader->changes());
  const unsigned seed = std::random_device{}();
  CAPTURE(seed);
  std::atomic<int> failures = 0, writing = 3;
  std::vector<std::jthread> writers;
  for (unsigned w = 0; w < 3; ++w)
    writers.emplace_back([&, w] {
      std::mt19937 random(seed + w);
      const auto store = temp.try_open({.busy_timeout = seconds(60)});
      for (int i = 0; store && i < 300; ++i) {
        const std::string user = std::to_string(random() % 20);
        Device device = a_device(std::to_string(w));
        device.badge_base = static_cast<std::int32_t>(random() % 1'000'000);
        if (!(*store)->set_device(kApp, user, device)) ++failures;
      }
      if (!store) ++failures;
      --writing;
    });
  Keys keys;
  for (int i = 0; i < 20; ++i) keys.push_back({kApp, std::to_string(i)});
  std::map<std::string, Receiver> copies;
  const auto step = [&] {
    const Changes told = reader->changes().value();
    if (told.everything) copies.clear();
    for (const ReceiverKey& key : told.receivers) copies.erase(key.user_id);
    for (const ReceiverKey& key : keys)
      if (!copies.contains(key.user_id)) copies[key.user_id] = reader->receivers({&key, 1}).value()[0];
  };
  while (writing > 0) step();
  writers.clear();
  step();
  CHECK(failures == 0);
  const auto now = temp.open()->receivers(keys).value();
  const auto badges = [](const Receiver& receiver) {
    std::map<std::string, std::int32_t> all;
    for (const Device& device : receiver.devices) all[device.device_id] = device.badge_base;
    return all;
  };
  for (std::size_t i = 0; i < keys.size(); ++i) CHECK(badges(copies[keys[i].user_id]) == badges(now[i]));
}

}  // namespace
}  // namespace nightpost::store
