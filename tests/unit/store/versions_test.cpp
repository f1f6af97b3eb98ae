#include <sys/resource.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "store/connection.h"
#include "unit/store/temp_store.h"

namespace nightpost::store {
namespace {

NewCertificate edited() {
  NewCertificate edit = a_certificate("renamed");
  edit.facts.bundle_id = "com.example.other";
  edit.facts.facts = {{"kind", "p12"}};
  edit.facts.settings = {{"channel_id", "im"}};
  edit.secret = {"another key", "", ""};
  return edit;
}

std::vector<std::int64_t> numbers(const std::vector<CertificateVersion>& versions) {
  std::vector<std::int64_t> out;
  for (const CertificateVersion& one : versions) out.push_back(one.certificate.version);
  return out;
}

TEST_CASE("versions: an edit keeps what was before it, and who wrote it", "[store][versions]") {
  const TempStore temp(GENERATE(each_store()));
  const auto store = temp.open();
  store->write_as("cli:denny");
  const CertificateId id = store->add_certificate(a_certificate())->id;
  store->write_as("cli:vinson");
  REQUIRE(store->replace_certificate(id, edited()));
  REQUIRE(store->set_certificate_status(id, CertificateStatus::Disabled));

  const auto versions = temp.open()->certificate_versions(id);
  REQUIRE(versions);
  REQUIRE(numbers(*versions) == std::vector<std::int64_t>{3, 2, 1});
  const CertificateVersion& now = (*versions)[0];
  const CertificateVersion& second = (*versions)[1];
  const CertificateVersion& first = (*versions)[2];
  CHECK(now.in_use);
  CHECK(now.certificate.status == CertificateStatus::Disabled);
  CHECK(now.certificate.settings == edited().facts.settings);
  CHECK_FALSE(second.in_use);
  CHECK(second.certificate.status == CertificateStatus::Active);
  CHECK(second.certificate.name == "renamed");
  CHECK(second.certificate.facts == edited().facts.facts);
  CHECK(second.written_by == "cli:vinson");
  CHECK_FALSE(first.in_use);
  CHECK(first.certificate.name == "prod");
  CHECK(first.certificate.bundle_id == a_certificate().facts.bundle_id);
  CHECK(first.certificate.facts == a_certificate().facts.facts);
  CHECK(first.certificate.settings == a_certificate().facts.settings);
  CHECK(first.certificate.ca_pem == a_certificate().facts.ca_pem);
  CHECK(first.written_by == "cli:denny");
  const WallTime clock = SystemClock().wall();
  CHECK(first.written_at > clock - std::chrono::hours(1));
  CHECK(now.written_at >= first.written_at);
  CHECK(now.written_at < clock + std::chrono::hours(1));

  CHECK(store->secret_of_version(id, 1)->bytes == a_certificate().secret.bytes);
  CHECK(store->secret_of_version(id, 2)->bytes == "another key");
  CHECK(store->secret_of_version(id, 3)->bytes == "another key");
  CHECK(store->secret_of_version(id, 4).error().code == Errc::NotFound);
  CHECK(store->secret_of_version({999}, 1).error().code == Errc::NotFound);
  CHECK(store->certificate_versions({999}).error().code == Errc::NotFound);
}

TEST_CASE("versions: an edit that was refused keeps none", "[store][versions]") {
  const TempStore temp(GENERATE(each_store()));
  const auto store = temp.open();
  const CertificateId id = store->add_certificate(a_certificate())->id;
  REQUIRE(store->add_certificate(a_certificate("other")));
  CHECK_FALSE(store->replace_certificate(id, a_certificate("other")));
  CHECK_FALSE(store->replace_certificate(id, a_certificate("x", AppId{7})));
  CHECK(numbers(*store->certificate_versions(id)) == std::vector<std::int64_t>{1});
}

TEST_CASE("versions: a certificate is rolled back to what it was", "[store][versions]") {
  const TempStore temp(GENERATE(each_store()));
  const auto store = temp.open();
  const CertificateId id = store->add_certificate(a_certificate())->id;
  REQUIRE(store->replace_certificate(id, edited()));
  REQUIRE(store->set_certificate_status(id, CertificateStatus::Disabled));
  const auto reader = temp.open();
  REQUIRE(reader->changes());
  const auto back = store->roll_back_certificate(id, 1);
  REQUIRE(back);
  CHECK(back->version == 4);
  CHECK(back->name == "prod");
  CHECK(back->facts == a_certificate().facts.facts);
  CHECK(back->settings == a_certificate().facts.settings);
  CHECK(back->status == CertificateStatus::Disabled);  // is nobody's credential
  CHECK(store->secret(id)->bytes == a_certificate().secret.bytes);
  CHECK(store->secret(id)->password == a_certificate().secret.password);
  CHECK(reader->changes()->certificates);  // workers hear of it
  CHECK(numbers(*store->certificate_versions(id)) == std::vector<std::int64_t>{4, 3, 2, 1});

  CHECK(store->roll_back_certificate(id, 4).error().code == Errc::Malformed);  // it is in use
  CHECK(store->roll_back_certificate(id, 5).error().code == Errc::NotFound);
  CHECK(store->roll_back_certificate(id, 0).error().code == Errc::NotFound);
  CHECK(store->roll_back_certificate({999}, 1).error().code == Errc::NotFound);
  REQUIRE(store->roll_back_certificate(id, 2));  // and forth
  REQUIRE(store->add_certificate(a_certificate("prod")));
  const auto taken = store->roll_back_certificate(id, 1);
  REQUIRE_FALSE(taken);
  CHECK(taken.error().code == Errc::Malformed);
  CHECK(taken.error().detail.contains("named prod"));
  CHECK(store->certificate(id)->name == "renamed");
}

TEST_CASE("versions: a removed certificate can be restored under its id", "[store][versions]") {
  const TempStore temp(GENERATE(each_store()));
  const auto store = temp.open();
  const CertificateId id = store->add_certificate(a_certificate())->id;
  const CertificateId foreign = store->add_certificate(a_certificate("prod", AppId{7}))->id;
  REQUIRE(store->set_certificate_status(id, CertificateStatus::Disabled));
  CHECK(store->removed_certificates(std::nullopt)->empty());
  REQUIRE(store->remove_certificate(id));
  REQUIRE(store->remove_certificate(foreign));
  CHECK(store->certificates(std::nullopt)->empty());
  CHECK(store->secret(id).error().code == Errc::NotFound);
  const auto removed = store->removed_certificates(kApp);
  REQUIRE(removed);
  REQUIRE(removed->size() == 1);
  CHECK(removed->front().certificate.id == id);
  CHECK(removed->front().certificate.version == 2);
  CHECK_FALSE(removed->front().in_use);
  CHECK(store->removed_certificates(std::nullopt)->size() == 2);

  const auto restored = store->roll_back_certificate(id, 2);
  REQUIRE(restored);
  CHECK(restored->id == id);
  CHECK(restored->version == 3);
  CHECK(restored->status == CertificateStatus::Disabled);
  CHECK(restored->facts == a_certificate().facts.facts);
  CHECK(store->secret(id)->bytes == a_certificate().secret.bytes);
  CHECK(store->removed_certificates(kApp)->empty());
  CHECK(store->add_certificate(a_certificate("next"))->id.value > foreign.value);
  REQUIRE(store->remove_certificate(id));
  REQUIRE(store->add_certificate(a_certificate("prod")));
  CHECK(store->roll_back_certificate(id, 3).error().code == Errc::Malformed);  // its name is another's by now
}

TEST_CASE("versions: the oldest go, and a purge takes all that are not in use", "[store][versions]") {
  const TempStore temp(GENERATE(each_store()));
  const auto store = temp.open({.certificate_versions_max = 2});
  const CertificateId id = store->add_certificate(a_certificate())->id;
  for (int i = 0; i < 4; ++i) REQUIRE(store->replace_certificate(id, edited()));
  CHECK(numbers(*store->certificate_versions(id)) == std::vector<std::int64_t>{5, 4, 3});
  REQUIRE(store->set_certificate_status(id, CertificateStatus::Disabled));
  CHECK(numbers(*store->certificate_versions(id)) == std::vector<std::int64_t>{6, 5, 4});
  REQUIRE(store->roll_back_certificate(id, 4));
  CHECK(numbers(*store->certificate_versions(id)) == std::vector<std::int64_t>{7, 6, 5});
  CHECK(*store->purge_certificate(id) == 2);
  CHECK(numbers(*store->certificate_versions(id)) == std::vector<std::int64_t>{7});
  CHECK(store->secret(id));
  CHECK(*store->purge_certificate({999}) == 0);
  REQUIRE(store->remove_certificate(id));
  CHECK(*store->purge_certificate(id) == 1);
  CHECK(store->certificate_versions(id).error().code == Errc::NotFound);
  CHECK(store->removed_certificates(std::nullopt)->empty());
}

TEST_CASE("versions: a new master key seals everything, and the old one may go", "[store][versions][sealer]") {
  const Kind kind = GENERATE(each_store());
  TempStore temp(kind);
  const std::string old_key = Sealer::new_key_text();
  const std::string new_key = Sealer::new_key_text();
  temp.sealer = Sealer::from_key_text(old_key).value();
  const auto running = temp.open();
  const CertificateId id = running->add_certificate(a_certificate())->id;
  REQUIRE(running->replace_certificate(id, edited()));
  const CertificateId removed = running->add_certificate(a_certificate("gone"))->id;
  REQUIRE(running->remove_certificate(removed));

  temp.sealer = Sealer::from_key_text(new_key).value();
  const auto blind = temp.open()->rekey_certificates();
  REQUIRE(blind);
  CHECK(blind->sealed_anew == 0);
  CHECK(blind->not_opened.size() == 3);
  CHECK(blind->not_opened.front().contains("certificate " + std::to_string(id.value)));
  CHECK(running->secret(id));  // nothing was touched

  temp.sealer = Sealer::from_key_text(new_key + "\n" + old_key).value();
  const auto rekeyed = temp.open()->rekey_certificates();
  REQUIRE(rekeyed);
  CHECK(rekeyed->sealed_anew == 3);
  CHECK(rekeyed->current == 0);
  CHECK(rekeyed->not_opened.empty());
  CHECK(temp.open()->rekey_certificates()->current == 3);
  CHECK(temp.open()->certificate(id)->version == 2);  // nothing that a worker would ask a vendor about

  temp.sealer = Sealer::from_key_text(new_key).value();
  const auto after = temp.open();
  CHECK(after->secret(id)->bytes == "another key");
  CHECK(after->secret_of_version(id, 1)->bytes == a_certificate().secret.bytes);
  CHECK(after->roll_back_certificate(removed, 1));
  CHECK(running->secret(id).error().code == Errc::Unauthorized);  // it has the old key only

  temp.sealer = nullptr;
  CHECK(temp.open()->rekey_certificates().error().code == Errc::Unauthorized);
}

TEST_CASE("versions: what a Nightpost from before them writes is kept as well", "[store][versions][migrations]") {
  const Kind kind = GENERATE(each_store());
  const TempStore temp(kind);
  const auto store = temp.open();
  store->write_as("cli:denny");
  const CertificateId id = store->add_certificate(a_certificate())->id;
  const auto run = [&](const std::string& sql) {
    if (kind == Kind::Postgres) return support::PostgresClient(temp.url()).run(sql);
    auto connection = Connection::open(temp.path(), {});
    REQUIRE(connection);
    REQUIRE(connection->run(sql.c_str(), "test"));
  };
  // Its statements, in its order.
  run("UPDATE certificates SET name = 'renamed', version = version + 1 WHERE id = " + std::to_string(id.value));
  run("DELETE FROM certificate_settings WHERE certificate_id = " + std::to_string(id.value));
  run("INSERT INTO certificates (app_id, vendor, name, bundle_id, environment, host_override, ca_pem, status, version, "
      "secret) VALUES (1400000001, 'apns', 'by-it', 'b', 'production', '', '', 'active', 1, " +
      std::string(kind == Kind::Postgres ? "'x'" : "x'78'") + ")");
  auto versions = store->certificate_versions(id);
  REQUIRE(versions);
  REQUIRE(numbers(*versions) == std::vector<std::int64_t>{2, 1});
  CHECK((*versions)[1].certificate.name == "prod");
  CHECK((*versions)[1].certificate.settings == a_certificate().facts.settings);
  const auto by_it = store->certificate_versions({id.value + 1});
  REQUIRE(by_it);
  CHECK(to_ms(by_it->front().written_at) == 0);
  CHECK(by_it->front().written_by.empty());
  run("DELETE FROM certificates WHERE id = " + std::to_string(id.value));
  REQUIRE(store->roll_back_certificate(id, 1));
  CHECK(store->secret(id)->bytes == a_certificate().secret.bytes);
}

TEST_CASE("store: a file that cannot grow refuses writes, loses nothing and is read", "[store][sqlite]") {
  const TempStore temp;
  const auto store = temp.open();
  REQUIRE(store->set_device(kApp, "vinson", a_phone("vinson")));
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  const std::uintmax_t log_bytes = std::filesystem::file_size(temp.path() + "-wal");
  const rlimit full{.rlim_cur = static_cast<rlim_t>(log_bytes), .rlim_max = before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &full) == 0);
  const auto refused = store->set_device(kApp, "denny", a_phone("denny"));
  const auto there = receiver_of(*store, "vinson").devices.size();
  const auto not_there = receiver_of(*store, "denny").devices.size();
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
  std::signal(SIGXFSZ, old_handler);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::Io);
  CHECK(there == 1);
  CHECK(not_there == 0);
  REQUIRE(store->set_device(kApp, "denny", a_phone("denny")));  // there is room again
  CHECK(receiver_of(*temp.open(), "denny").devices.size() == 1);
}

