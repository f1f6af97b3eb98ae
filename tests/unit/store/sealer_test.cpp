#include "store/sealer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <set>
#include <stdexcept>

#include "core/text.h"
#include "unit/store/temp_store.h"

namespace nightpost::store {
namespace {

std::shared_ptr<const Sealer> a_sealer() { return Sealer::from_key_text(Sealer::new_key_text()).value(); }

/// The environment's key for as long as it lives.
class Environment {
 public:
  explicit Environment(const char* key) {
    if (key == nullptr)
      ::unsetenv("NIGHTPOST_MASTER_KEY");  // NOLINT(concurrency-mt-unsafe): no other thread in this test
    else
      ::setenv("NIGHTPOST_MASTER_KEY", key, 1);  // NOLINT(concurrency-mt-unsafe)
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  ~Environment() { ::unsetenv("NIGHTPOST_MASTER_KEY"); }  // NOLINT(concurrency-mt-unsafe)
};

TEST_CASE("sealer: what was sealed opens, whatever it holds", "[store][sealer]") {
  const auto sealer = a_sealer();
  const std::string plain = GENERATE(std::string(), std::string(1, '\0'), std::string("-----BEGIN PRIVATE KEY-----"),
                                     std::string(Sealer::kPlainBytesMax, '\xff'));
  const std::string context = GENERATE(as<std::string>(), "", "1400000001/apns/prod");
  const std::string sealed = sealer->seal(plain, context);
  CHECK(sealer->open(sealed, context) == plain);
  if (plain.size() > 8) CHECK_FALSE(sealed.contains(plain.substr(0, 8)));
}

TEST_CASE("sealer: equal secrets are sealed differently", "[store][sealer]") {
  const auto sealer = a_sealer();
  std::set<std::string> seen;
  for (int i = 0; i < 50; ++i) seen.insert(sealer->seal("secret", "context"));
  CHECK(seen.size() == 50);
}

TEST_CASE("sealer: a byte flipped anywhere is noticed", "[store][sealer]") {
  const auto sealer = a_sealer();
  const std::string sealed = sealer->seal("a secret", "context");
  for (std::size_t at = 0; at < sealed.size(); ++at)
    for (const int bit : {0x01, 0x80}) {
      std::string changed = sealed;
      changed[at] = static_cast<char>(changed[at] ^ bit);
      const auto opened = sealer->open(changed, "context");
      CAPTURE(at, bit);
      REQUIRE_FALSE(opened);
      REQUIRE(opened.error().code == Errc::Unauthorized);
    }
}

TEST_CASE("sealer: cut or lengthened anywhere is noticed", "[store][sealer]") {
  const auto sealer = a_sealer();
  const std::string sealed = sealer->seal("a secret", "context");
  for (std::size_t size = 0; size < sealed.size(); ++size) {
    CAPTURE(size);
    REQUIRE(sealer->open(sealed.substr(0, size), "context").error().code == Errc::Unauthorized);
    REQUIRE(sealer->open(sealed.substr(sealed.size() - size), "context").error().code == Errc::Unauthorized);
  }
  CHECK_FALSE(sealer->open(sealed + '\0', "context"));
  CHECK_FALSE(sealer->open(sealed + std::string(Sealer::kPlainBytesMax, 'x'), "context"));
}

TEST_CASE("sealer: another key or another context does not open it", "[store][sealer]") {
  const auto sealer = a_sealer();
  const std::string sealed = sealer->seal("a secret", "1/apns/prod");
  const auto other = a_sealer();
  const auto by_other = other->open(sealed, "1/apns/prod");
  REQUIRE_FALSE(by_other);
  CHECK(by_other.error().code == Errc::Unauthorized);
  CHECK(by_other.error().detail.contains(sealer->key_name()));
  CHECK(by_other.error().detail.contains(other->key_name()));
  const auto context = GENERATE(as<std::string>(), "", "1/apns/pro", "1/apns/prod2", "2/apns/prod", "1/APNS/prod");
  CHECK(sealer->open(sealed, context).error().code == Errc::Unauthorized);
}

TEST_CASE("sealer: parts of two envelopes do not make a third", "[store][sealer]") {
  const auto sealer = a_sealer();
  const std::string one = sealer->seal("secret 1", "context");
  const std::string two = sealer->seal("secret 2", "context");
  constexpr std::size_t kContent = 1 + 8 + 12 + 32 + 16;
  CHECK_FALSE(sealer->open(one.substr(0, kContent) + two.substr(kContent), "context"));
}

TEST_CASE("sealer: too much to seal is a caller's bug", "[store][sealer]") {
  CHECK_THROWS_AS(a_sealer()->seal(std::string(Sealer::kPlainBytesMax + 1, 'x'), ""), std::length_error);
}

TEST_CASE("sealer: a key is 32 bytes as base64 or hex", "[store][sealer]") {
  const std::string base64_key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
  const std::string hex_key = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
  struct Row {
    const char* name;
    std::string text;
    bool good;
  };
  const Row row = GENERATE_COPY(values<Row>({
      {"base64", base64_key, true},
      {"hex", hex_key, true},
      {"hex in capitals", "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F", true},
      {"blanks around it", " \t" + base64_key + "\r\n", true},
      {"empty", "", false},
      {"blanks only", " \n", false},
      {"a blank inside", base64_key.substr(0, 20) + " " + base64_key.substr(20), false},
      {"16 bytes", "AAECAwQFBgcICQoLDA0ODw==", false},
      {"33 bytes", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g", false},
      {"no padding", base64_key.substr(0, 43), false},
      {"base64url", "-_" + base64_key.substr(2), false},
      {"63 hex digits", hex_key.substr(1), false},
      {"64 characters, one no digit", "g" + hex_key.substr(1), false},
      {"two keys", base64_key + "\n\n " + hex_key.substr(2) + "20\n", true},
      {"two keys on a line", base64_key + " " + hex_key.substr(2) + "20", false},
      {"the same key twice", base64_key + "\n" + hex_key, false},
      {"a key and no key", base64_key + "\nhello", false},
      {"words", "correct horse battery staple", false},
  }));
  CAPTURE(row.name);
  const auto sealer = Sealer::from_key_text(row.text);
  REQUIRE(sealer.has_value() == row.good);
  if (sealer) {
    CHECK((*sealer)->key_name() == Sealer::from_key_text(base64_key).value()->key_name());
  } else {
    CHECK(sealer.error().code == Errc::Malformed);
    if (!row.text.empty() && row.text != " \n") CHECK_FALSE(sealer.error().detail.contains(row.text.substr(0, 12)));
  }
}

TEST_CASE("sealer: new keys are well formed and differ", "[store][sealer]") {
  const std::string one = Sealer::new_key_text();
  CHECK(one.size() == 44);
  CHECK(one != Sealer::new_key_text());
  CHECK(Sealer::from_key_text(one));
}

TEST_CASE("sealer: a key file is read only if nobody else can", "[store][sealer]") {
  const Environment environment(Sealer::new_key_text().c_str());  // a named file never falls back to it
  const TempStore folder;
  const std::string file = folder.path("master.key");
  struct Row {
    const char* name;
    mode_t mode;
    std::string text;
    std::optional<Errc> refused;
  };
  const Row row = GENERATE_COPY(values<Row>({
      {"owner only", 0600, Sealer::new_key_text() + "\n", std::nullopt},
      {"read only", 0400, Sealer::new_key_text(), std::nullopt},
      {"group may read", 0640, Sealer::new_key_text(), Errc::Unauthorized},
      {"others may read", 0604, Sealer::new_key_text(), Errc::Unauthorized},
      {"others may write", 0602, Sealer::new_key_text(), Errc::Unauthorized},
      {"empty", 0600, "", Errc::Malformed},
      {"no key in it", 0600, "hello\n", Errc::Malformed},
      {"a key and more than a page of blanks", 0600, std::string(5000, ' ') + Sealer::new_key_text(), Errc::Malformed},
      {"more than a page behind a key", 0600, Sealer::new_key_text() + std::string(5000, ' '), Errc::Malformed},
  }));
  CAPTURE(row.name);
  std::ofstream(file) << row.text;
  REQUIRE(::chmod(file.c_str(), row.mode) == 0);
  const auto sealer = Sealer::from_file_or_environment(file);
  REQUIRE(sealer.has_value() == !row.refused);
  if (!sealer) {
    CHECK(sealer.error().code == *row.refused);
    CHECK(sealer.error().detail.contains(file));
  }
}

TEST_CASE("sealer: what is no key file is refused by name", "[store][sealer]") {
  const TempStore folder;
  const std::string fifo = folder.path("fifo");
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  CHECK(Sealer::from_file_or_environment(folder.path("absent")).error().code == Errc::NotFound);
  CHECK(Sealer::from_file_or_environment(folder.path(".")).error().code == Errc::Malformed);
  CHECK(Sealer::from_file_or_environment(fifo).error().code == Errc::Malformed);
}

TEST_CASE("sealer: without a file the environment has the key", "[store][sealer]") {
  const std::string key = Sealer::new_key_text();
  {
    const Environment set(key.c_str());
    const auto sealer = Sealer::from_file_or_environment("");
    REQUIRE(sealer);
    CHECK((*sealer)->key_name() == Sealer::from_key_text(key).value()->key_name());
  }
  for (const char* none : {static_cast<const char*>(nullptr), ""}) {
    const Environment set(none);
    CHECK(Sealer::from_file_or_environment("").error().code == Errc::NotFound);
  }
  const Environment set("nonsense");
  CHECK(Sealer::from_file_or_environment("").error().code == Errc::Malformed);
}

TEST_CASE("sealer: wiping leaves nothing behind", "[store][sealer]") {
  std::string secret = "a secret long enough to live on the heap";
  const char* where = secret.data();
  wipe(secret);
  CHECK(secret.empty());
  CHECK(std::string_view(where, secret.capacity()) == std::string(secret.capacity(), '\0'));
}

}  // namespace
}  // namespace nightpost::store
