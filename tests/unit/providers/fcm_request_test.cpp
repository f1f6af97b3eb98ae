// What goes out: the spec's example, the limits, the headers.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "providers/fcm/fcm.h"
#include "providers/fcm/limits.h"

using namespace nightpost;
using Json = nlohmann::json;

namespace {

const WallTime kSent = wall_from_ms(1'735'689'600'000);
const DeviceToken kToken("dQw4:APA91bExample");

Certificate certificate(Settings settings = {}) {
  Certificate made;
  made.vendor = Vendor::Fcm;
  made.facts = {{"project_id", "demo-project"}};
  made.settings = std::move(settings);
  return made;
}

std::shared_ptr<const Provider> provider(const Certificate& of) {
  auto made = fcm::make_provider(of);
  if (!made) FAIL(made.error().detail);
  return *made;
}

Notification order() {
  Notification n;
  n.title = "Order shipped";
  n.body = "Parcel 8841 left the warehouse";
  n.ext = R"({"oid":8841})";
  n.sound = "default";
  n.badge = 3;
  n.priority = Priority::High;
  n.collapse_id = "order-8841";
  n.sent_at = kSent;
  n.expires_at = kSent + std::chrono::days(1);
  return n;
}

Result<std::vector<Planned>> built(const Notification& n, const Certificate& of = certificate(),
                                   const DeviceToken& token = kToken) {
  return provider(of)->build(n, {&token, 1}, Grant{.authorization = "Bearer ya29.a0Example"});
}

Json body_of(const Notification& n, const Certificate& of = certificate()) {
  const auto requests = built(n, of);
  if (!requests) FAIL(requests.error().detail);
  return Json::parse(requests->front().http.body);
}

}  // namespace

TEST_CASE("fcm: the spec's example, byte for byte where ours is the same", "[fcm]") {
  // §2.9 A, with the message id in data.mid (§5) and notification_priority beside priority (§5).
  const auto requests = built(order(), certificate({{"channel_id", "orders"},
                                                    {"collapse_key", "order"},
                                                    {"click", "page"},
                                                    {"click_target", "com.example.shop.OPEN_ORDER"}}));
  REQUIRE(requests);
  REQUIRE(requests->size() == 1);
  const HttpRequest& http = requests->front().http;
  CHECK(http.method == "POST");
  CHECK(http.path == "/v1/projects/demo-project/messages:send");
  CHECK(http.body ==
        R"({"message":{"token":"dQw4:APA91bExample","data":{"ext":"{\"oid\":8841}","mid":"order-8841"},)"
        R"("android":{"priority":"HIGH","ttl":"86400s","collapse_key":"order","notification":{"title":"Order shipped",)"
        R"("body":"Parcel 8841 left the warehouse","channel_id":"orders","sound":"default","tag":"order-8841",)"
        R"("click_action":"com.example.shop.OPEN_ORDER","notification_priority":"PRIORITY_HIGH",)"
        R"("notification_count":3}}}})");
  REQUIRE(http.headers.size() == 2);
  CHECK(http.headers[0].name == "authorization");
  CHECK(http.headers[0].value == "Bearer ya29.a0Example");
  CHECK(http.headers[0].indexing == Indexing::Never);
  CHECK(http.headers[1].name == "content-type");
  CHECK(http.headers[1].value == "application/json; charset=UTF-8");
}