TEST_CASE("certificates: one of another store keeps its id", "[store][certificates]") {
  const TempStore temp(GENERATE(each_store()));
  const auto store = temp.open();
  const auto put = store->put_certificate({7}, a_certificate("moved"));
  REQUIRE(put);
  CHECK(put->id.value == 7);
  CHECK(put->version == 1);
  CHECK(store->secret({7})->bytes == a_certificate().secret.bytes);
  CHECK(store->certificate({7})->settings == a_certificate().facts.settings);
  REQUIRE(store->put_certificate({3}, a_certificate("earlier")));
  CHECK(store->add_certificate(a_certificate("next"))->id.value == 8);  // not 4: an id is never given twice
  CHECK(store->put_certificate({7}, a_certificate("x")).error().code == Errc::Malformed);
  CHECK(store->put_certificate({9}, a_certificate("moved")).error().code == Errc::Malformed);  // the name
  CHECK(store->put_certificate({0}, a_certificate("x")).error().code == Errc::Malformed);
  CHECK(store->put_certificate({-1}, a_certificate("x")).error().code == Errc::Malformed);
  REQUIRE(store->remove_certificate({3}));
  CHECK(store->put_certificate({3}, a_certificate("x")).error().detail.contains("is, or was, another's"));
  CHECK(store->certificates(std::nullopt)->size() == 2);
}

