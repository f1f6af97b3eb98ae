// What only a server can do to a store: commit late, go away, refuse, and be another program's.
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <functional>
#include <thread>
#include <vector>

#include "core/text.h"
#include "store/postgres_migrations.h"
#include "support/process.h"
#include "unit/store/temp_store.h"

namespace nightpost::store {
namespace {

using Keys = std::vector<ReceiverKey>;
using support::PostgresClient;
using support::PostgresServer;

const std::string kAppText = std::to_string(kApp.value);

std::string insert_user(const std::string& user) {
  return "INSERT INTO users (app_id, user_id) VALUES (" + kAppText + ", '" + user + "')";
}

// --- the change feed ---

TEST_CASE("postgres: a transaction that commits late is named then, and holds nobody back", "[store][postgres]") {
  const TempStore temp(Kind::Postgres);
  const auto reader = temp.open();
  const auto writer = temp.open();
  REQUIRE(reader->changes());
  PostgresClient slow(temp.url());
  slow.run("BEGIN; " + insert_user("early"));
  REQUIRE(writer->set_settings(kApp, "late", {}));
  CHECK(reader->changes()->receivers == Keys{{kApp, "late"}});
  CHECK(reader->changes()->empty());
  REQUIRE(writer->set_settings(kApp, "later", {}));
  CHECK(reader->changes()->receivers == Keys{{kApp, "later"}});
  slow.run("COMMIT");
  CHECK(reader->changes()->receivers == Keys{{kApp, "early"}});
  CHECK(reader->changes()->empty());

  slow.run("BEGIN; " + insert_user("never") + "; ROLLBACK");
  CHECK(reader->changes()->empty());
}

TEST_CASE("postgres: who loads many names the app, and only in that transaction", "[store][postgres]") {
  const TempStore temp(Kind::Postgres);
  const auto reader = temp.open();
  REQUIRE(reader->changes());
  PostgresClient loader(temp.url());
  loader.run("BEGIN; SET LOCAL nightpost.bulk = on; " + insert_user("a") + "; " + insert_user("b") +
             "; INSERT INTO mutes VALUES (" + kAppText + ", 'a', 'all', '', 1, false); UPDATE mutes SET until = 2; " +
             "INSERT INTO devices VALUES (" + kAppText + ", 'a', 'phone', 'ios', 1, 't', 'token', 1, ''); " +
             "DELETE FROM devices; INSERT INTO changes (kind, app_id) VALUES ('app', " + kAppText + "); COMMIT");
  const Changes told = reader->changes().value();
  CHECK(told.apps == std::vector<AppId>{kApp});
  CHECK(told.receivers.empty());
  CHECK_FALSE(told.everything);
  loader.run(insert_user("c"));
  CHECK(reader->changes()->receivers == Keys{{kApp, "c"}});
}

TEST_CASE("postgres: a reader that is behind what was pruned drops everything", "[store][postgres]") {
  const TempStore temp(Kind::Postgres);
  const auto behind = temp.open();
  const auto current = temp.open();
  REQUIRE(behind->changes());
  REQUIRE(current->changes());
  const auto writer = temp.open();
  for (int i = 0; i < 5; ++i) REQUIRE(writer->set_settings(kApp, std::to_string(i), {}));
  CHECK(current->changes()->receivers.size() == 5);
  REQUIRE(temp.open({.changes_rows_max = 2})->changes());  // whoever polls also prunes
  CHECK(PostgresClient(temp.url()).text("SELECT count(*) FROM changes") == "2");
  CHECK(current->changes()->empty());
  CHECK(behind->changes()->everything);
  CHECK(behind->changes()->empty());
  REQUIRE(writer->set_settings(kApp, "more", {}));
  CHECK(behind->changes()->receivers == Keys{{kApp, "more"}});
  CHECK(current->changes()->receivers == Keys{{kApp, "more"}});
}

TEST_CASE("postgres: by age goes only what no open transaction may still need", "[store][postgres]") {
  const TempStore temp(Kind::Postgres);
  const auto writer = temp.open();
  REQUIRE(writer->set_settings(kApp, "old", {}));
  PostgresClient client(temp.url());
  client.run("UPDATE changes SET at = at - interval '1 hour'");
  PostgresClient slow(temp.url());
  slow.run("BEGIN; " + insert_user("open"));
  REQUIRE(writer->set_settings(kApp, "since", {}));
  client.run("UPDATE changes SET at = at - interval '1 hour'");
  REQUIRE(temp.open()->changes());
  CHECK(client.text("SELECT string_agg(user_id, ' ') FROM changes") == "since");
  slow.run("COMMIT");
  REQUIRE(temp.open()->changes());
  CHECK(client.text("SELECT string_agg(user_id, ' ') FROM changes") == "open");
}

// --- a server with troubles ---

TEST_CASE("postgres: a connection that ended is opened again by the next call", "[store][postgres]") {
  const TempStore temp(Kind::Postgres);
  const auto store = temp.open();
  REQUIRE(store->set_device(kApp, "ann", a_device()));
  REQUIRE(store->changes());
  PostgresClient admin(temp.url());
  const auto end_it = [&] {
    admin.text(
        "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity WHERE application_name = "
        "'nightpost' AND datname = current_database()");
  };
  end_it();
  CHECK(receiver_of(*store, "ann").devices.size() == 1);
  CHECK(store->changes()->everything);  // perhaps another server's numbers
  CHECK(store->changes()->empty());
  end_it();
  CHECK(store->set_device(kApp, "ann", a_device("tablet")));
  end_it();
  CHECK(store->certificates(std::nullopt)->empty());
  end_it();
  CHECK(store->remove_token(kApp, "ann", a_device("tablet")) == true);
}

TEST_CASE("postgres: of what is one commit nothing is done on another connection", "[store][postgres]") {
  const TempStore temp(Kind::Postgres);
  const auto store = temp.open();
  PostgresClient admin(temp.url());
  const auto done = store->together([&]() -> Result<void> {
    admin.text(
        "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity WHERE application_name = "
        "'nightpost' AND datname = current_database()");
    CHECK_FALSE(store->certificates(std::nullopt));
    return store->set_device(kApp, "ann", a_device());
  });
  REQUIRE_FALSE(done);
  CHECK(done.error().code == Errc::Io);
  CHECK(receiver_of(*store, "ann").devices.empty());  // and the next call connects anew
  CHECK(store->set_device(kApp, "ann", a_device()));
}

TEST_CASE("postgres: a server that restarts costs errors, not the store", "[store][postgres]") {
  PostgresServer server({"fsync=off"});
  const std::string url = server.new_database();
  auto store = open_postgres(url, nullptr, {.connect_timeout = seconds(10)});
  REQUIRE(store);
  REQUIRE((*store)->set_device(kApp, "ann", a_device()));
  server.stop();
  const ReceiverKey key{kApp, "ann"};
  for (int i = 0; i < 2; ++i) {
    const auto found = (*store)->receivers({&key, 1});
    REQUIRE_FALSE(found);
    CHECK(found.error().code == Errc::Io);
    CHECK(found.error().detail.starts_with("store server: "));
    CHECK((*store)->set_device(kApp, "ann", a_device("tablet")).error().code == Errc::Io);
  }
  CHECK(open_postgres(url, nullptr).error().code == Errc::Io);
  server.start();
  CHECK(receiver_of(**store, "ann").devices.size() == 1);
  CHECK((*store)->set_device(kApp, "ann", a_device("tablet")));
}

TEST_CASE("postgres: a server that takes no writes says so, and is read", "[store][postgres]") {
  const TempStore temp(Kind::Postgres);
  REQUIRE(temp.open()->set_device(kApp, "ann", a_device()));
  PostgresClient admin(temp.url());
  const std::string database = admin.text("SELECT current_database()");
  admin.run("ALTER DATABASE " + database + " SET default_transaction_read_only = on");
  {
    const auto store = temp.open();
    const auto refused = store->set_device(kApp, "ann", a_device("tablet"));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::Overloaded);
    CHECK(refused.error().detail.contains("takes no writes"));
    CHECK(store->remove_token(kApp, "ann", a_device()).error().code == Errc::Overloaded);
    CHECK(receiver_of(*store, "ann").devices.size() == 1);
    CHECK(store->changes());
    const auto facts = look_at_postgres(temp.url());
    REQUIRE(facts);
    CHECK_FALSE(facts->writable);
  }
  admin.run("ALTER DATABASE " + database + " RESET default_transaction_read_only");
}

TEST_CASE("postgres: a server without a connection left says so", "[store][postgres]") {
  const TempStore temp(Kind::Postgres);
  PostgresClient admin(temp.url());
  const std::string database = admin.text("SELECT current_database()");
  admin.run("DROP ROLE IF EXISTS crowd; CREATE ROLE crowd LOGIN; GRANT ALL ON SCHEMA public TO crowd; ALTER DATABASE " +
            database + " CONNECTION LIMIT 0");
  const auto refused = open_postgres(PostgresServer::shared().address(database, "crowd"), nullptr);
  admin.run("ALTER DATABASE " + database + " CONNECTION LIMIT -1; DROP OWNED BY crowd; DROP ROLE crowd");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::Overloaded);
  CHECK(refused.error().detail.contains("no connection left"));
}

