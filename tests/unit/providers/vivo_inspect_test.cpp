#include <catch2/catch.hpp>

#include "providers/secret_text.h"
#include "providers/vivo/vivo.h"

using namespace nightpost;

namespace {

Certificate claimed(Settings more = {}) {
  Certificate certificate;
  certificate.vendor = Vendor::Vivo;
  certificate.name = "im";
  certificate.bundle_id = "com.example.im";
  certificate.facts = {{"kind", "claimed"}};
  certificate.settings = std::move(more);
  certificate.settings.try_emplace("app_id", "10004");
  certificate.settings.try_emplace("app_key", "k1");
  certificate.settings.try_emplace("category", "IM");
  return certificate;
}

/// As src/app does it.
Result<Certificate> uploaded(Certificate certificate, CertificateSecret secret,
                             std::optional<Environment> asked = std::nullopt) {
  if (auto fits = check_settings(vivo::settings(), certificate.settings); !fits) return std::unexpected(fits.error());
  return vivo::inspect(std::move(certificate), secret, WallTime{}, asked);
}

const std::string kIntent = "intent://chat/1#Intent;scheme=myapp;launchFlags=0x4000000;component=a.b/a.b.C;end";

}  // namespace

TEST_CASE("vivo inspect: what is taken", "[vivo]") {
  const auto kept =
      uploaded(claimed({{"click", "page"}, {"click_target", kIntent}}), {.bytes = "s1\r\n", .password = {}});
  REQUIRE(kept);
  CHECK(kept->environment == Environment::Production);
  CHECK(kept->bundle_id == "com.example.im");
  CHECK(kept->facts ==
        std::map<std::string, std::string>{{"kind", "app_secret"}, {"fingerprint", secret_fingerprint("s1")}});
  const CertificateSecret good{.bytes = "s1", .password = {}, .receipt_key = "k"};
  CHECK(uploaded(claimed(), good, Environment::Development)->environment == Environment::Development);
  CHECK(uploaded(claimed({{"receipt_url", "https://a.example/r?key=k"}}), good));
  CHECK(uploaded(claimed({{"receipt_id", "7145"}}), good));
}

TEST_CASE("vivo inspect: what is refused", "[vivo]") {
  struct Row {
    const char* name;
    Settings settings;
  };
  const Row row = GENERATE(values<Row>({
      {"no app id", {{"app_id", ""}}},
      {"app id is no number", {{"app_id", "a1"}}},
      {"app id with a leading zero", {{"app_id", "010"}}},
      {"app id is too long for a number", {{"app_id", "1234567890123456789"}}},
      {"no app key", {{"app_key", ""}}},
      {"no category", {{"category", ""}}},
      {"category", {{"category", "im"}}},
      {"unknown setting", {{"channel_id", "x"}}},
      {"badge", {{"badge", "1"}}},
      {"foreground", {{"foreground_show", "no"}}},
      {"text rule", {{"text_rule", "older"}}},
      {"click", {{"click", "fly"}}},
      {"web without URL", {{"click", "web"}}},
      {"URL too long", {{"click", "web"}, {"click_target", "https://a/" + std::string(991, 'a')}}},
      {"page is a class", {{"click", "page"}, {"click_target", "com.example.Chat"}}},
      {"intent without end", {{"click", "page"}, {"click_target", "intent:#Intent;component=a/b;"}}},
      {"intent without body", {{"click", "page"}, {"click_target", "intent:a;end"}}},
      {"intent with a blank", {{"click", "page"}, {"click_target", "intent:#Intent;S.a=b c;end"}}},
      {"intent too long",
       {{"click", "page"}, {"click_target", "intent:#Intent;S.a=" + std::string(1024, 'b') + ";end"}}},
      {"receipt id", {{"receipt_id", "x"}}},
      {"receipt URL", {{"receipt_url", "ftp://a"}}},
      {"receipt URL too long", {{"receipt_url", "https://a/?key=k&" + std::string(112, 'a')}}},
      {"receipt URL without key", {{"receipt_url", "https://a/r"}}},
      {"receipt URL with another key", {{"receipt_url", "https://a/r?key=kk"}}},
  }));
  CAPTURE(row.name);
  const auto kept = uploaded(claimed(row.settings), {.bytes = "s1", .password = {}, .receipt_key = "k"});
  REQUIRE_FALSE(kept);
  CHECK(kept.error().code == Errc::Malformed);
  CHECK_FALSE(kept.error().detail.empty());
}

TEST_CASE("vivo inspect: secrets and hosts that are refused", "[vivo]") {
  const CertificateSecret good{.bytes = "s1", .password = {}};
  for (const char* secret : {"", "\n", "a b", "a\nb", "秘密"})
    CHECK_FALSE(uploaded(claimed(), {.bytes = secret, .password = {}}));
  for (const char* host : {"http://a", "localhost:1", "https://a/path", "https://u@a"}) {
    Certificate certificate = claimed();
    certificate.host_override = host;
    CHECK_FALSE(uploaded(certificate, good));
  }
  Certificate other = claimed();
  other.vendor = Vendor::Oppo;
  CHECK_FALSE(uploaded(other, good));
}