TEST_CASE("sealer: a key file that changed is read again, a broken one is not", "[store][sealer]") {
  const TempStore folder;
  const std::string file = folder.path("master.key");
  const std::string first = Sealer::new_key_text();
  const std::string second = Sealer::new_key_text();
  const auto write = [&](const std::string& text) {
    std::ofstream(file, std::ios::trunc) << text;
    REQUIRE(::chmod(file.c_str(), 0600) == 0);
  };
  write(first);
  const auto running = Sealer::from_file_or_environment(file).value();
  const std::string by_first = running->seal("a secret", "context");
  write(second + "\n\n" + first + "\n");
  const std::string by_second = running->seal("a secret", "context");
  CHECK(Sealer::from_key_text(second).value()->open(by_second, "context") == "a secret");
  CHECK(running->open(by_first, "context") == "a secret");
  CHECK(running->is_current(by_second));
  CHECK_FALSE(running->is_current(by_first));
  CHECK_FALSE(running->is_current(""));

  write("nonsense, and of another length");
  CHECK(running->open(by_first, "context") == "a secret");
  CHECK(running->key_name() == Sealer::from_key_text(second).value()->key_name());
  REQUIRE(::unlink(file.c_str()) == 0);
  CHECK(running->open(by_second, "context") == "a secret");
  write(second);
  const auto closed = running->open(by_first, "context");
  REQUIRE_FALSE(closed);
  CHECK(closed.error().code == Errc::Unauthorized);
}

}  // namespace
}  // namespace nightpost::store