TEST_CASE("fcm: an iPhone gets what Google hands on to Apple", "[fcm]") {
  Notification n = order();
  n.platform = Platform::Ios;
  n.sound = "chime.caf";
  n.thread_id = "c2c_denny";
  n.mutable_content = true;
  n.extras = {{"apns.category", "REPLY"}, {"fcm.channel", "chat"}};
  const Json message = body_of(n, certificate({{"channel_id", "orders"}, {"collapse_key", "order"}}))["message"];
  CHECK_FALSE(message.contains("android"));
  CHECK(message["data"] == Json{{"ext", R"({"oid":8841})"}, {"mid", "order-8841"}});
  CHECK(message["apns"]["headers"] == Json{{"apns-push-type", "alert"},
                                           {"apns-priority", "10"},
                                           {"apns-expiration", "1735776000"},
                                           {"apns-collapse-id", "order-8841"}});
  CHECK(message["apns"]["payload"] ==
        Json{{"aps",
              {{"alert", {{"title", "Order shipped"}, {"body", "Parcel 8841 left the warehouse"}}},
               {"badge", 3},
               {"sound", "chime.caf"},
               {"mutable-content", 1},
               {"thread-id", "c2c_denny"},
               {"category", "REPLY"}}}});
  n.priority = Priority::Low;
  n.collapse_id = std::string(65, 'x');
  const Json low = body_of(n)["message"]["apns"];
  CHECK(low["headers"]["apns-priority"] == "5");
  CHECK(low["headers"]["apns-collapse-id"].get<std::string>().size() == 32);
  CHECK(low["payload"]["aps"]["interruption-level"] == "passive");
  n.body.assign(9'000, 'b');
  CHECK(body_of(n)["message"].dump().size() - kToken.text().size() <= fcm::kMessageBytesMax - fcm::kMessageBytesMargin);
}

TEST_CASE("fcm: a call is data that wakes Android's app, and an alert of an iPhone", "[fcm][call]") {
  Notification n = order();
  n.call = {.id = "c-1", .from = "denny", .name = "De\"nny", .group = "g1"};
  n.collapse_id = "c-1";
  n.title = "Denny";
  n.body = "[Voice or video call]";
  n.priority = Priority::Low;  // says nothing of a call
  n.sent_at = wall_from_ms(1'735'689'600'000);
  n.expires_at = n.sent_at + milliseconds(45'900);
  const Certificate of = certificate({{"channel_id", "orders"}, {"collapse_key", "order"}});
  const Json message = body_of(n, of)["message"];
  CHECK(message["android"] == Json{{"priority", "HIGH"}, {"ttl", "45s"}});
  const std::string call = R"({"id":"c-1","from":"denny","name":"De\"nny","group":"g1","expires_at":1735689645900})";
  CHECK(message["data"] ==
        Json{{"ext", n.ext}, {"mid", "c-1"}, {"call", call}, {"title", "Denny"}, {"body", "[Voice or video call]"}});
  CHECK_FALSE(message.contains("notification"));
  n.body.assign(9'000, 'b');
  CHECK(body_of(n, of)["message"].dump().size() - kToken.text().size() <=
        fcm::kMessageBytesMax - fcm::kMessageBytesMargin);
  CHECK(body_of(n, of)["message"]["data"]["call"] == call);

  n.platform = Platform::Ios;
  n.body = "[Voice or video call]";
  n.priority = Priority::High;
  n.call->name.clear();
  n.call->group.clear();
  const Json iphone = body_of(n, of)["message"];
  CHECK(iphone["data"] ==
        Json{{"ext", n.ext}, {"mid", "c-1"}, {"call", R"({"id":"c-1","from":"denny","expires_at":1735689645900})"}});
  CHECK(iphone["apns"]["payload"]["aps"]["alert"] == Json{{"title", "Denny"}, {"body", "[Voice or video call]"}});
  CHECK(iphone["apns"]["headers"]["apns-priority"] == "10");

  n.body.clear();
  n.title.clear();
  CHECK_FALSE(built(n, of));
}

TEST_CASE("fcm: a text in the app stands for the one that we have", "[fcm][loc]") {
  Notification n = order();
  n.loc = {.title_key = "T", .body_key = "B", .title_args = {"x"}, .body_args = {}};
  // Firebase's SDK shows "title" where it is there, whatever the key.
  const Json shown = body_of(n)["message"]["android"]["notification"];
  CHECK(shown["title_loc_key"] == "T");
  CHECK(shown["title_loc_args"] == Json{"x"});
  CHECK(shown["body_loc_key"] == "B");
  for (const char* none : {"title", "body", "body_loc_args"}) CHECK_FALSE(shown.contains(none));
  n.loc->title_key.clear();
  n.loc->title_args.clear();
  CHECK(body_of(n)["message"]["android"]["notification"]["title"] == n.title);
  n.platform = Platform::Ios;
  CHECK(body_of(n)["message"]["apns"]["payload"]["aps"]["alert"] == Json{{"title", n.title}, {"loc-key", "B"}});
  n.title.clear();
  n.body.clear();
  CHECK(built(n));
  // As data the app has the texts.
  n = order();
  n.loc = {.title_key = "T", .body_key = "B", .title_args = {}, .body_args = {}};
  n.call.emplace();
  const Json data = body_of(n)["message"]["data"];
  CHECK(data["title"] == n.title);
  CHECK(data["body"] == n.body);
}

TEST_CASE("fcm: a request for each token, equal apart from it", "[fcm]") {
  const auto sends = provider(certificate());
  CHECK(sends->vendor() == Vendor::Fcm);
  CHECK(sends->wire() == Wire::Http2);
  CHECK(sends->origin() == "https://fcm.googleapis.com");
  CHECK_FALSE(sends->batching().tokens);
  const std::vector<DeviceToken> tokens = {DeviceToken("first"), DeviceToken("second", TokenKind::Fid)};
  const auto requests = sends->build(order(), tokens, {});
  REQUIRE(requests);
  REQUIRE(requests->size() == 2);
  std::vector<Json> bodies;
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK((*requests)[i].first == i);
    CHECK((*requests)[i].count == 1);
    bodies.push_back(Json::parse((*requests)[i].http.body)["message"]);
  }
  CHECK(bodies[0]["token"] == "first");
  CHECK_FALSE(bodies[0].contains("fid"));
  CHECK(bodies[1]["fid"] == "second");
  CHECK_FALSE(bodies[1].contains("token"));
  bodies[0].erase("token");
  bodies[1].erase("fid");
  CHECK(bodies[0] == bodies[1]);
  CHECK(sends->build(order(), tokens, {})->front().http.body == requests->front().http.body);
}

