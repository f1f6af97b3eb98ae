#include <catch2/catch.hpp>

#include "providers/meizu/meizu.h"

using namespace nightpost;

namespace {

const WallTime kNow = wall_from_ms(1'735'689'600'000);

Certificate claimed() {
  Certificate c;
  c.vendor = Vendor::Meizu;
  c.bundle_id = "com.example.im";
  c.settings = {{"app_id", "110123"}};
  return c;
}

CertificateSecret secret(std::string text) { return {.bytes = std::move(text), .password = {}}; }
const CertificateSecret kSecret = secret("5f0c4f9d7a8b4c3e9d2a1b0c9f8e7d6c\r\n");

/// As an upload goes: settings first, then the room's own eyes. Empty: taken.
std::string refusal(const Certificate& c, const CertificateSecret& s = kSecret) {
  if (const auto fits = check_settings(meizu::settings(), c.settings); !fits) return fits.error().detail;
  const auto made = meizu::inspect(c, s, kNow, std::nullopt);
  if (made) return {};
  CHECK(made.error().code == Errc::Malformed);
  return made.error().detail;
}

}  // namespace

TEST_CASE("meizu inspect: an upload that can work", "[meizu]") {
  Certificate c = claimed();
  c.facts = {{"stale", "1"}};
  const auto made = meizu::inspect(c, kSecret, kNow, std::nullopt);
  REQUIRE(made);
  CHECK(made->facts.count("stale") == 0);
  CHECK(made->facts.at("kind") == "app_secret");
  CHECK(made->facts.at("fingerprint").size() == 64);
  for (const char* page : {"com.example.im.ChatActivity", "shop://order/1"}) {
    c.settings = {{"app_id", "1"},   {"region", "overseas"}, {"message_kind", "public"},
                  {"click", "page"}, {"click_target", page}, {"receipt_url", "https://push.example.com/r/7"}};
    CHECK(refusal(c).empty());
  }
}

TEST_CASE("meizu inspect: settings that cannot work", "[meizu]") {
  struct Row {
    const char* name;
    Settings settings;
    const char* says;
  };
  const Row row = GENERATE(values<Row>({
      {"no app id", {}, "app_id: missing"},
      {"app id", {{"app_id", "x1"}}, "app_id"},
      {"no such setting", {{"app_id", "1"}, {"channel_id", "7"}}, "channel_id: no such setting"},
      {"region", {{"app_id", "1"}, {"region", "india"}}, "region"},
      {"kind", {{"app_id", "1"}, {"message_kind", "secret"}}, "message_kind"},
      {"page by intent", {{"app_id", "1"}, {"click", "page"}, {"click_target", "intent:#Intent;end"}}, "Activity"},
      {"page by one word", {{"app_id", "1"}, {"click", "page"}, {"click_target", "Chat"}}, "Activity"},
      {"target without action", {{"app_id", "1"}, {"click_target", "a.b.C"}}, "click_target"},
      {"web page too long",
       {{"app_id", "1"}, {"click", "web"}, {"click_target", "https://example.com/" + std::string(1000, 'x')}},
       "1000 bytes"},
      {"receipts", {{"app_id", "1"}, {"receipt_url", "ftp://e.com"}}, "receipt_url"},
      {"receipts too far", {{"app_id", "1"}, {"receipt_url", "https://e.com/" + std::string(115, 'x')}}, "128 bytes"},
  }));
  CAPTURE(row.name);
  Certificate c = claimed();
  c.settings = row.settings;
  CHECK(refusal(c).find(row.says) != std::string::npos);
}

TEST_CASE("meizu inspect: secrets, packages and hosts that cannot work", "[meizu]") {
  CHECK(refusal(claimed(), secret("\n")).find("empty") != std::string::npos);
  CHECK(refusal(claimed(), secret("two words")).find("AppSecret") != std::string::npos);
  Certificate c = claimed();
  c.bundle_id = "example";
  CHECK(refusal(c).find("package name") != std::string::npos);
  c = claimed();
  c.vendor = Vendor::Vivo;
  CHECK_FALSE(refusal(c).empty());
  c = claimed();
  c.host_override = "https://user@localhost";
  CHECK(refusal(c).find("https://host") != std::string::npos);
}

TEST_CASE("meizu authorizer: the secret to sign by, for good", "[meizu]") {
  const auto made = meizu::make_authorizer(claimed(), kSecret);
  REQUIRE(made);
  const Grant grant = std::get<Grant>(*(*made)->begin(kNow));
  CHECK(grant.authorization == "5f0c4f9d7a8b4c3e9d2a1b0c9f8e7d6c");
  CHECK(grant.expires_at == WallTime::max());
  CHECK((*made)->signer().starts_with("meizu:110123:"));
  CHECK((*made)->signer().find("5f0c4f9d7a8b") == std::string::npos);
  CHECK((*meizu::make_authorizer(claimed(), secret("other")))->signer() != (*made)->signer());
  CHECK_FALSE(meizu::make_authorizer(claimed(), secret("")));
}
