#include <catch2/catch.hpp>

#include "providers/form_field.h"
#include "providers/meizu/meizu.h"
#include "providers/meizu/signature.h"

using namespace nightpost;

namespace {

Certificate shop() {
  Certificate c;
  c.vendor = Vendor::Meizu;
  c.bundle_id = "com.example.im";
  c.settings = {{"app_id", "110123"}};
  return c;
}

std::shared_ptr<const Provider> provider(const Certificate& c) {
  auto made = meizu::make_provider(c);
  if (!made) FAIL(made.error().detail);
  return *made;
}

Notification greeting() {
  Notification n;
  n.title = "A+B & C=50%";
  n.body = "第1行";
  n.collapse_id = "c1";
  return n;
}

std::vector<DeviceToken> tokens(int count) {
  std::vector<DeviceToken> out;
  for (int i = 0; i < count; ++i) out.emplace_back("RA" + std::to_string(i));
  return out;
}

const Grant kGrant{.authorization = "5f0c4f9d7a8b4c3e9d2a1b0c9f8e7d6c"};

}  // namespace

TEST_CASE("meizu request: signed over what is decoded from it", "[meizu]") {
  const auto made = provider(shop())->build(greeting(), tokens(2), kGrant);
  REQUIRE(made);
  REQUIRE(made->size() == 1);
  const HttpRequest& http = made->front().http;
  CHECK(http.method == "POST");
  CHECK(http.path == "/garcia/api/server/push/varnished/pushByPushId");
  REQUIRE(http.headers.size() == 1);
  CHECK(http.headers[0].name == "content-type");
  CHECK(http.headers[0].value == "application/x-www-form-urlencoded;charset=UTF-8");
  CHECK(
      http.body.starts_with("appId=110123&pushIds=RA0%2CRA1&messageJson=%7B%22noticeBarInfo%22%3A%7B%22noticeMsgType"
                            "%22%3A1%2C%22noticeBarType%22%3A0%2C%22title%22%3A%22A%2BB+%26+C%3D50%25%22%2C"));
  CHECK(http.body.find(kGrant.authorization) == std::string::npos);
  const auto field = [&](const char* name) { return form_field(http.body, name).value_or("?"); };
  CHECK(field("sign") ==
        meizu::signature_of(
            {{"appId", field("appId")}, {"messageJson", field("messageJson")}, {"pushIds", field("pushIds")}},
            kGrant.authorization));
  CHECK(made->front().http.body == provider(shop())->build(greeting(), tokens(2), kGrant)->front().http.body);
}

TEST_CASE("meizu request: a hundred ids each, every id once, in order", "[meizu]") {
  for (const int count : {1, 99, 100, 101, 250}) {
    CAPTURE(count);
    const auto all = tokens(count);
    const auto made = provider(shop())->build(greeting(), all, kGrant);
    REQUIRE(made);
    CHECK(made->size() == (static_cast<std::size_t>(count) + 99) / 100);
    std::size_t next = 0;
    for (const Planned& planned : *made) {
      CHECK(planned.first == next);
      CHECK(planned.count <= 100);
      std::string want;
      for (std::size_t i = next; i < next + planned.count; ++i) want += (want.empty() ? "" : ",") + all[i].text();
      CHECK(form_field(planned.http.body, "pushIds") == want);
      next += planned.count;
    }
    CHECK(next == all.size());
  }
  CHECK(provider(shop())->build(greeting(), {}, kGrant)->empty());
}

TEST_CASE("meizu request: what cannot be sent is refused", "[meizu]") {
  const auto made = provider(shop());
  for (const std::string& text :
       {std::string(), std::string("a,b"), std::string("a b"), std::string("é"), std::string(257, 'x')}) {
    const std::vector<DeviceToken> bad = {DeviceToken(text)};
    CHECK_FALSE(made->well_formed(bad[0]));
    REQUIRE_FALSE(made->build(greeting(), bad, kGrant));
  }
  Notification n = greeting();
  n.body.clear();
  const auto refused = made->build(n, tokens(1), kGrant);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::Malformed);
}

TEST_CASE("meizu request: hosts", "[meizu]") {
  Certificate c = shop();
  CHECK(provider(c)->origin() == "https://server-api-push.meizu.com");
  c.settings["region"] = "overseas";
  CHECK(provider(c)->origin() == "https://server-api-push.in.meizu.com");
  c.host_override = "https://localhost:8443";
  CHECK(provider(c)->origin() == "https://localhost:8443");
  c.host_override = "http://localhost";
  CHECK_FALSE(meizu::make_provider(c));
  c = shop();
  c.settings["region"] = "mars";
  CHECK_FALSE(meizu::make_provider(c));
  c.settings = {};
  CHECK_FALSE(meizu::make_provider(c));
  CHECK(provider(shop())->batching().tokens);
  CHECK_FALSE(provider(shop())->batching().badge);
}