TEST_CASE("fcm: where a certificate's pushes go", "[fcm]") {
  Certificate of = certificate();
  of.host_override = "https://localhost:8443";
  CHECK(provider(of)->origin() == "https://localhost:8443");
  for (const char* bad : {"http://localhost", "localhost", "https://", "https://a/b", "https://u@h", "https://h:0"}) {
    CAPTURE(bad);
    of.host_override = bad;
    CHECK_FALSE(fcm::make_provider(of));
  }
  of = certificate();
  of.facts.clear();
  CHECK_FALSE(fcm::make_provider(of));
  CHECK_FALSE(fcm::make_provider(certificate({{"click", "web"}})));
}

TEST_CASE("fcm: control characters are not sent, a blank title is none, and a picture is shown", "[fcm]") {
  Notification n = order();
  n.title = " \t";
  n.body = "a\x1b\nb\x07";
  n.image = "https://e.com/a.png";
  const Json shown = body_of(n)["message"]["android"]["notification"];
  CHECK_FALSE(shown.contains("title"));
  CHECK(shown["body"] == "a\nb");
  CHECK(shown["image"] == n.image);
  n.platform = Platform::Ios;
  CHECK(body_of(n)["message"]["apns"]["payload"]["aps"]["alert"] == Json{{"body", "a\nb"}});
  CHECK(body_of(n)["message"]["apns"]["fcm_options"] == Json{{"image", n.image}});
}

TEST_CASE("fcm: a web page has nothing to do with ext", "[fcm]") {
  const Json data =
      body_of(order(), certificate({{"click", "web"}, {"click_target", "https://e.com"}}))["message"]["data"];
  CHECK(data == Json{{"click", "https://e.com"}, {"mid", "order-8841"}});
}