TEST_CASE("postgres: a wait for a lock ends, by either limit", "[store][postgres]") {
  const TempStore temp(Kind::Postgres);
  REQUIRE(temp.open()->set_device(kApp, "ann", a_device()));
  struct Row {
    const char* name;
    StoreOptions options;
    const char* says;
  };
  const Row row = GENERATE(values<Row>({
      {"lock", {.busy_timeout = milliseconds(20)}, "another connection is writing"},
      {"statement",
       {.busy_timeout = seconds(60), .statement_timeout = milliseconds(20)},
       "longer than store.statement_timeout_ms"},
  }));
  CAPTURE(row.name);
  const auto store = temp.open(row.options);
  PostgresClient other(temp.url());
  other.run("BEGIN; LOCK TABLE devices");
  const auto refused = [&](const auto& result) {
    return !result.has_value() && result.error().code == Errc::Overloaded && result.error().detail.contains(row.says);
  };
  CHECK(refused(store->set_device(kApp, "ann", a_device("tablet"))));
  CHECK(refused(store->remove_token(kApp, "ann", a_device())));
  CHECK(refused(store->devices(kApp, std::nullopt, 10)));
  CHECK(store->set_settings(kApp, "ann", {}));
  other.run("ROLLBACK");
  CHECK(receiver_of(*store, "ann").devices.size() == 1);
  CHECK(store->set_device(kApp, "ann", a_device("tablet")));
}

