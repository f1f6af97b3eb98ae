#include <catch2/catch.hpp>
#include <map>

#include "core/uuid.h"
#include "providers/apns/apns.h"

using namespace nightpost;

namespace {

constexpr const char* kToken = "9d3c0f5b0a7e4d2f8b61c7a4e5d2930f1b8c6a7d4e3f2a1b0c9d8e7f6a5b4c3d";

Certificate certificate() {
  Certificate certificate;
  certificate.bundle_id = "com.example.shop";
  return certificate;
}

std::shared_ptr<const Provider> provider() {
  auto made = apns::make_provider(certificate());
  REQUIRE(made);
  return *made;
}

/// Apple's example of a whole request, as far as a neutral notification can say it.
Notification order() {
  Notification n;
  n.title = "Order shipped";
  n.body = "Parcel 8841 left the warehouse";
  n.ext = R"({"oid":8841})";
  n.sound = "default";
  n.badge = 3;
  n.thread_id = "orders";
  n.collapse_id = "order-8841";
  n.push_id = "5f0c1c3e-7d0a-4a6e-9f1b-2a3c4d5e6f70";
  n.sent_at = wall_from_ms(1'735'689'600'000);
  n.expires_at = wall_from_ms(1'735'776'000'999);
  n.extras = {{"apns.category", "ORDER"}};
  return n;
}

HttpRequest built(const Notification& notification, const Grant& grant = {.authorization = "bearer e30.e30.c2ln"}) {
  const DeviceToken token{kToken};
  auto planned = provider()->build(notification, {&token, 1}, grant);
  REQUIRE(planned);
  REQUIRE(planned->size() == 1);
  return planned->front().http;
}

std::map<std::string, std::string> headers_of(const HttpRequest& request) {
  std::map<std::string, std::string> headers;
  for (const Header& header : request.headers) CHECK(headers.emplace(header.name, header.value).second);
  return headers;
}

}  // namespace

TEST_CASE("apns request: the spec's example, byte for byte", "[apns]") {
  const HttpRequest request = built(order());
  CHECK(request.method == "POST");
  CHECK(request.path == std::string("/3/device/") + kToken);
  CHECK(request.body ==
        R"({"aps":{"alert":{"title":"Order shipped","body":"Parcel 8841 left the warehouse"},"badge":3,)"
        R"("sound":"default","thread-id":"orders","category":"ORDER"},"ext":"{\"oid\":8841}"})");
  std::string lines;
  for (const Header& header : request.headers) lines += std::string(header.name) + ": " + header.value + "\n";
  CHECK(lines ==
        "authorization: bearer e30.e30.c2ln\n"
        "apns-topic: com.example.shop\n"
        "apns-push-type: alert\n"
        "apns-id: 5f0c1c3e-7d0a-4a6e-9f1b-2a3c4d5e6f70\n"
        "apns-expiration: 1735776000\n"
        "apns-priority: 10\n"
        "apns-collapse-id: order-8841\n");
}

TEST_CASE("apns request: what HPACK may remember", "[apns]") {
  std::map<std::string_view, Indexing> indexing;
  const HttpRequest request = built(order());
  for (const Header& header : request.headers) indexing[header.name] = header.indexing;
  CHECK(indexing == std::map<std::string_view, Indexing>{{"authorization", Indexing::Never},
                                                         {"apns-topic", Indexing::Always},
                                                         {"apns-push-type", Indexing::Always},
                                                         {"apns-priority", Indexing::Always},
                                                         {"apns-id", Indexing::FirstOnly},
                                                         {"apns-expiration", Indexing::FirstOnly},
                                                         {"apns-collapse-id", Indexing::FirstOnly}});
}

TEST_CASE("apns request: a client certificate needs no authorization", "[apns]") {
  CHECK_FALSE(headers_of(built(order(), Grant{})).contains("authorization"));
}

TEST_CASE("apns request: what is empty has no header", "[apns]") {
  Notification n;
  n.body = "hello";
  const auto headers = headers_of(built(n));
  CHECK_FALSE(headers.contains("apns-id"));
  CHECK_FALSE(headers.contains("apns-collapse-id"));
  CHECK_FALSE(headers.contains("apns-expiration"));
}

