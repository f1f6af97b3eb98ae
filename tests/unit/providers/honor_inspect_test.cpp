#include <catch2/catch.hpp>

#include "providers/honor/honor.h"

using namespace nightpost;

namespace {

Certificate claimed() {
  Certificate c;
  c.vendor = Vendor::Honor;
  c.bundle_id = "com.example.shop";
  c.settings = {{"app_id", "104412345"}, {"client_id", "220011"}};
  return c;
}

/// As an upload goes: settings first, then the room's own eyes. Empty: taken.
std::string refusal(const Certificate& c, const std::string& secret = "s3cret\n") {
  if (const auto fits = check_settings(honor::settings(), c.settings); !fits) return fits.error().detail;
  const auto made = honor::inspect(c, {.bytes = secret, .password = {}}, wall_from_ms(0), std::nullopt);
  if (made) return {};
  CHECK(made.error().code == Errc::Malformed);
  return made.error().detail;
}

}  // namespace

TEST_CASE("honor inspect: an upload that can work", "[honor]") {
  Certificate c = claimed();
  c.facts = {{"stale", "1"}};
  const auto made = honor::inspect(c, {.bytes = "s3cret\n", .password = {}}, wall_from_ms(0), Environment::Development);
  REQUIRE(made);
  CHECK(made->facts.count("stale") == 0);
  CHECK(made->facts.at("kind") == "client_secret");
  CHECK(made->facts.at("fingerprint").size() == 64);
  CHECK(made->environment == Environment::Development);
  for (const char* page : {"intent://com.example.shop/order#Intent;scheme=shop;end", "com.example.shop.ORDER"}) {
    c.settings = {{"app_id", "1"},      {"client_id", "2"}, {"badge_class", "a.b.C"}, {"importance", "low"},
                  {"app_name", "Shop"}, {"click", "page"},  {"click_target", page}};
    CHECK(refusal(c).empty());
  }
}

TEST_CASE("honor inspect: what cannot work", "[honor]") {
  struct Row {
    const char* name;
    Settings settings;
    const char* says;
  };
  const Row row = GENERATE(values<Row>({
      {"nothing", {}, "app_id: missing"},
      {"no client id", {{"app_id", "1"}}, "client_id: missing"},
      {"app id", {{"app_id", "../1"}, {"client_id", "2"}}, "app_id"},
      {"no such setting", {{"app_id", "1"}, {"client_id", "2"}, {"region", "china"}}, "region: no such setting"},
      {"badge class", {{"app_id", "1"}, {"client_id", "2"}, {"badge_class", "Main"}}, "badge_class"},
      {"importance", {{"app_id", "1"}, {"client_id", "2"}, {"importance", "HIGH"}}, "importance"},
      {"page",
       {{"app_id", "1"}, {"client_id", "2"}, {"click", "page"}, {"click_target", "intent://x"}},
       "click_target"},
      {"page of a word", {{"app_id", "1"}, {"client_id", "2"}, {"click", "page"}, {"click_target", "X"}}, "intent URI"},
      {"web", {{"app_id", "1"}, {"client_id", "2"}, {"click", "web"}, {"click_target", "shop://x"}}, "click_target"},
  }));
  CAPTURE(row.name);
  Certificate c = claimed();
  c.settings = row.settings;
  CHECK(refusal(c).find(row.says) != std::string::npos);
}

TEST_CASE("honor inspect: secrets, packages and hosts that cannot work", "[honor]") {
  CHECK(refusal(claimed(), "").find("empty") != std::string::npos);
  CHECK(refusal(claimed(), "two words").find("client secret") != std::string::npos);
  CHECK(refusal(claimed(), "220011").find("client id") != std::string::npos);
  Certificate c = claimed();
  c.bundle_id.clear();
  CHECK(refusal(c).find("package name") != std::string::npos);
  c = claimed();
  c.vendor = Vendor::Huawei;
  CHECK_FALSE(refusal(c).empty());
  c = claimed();
  c.host_override = "https://localhost:0";
  CHECK(refusal(c).find("https://host") != std::string::npos);
}
