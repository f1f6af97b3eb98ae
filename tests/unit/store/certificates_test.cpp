#include <sqlite3.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>
#include <mutex>
#include <thread>

#include "core/c_handle.h"
#include "store/limits.h"
#include "unit/store/temp_store.h"

namespace nightpost::store {
namespace {

void check_equal(const Certificate& one, const Certificate& two) {
  CHECK(one.app == two.app);
  CHECK(one.vendor == two.vendor);
  CHECK(one.name == two.name);
  CHECK(one.bundle_id == two.bundle_id);
  CHECK(one.environment == two.environment);
  CHECK(one.facts == two.facts);
  CHECK(one.settings == two.settings);
  CHECK(one.host_override == two.host_override);
  CHECK(one.ca_pem == two.ca_pem);
  CHECK(one.status == two.status);
}

TEST_CASE("certificates: what was added is read back whole", "[store][certificates]") {
  const TempStore temp(GENERATE(each_store()));
  const NewCertificate given = a_certificate();
  const auto added = temp.open()->add_certificate(given);
  REQUIRE(added);
  CHECK(added->id.value > 0);
  CHECK(added->version == 1);
  const auto other = temp.open();
  const auto read = other->certificate(added->id);
  REQUIRE(read);
  check_equal(*read, given.facts);
  CHECK(read->id == added->id);
  CHECK(read->version == 1);
  const auto secret = other->secret(added->id);
  REQUIRE(secret);
  CHECK(secret->bytes == given.secret.bytes);
  CHECK(secret->password == given.secret.password);
  CHECK(secret->receipt_key == given.secret.receipt_key);
}

TEST_CASE("certificates: are listed by app", "[store][certificates]") {
  const TempStore temp(GENERATE(each_store()));
  const auto store = temp.open();
  REQUIRE(store->add_certificate(a_certificate("b")));
  REQUIRE(store->add_certificate(a_certificate("a")));
  REQUIRE(store->add_certificate(a_certificate("a", AppId{7})));
  const auto names = [&](std::optional<AppId> app) {
    std::string out;
    for (const Certificate& one : store->certificates(app).value()) out += one.name + one.facts.at("kind") + " ";
    return out;
  };
  CHECK(names(std::nullopt) == "bp8 ap8 ap8 ");
  CHECK(names(kApp) == "bp8 ap8 ");
  CHECK(names(AppId{7}) == "ap8 ");
  CHECK(names(AppId{8}).empty());
}

TEST_CASE("certificates: a name is taken once per app", "[store][certificates]") {
  const TempStore temp(GENERATE(each_store()));
  const auto store = temp.open();
  REQUIRE(store->add_certificate(a_certificate("prod")));
  const auto again = store->add_certificate(a_certificate("prod"));
  REQUIRE_FALSE(again);
  CHECK(again.error().code == Errc::Malformed);
  CHECK(again.error().detail.contains("named prod"));
  CHECK(store->certificates(std::nullopt)->size() == 1);
}

TEST_CASE("certificates: an edit keeps the id and takes all else", "[store][certificates]") {
  const TempStore temp(GENERATE(each_store()));
  const auto store = temp.open();
  const auto added = store->add_certificate(a_certificate("prod"));
  REQUIRE(store->add_certificate(a_certificate("other")));
  NewCertificate edit = a_certificate("renamed");
  edit.facts.environment = Environment::Production;
  edit.facts.facts = {{"kind", "p12"}};
  edit.facts.settings = {{"app_id", "2"}, {"channel_id", "im"}};
  edit.secret = {"another key", ""};
  const auto replaced = store->replace_certificate(added->id, edit);
  REQUIRE(replaced);
  check_equal(*replaced, edit.facts);
  CHECK(replaced->id == added->id);
  CHECK(replaced->version == 2);
  check_equal(*store->certificate(added->id), edit.facts);
  CHECK(store->secret(added->id)->bytes == "another key");

  struct Row {
    const char* name;
    CertificateId id;
    NewCertificate edit;
    Errc code;
  };
  const Row row = GENERATE_COPY(values<Row>({
      {"unknown id", {999}, a_certificate("x"), Errc::NotFound},
      {"another app", added->id, a_certificate("x", AppId{7}), Errc::Malformed},
      {"a name that is taken", added->id, a_certificate("other"), Errc::Malformed},
      {"no name", added->id, a_certificate(""), Errc::Malformed},
  }));
  CAPTURE(row.name);
  CHECK(store->replace_certificate(row.id, row.edit).error().code == row.code);
  check_equal(*store->certificate(added->id), edit.facts);  // as it was
  CHECK(store->certificate(added->id)->version == 2);
  CHECK(store->secret(added->id)->bytes == "another key");
}

TEST_CASE("certificates: of two edits of one version the first is taken", "[store][certificates]") {
  const TempStore temp(GENERATE(each_store()));
  const auto store = temp.open();
  const auto added = store->add_certificate(a_certificate());
  NewCertificate mine = a_certificate(), theirs = a_certificate();
  mine.facts.bundle_id = "com.mine";
  mine.secret = {"my key", ""};
  REQUIRE(store->replace_certificate(added->id, theirs, added->version));
  const auto refused = store->replace_certificate(added->id, mine, added->version);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::Malformed);
  CHECK(refused.error().detail.contains("version 2 is in use, and this edit was made of version 1"));
  CHECK(store->secret(added->id)->bytes == theirs.secret.bytes);
  SECTION("made of the one in use it is") { CHECK(store->replace_certificate(added->id, mine, 2)->version == 3); }
  SECTION("of none, too") { CHECK(store->replace_certificate(added->id, mine)->version == 3); }
  SECTION("after it was switched off it was not") {
    REQUIRE(store->set_certificate_status(added->id, CertificateStatus::Disabled));
    CHECK_FALSE(store->replace_certificate(added->id, mine, 2));
  }
}

TEST_CASE("certificates: ids are given once, while others are brought along", "[store][certificates][threads]") {
  const TempStore temp(GENERATE(each_store()));
  constexpr int kEach = 12;
  std::mutex mutex;
  std::vector<std::int64_t> ids;
  std::vector<std::string> failures;
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 4; ++thread)
      threads.emplace_back([&, thread, store = temp.open()] {
        for (int i = 0; i < kEach; ++i) {
          const auto one = a_certificate("c" + std::to_string(thread) + "-" + std::to_string(i));
          const bool brought = thread == 0;  // under ids that the others come to
          const auto added =
              brought ? store->put_certificate(CertificateId{2 * i + 10}, one) : store->add_certificate(one);
          const std::lock_guard lock(mutex);
          if (added)
            ids.push_back(added->id.value);
          else if (!brought || !added.error().detail.contains("is, or was, another's"))
            failures.push_back(added.error().detail);
        }
      });
  }
  CHECK(failures == std::vector<std::string>{});
  CHECK(ids.size() >= 3 * kEach);
  std::ranges::sort(ids);
  CHECK(std::ranges::adjacent_find(ids) == ids.end());
}