TEST_CASE("postgres: a phone that only moves to the front leaves its token's row alone", "[store][postgres]") {
  const TempStore temp(Kind::Postgres);
  const auto store = temp.open();
  Device device = a_device();
  REQUIRE(store->set_device(kApp, "ann", device));
  PostgresClient client(temp.url());
  const std::string row = client.text("SELECT ctid FROM devices");
  device.state = DeviceState::Foreground;
  REQUIRE(store->set_device(kApp, "ann", device));
  CHECK(client.text("SELECT ctid FROM devices") == row);
  CHECK(receiver_of(*store, "ann").devices[0].state == DeviceState::Foreground);
  REQUIRE(store->remove_device(kApp, "ann", device.device_id));
  CHECK(client.text("SELECT count(*) FROM device_states") == "0");
}

TEST_CASE("postgres: tables without statistics are read by the right index", "[store][postgres]") {
  const TempStore temp(Kind::Postgres);
  const auto user = [](std::size_t number) { return "u" + std::to_string(number); };
  constexpr std::size_t kDevices = 5'000;
  constexpr std::size_t kTaken = 1'000;
  constexpr std::size_t kRounds =
      10;  // the first five of a statement are planned for its arguments, the others for any
  (void)temp.open();
  PostgresClient client(temp.url());
  client.run(
      "ALTER TABLE devices SET (autovacuum_enabled = off); ALTER TABLE device_states SET (autovacuum_enabled = off)");
  const auto scans_of = [&](const std::string& index) {
    return std::stoll(client.text("SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = '" + index + "'"));
  };
  const auto scans_of_tables = [&] {
    return client.text("SELECT sum(seq_scan) FROM pg_stat_user_tables WHERE relname IN ('devices', 'device_states')");
  };
  // A session hands its counts in when it ends.
  const auto wait_for = [&](const std::string& index, std::int64_t scans) {
    REQUIRE(support::eventually(std::chrono::seconds(30), [&] { return scans_of(index) >= scans; }));
  };
  {
    const auto store = temp.open();
    for (std::size_t from = 0; from < kDevices; from += kDevices / kRounds) {
      std::vector<Store::DeviceRow> rows;
      for (std::size_t i = from; i < from + kDevices / kRounds; ++i) rows.push_back({kApp, user(i), a_phone(user(i))});
      REQUIRE(store->import_devices(rows, Store::ImportMode::Write)->empty());
    }
    for (std::size_t i = 0; i < kRounds; ++i) REQUIRE(store->set_device(kApp, user(i), a_phone(user(i + kTaken))));
  }
  wait_for("devices_by_token", kRounds);
  CHECK(scans_of("devices_by_certificate") == 0);
  const std::string before = scans_of_tables();
  const auto looked_up = scans_of("device_states_pkey");
  {
    const auto store = temp.open();
    std::vector<ReceiverKey> keys;
    for (std::size_t i = 2 * kTaken; i < 3 * kTaken; ++i) keys.push_back({kApp, user(i)});
    for (std::size_t round = 0; round < kRounds; ++round) REQUIRE(store->receivers(keys)->back().devices.size() == 1);
  }
  wait_for("device_states_pkey", looked_up + std::int64_t{kRounds * kTaken});
  CHECK(scans_of_tables() == before);
}