TEST_CASE("fcm: how long it lives", "[fcm]") {
  Notification n = order();
  struct Row {
    milliseconds life;
    const char* ttl;
  };
  const Row row = GENERATE(Row{milliseconds(1), "0s"}, Row{milliseconds(999), "0s"}, Row{milliseconds(1'999), "1s"},
                           Row{milliseconds(0), "0s"}, Row{milliseconds(-5'000), "0s"},
                           Row{std::chrono::days(28), "2419200s"}, Row{std::chrono::days(29), "2419200s"});
  n.expires_at = n.sent_at + row.life;
  CHECK(body_of(n)["message"]["android"]["ttl"] == row.ttl);
  n.expires_at = {};
  CHECK_FALSE(body_of(n)["message"]["android"].contains("ttl"));
}

TEST_CASE("fcm: sounds by the name of Android's resource", "[fcm]") {
  Notification n = order();
  struct Row {
    const char* sound;
    const char* want;
  };
  const Row row = GENERATE(Row{"default", "default"}, Row{"chime.caf", "chime"}, Row{"a.b.wav", "default"},
                           Row{".hidden", "default"}, Row{"sub/dir.wav", "default"}, Row{"bell", "bell"});
  n.sound = row.sound;
  CHECK(body_of(n)["message"]["android"]["notification"]["sound"] == row.want);
  n.sound.reset();
  CHECK_FALSE(body_of(n)["message"]["android"]["notification"].contains("sound"));
}

TEST_CASE("fcm: the budget is kept by cutting the text, never ext or ids", "[fcm]") {
  Notification n = order();
  const auto size_of = [](const Json& body) { return body["message"].dump().size() - kToken.text().size(); };
  constexpr std::size_t kMost = fcm::kMessageBytesMax - fcm::kMessageBytesMargin;

  SECTION("body") {
    n.body.clear();
    for (int i = 0; i < 3'000; ++i) n.body += "今";
    const Json body = body_of(n);
    const std::string shown = body["message"]["android"]["notification"]["body"];
    CHECK(size_of(body) <= kMost);
    CHECK(size_of(body) > kMost - 8);  // and not an inch less
    CHECK(shown.ends_with("…"));
    CHECK(body["message"]["data"]["ext"] == n.ext);
    CHECK(body["message"]["android"]["notification"]["title"] == n.title);
  }
  SECTION("quotes count twice, families stay together") {
    n.body.clear();
    for (int i = 0; i < 600; ++i) n.body += "\"👩‍👩‍👧‍👦";
    const Json body = body_of(n);
    const std::string shown = body["message"]["android"]["notification"]["body"];
    CHECK(size_of(body) <= kMost);
    const std::string_view kept = std::string_view(shown).substr(0, shown.size() - 3);
    const std::size_t pair = std::string_view("\"👩‍👩‍👧‍👦").size();
    CHECK((kept.size() % pair == 0 || kept.size() % pair == 1));
  }
  SECTION("title, once the body is down to 20 characters") {
    n.ext.assign(3'000, 'x');
    n.title.assign(2'000, 't');
    n.body.assign(2'000, 'b');
    const Json body = body_of(n);
    CHECK(size_of(body) <= kMost);
    CHECK(body["message"]["android"]["notification"]["body"] == std::string(20, 'b') + "…");
    CHECK(body["message"]["data"]["ext"] == n.ext);
  }
  SECTION("a body alone") {
    n.title.clear();
    n.body.assign(9'000, 'b');
    CHECK(size_of(body_of(n)) == kMost);
  }
  SECTION("a title alone") {
    n.body.clear();
    n.title.assign(9'000, 't');
    CHECK(size_of(body_of(n)) == kMost);
  }
  SECTION("exactly full is not cut") {
    n.body = "b";
    const std::size_t room = kMost - size_of(body_of(n));
    n.body.assign(room + 1, 'b');
    CHECK(body_of(n)["message"]["android"]["notification"]["body"] == n.body);
    n.body += 'b';
    CHECK(body_of(n)["message"]["android"]["notification"]["body"] != n.body);
  }
  SECTION("ext too big") {
    n.ext.assign(GENERATE(3'800, 4'096, 100'000), 'x');
    CHECK(body_of(n)["message"]["data"]["ext"] == R"({"ref":"order-8841"})");
    n.collapse_id.clear();
    const auto requests = built(n);
    REQUIRE_FALSE(requests);
    CHECK(requests.error().code == Errc::Malformed);
    CHECK(requests.error().detail.find("ext has " + std::to_string(n.ext.size())) != std::string::npos);
  }
}

TEST_CASE("fcm: what cannot be built", "[fcm]") {
  Notification n = order();
  n.title.clear();
  n.body.clear();
  CHECK_FALSE(built(n));
  const std::string token =
      GENERATE(std::string(), std::string("a b"), std::string("a\"b"), std::string("a\\b"), std::string("a\nb"),
               std::string("токен"), std::string(1'025, 'a'), std::string("a\0b", 3), std::string("\x7f"));
  CHECK_FALSE(provider(certificate())->well_formed(DeviceToken(token)));
  CHECK_FALSE(provider(certificate())->well_formed(DeviceToken(token, TokenKind::Fid)));
  CHECK_FALSE(built(order(), certificate(), DeviceToken(token)));
}

TEST_CASE("fcm: what a token looks like", "[fcm]") {
  const auto sends = provider(certificate());
  CHECK(sends->well_formed(kToken));
  CHECK(sends->well_formed(DeviceToken(std::string(1'024, 'a'))));
  CHECK(sends->well_formed(DeviceToken("cIyBFJ9wRJ-9xGNqC8fLhM", TokenKind::Fid)));
  CHECK(sends->well_formed(DeviceToken("cIyBFJ9wRJ-9xGNqC8fLhM")));  // the kind of old rows may be wrong
  CHECK_FALSE(sends->well_formed(DeviceToken("dQw4:APA91bExample", TokenKind::Fid)));
  CHECK_FALSE(sends->well_formed(DeviceToken(std::string(65, 'a'), TokenKind::Fid)));
}

TEST_CASE("fcm: a badge alone is data for Android's app, and Apple's number for an iPhone", "[fcm]") {
  Notification n = order();
  n.badge_only = true;
  n.badge = 4;
  n.priority = Priority::Normal;
  n.collapse_id = "badge-only";
  const Certificate of = certificate({{"collapse_key", "order"}});
  CHECK(built(n, of)->front().http.body ==
        R"({"message":{"token":"dQw4:APA91bExample","data":{"badge":"4"},)"
        R"("android":{"priority":"NORMAL","ttl":"86400s","collapse_key":"badge-only"}}})");
  n.platform = Platform::Ios;
  CHECK(built(n, of)->front().http.body ==
        R"({"message":{"token":"dQw4:APA91bExample","apns":{"headers":{"apns-push-type":"alert","apns-priority":"5",)"
        R"("apns-expiration":"1735776000","apns-collapse-id":"badge-only"},"payload":{"aps":{"badge":4}}}}})");
  for (const Platform platform : {Platform::Ios, Platform::Android}) CHECK(provider(of)->takes_badge_only(platform));
  n.badge.reset();
  const auto refused = built(n, of);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().detail == "nothing to push: a badge without a number");
}

TEST_CASE("fcm: what takes a message's place has its tag and makes no sound", "[fcm]") {
  Notification n = order();
  n.body = "Denny:[Message recalled]";
  n.sound.reset();
  n.priority = Priority::Normal;
  const Json shown = body_of(n)["message"]["android"];
  CHECK(shown["priority"] == "NORMAL");
  CHECK(shown["notification"]["tag"] == "order-8841");
  CHECK_FALSE(shown["notification"].contains("sound"));
  CHECK(shown["notification"]["notification_count"] == 3);
}