TEST_CASE("certificates: can be switched off and on", "[store][certificates]") {
  const TempStore temp(GENERATE(each_store()));
  const auto store = temp.open();
  const auto added = store->add_certificate(a_certificate());
  CHECK(store->set_certificate_status(added->id, CertificateStatus::Disabled)->version == 2);
  CHECK(store->certificate(added->id)->status == CertificateStatus::Disabled);
  REQUIRE(store->replace_certificate(added->id, a_certificate()));  // an edit that began before does not undo it
  CHECK(store->certificate(added->id)->status == CertificateStatus::Disabled);
  CHECK(store->set_certificate_status(added->id, CertificateStatus::Active)->version == 4);
  CHECK(store->secret(added->id));
  CHECK(store->set_certificate_status({999}, CertificateStatus::Active).error().code == Errc::NotFound);
  CHECK(store->set_certificate_status(added->id, CertificateStatus{9}).error().code == Errc::Malformed);
}

TEST_CASE("certificates: none is removed while devices use it", "[store][certificates]") {
  const TempStore temp(GENERATE(each_store()));
  const auto store = temp.open();
  const CertificateId id = store->add_certificate(a_certificate())->id;
  const CertificateId foreign = store->add_certificate(a_certificate("prod", AppId{7}))->id;
  REQUIRE(store->set_device(kApp, "vinson", a_phone("vinson", "1", id.value)));
  REQUIRE(store->set_device(kApp, "denny", a_phone("denny", "1", id.value)));
  const auto refused = store->remove_certificate(id);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::Malformed);
  CHECK(refused.error().detail.contains("2 devices"));
  CHECK(store->secret(id));

  REQUIRE(store->set_device(kApp, "lost", a_device("1", foreign.value)));  // of an app that does not own it: no use
  CHECK(store->remove_certificate(foreign));
  REQUIRE(store->remove_device(kApp, "vinson", "1"));
  CHECK(store->remove_certificate(id).error().detail.contains("1 device uses"));
  REQUIRE(store->remove_device(kApp, "denny", "1"));
  CHECK(store->remove_certificate(id));
  CHECK(store->remove_certificate(id).error().code == Errc::NotFound);
  CHECK(store->certificate(id).error().code == Errc::NotFound);
  CHECK(store->secret(id).error().code == Errc::NotFound);
  CHECK(store->add_certificate(a_certificate())->id.value > foreign.value);  // an id is never given twice
}