TEST_CASE("postgres: an attached store connects with its first call", "[store][postgres]") {
  const TempStore temp(Kind::Postgres);
  REQUIRE(temp.open()->set_device(kApp, "ann", a_device()));
  const auto store = attach_postgres(temp.url(), temp.sealer);
  CHECK(receiver_of(*store, "ann").devices.size() == 1);
  CHECK(store->changes()->empty());
  CHECK(attach_postgres(temp.url(), temp.sealer)->remove_token(kApp, "ann", a_device()) == true);
  CHECK(store->changes()->receivers.size() == 1);
  CHECK(attach_postgres("postgresql://np@/nobody?host=/nowhere", nullptr)->changes().error().code == Errc::Io);
}

TEST_CASE("postgres: whether it takes writes is said", "[store][postgres]") {
  const TempStore temp(Kind::Postgres);
  temp.open();
  const auto store = attach_postgres(temp.url(), nullptr);
  CHECK(check_writable(*store));
  PostgresClient admin(temp.url());
  const std::string database = admin.text("SELECT current_database()");
  admin.run("ALTER DATABASE " + database + " SET default_transaction_read_only = on");
  const auto refused = check_writable(*attach_postgres(temp.url(), nullptr));
  admin.run("ALTER DATABASE " + database + " RESET default_transaction_read_only");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::Overloaded);
  CHECK(refused.error().detail.contains("takes no writes"));
}

TEST_CASE("postgres: a wait ends where a stop is asked for", "[store][postgres]") {
  const TempStore temp(Kind::Postgres);
  std::stop_source stop;
  const auto store =
      temp.open({.busy_timeout = seconds(600), .statement_timeout = seconds(600), .stop = stop.get_token()});
  PostgresClient other(temp.url());
  other.run("BEGIN; LOCK TABLE devices");
  std::optional<Result<bool>> known;
  {
    std::jthread waiting([&] { known = store->app_known(kApp); });
    stop.request_stop();
  }
  other.run("ROLLBACK");
  REQUIRE(known);
  REQUIRE_FALSE(*known);
  CHECK(known->error().code == Errc::ShuttingDown);
  CHECK(store->changes().error().code == Errc::ShuttingDown);
}

TEST_CASE("postgres: hosts of an address are looked up one by one", "[store][postgres]") {
  struct Row {
    const char* url;
    const char* want;
  };
  const Row row = GENERATE(values<Row>({
      {"postgresql://np@127.0.0.1:5432/x", "127.0.0.1"},
      {"postgresql://np@127.0.0.1:1,127.0.0.2:2/x", "127.0.0.1,127.0.0.2"},
      {"postgresql://np@127.0.0.1,does-not-exist.invalid/x", "127.0.0.1,"},
      {"postgresql://np@does-not-exist.invalid/x", ""},
      {"postgresql://np@/x?host=/run/postgresql", ""},
      {"postgresql://np@/x?host=/run/postgresql,127.0.0.1", ",127.0.0.1"},
      {"postgresql://np@db/x?hostaddr=10.0.0.1", ""},  // said already
      {"postgresql:///x", ""},
      {"not an address", ""},
  }));
  CAPTURE(row.url);
  CHECK(look_up_hosts(row.url) == row.want);
}

// --- secrets ---

