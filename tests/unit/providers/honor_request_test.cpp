#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "providers/honor/honor.h"

using namespace nightpost;

namespace {

Certificate shop() {
  Certificate c;
  c.vendor = Vendor::Honor;
  c.bundle_id = "com.example.shop";
  c.settings = {{"app_id", "104412345"}, {"client_id", "220011"}};
  return c;
}

std::shared_ptr<const Provider> provider(const Certificate& c) {
  auto made = honor::make_provider(c);
  if (!made) FAIL(made.error().detail);
  return *made;
}

Notification greeting() {
  Notification n;
  n.title = "t";
  n.body = "b";
  n.collapse_id = "c1";
  n.sent_at = wall_from_ms(1'735'689'600'123);
  return n;
}

std::vector<DeviceToken> tokens(int count) {
  std::vector<DeviceToken> out;
  for (int i = 0; i < count; ++i) out.emplace_back("BAEAA" + std::to_string(i));
  return out;
}

const Grant kGrant{.authorization = "Bearer eyExample"};

}  // namespace

TEST_CASE("honor request: path and headers as in the vendor's example", "[honor]") {
  const auto made = provider(shop())->build(greeting(), tokens(2), kGrant);
  REQUIRE(made);
  REQUIRE(made->size() == 1);
  const HttpRequest& http = made->front().http;
  CHECK(http.method == "POST");
  CHECK(http.path == "/api/v1/104412345/sendMessage");
  REQUIRE(http.headers.size() == 3);
  CHECK(http.headers[0].name == "authorization");
  CHECK(http.headers[0].value == "Bearer eyExample");
  CHECK(http.headers[0].indexing == Indexing::Never);
  CHECK(http.headers[1].name == "content-type");
  CHECK(http.headers[1].value == "application/json; charset=UTF-8");
  CHECK(http.headers[2].name == "timestamp");
  CHECK(http.headers[2].value == "1735689600123");
  CHECK(http.body.ends_with(R"(}},"token":["BAEAA0","BAEAA1"]})"));
  CHECK(nlohmann::json::accept(http.body));
  CHECK(provider(shop())->build(greeting(), tokens(2), kGrant)->front().http.body == http.body);
}

TEST_CASE("honor request: a thousand tokens each, every one once, in order", "[honor]") {
  for (const int count : {1, 1000, 1001, 2500}) {
    CAPTURE(count);
    const auto all = tokens(count);
    const auto made = provider(shop())->build(greeting(), all, kGrant);
    REQUIRE(made);
    CHECK(made->size() == (static_cast<std::size_t>(count) + 999) / 1000);
    std::size_t next = 0;
    for (const Planned& planned : *made) {
      CHECK(planned.first == next);
      CHECK(planned.count <= 1000);
      const auto sent = nlohmann::json::parse(planned.http.body)["token"];
      REQUIRE(sent.size() == planned.count);
      for (std::size_t i = 0; i < planned.count; ++i) CHECK(sent[i] == all[next + i].text());
      next += planned.count;
    }
    CHECK(next == all.size());
  }
  CHECK(provider(shop())->build(greeting(), {}, kGrant)->empty());
}

TEST_CASE("honor request: badges part a batch only where they show", "[honor]") {
  Certificate c = shop();
  CHECK(provider(c)->batching().tokens);
  CHECK_FALSE(provider(c)->batching().badge);
  CHECK_FALSE(provider(c)->batching().sound);
  c.settings["badge_class"] = "com.example.shop.MainActivity";
  CHECK(provider(c)->batching().badge);
  Notification n = greeting();
  const std::string silent = provider(c)->build(n, tokens(1), kGrant)->front().http.body;
  n.sound = "ding";
  CHECK(provider(c)->build(n, tokens(1), kGrant)->front().http.body == silent);
  n.badge = 3;
  CHECK(provider(c)->build(n, tokens(1), kGrant)->front().http.body != silent);
}

TEST_CASE("honor request: what cannot be sent is refused", "[honor]") {
  const auto made = provider(shop());
  for (const std::string& text :
       {std::string(), std::string("a b"), std::string("a\n"), std::string("é"), std::string(513, 'x')}) {
    const std::vector<DeviceToken> bad = {DeviceToken(text)};
    CHECK_FALSE(made->well_formed(bad[0]));
    REQUIRE_FALSE(made->build(greeting(), bad, kGrant));
  }
  CHECK(made->well_formed(DeviceToken(R"(a"\b)")));
  const std::vector<DeviceToken> quoted = {DeviceToken(R"(a"\b)")};
  CHECK(nlohmann::json::parse(made->build(greeting(), quoted, kGrant)->front().http.body)["token"][0] == R"(a"\b)");
}

TEST_CASE("honor request: hosts", "[honor]") {
  Certificate c = shop();
  CHECK(provider(c)->origin() == "https://push-api.cloud.honor.com");
  c.host_override = "https://localhost:8443";
  CHECK(provider(c)->origin() == "https://localhost:8443");
  c.host_override = "localhost";
  CHECK_FALSE(honor::make_provider(c));
  c = shop();
  c.settings["app_id"] = "1/../2";
  CHECK_FALSE(honor::make_provider(c));
  c = shop();
  c.environment = Environment::Development;
  CHECK(provider(c)->build(greeting(), tokens(1), kGrant)->front().http.body.find(R"("targetUserType":1)") !=
        std::string::npos);
}