TEST_CASE("certificates: without the right master key a secret stays closed", "[store][certificates]") {
  TempStore temp(GENERATE(each_store()));
  const CertificateId id = temp.open()->add_certificate(a_certificate())->id;
  temp.sealer = nullptr;
  const auto keyless = temp.try_open();
  REQUIRE(keyless);
  CHECK((*keyless)->secret(id).error().code == Errc::Unauthorized);
  CHECK((*keyless)->add_certificate(a_certificate("x")).error().code == Errc::Unauthorized);
  CHECK((*keyless)->replace_certificate(id, a_certificate("x")).error().code == Errc::Unauthorized);
  CHECK((*keyless)->certificate(id));
  CHECK((*keyless)->set_certificate_status(id, CertificateStatus::Disabled));

  temp.sealer = Sealer::from_key_text(Sealer::new_key_text()).value();
  const auto wrong = temp.open()->secret(id);
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().code == Errc::Unauthorized);
  CHECK(wrong.error().detail.contains("master key"));
}

TEST_CASE("certificates: a sealed secret does not open in another row", "[store][certificates]") {
  const TempStore temp;
  const auto store = temp.open();
  const CertificateId one = store->add_certificate(a_certificate("one"))->id;
  const CertificateId two = store->add_certificate(a_certificate("two"))->id;
  sqlite3* raw = nullptr;
  REQUIRE(sqlite3_open(temp.path().c_str(), &raw) == SQLITE_OK);
  const Handle<sqlite3, sqlite3_close_v2> db(raw);
  REQUIRE(sqlite3_exec(raw, "UPDATE certificates SET secret = (SELECT secret FROM certificates WHERE name = 'one')",
                       nullptr, nullptr, nullptr) == SQLITE_OK);
  CHECK(store->secret(one));
  CHECK(store->secret(two).error().code == Errc::Unauthorized);
}

TEST_CASE("certificates: a setting that does not fit is named", "[store][certificates]") {
  const TempStore temp(GENERATE(each_store()));
  NewCertificate given = a_certificate();
  given.facts.settings["channel_id"] = "a\nb";
  CHECK(temp.open()->add_certificate(given).error().detail ==
        "certificate setting channel_id: holds a control character");
}

TEST_CASE("certificates: nothing of a secret reaches the file", "[store][certificates]") {
  const TempStore temp;
  const auto store = temp.open();
  NewCertificate given = a_certificate();
  given.secret = {"PLAIN-KEY-BYTES", "PLAIN-PASSWORD", "PLAIN-RECEIPT-KEY"};
  REQUIRE(store->add_certificate(given));
  for (const char* suffix : {"", "-wal"}) {
    std::ifstream in(temp.path() + suffix, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(in), {}};
    CHECK_FALSE(bytes.empty());
    CHECK_FALSE(bytes.contains("PLAIN-"));
  }
}