TEST_CASE("postgres: a dump holds nothing of a secret", "[store][postgres]") {
  const TempStore temp(Kind::Postgres);
  NewCertificate given = a_certificate();
  given.secret = {"PLAIN-KEY-BYTES", "PLAIN-PASSWORD", "PLAIN-RECEIPT-KEY"};
  REQUIRE(temp.open()->add_certificate(given));
  const auto dump = support::run_command({"pg_dump", "--dbname", temp.url()}, seconds(60));
  REQUIRE(dump.exit_code == 0);
  CHECK(dump.out.contains(given.facts.bundle_id));
  CHECK_FALSE(dump.out.contains("PLAIN-"));
  CHECK_FALSE(dump.out.contains(hex("PLAIN-")));
}

TEST_CASE("postgres: an address that holds a password is refused, and no error repeats one", "[store][postgres]") {
  const support::TempFolder folder("password");
  const std::string file = folder.write("password", "SECRET\n");
  const std::string open_file = folder.write("open", "SECRET\n");
  REQUIRE(::chmod(open_file.c_str(), 0644) == 0);
  struct Row {
    const char* name;
    std::string url, file;
    Errc code;
  };
  const std::string nobody = "postgresql://np@/nobody?host=" + folder.path();
  const Row rows[] = {
      {"in the user's part", "postgresql://np:SECRET@127.0.0.1:1/x", "", Errc::Malformed},
      {"as an option", "postgresql://np@127.0.0.1:1/x?password=SECRET", "", Errc::Malformed},
      {"not an address", "postgresql://np:SEC%RET@127.0.0.1:1/x", "", Errc::Malformed},
      {"unknown option", "postgresql://np@127.0.0.1:1/x?pass=SECRET", "", Errc::Malformed},
      {"nobody there", nobody, file, Errc::Io},
      {"a file that others read", nobody, open_file, Errc::Unauthorized},
      {"no file", nobody, folder.file("none"), Errc::NotFound},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const auto opened = open_postgres(row.url, nullptr, {.password_file = row.file});
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code == row.code);
    CHECK_FALSE(opened.error().detail.contains("SEC"));
  }
}

// --- the schema ---

TEST_CASE("postgres: what is not ours is refused and stays as it was", "[store][postgres]") {
  const TempStore temp(Kind::Postgres);
  PostgresClient client(temp.url());
  struct Row {
    const char* name;
    bool ours;  // a store was made there before
    std::string spoil, says;
  };
  const Row row = GENERATE(values<Row>({
      {"another program's table", false, "CREATE TABLE devices (x int)", "public.devices is another program's"},
      {"its view", false, "CREATE VIEW users AS SELECT 1", "public.users is another program's"},
      {"a newer Nightpost's", true, "INSERT INTO nightpost_schema VALUES (99)", "run the newer Nightpost"},
      {"no version", true, "DELETE FROM nightpost_schema", "holds no version"},
      {"a table is gone", true, "DROP TABLE mutes CASCADE", "public.mutes is missing"},
      {"a later one is gone", true, "DROP TABLE held_removals", "public.held_removals is missing"},
      {"in another schema", true, "CREATE SCHEMA postgres", "stand in public, but postgres comes first"},
  }));
  CAPTURE(row.name);
  if (row.ours) temp.open();
  client.run(row.spoil);
  const std::string tables = "SELECT string_agg(oid::text || relname, ' ' ORDER BY oid) FROM pg_class";
  const std::string before = client.text(tables);
  const auto refused = temp.try_open();
  CHECK(client.text(tables) == before);
  client.run("DROP SCHEMA IF EXISTS postgres CASCADE");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::Malformed);
  CHECK(refused.error().detail.contains(row.says));
}

/// Takes back what step 6 brought.
const std::string kWithoutReaders =
    "ALTER TABLE admin_tokens DROP COLUMN reader; DELETE FROM nightpost_schema WHERE version = 6; ";

