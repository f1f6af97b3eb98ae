#include <openssl/err.h>
#include <openssl/provider.h>

#include <catch2/catch.hpp>
#include <chrono>

#include "providers/apns/apns.h"
#include "unit/providers/made_keys.h"

using namespace nightpost;
using test::made_p12;
using test::P12Wish;

namespace {

const WallTime kNow = wall_from_ms(1'750'000'000'000);  // 2025-06-15T15:06:40Z

Certificate wanted(std::string bundle_id = {}) {
  Certificate certificate;
  certificate.name = "shop-prod_1.0";
  certificate.bundle_id = std::move(bundle_id);
  return certificate;
}

Certificate wanted_p8() {
  Certificate certificate = wanted("com.example.shop");
  certificate.facts = {{"key_id", "ABC123DEFG"}, {"team_id", "DEF123GHIJ"}};
  return certificate;
}

Result<Certificate> inspect_p12(const P12Wish& wish, Certificate certificate = wanted(),
                                std::optional<Environment> asked = {}) {
  return apns::inspect(std::move(certificate), {made_p12(wish), wish.password.value_or("")}, kNow, asked);
}

void check_refused(const Result<Certificate>& result, const std::string& words) {
  REQUIRE_FALSE(result);
  CHECK(result.error().code == Errc::Malformed);
  CHECK_THAT(result.error().detail, Catch::Contains(words));
  CHECK(result.error().detail.find('\n') == std::string::npos);
  CHECK(ERR_peek_error() == 0);  // TLS on this thread must not find our leftovers
}

}  // namespace

TEST_CASE("apns p8: accepted, and what may be shown of it", "[apns]") {
  const std::string pem = test::made_key_pem("P-256");
  Certificate certificate = wanted_p8();
  certificate.facts["smuggled"] = "yes";
  const auto result = apns::inspect(certificate, {pem, ""}, kNow, Environment::Development);
  REQUIRE(result);
  CHECK(result->environment == Environment::Development);
  CHECK(result->bundle_id == "com.example.shop");
  CHECK(result->facts.at("kind") == "p8");
  CHECK(result->facts.at("key_id") == "ABC123DEFG");
  CHECK(result->facts.at("team_id") == "DEF123GHIJ");
  CHECK(result->facts.at("fingerprint").size() == 64);
  CHECK(result->facts.size() == 4);
  CHECK(apns::inspect(certificate, {pem, ""}, kNow, {})->environment == Environment::Production);
  CHECK(apns::inspect(certificate, {"\r\n" + pem + "\n", ""}, kNow, {}));
}

