#include "store/migrations.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>
#include <thread>
#include <vector>

#include "store/admin_store.h"
#include "unit/store/temp_store.h"

namespace nightpost::store {
namespace {

void execute(const std::string& path, const std::string& sql) {
  sqlite3* raw = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &raw) == SQLITE_OK);
  const Handle<sqlite3, sqlite3_close_v2> db(raw);
  REQUIRE(sqlite3_exec(raw, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
}

std::string bytes_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Gives the only certificate, a_certificate(), this as its sealed secret.
void put_packed(const TempStore& temp, const std::string& packed) {
  sqlite3* raw = nullptr;
  REQUIRE(sqlite3_open(temp.path().c_str(), &raw) == SQLITE_OK);
  const Handle<sqlite3, sqlite3_close_v2> db(raw);
  const std::string sealed = temp.sealer->seal(packed, "1400000001/apns/prod");
  auto update = Statement::prepare(raw, "UPDATE certificates SET secret = ?1", "certificates");
  REQUIRE(update);
  REQUIRE(update->change(Blob{sealed}) == 1);
}

TEST_CASE("migrations: a fresh file is made, and found again", "[store][migrations]") {
  const TempStore temp;
  REQUIRE(temp.open()->set_device(kApp, "vinson", a_device()));
  for (int i = 0; i < 3; ++i) CHECK(receiver_of(*temp.open(), "vinson").devices.size() == 1);
  auto connection = Connection::open(temp.path(), {});
  REQUIRE(connection);
  CHECK(version_of(*connection) == schema_version());
}

/// Takes back what step 8 brought: the file of a Nightpost without readers of private messages.
const std::string kBackToVersion7 = "ALTER TABLE admin_tokens DROP COLUMN reader; PRAGMA user_version=7;";
/// And step 7: the file of a Nightpost that knew no VoIP tokens.
const std::string kBackToVersion6 =
    kBackToVersion7 +
    "PRAGMA writable_schema=ON; UPDATE sqlite_schema SET sql = replace(sql, ', ''voip''', '') WHERE name = 'devices'; "
    "PRAGMA writable_schema=RESET; PRAGMA user_version=6;";
/// And step 6: that of one that kept held removals in memory.
const std::string kBackToVersion5 =
    kBackToVersion6 +
    "DROP TRIGGER removals_of_another_version; DROP TABLE held_removals; DROP TABLE removal_holds; "
    "DROP TABLE removal_approvals; PRAGMA user_version=5;";
/// And step 5: that of a Nightpost without an admin API.
const std::string kBackToVersion4 =
    kBackToVersion5 +
    "DROP TABLE audit_log; DROP TABLE admin_sessions; DROP TABLE admin_tokens; PRAGMA user_version=4;";
/// And step 4: that of one that forgot what a certificate was.
const std::string kBackToVersion3 =
    kBackToVersion4 +
    "DROP TRIGGER certificates_outdated; DROP TRIGGER certificates_removed; DROP TABLE certificate_version_texts; "
    "DROP TABLE certificate_versions; ALTER TABLE certificates DROP COLUMN written_at; "
    "ALTER TABLE certificates DROP COLUMN written_by; PRAGMA user_version=3;";
/// And step 3: the file of a Nightpost that emptied its caches at any change.
const std::string kBackToVersion2 =
    kBackToVersion3 +
    "DROP TRIGGER devices_inserted; DROP TRIGGER devices_updated; DROP TRIGGER devices_moved; "
    "DROP TRIGGER devices_deleted; DROP TRIGGER users_inserted; DROP TRIGGER users_updated; DROP TRIGGER users_moved; "
    "DROP TRIGGER users_deleted; DROP TRIGGER mutes_updated; DROP TRIGGER certificates_inserted; "
    "DROP TRIGGER certificates_updated; DROP TRIGGER certificates_deleted; DROP TABLE changes; DROP TABLE bulk_load; "
    "PRAGMA user_version=2;";
/// And step 2: that of one that knew only APNs.
const std::string kBackToVersion1 =
    kBackToVersion2 +
    "DROP TABLE certificate_settings; DROP INDEX devices_by_token; ALTER TABLE devices DROP COLUMN token_kind; "
    "PRAGMA user_version=1";

TEST_CASE("migrations: a file of version 1 keeps all it had", "[store][migrations]") {
  const TempStore temp;
  NewCertificate given = a_certificate();
  given.facts.settings.clear();
  const auto added = temp.open()->add_certificate(given);
  REQUIRE(added);
  REQUIRE(temp.open()->set_device(kApp, "vinson", a_device("phone", added->id.value)));
  REQUIRE(temp.open()->set_mute(kApp, "vinson", {.kind = Mute::Kind::Group, .target = "team"}));
  execute(temp.path(), kBackToVersion1);
  put_packed(temp, std::string("\x09\0\0\0", 4) + given.secret.bytes + given.secret.password);

  const auto store = temp.open();
  const auto certificate = store->certificate(added->id);
  REQUIRE(certificate);
  CHECK(certificate->facts == given.facts.facts);
  CHECK(certificate->settings.empty());
  const auto secret = store->secret(added->id);
  REQUIRE(secret);
  CHECK(secret->bytes == given.secret.bytes);
  CHECK(secret->password == given.secret.password);
  CHECK(secret->receipt_key.empty());
  const Receiver receiver = receiver_of(*store, "vinson");
  REQUIRE(receiver.devices.size() == 1);
  CHECK(receiver.devices[0].token == a_device().token);
  CHECK(receiver.devices[0].token.kind() == TokenKind::Token);
  CHECK(receiver.mutes.size() == 1);
  CHECK(store->devices_with_token(added->id, a_device().token.text(), 10)->size() == 1);

  const auto replaced = store->replace_certificate(added->id, a_certificate());  // what is new can be stored now
  REQUIRE(replaced);
  CHECK(replaced->settings == a_certificate().facts.settings);
  CHECK(store->secret(added->id)->receipt_key == "receipts");
  Device fid = a_device("tablet", added->id.value);
  fid.token = DeviceToken("f", TokenKind::Fid);
  REQUIRE(store->set_device(kApp, "denny", fid));
  CHECK(receiver_of(*store, "denny").devices[0].token == fid.token);
}

TEST_CASE("migrations: a file of version 2 keeps all it had, and names its changes from then on",
          "[store][migrations]") {
  const TempStore temp;
  REQUIRE(temp.open()->set_device(kApp, "vinson", a_device()));
  REQUIRE(temp.open()->set_mute(kApp, "vinson", {.kind = Mute::Kind::Group, .target = "team"}));
  execute(temp.path(), kBackToVersion2);
  const auto store = temp.open();
  REQUIRE(store->changes());
  CHECK(receiver_of(*store, "vinson").devices.size() == 1);
  CHECK(receiver_of(*store, "vinson").mutes.size() == 1);
  REQUIRE(temp.open()->set_device(kApp, "denny", a_phone("denny")));
  CHECK(store->changes()->receivers == std::vector<ReceiverKey>{{kApp, "denny"}});
}

TEST_CASE("migrations: a file of version 3 keeps all it had, and can keep removals", "[store][migrations]") {
  const TempStore temp;
  const auto added = temp.open()->add_certificate(a_certificate());
  REQUIRE(added);
  REQUIRE(temp.open()->set_device(kApp, "vinson", a_device("phone", added->id.value)));
  execute(temp.path(), kBackToVersion3);
  const auto store = temp.open();
  CHECK(receiver_of(*store, "vinson").devices.size() == 1);
  CHECK(store->secret(added->id)->bytes == a_certificate().secret.bytes);
  REQUIRE(store->approve_removals(added->id, wall_from_ms(5)));
  REQUIRE(store->set_certificate_status(added->id, CertificateStatus::Disabled));
  CHECK(store->removal_approvals()->empty());
}

TEST_CASE("migrations: a token of version 7 reads no private messages", "[store][migrations]") {
  const TempStore temp;
  REQUIRE(temp.open());
  const AdminToken token{.name = "ci", .role = "admin", .created_at = wall_from_ms(1), .reader = true};
  REQUIRE(open_sqlite_admin(temp.path()).value()->add_token(token, "hash"));
  execute(temp.path(), kBackToVersion7);
  const auto found = open_sqlite_admin(temp.path()).value()->token_of("hash");
  REQUIRE(found);
  REQUIRE(*found);
  CHECK((*found)->role == "admin");
  CHECK_FALSE((*found)->reader);
}

TEST_CASE("migrations: a file of version 6 keeps all it had, and takes VoIP tokens", "[store][migrations][voip]") {
  const TempStore temp;
  REQUIRE(temp.open()->set_device(kApp, "vinson", a_device("phone")));
  Device fid = a_device("tablet");
  fid.token = DeviceToken("f", TokenKind::Fid);
  fid.state = DeviceState::LoggedOut;
  REQUIRE(temp.open()->set_device(kApp, "denny", fid));
  execute(temp.path(), kBackToVersion6);
  // An older Nightpost has the file open, and its statements prepared, while a newer one brings it up to date.
  sqlite3* raw = nullptr;
  REQUIRE(sqlite3_open(temp.path().c_str(), &raw) == SQLITE_OK);
  const Handle<sqlite3, sqlite3_close_v2> older(raw);
  auto read = Statement::prepare(raw, "SELECT token, token_kind FROM devices WHERE user_id = ?1", "devices");
  auto write = Statement::prepare(raw, "UPDATE devices SET badge_base = 3 WHERE user_id = ?1", "devices");
  auto insert = Statement::prepare(
      raw, "INSERT INTO devices VALUES (?1, 'b', 'pad.voip', 'ios', 1, 't', 0, 'offline', 0, '', 'voip')", "devices");
  REQUIRE(read);
  REQUIRE(write);
  REQUIRE(insert);
  CHECK_FALSE(insert->change(kApp.value));  // as it was
  CHECK(write->change("vinson") == 1);

  const auto store = temp.open();
  REQUIRE(store->changes());
  const Receiver vinson = receiver_of(*store, "vinson");
  REQUIRE(vinson.devices.size() == 1);
  CHECK(vinson.devices[0].token == a_device().token);
  CHECK(vinson.devices[0].badge_base == 3);
  const Receiver denny = receiver_of(*store, "denny");
  REQUIRE(denny.devices.size() == 1);
  CHECK(denny.devices[0].token == fid.token);
  CHECK(denny.devices[0].state == DeviceState::LoggedOut);
  CHECK(store->devices_with_token(fid.certificate, "f", 10)->size() == 1);
  {
    Rows rows = read->query("denny");
    REQUIRE(rows.next());
    CHECK(rows.text(0) == "f");
    CHECK(rows.text(1) == "fid");
  }
  CHECK(write->change("denny") == 1);
  CHECK(store->changes()->receivers == std::vector<ReceiverKey>{{kApp, "denny"}});  // the triggers are back
  Device voip = a_device("phone.voip");
  voip.token = DeviceToken("pushkit", TokenKind::Voip);
  REQUIRE(temp.open()->set_device(kApp, "vinson", voip));
  CHECK(receiver_of(*store, "vinson").devices.back().token == voip.token);
  CHECK(store->changes()->receivers == std::vector<ReceiverKey>{{kApp, "vinson"}});
  REQUIRE(temp.open()->remove_device(kApp, "vinson", "phone.voip"));
  CHECK(store->changes()->receivers == std::vector<ReceiverKey>{{kApp, "vinson"}});
}

TEST_CASE("migrations: a sealed secret of another layout is refused", "[store][migrations]") {
  const TempStore temp;
  const auto added = temp.open()->add_certificate(a_certificate());
  REQUIRE(added);
  struct Row {
    const char* name;
    std::string packed;
    bool good = false;
  };
  const Row row = GENERATE(values<Row>({
      {"layout 0", {"\x01\0\0\0ab", 6}, true},
      {"layout 0, no password", {"\x02\0\0\0ab", 6}, true},
      {"layout 1", {"\x01\0\0\x01\x01\0\0\0abc", 11}, true},
      {"layout 1, only a file", {"\x03\0\0\x01\0\0\0\0abc", 11}, true},
      {"nothing", ""},
      {"half a length", {"\x01\0\0", 3}},
      {"layout 0, longer than there is", {"\x03\0\0\0ab", 6}},
      {"layout 1, no second length", {"\x01\0\0\x01\0\0", 6}},
      {"layout 1, file longer than there is", {"\x04\0\0\x01\0\0\0\0abc", 11}},
      {"layout 1, password longer than there is", {"\x01\0\0\x01\x03\0\0\0abc", 11}},
      {"layout 1, a password of 4 GiB",
       {"\x01\0\0\x01\xff\xff\xff\xff"
        "abc",
        11}},
      {"layout 2", {"\x01\0\0\x02\x01\0\0\0abc", 11}},
      {"layout 255", {"\x01\0\0\xff\x01\0\0\0abc", 11}},
  }));
  CAPTURE(row.name);
  put_packed(temp, row.packed);
  const auto secret = temp.open()->secret(added->id);
  CHECK(secret.has_value() == row.good);
  if (!secret) CHECK(secret.error().code == Errc::Malformed);
}

TEST_CASE("migrations: the file is its owner's alone", "[store][migrations]") {
  const TempStore temp;
  const auto store = temp.open();
  REQUIRE(store->set_device(kApp, "vinson", a_device()));
  for (const char* suffix : {"", "-wal", "-shm"}) {
    struct stat about{};
    CAPTURE(suffix);
    REQUIRE(::stat((temp.path() + suffix).c_str(), &about) == 0);
    CHECK((about.st_mode & 0777) == 0600);
  }
}

TEST_CASE("migrations: what is not ours is refused and stays as it was", "[store][migrations]") {
  const TempStore temp;
  const std::string newer = "PRAGMA user_version=" + std::to_string(schema_version() + 1);
  struct Row {
    const char* name;
    std::string sql;
    const char* words;
  };
  const Row row = GENERATE_COPY(values<Row>({
      {"a newer schema", "PRAGMA application_id=1315402832;" + newer, "run the newer Nightpost"},
      {"another program's file", "CREATE TABLE songs (title)", "another program"},
      {"another program's version", "PRAGMA user_version=1; CREATE TABLE songs (title)", "another program"},
      {"another program's mark", "PRAGMA application_id=7", "another program"},
      {"our mark without a version", "PRAGMA application_id=1315402832", "another program"},
      {"a negative version", "PRAGMA application_id=1315402832; PRAGMA user_version=-1", "another program"},
  }));
  CAPTURE(row.name);
  execute(temp.path(), row.sql);
  const std::string before = bytes_of(temp.path());
  const auto store = open_sqlite(temp.path(), nullptr);
  REQUIRE_FALSE(store);
  CHECK(store.error().code == Errc::Malformed);
  CHECK(store.error().detail.contains(row.words));
  CHECK(store.error().detail.contains(temp.path()));
  CHECK(bytes_of(temp.path()) == before);
}

TEST_CASE("migrations: what cannot be a store says why", "[store][migrations]") {
  const TempStore temp;
  std::ofstream(temp.path("words")) << std::string(4096, 'x');
  std::ofstream(temp.path("cut")) << std::string("SQLite format 3\0", 16);
  struct Row {
    const char* name;
    std::string file;
    Errc code;
  };
  const Row row = GENERATE(values<Row>({
      {"no path", "", Errc::Malformed},
      {"a folder", ".", Errc::Io},
      {"no such folder", "absent/store.db", Errc::Io},
      {"not SQLite", "words", Errc::Malformed},
      {"cut short", "cut", Errc::Malformed},
  }));
  CAPTURE(row.name);
  const auto store = open_sqlite(row.file.empty() ? "" : temp.path(row.file), nullptr);
  REQUIRE_FALSE(store);
  CAPTURE(store.error().detail);
  CHECK(store.error().code == row.code);
}

TEST_CASE("migrations: a store in memory is one's own", "[store][migrations]") {
  auto one = open_sqlite(":memory:", nullptr);
  auto two = open_sqlite(":memory:", nullptr);
  REQUIRE(one);
  REQUIRE(two);
  REQUIRE((*one)->set_device(kApp, "vinson", a_device()));
  CHECK(receiver_of(**one, "vinson").devices.size() == 1);
  CHECK(receiver_of(**two, "vinson").devices.empty());
}

TEST_CASE("migrations: many threads may be the first to open", "[store][migrations]") {
  for (int round = 0; round < 5; ++round) {
    const TempStore temp;
    std::vector<std::string> failures(6);
    {
      std::vector<std::jthread> threads;
      for (std::string& failure : failures)
        threads.emplace_back([&temp, &failure] {
          if (auto store = open_sqlite(temp.path(), nullptr, {.busy_timeout = seconds(30)}); !store)
            failure = store.error().detail;
        });
    }
    for (const std::string& failure : failures) CHECK(failure.empty());
  }
}

TEST_CASE("migrations: many processes may be the first to open", "[store][migrations]") {
  const TempStore temp;
  std::vector<pid_t> children;
  for (int i = 0; i < 4; ++i) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      auto store = open_sqlite(temp.path(), nullptr, {.busy_timeout = seconds(30)});
      bool good = store.has_value();
      for (int n = 0; n < 10 && good; ++n)
        good = (*store)
                   ->set_device(kApp, "user" + std::to_string(i), a_phone(std::to_string(i), "d" + std::to_string(n)))
                   .has_value();
      ::_exit(good ? 0 : 1);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
  }
  CHECK(temp.open()->devices(kApp, std::nullopt, 1000)->size() == 40);
}

}  // namespace
}  // namespace nightpost::store