TEST_CASE("postgres: a database of version 3 keeps all it had, and can keep removals", "[store][postgres]") {
  const TempStore temp(Kind::Postgres);
  const auto added = temp.open()->add_certificate(a_certificate());
  REQUIRE(added);
  REQUIRE(temp.open()->set_device(kApp, "vinson", a_device("phone", added->id.value)));
  PostgresClient client(temp.url());
  client.run(kWithoutReaders +
             "DROP TRIGGER removals_of_another_version ON certificates; DROP FUNCTION nightpost_certificate_edited; "
             "DROP TABLE held_removals; DROP TABLE removal_holds; DROP TABLE removal_approvals; "
             "DELETE FROM nightpost_schema WHERE version >= 4");
  const auto store = temp.open();
  CHECK(client.text("SELECT max(version) FROM nightpost_schema") == std::to_string(postgres_schema_version()));
  CHECK(receiver_of(*store, "vinson").devices.size() == 1);
  REQUIRE(store->approve_removals(added->id, wall_from_ms(5)));
  REQUIRE(store->set_certificate_status(added->id, CertificateStatus::Disabled));
  CHECK(store->removal_approvals()->empty());
}

TEST_CASE("postgres: a database of version 4 keeps all it had, and takes VoIP tokens", "[store][postgres][voip]") {
  const TempStore temp(Kind::Postgres);
  const auto older = temp.open();  // beside the newer one
  REQUIRE(older->set_device(kApp, "vinson", a_device("phone")));
  PostgresClient client(temp.url());
  client.run(
      kWithoutReaders +
      "ALTER TABLE devices DROP CONSTRAINT devices_token_kind_check; ALTER TABLE devices ADD CHECK (token_kind IN "
      "('token', 'fid')); DELETE FROM nightpost_schema WHERE version = 5");
  Device voip = a_device("phone.voip");
  voip.token = DeviceToken("pushkit", TokenKind::Voip);
  CHECK_FALSE(older->set_device(kApp, "vinson", voip));  // as it was
  const auto store = temp.open();
  CHECK(client.text("SELECT max(version) FROM nightpost_schema") == std::to_string(postgres_schema_version()));
  CHECK(receiver_of(*store, "vinson").devices.size() == 1);
  REQUIRE(store->set_device(kApp, "vinson", voip));
  CHECK(receiver_of(*store, "vinson").devices.back().token == voip.token);
  Device fid = a_device("tablet");
  fid.token = DeviceToken("f", TokenKind::Fid);
  REQUIRE(older->set_device(kApp, "denny", fid));
  CHECK(receiver_of(*older, "denny").devices.size() == 1);
}

TEST_CASE("postgres: tables of another owner are refused", "[store][postgres]") {
  const TempStore temp(Kind::Postgres);
  temp.open();
  PostgresClient admin(temp.url());
  const std::string database = admin.text("SELECT current_database()");
  admin.run(
      "DROP ROLE IF EXISTS guest; CREATE ROLE guest LOGIN; GRANT ALL ON SCHEMA public TO guest; "
      "GRANT ALL ON ALL TABLES IN SCHEMA public TO guest");
  const auto refused = open_postgres(PostgresServer::shared().address(database, "guest"), nullptr);
  admin.run("DROP OWNED BY guest; DROP ROLE guest");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::Malformed);
  CHECK(refused.error().detail.contains("belongs to postgres, and this connection comes as guest"));
}

TEST_CASE("postgres: a database of another encoding is refused", "[store][postgres]") {
  PostgresClient admin(PostgresServer::shared().address("postgres"));
  admin.run("DROP DATABASE IF EXISTS latin");
  admin.run("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0");
  const auto refused = open_postgres(PostgresServer::shared().address("latin"), nullptr);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::Malformed);
  CHECK(refused.error().detail.contains("LATIN1"));
}

TEST_CASE("postgres: many may be the first to open", "[store][postgres]") {
  const TempStore temp(Kind::Postgres);
  std::atomic<int> opened = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 6; ++t) threads.emplace_back([&] { opened += temp.try_open().has_value() ? 1 : 0; });
  }
  CHECK(opened == 6);
  CHECK(PostgresClient(temp.url()).text("SELECT count(*) FROM nightpost_schema") ==
        std::to_string(postgres_schema_version()));
}

TEST_CASE("postgres: what ops want to know of a server", "[store][postgres]") {
  const TempStore temp(Kind::Postgres);
  const auto fresh = look_at_postgres(temp.url());
  REQUIRE(fresh);
  CHECK(fresh->server.starts_with("15"));
  CHECK(fresh->writable);
  CHECK_FALSE(fresh->encrypted);  // a socket
  CHECK(fresh->schema == 0);
  temp.open();
  CHECK(look_at_postgres(temp.url())->schema == fresh->schema_ours);
}

}  // namespace
}  // namespace nightpost::store