TEST_CASE("certificates: what does not fit is refused before it is sealed", "[store][certificates]") {
  const TempStore temp(GENERATE(each_store()));
  const auto store = temp.open();
  struct Row {
    const char* name;
    void (*spoil)(NewCertificate&);
    bool good = false;
  };
  const Row row = GENERATE(values<Row>({
      {"as it is", [](NewCertificate&) {}, true},
      {"longest name", [](NewCertificate& c) { c.facts.name = std::string(kCertificateNameBytesMax, 'n'); }, true},
      {"no password", [](NewCertificate& c) { c.secret.password.clear(); }, true},
      {"app 0", [](NewCertificate& c) { c.facts.app = {0}; }},
      {"app below 0", [](NewCertificate& c) { c.facts.app = {-5}; }},
      {"no vendor", [](NewCertificate& c) { c.facts.vendor = Vendor::Count; }},
      {"no environment", [](NewCertificate& c) { c.facts.environment = Environment{7}; }},
      {"no status", [](NewCertificate& c) { c.facts.status = CertificateStatus{7}; }},
      {"name too long", [](NewCertificate& c) { c.facts.name = std::string(kCertificateNameBytesMax + 1, 'n'); }},
      {"name with brackets", [](NewCertificate& c) { c.facts.name = "prod(1)"; }},
      {"name with a blank", [](NewCertificate& c) { c.facts.name = "my prod"; }},
      {"name not English", [](NewCertificate& c) { c.facts.name = "证书"; }},
      {"name with a slash", [](NewCertificate& c) { c.facts.name = "a/b"; }},
      {"bundle id too long", [](NewCertificate& c) { c.facts.bundle_id = std::string(kBundleIdBytesMax + 1, 'b'); }},
      {"bundle id with a zero", [](NewCertificate& c) { c.facts.bundle_id = std::string("a\0b", 3); }},
      {"host too long", [](NewCertificate& c) { c.facts.host_override = std::string(kHostBytesMax + 1, 'h'); }},
      {"host with a line feed", [](NewCertificate& c) { c.facts.host_override = "https://a\nb"; }},
      {"anchor too long", [](NewCertificate& c) { c.facts.ca_pem = std::string(kCaPemBytesMax + 1, 'c'); }},
      {"anchor not text", [](NewCertificate& c) { c.facts.ca_pem = "\xff\xfe"; }},
      {"fact without a name", [](NewCertificate& c) { c.facts.facts[""] = "x"; }},
      {"fact too long", [](NewCertificate& c) { c.facts.facts["x"] = std::string(kFactValueBytesMax + 1, 'f'); }},
      {"too many facts",
       [](NewCertificate& c) {
         for (std::size_t i = 0; i <= kFactsMax; ++i) c.facts.facts[std::to_string(i)] = "x";
       }},
      {"as many settings as fit",
       [](NewCertificate& c) {
         c.facts.settings.clear();
         for (std::size_t i = 0; i < kSettingsMax; ++i)
           c.facts.settings[std::to_string(i)] = std::string(kSettingValueBytesMax, 'v');
       },
       true},
      {"one setting too many",
       [](NewCertificate& c) {
         c.facts.settings.clear();
         for (std::size_t i = 0; i <= kSettingsMax; ++i) c.facts.settings[std::to_string(i)] = "x";
       }},
      {"setting without a name", [](NewCertificate& c) { c.facts.settings[""] = "x"; }},
      {"setting's name too long",
       [](NewCertificate& c) { c.facts.settings[std::string(kSettingNameBytesMax + 1, 's')] = "x"; }},
      {"setting too long",
       [](NewCertificate& c) { c.facts.settings["x"] = std::string(kSettingValueBytesMax + 1, 's'); }},
      {"setting of two lines", [](NewCertificate& c) { c.facts.settings["x"] = "a\nb"; }},
      {"setting not UTF-8", [](NewCertificate& c) { c.facts.settings["x"] = "\xff"; }},
      {"no receipt key", [](NewCertificate& c) { c.secret.receipt_key.clear(); }, true},
      {"receipt key too long",
       [](NewCertificate& c) { c.secret.receipt_key = std::string(kReceiptKeyBytesMax + 1, 'r'); }},
      {"no secret", [](NewCertificate& c) { c.secret.bytes.clear(); }},
      {"secret too long", [](NewCertificate& c) { c.secret.bytes = std::string(kSecretBytesMax + 1, 's'); }},
      {"password too long", [](NewCertificate& c) { c.secret.password = std::string(kPasswordBytesMax + 1, 'p'); }},
  }));
  CAPTURE(row.name);
  NewCertificate given = a_certificate();
  row.spoil(given);
  const auto added = store->add_certificate(given);
  CHECK(added.has_value() == row.good);
  if (!added) {
    CHECK(added.error().code == Errc::Malformed);
    CHECK_FALSE(added.error().detail.contains("hunter2"));
    CHECK_FALSE(added.error().detail.contains("receipts"));
  }
  CHECK(store->certificates(std::nullopt)->size() == (row.good ? 1 : 0));
}

}  // namespace
}  // namespace nightpost::store
