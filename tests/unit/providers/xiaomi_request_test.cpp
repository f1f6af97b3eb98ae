#include <catch2/catch.hpp>

#include "providers/form_field.h"
#include "providers/xiaomi/xiaomi.h"

using namespace nightpost;

namespace {

Certificate shop() {
  Certificate c;
  c.vendor = Vendor::Xiaomi;
  c.bundle_id = "com.example.im";
  c.settings = {{"app_id", "2882303761517000000"}};
  return c;
}

std::shared_ptr<const Provider> provider(const Certificate& c) {
  auto made = xiaomi::make_provider(c);
  if (!made) FAIL(made.error().detail);
  return *made;
}

Notification greeting() {
  Notification n;
  n.title = "订单";
  n.body = "已发货";
  n.collapse_id = "c1";
  return n;
}

std::vector<DeviceToken> tokens(int count) {
  std::vector<DeviceToken> out;
  for (int i = 0; i < count; ++i) out.emplace_back("mi-reg-" + std::to_string(i));
  return out;
}

const Grant kGrant{.authorization = "key=Ab1Cd2Ef3Gh4Ij5Kl6Mn7O=="};

}  // namespace

TEST_CASE("xiaomi request: path, headers and ids as in the vendor's example", "[xiaomi]") {
  const std::vector<DeviceToken> three = {DeviceToken("mi-reg-0001"), DeviceToken("mi-reg-0002"),
                                          DeviceToken("a+/b==")};
  const auto made = provider(shop())->build(greeting(), three, kGrant);
  REQUIRE(made);
  REQUIRE(made->size() == 1);
  const HttpRequest& http = made->front().http;
  CHECK(http.method == "POST");
  CHECK(http.path == "/v3/message/regid");
  REQUIRE(http.headers.size() == 2);
  CHECK(http.headers[0].name == "authorization");
  CHECK(http.headers[0].value == kGrant.authorization);
  CHECK(http.headers[0].indexing == Indexing::Never);
  CHECK(http.headers[1].name == "content-type");
  CHECK(http.headers[1].value == "application/x-www-form-urlencoded;charset=UTF-8");
  CHECK(http.body.starts_with(
      "registration_id=mi-reg-0001%2Cmi-reg-0002%2Ca%2B%2Fb%3D%3D&restricted_package_name=com.example.im&"
      "pass_through=0&title=%E8%AE%A2%E5%8D%95&description=%E5%B7%B2%E5%8F%91%E8%B4%A7&"));
  CHECK(form_field(http.body, "registration_id") == "mi-reg-0001,mi-reg-0002,a+/b==");
}

TEST_CASE("xiaomi request: a thousand ids each, every id once, in order", "[xiaomi]") {
  for (const int count : {1, 999, 1000, 1001, 2500}) {
    CAPTURE(count);
    const auto all = tokens(count);
    const auto made = provider(shop())->build(greeting(), all, kGrant);
    REQUIRE(made);
    CHECK(made->size() == (static_cast<std::size_t>(count) + 999) / 1000);
    std::size_t next = 0;
    for (const Planned& planned : *made) {
      CHECK(planned.first == next);
      CHECK(planned.count <= 1000);
      CHECK_FALSE(planned.prepares);
      std::string want;
      for (std::size_t i = next; i < next + planned.count; ++i) want += (want.empty() ? "" : ",") + all[i].text();
      CHECK(form_field(planned.http.body, "registration_id") == want);
      next += planned.count;
    }
    CHECK(next == all.size());
  }
  CHECK(provider(shop())->build(greeting(), {}, kGrant)->empty());
}

TEST_CASE("xiaomi request: the badge does not show, the sound does", "[xiaomi]") {
  const auto made = provider(shop());
  CHECK(made->batching().tokens);
  CHECK_FALSE(made->batching().badge);
  CHECK(made->batching().sound);
  CHECK(made->batching().mixed_max == 0);
  const auto one = tokens(1);
  Notification n = greeting();
  const std::string without = made->build(n, one, kGrant)->front().http.body;
  n.badge = 7;
  CHECK(made->build(n, one, kGrant)->front().http.body == without);
  n.sound = "default";
  CHECK(made->build(n, one, kGrant)->front().http.body != without);
}

TEST_CASE("xiaomi request: what is no registration id never leaves", "[xiaomi]") {
  const auto made = provider(shop());
  for (const std::string& text : {std::string(), std::string("a,b"), std::string("a b"), std::string("a\n"),
                                  std::string("é"), std::string(257, 'x')}) {
    const std::vector<DeviceToken> bad = {DeviceToken(text)};
    CHECK_FALSE(made->well_formed(bad[0]));
    const auto refused = made->build(greeting(), bad, kGrant);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::Malformed);
  }
  CHECK(made->well_formed(DeviceToken(std::string(256, 'x'))));
  CHECK(made->well_formed(DeviceToken("d//igwEhgBGCI2TG6lWqlCDy9yGKSi8e9kFIHFZNmAYK=")));
}

TEST_CASE("xiaomi request: a region has its host, an override stands for all", "[xiaomi]") {
  struct Row {
    const char *region, *origin;
  };
  const Row row = GENERATE(values<Row>({
      {"", "https://api.xmpush.xiaomi.com"},
      {"china", "https://api.xmpush.xiaomi.com"},
      {"india", "https://idmb-api.xmpush.global.xiaomi.com"},
      {"europe", "https://fr-api.xmpush.global.xiaomi.com"},
      {"russia", "https://ru-api.xmpush.global.xiaomi.com"},
      {"global", "https://sgp-api.xmpush.global.xiaomi.com"},
  }));
  Certificate c = shop();
  if (*row.region != '\0') c.settings["region"] = row.region;
  CHECK(provider(c)->origin() == row.origin);
  c.host_override = "https://localhost:8443";
  CHECK(provider(c)->origin() == "https://localhost:8443");
  c.host_override = "http://localhost:8443";
  CHECK_FALSE(xiaomi::make_provider(c));
  c.host_override.clear();
  c.settings["region"] = "mars";
  CHECK_FALSE(xiaomi::make_provider(c));
}