TEST_CASE("apns request: priority", "[apns]") {
  struct Row {
    Priority priority;
    const char* header;
    bool passive;
  };
  const Row row = GENERATE(
      values<Row>({{Priority::High, "10", false}, {Priority::Normal, "10", false}, {Priority::Low, "5", true}}));
  Notification n = order();
  n.priority = row.priority;
  const HttpRequest request = built(n);
  CHECK(headers_of(request)["apns-priority"] == row.header);
  CHECK((request.body.find(R"("interruption-level":"passive")") != std::string::npos) == row.passive);
}

TEST_CASE("apns request: expiration is seconds and never 0 by accident", "[apns]") {
  struct Row {
    const char* name;
    std::int64_t sent_ms, expires_ms;
    const char* header;
  };
  const Row row = GENERATE(values<Row>({
      {"rounded down", 1'735'689'600'000, 1'735'776'000'999, "1735776000"},
      {"already over stays a date", 1'735'689'600'000, 1'000'000, "1000"},
      {"below a second is not 0", 1'735'689'600'000, 1, "1"},
      {"no longer than Apple stores", 1'735'689'600'000, 9'000'000'000'000'000, "1738281600"},
      {"30 days exactly", 1'735'689'600'000, 1'738'281'600'000, "1738281600"},
      {"time of sending unknown", 0, 1'735'776'000'000, "1735776000"},
  }));
  CAPTURE(row.name);
  Notification n = order();
  n.sent_at = wall_from_ms(row.sent_ms);
  n.expires_at = wall_from_ms(row.expires_ms);
  CHECK(headers_of(built(n))["apns-expiration"] == row.header);
}

TEST_CASE("apns request: collapse id is a header of at most 64 bytes", "[apns]") {
  struct Row {
    const char* name;
    std::string id;
    bool hashed;
  };
  const Row row = GENERATE(values<Row>({
      {"short", "m1", false},
      {"64 bytes", std::string(64, 'x'), false},
      {"65 bytes", std::string(65, 'x'), true},
      {"line break", "a\r\nauthorization: b", true},
      {"NUL", std::string("a\0b", 3), true},
      {"space", "a b", true},
      {"not ASCII", "消息", true},
      {"DEL", "a\x7f", true},
  }));
  CAPTURE(row.name);
  Notification n = order();
  n.collapse_id = row.id;
  const std::string sent = headers_of(built(n))["apns-collapse-id"];
  CHECK(sent == (row.hashed ? hex_of({row.id}) : row.id));
  CHECK(sent.size() <= 64);
}

TEST_CASE("apns request: a push id that Apple would refuse is refused here", "[apns]") {
  const std::string id =
      GENERATE(as<std::string>{}, "5F0C1C3E-7D0A-4A6E-9F1B-2A3C4D5E6F70", "5f0c1c3e7d0a4a6e9f1b2a3c4d5e6f70",
               "5f0c1c3e-7d0a-4a6e-9f1b-2a3c4d5e6f7", "5f0c1c3e-7d0a-4a6e-9f1b-2a3c4d5e6f7g",
               "5f0c1c3e-7d0a-4a6e-9f1b-2a3c4d5e6f70 ", "5f0c1c3e07d0a-4a6e-9f1b-2a3c4d5e6f70");
  Notification n = order();
  n.push_id = id;
  const DeviceToken token{kToken};
  const auto planned = provider()->build(n, {&token, 1}, {});
  REQUIRE_FALSE(planned);
  CHECK(planned.error().code == Errc::Malformed);
}

TEST_CASE("apns request: tokens", "[apns]") {
  struct Row {
    const char* name;
    std::string token;
    bool good;
  };
  const Row row = GENERATE(values<Row>({
      {"today's size", kToken, true},
      {"capitals", "9D3C0F", true},
      {"shortest", "00", true},
      {"longest", std::string(400, 'a'), true},
      {"empty", "", false},
      {"odd", "abc", false},
      {"one digit", "a", false},
      {"too long", std::string(402, 'a'), false},
      {"not hex", "zz", false},
      {"path", "../../ab", false},
      {"space", "ab cd ", false},
      {"NUL", std::string("ab\0d", 4), false},
      {"brackets of an old iOS description", "<9d3c>", false},
      {"full-width digits", "０１", false},
  }));
  CAPTURE(row.name);
  const DeviceToken token{row.token};
  CHECK(provider()->well_formed(token) == row.good);
  const auto planned = provider()->build(order(), {&token, 1}, {});
  CHECK(planned.has_value() == row.good);
  if (!planned) {
    CHECK(planned.error().code == Errc::Malformed);
    if (row.token.size() > 2) CHECK(planned.error().detail.find(row.token) == std::string::npos);
  }
}

TEST_CASE("apns request: one per token, in order, sent in lower case", "[apns]") {
  const std::vector<DeviceToken> tokens = {DeviceToken("AA"), DeviceToken("bB"), DeviceToken("cc")};
  const auto planned = provider()->build(order(), tokens, {});
  REQUIRE(planned);
  REQUIRE(planned->size() == 3);
  const char* const paths[] = {"/3/device/aa", "/3/device/bb", "/3/device/cc"};
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK((*planned)[i].first == i);
    CHECK((*planned)[i].count == 1);
    CHECK((*planned)[i].http.path == paths[i]);
    CHECK((*planned)[i].http.body == built(order()).body);
  }
  CHECK(provider()->build(order(), {}, {})->empty());
}

