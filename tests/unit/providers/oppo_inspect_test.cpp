#include <catch2/catch.hpp>

#include "providers/oppo/oppo.h"
#include "providers/secret_text.h"

using namespace nightpost;

namespace {

Certificate claimed(Settings more = {}) {
  Certificate certificate;
  certificate.vendor = Vendor::Oppo;
  certificate.name = "im";
  certificate.bundle_id = "com.example.im";
  certificate.environment = Environment::Development;
  certificate.facts = {{"kind", "claimed"}};
  certificate.settings = std::move(more);
  certificate.settings.try_emplace("app_key", "ak");
  certificate.settings.try_emplace("channel_id", "im_message");
  return certificate;
}

/// As src/app does it.
Result<Certificate> uploaded(Certificate certificate, CertificateSecret secret,
                             std::optional<Environment> asked = std::nullopt) {
  if (auto fits = check_settings(oppo::settings(), certificate.settings); !fits) return std::unexpected(fits.error());
  return oppo::inspect(std::move(certificate), secret, WallTime{}, asked);
}

}  // namespace

TEST_CASE("oppo inspect: what is taken", "[oppo]") {
  const auto kept = uploaded(claimed({{"category", "IM"}, {"notify_level", "16"}, {"app_id", "3000001"}}),
                             {.bytes = "0f1e2d3c4b5a6978\n", .password = {}});
  REQUIRE(kept);
  CHECK(kept->environment == Environment::Production);
  CHECK(kept->bundle_id == "com.example.im");
  CHECK(kept->facts == std::map<std::string, std::string>{{"kind", "master_secret"},
                                                          {"fingerprint", secret_fingerprint("0f1e2d3c4b5a6978")}});
  CHECK(uploaded(claimed(), {.bytes = "ms", .password = {}}, Environment::Production));
  const Settings receipts = {{"receipt_url", "https://a.example/r?x=1&key=s%33cret"}};
  CHECK(uploaded(claimed(receipts), {.bytes = "ms", .password = {}, .receipt_key = "s3cret"}));
  CHECK(uploaded(claimed(receipts), {.bytes = "ms", .password = {}}));  // receipts for someone else
}

TEST_CASE("oppo inspect: what is refused", "[oppo]") {
  struct Row {
    const char* name;
    Settings settings;
  };
  const Row row = GENERATE(values<Row>({
      {"no app key", {{"app_key", ""}}},
      {"blank in the app key", {{"app_key", "a b"}}},
      {"no channel: nothing would be shown", {{"channel_id", ""}}},
      {"unknown setting", {{"colour", "red"}}},
      {"region", {{"region", "eu"}}},
      {"category", {{"category", "im"}}},
      {"level", {{"category", "IM"}, {"notify_level", "3"}}},
      {"level without category", {{"notify_level", "2"}}},
      {"ringing advertisements", {{"category", "MARKETING"}, {"notify_level", "16"}}},
      {"badge", {{"badge", "yes"}}},
      {"app id", {{"app_id", "x1"}}},
      {"click", {{"click", "fly"}}},
      {"web without URL", {{"click", "web"}}},
      {"web with another scheme", {{"click", "web"}, {"click_target", "ftp://a"}}},
      {"URL too long", {{"click", "web"}, {"click_target", "https://a/" + std::string(2000, 'a')}}},
      {"page is no class", {{"click", "page"}, {"click_target", "Chat"}}},
      {"class too long", {{"click", "page"}, {"click_target", "a." + std::string(500, 'b')}}},
      {"action that is a URL", {{"click", "page"}, {"click_target", "myapp://chat"}, {"click_page", "action"}}},
      {"action too long", {{"click", "page"}, {"click_target", std::string(501, 'b')}, {"click_page", "action"}}},
      {"click_page alone", {{"click_page", "action"}}},
      {"click_page", {{"click", "page"}, {"click_target", "a.b"}, {"click_page", "class"}}},
      {"receipt URL", {{"receipt_url", "push.example.com"}}},
      {"receipt URL too long", {{"receipt_url", "https://a/" + std::string(191, 'a')}}},
      {"receipt URL without key", {{"receipt_url", "https://a/r"}}},
      {"receipt URL with another key", {{"receipt_url", "https://a/r?key=other"}}},
      {"receipt URL whose key is broken", {{"receipt_url", "https://a/r?key=%zz"}}},
  }));
  CAPTURE(row.name);
  const auto kept = uploaded(claimed(row.settings), {.bytes = "ms", .password = {}, .receipt_key = "k"});
  REQUIRE_FALSE(kept);
  CHECK(kept.error().code == Errc::Malformed);
  CHECK_FALSE(kept.error().detail.empty());
}

TEST_CASE("oppo inspect: secrets, hosts and environments that are refused", "[oppo]") {
  const CertificateSecret good{.bytes = "ms", .password = {}};
  for (const char* secret : {"", "\n", "a b", "a\nb", "秘密"})
    CHECK_FALSE(uploaded(claimed(), {.bytes = secret, .password = {}}));
  for (const char* host : {"http://a", "localhost:1", "https://a/path", "https://u@a"}) {
    Certificate certificate = claimed();
    certificate.host_override = host;
    CHECK_FALSE(uploaded(certificate, good));
  }
  CHECK_FALSE(uploaded(claimed(), good, Environment::Development));
  Certificate other = claimed();
  other.vendor = Vendor::Vivo;
  CHECK_FALSE(uploaded(other, good));
}