TEST_CASE("apns p8: refused", "[apns]") {
  struct Row {
    const char* name;
    std::string pem;
    const char* words;
  };
  const std::string good = test::made_key_pem("P-256");
  std::string damaged = good;
  damaged[60] = damaged[60] == 'A' ? 'B' : 'A';
  const Row row = GENERATE_COPY(values<Row>({
      {"another curve", test::made_key_pem("P-384"), "another curve"},
      {"bitcoin's curve", test::made_key_pem("secp256k1"), "another curve"},
      {"RSA", test::made_key_pem("RSA"), "not an elliptic-curve key"},
      {"Ed25519", test::made_key_pem("ED25519"), "not an elliptic-curve key"},
      {"encrypted", test::made_encrypted_key_pem("pw"), "encrypted"},
      {"SEC1", test::made_sec1_key_pem(), "EC PRIVATE KEY"},
      {"garbage in a PEM", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "damaged"},
      {"not base64", "-----BEGIN PRIVATE KEY-----\n!!!!\n-----END PRIVATE KEY-----\n", "PEM"},
      {"cut off", good.substr(0, 120), "PEM"},
      {"no end", "-----BEGIN PRIVATE KEY-----\n", "PEM"},
      {"a certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "CERTIFICATE"},
      {"too long", good + std::string(20'000, 'x'), "too long"},
  }));
  CAPTURE(row.name);
  check_refused(apns::inspect(wanted_p8(), {row.pem, ""}, kNow, {}), row.words);
}

TEST_CASE("apns p8: what ops must say with it", "[apns]") {
  struct Row {
    const char* name;
    void (*change)(Certificate&);
    const char* words;
  };
  const Row row = GENERATE(values<Row>({
      {"no key id", [](Certificate& c) { c.facts.erase("key_id"); }, "key id"},
      {"short key id", [](Certificate& c) { c.facts["key_id"] = "ABC123DEF"; }, "key id"},
      {"long key id", [](Certificate& c) { c.facts["key_id"] = "ABC123DEFGH"; }, "key id"},
      {"lower-case key id", [](Certificate& c) { c.facts["key_id"] = "abc123defg"; }, "key id"},
      {"key id with a quote", [](Certificate& c) { c.facts["key_id"] = "ABC123DE\"G"; }, "key id"},
      {"no team id", [](Certificate& c) { c.facts.erase("team_id"); }, "team id"},
      {"short team id", [](Certificate& c) { c.facts["team_id"] = "DEF"; }, "team id"},
      {"no bundle id", [](Certificate& c) { c.bundle_id = ""; }, "bundle id"},
      {"wildcard", [](Certificate& c) { c.bundle_id = "com.example.*"; }, "bundle id"},
      {"line break in the bundle id", [](Certificate& c) { c.bundle_id = "com.example\n"; }, "bundle id"},
      {"no name", [](Certificate& c) { c.name = ""; }, "name"},
      {"brackets in the name", [](Certificate& c) { c.name = "shop(prod)"; }, "name"},
      {"space in the name", [](Certificate& c) { c.name = "shop prod"; }, "name"},
      {"Chinese name", [](Certificate& c) { c.name = "商店"; }, "name"},
      {"accented name", [](Certificate& c) { c.name = "caf\u00e9"; }, "name"},
      {"slash in the name", [](Certificate& c) { c.name = "a/b"; }, "name"},
      {"host with a path", [](Certificate& c) { c.host_override = "https://localhost/x"; }, "https://host"},
      {"host without TLS", [](Certificate& c) { c.host_override = "http://localhost"; }, "https://host"},
      {"another vendor's", [](Certificate& c) { c.vendor = Vendor::Count; }, "not an APNs certificate"},
  }));
  CAPTURE(row.name);
  Certificate certificate = wanted_p8();
  row.change(certificate);
  check_refused(apns::inspect(certificate, {test::made_key_pem("P-256"), ""}, kNow, {}), row.words);
}

TEST_CASE("apns p12: accepted, and what may be shown of it", "[apns]") {
  const P12Wish::Cipher cipher = GENERATE(P12Wish::Cipher::Modern, P12Wish::Cipher::Keychain);
  P12Wish wish;
  wish.cipher = cipher;
  wish.chain = 1;
  wish.topics = {{"com.example.shop", {"app"}},
                 {"com.example.shop.voip", {"voip"}},
                 {"com.example.shop.complication", {"complication"}}};
  const auto result = inspect_p12(wish);
  REQUIRE(result);
  CHECK(result->bundle_id == "com.example.shop");
  CHECK(result->environment == Environment::Production);
  CHECK(result->facts.at("kind") == "p12");
  CHECK(result->facts.at("fingerprint").size() == 64);
  CHECK(result->facts.at("not_after") == "2027-01-15T08:00:00Z");
  CHECK(result->facts.at("topics") == "com.example.shop,com.example.shop.voip,com.example.shop.complication");
  CHECK(result->facts.size() == 4);
  CHECK(ERR_peek_error() == 0);
  CHECK(OSSL_PROVIDER_available(nullptr, "legacy") == 0);  // old ciphers stay out of the rest of the process
}

TEST_CASE("apns p12: environment", "[apns]") {
  struct Row {
    const char* name;
    bool development, production;
    std::optional<Environment> asked;
    std::optional<Environment> want;
    const char* words;
  };
  const Row row = GENERATE(values<Row>({
      {"universal, nothing asked", true, true, {}, Environment::Production, ""},
      {"universal, development asked", true, true, Environment::Development, Environment::Development, ""},
      {"universal, production asked", true, true, Environment::Production, Environment::Production, ""},
      {"development", true, false, {}, Environment::Development, ""},
      {"development, asked", true, false, Environment::Development, Environment::Development, ""},
      {"production", false, true, {}, Environment::Production, ""},
      {"development for production", true, false, Environment::Production, {}, "this certificate is for development"},
      {"production for development", false, true, Environment::Development, {}, "this certificate is for production"},
      {"neither", false, false, {}, {}, "not a push certificate"},
      {"neither, asked", false, false, Environment::Production, {}, "not a push certificate"},
  }));
  CAPTURE(row.name);
  P12Wish wish;
  wish.development = row.development;
  wish.production = row.production;
  const auto result = inspect_p12(wish, wanted(), row.asked);
  if (row.want) {
    REQUIRE(result);
    CHECK(result->environment == *row.want);
  } else {
    check_refused(result, row.words);
  }
}

TEST_CASE("apns p12: topics", "[apns]") {
  struct Row {
    const char* name;
    std::string uid;
    std::vector<std::pair<std::string, std::vector<std::string>>> topics;
    std::string bundle_id;  // as ops typed it
    const char* want;       // null: refused
    const char* words;
  };
  const std::vector<std::pair<std::string, std::vector<std::string>>> shop = {{"com.example.shop", {"app"}},
                                                                              {"com.example.shop.voip", {"voip"}}};
  const Row row = GENERATE_COPY(values<Row>({
      {"no list, UID", "com.example.shop", {}, "", "com.example.shop", ""},
      {"no list, UID typed", "com.example.shop", {}, "com.example.shop", "com.example.shop", ""},
      {"no list, another typed", "com.example.shop", {}, "com.example.other", nullptr, "only to com.example.shop"},
      {"list", "com.example.shop", shop, "com.example.shop", "com.example.shop", ""},
      {"not in the list", "com.example.shop", shop, "com.example.other", nullptr,
       "only to com.example.shop, com.example.shop.voip"},
      {"UID not in the list", "com.example.x", shop, "", nullptr, "may not push to com.example.x"},
      {"no UID, topic typed", "", shop, "com.example.shop", "com.example.shop", ""},
      {"no UID, nothing typed", "", shop, "", nullptr, "names no bundle id"},
      {"no UID, no list", "", {}, "com.example.shop", nullptr, "may not push to com.example.shop"},
      {"the topic of its calls typed", "com.example.shop", shop, "com.example.shop.voip", "com.example.shop", ""},
      {"calls alone", "com.example.shop.voip", {{"com.example.shop.voip", {"voip"}}}, "", "com.example.shop", ""},
      {"calls alone, the app's id typed",
       "com.example.shop.voip",
       {{"com.example.shop.voip", {"voip"}}},
       "com.example.shop",
       "com.example.shop",
       ""},
      {"calls alone, another app's id typed",
       "com.example.shop.voip",
       {{"com.example.shop.voip", {"voip"}}},
       "com.example.other",
       nullptr,
       "only to com.example.shop.voip"},
      {"an app whose own name ends so", "com.example.voip", {}, "", "com.example.voip", ""},
      {"calls under a name that is no topic of theirs",
       "com.example.shop",
       {{"com.example.shop", {"voip"}}},
       "",
       nullptr,
       "does not end in .voip"},
      {"capitals differ", "com.example.shop", {}, "com.example.Shop", nullptr, "may not push"},
      {"UID with a space", "com example", {}, "", nullptr, "names no bundle id"},
  }));
  CAPTURE(row.name);
  P12Wish wish;
  wish.uid = row.uid;
  wish.topics = row.topics;
  const auto result = inspect_p12(wish, wanted(row.bundle_id));
  if (row.want != nullptr) {
    REQUIRE(result);
    CHECK(result->bundle_id == row.want);
  } else {
    check_refused(result, row.words);
  }
}

TEST_CASE("apns p12: a broken list of topics allows nothing that it does not name", "[apns]") {
  const std::string list =
      GENERATE(as<std::string>{}, std::string("\x30\x82\xff\xff\x0c", 5), std::string("\x30\x80", 2), "garbage",
               std::string("\x30\x04\x0c\x7f"
                           "ab",
                           6),
               std::string("\x0c\x01"
                           "a",
                           3));
  P12Wish wish;
  wish.uid = "";
  wish.topics_der = list;
  check_refused(inspect_p12(wish, wanted("com.example.shop")), "may not push to com.example.shop");
}

TEST_CASE("apns p12: a VoIP certificate says so", "[apns]") {
  P12Wish wish;
  wish.voip = true;
  const auto result = inspect_p12(wish);
  REQUIRE(result);
  CHECK(result->facts.at("topics") == "com.example.shop,com.example.shop.voip");
  const auto typed = inspect_p12(wish, wanted("com.example.shop.voip"));
  REQUIRE(typed);
  CHECK(typed->bundle_id == "com.example.shop");

  wish.uid = "com.example.shop.voip";  // for calls alone
  const auto calls = inspect_p12(wish);
  REQUIRE(calls);
  CHECK(calls->bundle_id == "com.example.shop");
  CHECK(calls->facts.at("topics") == "com.example.shop.voip");
  CHECK(apns::warnings(*calls, kNow).size() == apns::warnings(*result, kNow).size() + 1);
  const auto provider = apns::make_provider(*calls);
  REQUIRE(provider);
  CHECK((*provider)->well_formed(DeviceToken("aa11", TokenKind::Voip)));
  CHECK_FALSE((*provider)->well_formed(DeviceToken("aa11")));
}

TEST_CASE("apns p12: passwords", "[apns]") {
  const P12Wish::Cipher cipher = GENERATE(P12Wish::Cipher::Modern, P12Wish::Cipher::Keychain);
  P12Wish wish;
  wish.cipher = cipher;
  const std::string locked = made_p12(wish);
  const auto inspect = [](const std::string& file, const char* password) {
    return apns::inspect(wanted(), {file, password}, kNow, {});
  };
  CHECK(inspect(locked, "secret"));
  check_refused(inspect(locked, ""), "password of this .p12 is missing");
  check_refused(inspect(locked, "Secret"), "password does not open");
  check_refused(inspect(locked, "secret "), "password does not open");

  wish.password = "pässwörd 密码";
  CHECK(inspect(made_p12(wish), "pässwörd 密码"));

  wish.password = "";
  check_refused(inspect(made_p12(wish), ""), "has no password");
  check_refused(inspect(made_p12(wish), "secret"), "password does not open");
  wish.password = std::nullopt;
  check_refused(inspect(made_p12(wish), ""), "has no password");
}

TEST_CASE("apns p12: age", "[apns]") {
  struct Row {
    const char* name;
    std::int64_t before_s, after_s;  // from now
    const char* words;               // null: accepted
  };
  const Row row = GENERATE(values<Row>({
      {"one second left", -10, 1, nullptr},
      {"expires now", -10, 0, "expired at 2025-06-15T15:06:40Z"},
      {"expired long ago", -1'000'000, -500'000, "expired at"},
      {"from now on", 0, 10, nullptr},
      {"not yet", 1, 10, "not valid before 2025-06-15T15:06:41Z"},
      {"for a century", -10, 3'153'600'000, nullptr},
  }));
  CAPTURE(row.name);
  P12Wish wish;
  wish.not_before = kNow + seconds(row.before_s);
  wish.not_after = kNow + seconds(row.after_s);
  const auto result = inspect_p12(wish);
  if (row.words == nullptr)
    CHECK(result);
  else
    check_refused(result, row.words);
}

TEST_CASE("apns p12: incomplete or damaged files", "[apns]") {
  P12Wish wish;
  wish.content = P12Wish::Content::CertificateOnly;
  check_refused(inspect_p12(wish), "no private key");
  wish.content = P12Wish::Content::KeyOnly;
  check_refused(inspect_p12(wish), "no certificate that belongs");
  wish.chain = 1;
  check_refused(inspect_p12(wish), "no certificate that belongs");

  const std::string good = made_p12({});
  const auto refused = [](std::string file, const char* words) {
    check_refused(apns::inspect(wanted(), {std::move(file), "secret"}, kNow, {}), words);
  };
  refused("", "empty");
  refused("garbage", "not a .p12");
  refused(std::string(300'000, '\x30'), "far too long");
  refused(std::string("\x30\x80\x00\x00", 4), "not a .p12");
  refused(good.substr(0, good.size() / 2), "not a .p12");
  std::string flipped = good;
  flipped[good.size() / 2] = static_cast<char>(flipped[good.size() / 2] ^ 1);
  CHECK_FALSE(apns::inspect(wanted(), {flipped, "secret"}, kNow, {}));
}

TEST_CASE("apns p12: a file that asks for hours of work is refused at once", "[apns]") {
  constexpr long kHours = 2'000'000'000, kJustBelow = 4'000'000 - 1'500;
  struct Row {
    const char* name;
    long mac, certificate, key;
  };
  const Row row = GENERATE(values<Row>({
      {"to check the password", kHours, 0, 0},
      {"for the certificate", 0, kHours, 0},
      {"for the key", 0, 0, kHours},
      {"all together", 0, 0, kJustBelow},  // the others are 1,000 each
  }));
  const P12Wish::Cipher cipher = GENERATE(P12Wish::Cipher::Modern, P12Wish::Cipher::Keychain);
  CAPTURE(row.name, cipher == P12Wish::Cipher::Modern);
  P12Wish wish;
  wish.cipher = cipher;
  wish.mac_rounds = row.mac;
  wish.certificate_rounds = row.certificate;
  wish.key_rounds = row.key;
  const std::string file = made_p12(wish);
  const auto before = std::chrono::steady_clock::now();
  check_refused(apns::inspect(wanted(), {file, "secret"}, kNow, {}), "far more work");
  if (row.mac > 0) check_refused(apns::inspect(wanted(), {file, ""}, kNow, {}), "far more work");
  CHECK(std::chrono::steady_clock::now() - before < std::chrono::minutes(1));
}

TEST_CASE("apns p12: no flipped byte crashes or leaks", "[apns]") {
  P12Wish wish;
  wish.cipher = P12Wish::Cipher::Keychain;
  const std::string good = made_p12(wish);
  for (std::size_t i = 0; i < good.size(); i += 7) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 0x55);
    const auto result = apns::inspect(wanted(), {bad, "secret"}, kNow, {});
    if (!result) CHECK(result.error().code == Errc::Malformed);
  }
  CHECK(ERR_peek_error() == 0);
}