TEST_CASE("apns request: equal inputs give equal bytes", "[apns]") {
  const HttpRequest a = built(order());
  const HttpRequest b = built(order());
  CHECK(a.path == b.path);
  CHECK(a.body == b.body);
  CHECK(headers_of(a) == headers_of(b));
}

TEST_CASE("apns provider: where it sends", "[apns]") {
  struct Row {
    const char* name;
    Environment environment;
    const char* host_override;
    const char* origin;  // null: refused
  };
  const Row row = GENERATE(values<Row>({
      {"production", Environment::Production, "", "https://api.push.apple.com"},
      {"development", Environment::Development, "", "https://api.sandbox.push.apple.com"},
      {"the other port", Environment::Production, "https://api.push.apple.com:2197", "https://api.push.apple.com:2197"},
      {"a sandbox of ours", Environment::Production, "https://localhost:4443", "https://localhost:4443"},
      {"an address", Environment::Production, "https://127.0.0.1:1", "https://127.0.0.1:1"},
      {"IPv6", Environment::Production, "https://[::1]:65535", "https://[::1]:65535"},
      {"no port", Environment::Production, "https://[::1]", "https://[::1]"},
      {"plain http", Environment::Production, "http://localhost:80", nullptr},
      {"no scheme", Environment::Production, "localhost:443", nullptr},
      {"capital scheme", Environment::Production, "HTTPS://localhost", nullptr},
      {"no host", Environment::Production, "https://", nullptr},
      {"only a port", Environment::Production, "https://:443", nullptr},
      {"path", Environment::Production, "https://localhost/", nullptr},
      {"path after port", Environment::Production, "https://localhost:443/3", nullptr},
      {"query", Environment::Production, "https://localhost?x", nullptr},
      {"user", Environment::Production, "https://me@localhost", nullptr},
      {"user and password", Environment::Production, "https://me:80@localhost", nullptr},
      {"port 0", Environment::Production, "https://localhost:0", nullptr},
      {"port too high", Environment::Production, "https://localhost:65536", nullptr},
      {"port with sign", Environment::Production, "https://localhost:+1", nullptr},
      {"empty port", Environment::Production, "https://localhost:", nullptr},
      {"open bracket", Environment::Production, "https://[::1", nullptr},
      {"text after bracket", Environment::Production, "https://[::1]x", nullptr},
      {"line break", Environment::Production, "https://local\r\nhost", nullptr},
  }));
  CAPTURE(row.name);
  Certificate wanted = certificate();
  wanted.environment = row.environment;
  wanted.host_override = row.host_override;
  const auto made = apns::make_provider(wanted);
  REQUIRE(made.has_value() == (row.origin != nullptr));
  if (made) {
    CHECK((*made)->origin() == row.origin);
    CHECK((*made)->vendor() == Vendor::Apns);
    CHECK((*made)->wire() == Wire::Http2);  // Apple speaks nothing else
  } else {
    CHECK(made.error().code == Errc::Malformed);
  }
}

TEST_CASE("apns provider: the topic must be one", "[apns]") {
  const std::string bundle = GENERATE(as<std::string>{}, "", "com.example.*", "com example", "com.example\r\nx: y",
                                      "应用", std::string(156, 'a'));
  Certificate wanted = certificate();
  wanted.bundle_id = bundle;
  CHECK_FALSE(apns::make_provider(wanted));
}

TEST_CASE("apns request: a badge alone is one number, which waits for the phone", "[apns]") {
  Notification n = order();  // nothing of which shows
  n.badge_only = true;
  n.badge = 0;
  n.collapse_id = "badge-only";
  const HttpRequest request = built(n);
  CHECK(request.body == R"({"aps":{"badge":0}})");
  const auto headers = headers_of(request);
  CHECK(headers.at("apns-push-type") ==
        "alert");  // Apple's table: alert, badge or sound; "background" has none of them
  CHECK(headers.at("apns-priority") == "5");
  CHECK(headers.at("apns-collapse-id") == "badge-only");
  CHECK(headers.at("apns-expiration") == "1735776000");
  CHECK(provider()->takes_badge_only(Platform::Ios));

  n.badge.reset();
  const DeviceToken token{kToken};
  const auto refused = provider()->build(n, {&token, 1}, {.authorization = "bearer e30.e30.c2ln"});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().detail == "nothing to push: a badge without a number");
}

TEST_CASE("apns request: what takes a message's place is silent, passive and under the message's id", "[apns]") {
  Notification n = order();
  n.body = "Denny:[Message recalled]";
  n.sound.reset();
  n.extras = {{"apns.interruption-level", "passive"}};
  n.ext.clear();
  const HttpRequest request = built(n);
  CHECK(request.body == R"({"aps":{"alert":{"title":"Order shipped","body":"Denny:[Message recalled]"},"badge":3,)"
                        R"("thread-id":"orders","interruption-level":"passive"}})");
  CHECK(headers_of(request).at("apns-collapse-id") == "order-8841");
}

namespace {

Notification call() {
  Notification n = order();
  n.call = {.id = "c-1", .from = "denny", .name = "Denny", .group = "g1"};
  n.collapse_id = "c-1";
  n.expires_at = n.sent_at + std::chrono::seconds(45);
  return n;
}
Result<std::vector<Planned>> rung(const Notification& n, const Certificate& from = certificate()) {
  const auto made = apns::make_provider(from);
  REQUIRE(made);
  const DeviceToken token{kToken, TokenKind::Voip};
  return (*made)->build(n, {&token, 1}, {.authorization = "bearer e30.e30.c2ln"});
}

}  // namespace

TEST_CASE("apns request: a call for PushKit, byte for byte", "[apns][voip]") {
  const auto planned = rung(call());
  REQUIRE(planned);
  const HttpRequest& request = planned->front().http;
  CHECK(request.path == std::string("/3/device/") + kToken);
  CHECK(request.body == R"({"call":{"id":"c-1","from":"denny","name":"Denny","group":"g1","expires_at":1735689645000},)"
                        R"("ext":"{\"oid\":8841}"})");
  std::string lines;
  for (const Header& header : request.headers) lines += std::string(header.name) + ": " + header.value + "\n";
  CHECK(lines ==
        "authorization: bearer e30.e30.c2ln\n"
        "apns-topic: com.example.shop.voip\n"
        "apns-push-type: voip\n"
        "apns-id: 5f0c1c3e-7d0a-4a6e-9f1b-2a3c4d5e6f70\n"
        "apns-expiration: 1735689645\n"
        "apns-priority: 10\n");
  Notification low = call();
  low.priority = Priority::Low;
  CHECK(headers_of(rung(low)->front().http).at("apns-priority") == "10");
}

TEST_CASE("apns request: a call for a phone without PushKit is an alert", "[apns][voip]") {
  Notification n = call();
  n.extras = {{"apns.interruption-level", "time-sensitive"}};
  const HttpRequest request = built(n);
  CHECK(request.body.starts_with(R"({"aps":{"alert":{"title":"Order shipped")"));
  CHECK(request.body.contains(R"("interruption-level":"time-sensitive")"));
  CHECK(headers_of(request).at("apns-push-type") == "alert");
  CHECK(headers_of(request).at("apns-topic") == "com.example.shop");
  CHECK(headers_of(request).at("apns-collapse-id") == "c-1");
}

TEST_CASE("apns request: what a VoIP token cannot be sent", "[apns][voip]") {
  const auto message = rung(order());
  REQUIRE_FALSE(message);
  CHECK(message.error().code == Errc::Malformed);
  CHECK(message.error().detail == "a VoIP token takes calls alone");
  Notification badge = order();
  badge.badge_only = true;
  CHECK_FALSE(rung(badge));
  // 5,120 bytes, of which the rest of the payload has some.
  Notification full = call();
  full.ext = "x";
  const std::size_t room = 5'120 - rung(full)->front().http.body.size() + 1;
  full.ext.assign(room, 'x');
  CHECK(rung(full)->front().http.body.size() == 5'120);
  full.ext += 'x';
  CHECK(rung(full)->front().http.body.ends_with(R"("ext":"{\"ref\":\"c-1\"}"})"));
  full.collapse_id.clear();
  full.push_id.clear();
  const auto too_big = rung(full);
  REQUIRE_FALSE(too_big);
  CHECK(too_big.error().detail == "ext is " + std::to_string(room + 1).insert(1, ",") +
                                      " bytes: with it the payload is 5,121 bytes, and 5,120 are allowed of a call");
}

TEST_CASE("apns provider: which tokens it can serve is told by its topics", "[apns][voip]") {
  struct Row {
    const char* name;
    const char* topics;  // null: a signing key
    bool alerts, calls;
  };
  const Row row = GENERATE(values<Row>({
      {"a signing key", nullptr, true, true},
      {"both", "com.example.shop,com.example.shop.voip,com.example.shop.complication", true, true},
      {"no calls", "com.example.shop", true, false},
      {"calls alone", "com.example.shop.voip", false, true},
      {"another app's calls", "com.example.shop,com.example.shopping.voip", true, false},
      {"a longer name", "com.example.shop.voip.x", false, false},
      {"none", "", false, false},
  }));
  CAPTURE(row.name);
  Certificate from = certificate();
  if (row.topics != nullptr) from.facts["topics"] = row.topics;
  const auto made = apns::make_provider(from);
  REQUIRE(made);
  CHECK((*made)->well_formed(DeviceToken(kToken)) == row.alerts);
  CHECK((*made)->well_formed(DeviceToken(kToken, TokenKind::Voip)) == row.calls);
  CHECK_FALSE((*made)->well_formed(DeviceToken("xyz", TokenKind::Voip)));
}

TEST_CASE("apns request: a token of each kind in one build", "[apns][voip]") {
  const std::vector<DeviceToken> both = {DeviceToken(kToken), DeviceToken(kToken, TokenKind::Voip),
                                         DeviceToken(kToken)};
  const auto planned = provider()->build(call(), both, {});
  REQUIRE(planned);
  REQUIRE(planned->size() == 3);
  CHECK((*planned)[0].http.body == (*planned)[2].http.body);
  CHECK((*planned)[0].http.body.starts_with(R"({"aps")"));
  CHECK((*planned)[1].http.body.starts_with(R"({"call")"));
}

TEST_CASE("apns request: a text in the app stands for the one that we have", "[apns][loc]") {
  Notification n = order();
  n.loc = {.title_key = "T_\"1", .body_key = "B", .title_args = {}, .body_args = {"Denny", "a\"b"}};
  n.subtitle = "S";
  const HttpRequest request = built(n);
  CHECK(request.body.starts_with(R"({"aps":{"alert":{"title-loc-key":"T_\"1","subtitle":"S",)"
                                 R"("loc-key":"B","loc-args":["Denny","a\"b"]},"badge":3,)"));
  n.loc = {.title_key = {}, .body_key = "B", .title_args = {}, .body_args = {}};
  CHECK(built(n).body.starts_with(
      R"({"aps":{"alert":{"title":"Order shipped","subtitle":"S","loc-key":"B"},"badge":3,)"));
  n.title.clear();
  n.subtitle.clear();
  n.sound.reset();
  n.badge.reset();
  CHECK(built(n).body.starts_with(R"({"aps":{"alert":{"loc-key":"B"},)"));  // it says something
  // The text that is not sent takes no room, and the other one is cut.
  n.title = "t";
  n.body.assign(9'000, 'b');
  CHECK(built(n).body.size() < 200);
  n.title.assign(9'000, 't');
  CHECK(built(n).body.size() <= 4'096);
  // Arguments are the producer's: never cut.
  n.loc->body_args.assign(10, std::string(500, 'x'));
  const DeviceToken token{kToken};
  CHECK_FALSE(provider()->build(n, {&token, 1}, {}));
}
