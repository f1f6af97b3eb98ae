// Requests written by hand from the vendor's examples.
#include "sandbox/fcm_simulator.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "made_rsa.h"

namespace nightpost::sandbox {
namespace {

using nlohmann::json;

constexpr std::int64_t kSecond = 1'735'689'600;
constexpr WallTime kNow{milliseconds{kSecond * 1000}};
constexpr const char* kSend = "/v1/projects/demo-project/messages:send";
constexpr const char* kJson = "application/json; charset=UTF-8";
constexpr const char* kExample =
    R"({"message":{"token":"dQw4:APA91bExample","data":{"ext":"{\"oid\":8841}","click":"shop://orders/8841"},"android":{)"
    R"("priority":"HIGH","ttl":"86400s","collapse_key":"order","notification":{"title":"Order shipped","body":"Parcel 8841)"
    R"( left the warehouse","channel_id":"orders","sound":"default","tag":"order-8841","click_action":"com.example.shop.OPEN)"
    R"(_ORDER","notification_count":3}}}})";

server::ServerRequest post(std::string body, std::string authorization = "Bearer ya29.static", std::string path = kSend,
                           std::string type = kJson) {
  server::ServerRequest request{
      .method = "POST", .target = std::move(path), .authority = "localhost:1", .body = std::move(body)};
  request.headers.emplace_back("content-type", std::move(type));
  if (!authorization.empty()) request.headers.emplace_back("authorization", std::move(authorization));
  return request;
}

const RsaSigner& signer() {
  static const RsaSigner kSigner;
  return kSigner;
}

struct Simulated {
  explicit Simulated(SimulatorOptions options = {}) : simulator(make_fcm_simulator(options)) {
    if (options.accept_any) return;
    const json taught = {
        {"accounts",
         {{{"client_email", "sender@demo"}, {"project_id", "demo-project"}, {"public_key_pem", signer().public_pem()}},
          {{"client_email", "sender@other"}, {"project_id", "other"}, {"public_key_pem", signer().public_pem()}}}},
        {"projects",
         {{{"project_id", "off"}, {"disabled", true}},
          {{"project_id", "small"}, {"number", "77"}, {"quota_per_minute", 2}}}},
        {"access_tokens", {"ya29.static"}},
        {"tokens",
         {{{"token", "dQw4:APA91bExample"}},
          {{"token", "gone:APA91b"}, {"gone", true}},
          {{"token", "foreign:APA91b"}, {"app", "other"}},
          {{"token", "iphone:APA91b"}, {"platform", "ios"}},
          {{"token", "android:APA91b"}, {"platform", "android"}},
          {{"token", "cFidFidFidFidFidFidFid"}}}}};
    REQUIRE(simulator->teach(taught).has_value());
  }
  json ask(const server::ServerRequest& request, WallTime now = kNow) {
    judgement = simulator->judge(request, now);
    response = simulator->answer(judgement);
    return json::parse(response.body, nullptr, false);
  }
  std::unique_ptr<VendorSimulator> simulator;
  Judgement judgement;
  server::ServerResponse response;
};

/// "404 NOT_FOUND UNREGISTERED": what the answer says, by the ends of its details.
std::string said(const json& reply) {
  if (!reply.is_object() || !reply.contains("error")) return "accepted";
  const json& error = reply["error"];
  std::string out = std::to_string(error["code"].get<int>()) + ' ' + error["status"].get<std::string>();
  for (const json& detail : error.value("details", json::array())) {
    if (detail.contains("errorCode")) out += ' ' + detail["errorCode"].get<std::string>();
    if (detail.contains("reason")) out += ' ' + detail["reason"].get<std::string>();
    if (detail.contains("fieldViolations")) out += ' ' + detail["fieldViolations"][0]["field"].get<std::string>();
  }
  return out;
}

TEST_CASE("fcm: the published message", "[sandbox][fcm]") {
  Simulated fcm;
  const json reply = fcm.ask(post(kExample));
  CAPTURE(reply.dump());
  CHECK(fcm.response.status == 200);
  CHECK(reply["name"].get<std::string>().starts_with("projects/demo-project/messages/0:"));
  CHECK(reply.size() == 1);
  CHECK(fcm.judgement.tokens[0].token == "dQw4:APA91bExample");
  CHECK(fcm.judgement.topic == "demo-project");
  CHECK_FALSE(fcm.simulator->tells(fcm.judgement, "UNREGISTERED"));
}

TEST_CASE("fcm: bodies", "[sandbox][fcm]") {
  struct Row {
    const char* name;
    std::string message;  // what is in "message", or the whole body
    const char* want;
  };
  const std::string token = R"("token":"dQw4:APA91bExample")";
  const Row row = GENERATE_COPY(values<Row>({
      {"token alone", "{" + token + "}", "accepted"},
      {"an installation id", R"({"fid":"cFidFidFidFidFidFidFid"})", "accepted"},
      {"an installation id where a token was", R"({"token":"cFidFidFidFidFidFidFid"})", "accepted"},
      {"a topic", R"({"topic":"news"})", "accepted"},
      {"a condition", R"({"condition":"'a' in topics && 'b' in topics"})", "accepted"},
      {"lowerCamelCase",
       "{" + token + R"(,"fcmOptions":{"analyticsLabel":"a"},"android":{"collapseKey":"k","priority":"high",
        "notification":{"notificationCount":"3","defaultSound":true,"eventTime":"2026-01-01T00:00:00.5Z"}}})",
       "accepted"},
      {"null is absent", "{" + token + R"(,"android":null,"topic":null})", "accepted"},
      {"all booleans",
       "{" + token +
           R"(,"android":{"direct_boot_ok":true,"bandwidth_constrained_ok":true,"restricted_satellite_ok":false}})",
       "accepted"},
      {"4 weeks", "{" + token + R"(,"android":{"ttl":"2419200s"}})", "accepted"},
      {"a fraction", "{" + token + R"(,"android":{"ttl":"3.5s"}})", "accepted"},
      {"apns and webpush",
       "{" + token + R"(,"apns":{"headers":{"apns-priority":"10"},"payload":{"aps":{"badge":1},"x":[1]}},
        "webpush":{"headers":{"TTL":"60"},"notification":{"vibrate":[1]},"fcm_options":{"link":"https://e.com"}}})",
       "accepted"},

      {"no target", R"({"data":{"a":"b"}})", "400 INVALID_ARGUMENT INVALID_ARGUMENT"},
      {"an empty target", R"({"token":""})", "400 INVALID_ARGUMENT INVALID_ARGUMENT"},
      {"two targets", "{" + token + R"(,"topic":"news"})", "400 INVALID_ARGUMENT message"},
      {"token and fid", "{" + token + R"(,"fid":"cFidFidFidFidFidFidFid"})", "400 INVALID_ARGUMENT message"},
      {"a token that cannot be one", R"({"token":"not a token"})",
       "400 INVALID_ARGUMENT INVALID_ARGUMENT message.token"},
      {"a token in the form of none", R"({"token":"abc"})", "400 INVALID_ARGUMENT INVALID_ARGUMENT message.token"},
      {"another vendor's token", R"({"token":"IQAAAACy0tH2AADx0123456789abcdef"})",
       "400 INVALID_ARGUMENT INVALID_ARGUMENT message.token"},
      {"a token of old", R"({"token":"APA91bnobody"})", "404 NOT_FOUND UNREGISTERED"},
      {"a fid that cannot be one", R"({"fid":"x y"})", "400 INVALID_ARGUMENT INVALID_ARGUMENT message.fid"},
      {"a token nobody has", R"({"token":"nobody:APA91b"})", "404 NOT_FOUND UNREGISTERED"},
      {"a token that is gone", R"({"token":"gone:APA91b"})", "404 NOT_FOUND UNREGISTERED"},
      {"another project's token", R"({"token":"foreign:APA91b"})", "403 PERMISSION_DENIED SENDER_ID_MISMATCH"},
      {"a topic with its prefix", R"({"topic":"/topics/news"})", "400 INVALID_ARGUMENT INVALID_ARGUMENT"},
      {"an unknown field", "{" + token + R"(,"titel":"x"})", "400 INVALID_ARGUMENT message"},
      {"an unknown field deep down", "{" + token + R"(,"android":{"notification":{"titel":"x"}}})",
       "400 INVALID_ARGUMENT message.android.notification"},
      {"a field twice", "{" + token + R"(,"data":{},"data":{}})", "400 INVALID_ARGUMENT message.data"},
      {"a field in both spellings", "{" + token + R"(,"android":{"collapse_key":"a","collapseKey":"a"}})",
       "400 INVALID_ARGUMENT message.android.collapseKey"},
      {"data that is no text", "{" + token + R"(,"data":{"a":1}})", "400 INVALID_ARGUMENT message.data[0].value"},
      {"data that is no object", "{" + token + R"(,"data":"x"})", "400 INVALID_ARGUMENT message.data"},
      {"a reserved key", "{" + token + R"(,"data":{"from":"x"}})",
       "400 INVALID_ARGUMENT INVALID_ARGUMENT message.data"},
      {"a reserved beginning", "{" + token + R"(,"data":{"google.x":"x"}})",
       "400 INVALID_ARGUMENT INVALID_ARGUMENT message.data"},
      {"a reserved key for Android", "{" + token + R"(,"android":{"data":{"gcm.notification.x":"x"}}})",
       "400 INVALID_ARGUMENT INVALID_ARGUMENT message.android.data"},
      {"a ttl without its unit", "{" + token + R"(,"android":{"ttl":"86400"}})",
       "400 INVALID_ARGUMENT message.android.ttl"},
      {"a ttl as a number", "{" + token + R"(,"android":{"ttl":86400}})", "400 INVALID_ARGUMENT message.android.ttl"},
      {"a ttl over 4 weeks", "{" + token + R"(,"android":{"ttl":"2419201s"}})",
       "400 INVALID_ARGUMENT message.android.ttl"},
      {"a negative ttl", "{" + token + R"(,"android":{"ttl":"-1s"}})", "400 INVALID_ARGUMENT message.android.ttl"},
      {"a priority nobody knows", "{" + token + R"(,"android":{"priority":"URGENT"}})",
       "400 INVALID_ARGUMENT message.android.priority"},
      {"a color by name", "{" + token + R"(,"android":{"notification":{"color":"red"}}})",
       "400 INVALID_ARGUMENT message.android.notification.color"},
      {"arguments without a key", "{" + token + R"(,"android":{"notification":{"body_loc_args":["a"]}}})",
       "400 INVALID_ARGUMENT INVALID_ARGUMENT message.android.notification.body_loc_args"},
      {"a flag as text", "{" + token + R"(,"android":{"notification":{"sticky":"true"}}})",
       "400 INVALID_ARGUMENT message.android.notification.sticky"},
      {"a time that is none", "{" + token + R"(,"android":{"notification":{"event_time":"today"}}})",
       "400 INVALID_ARGUMENT message.android.notification.event_time"},
      {"a time of no calendar", "{" + token + R"(,"android":{"notification":{"event_time":"2026-13-01T00:00:00Z"}}})",
       "400 INVALID_ARGUMENT message.android.notification.event_time"},
      {"an hour of no day", "{" + token + R"(,"android":{"notification":{"event_time":"2026-02-28T24:00:00Z"}}})",
       "400 INVALID_ARGUMENT message.android.notification.event_time"},
      {"an image without TLS", "{" + token + R"(,"notification":{"image":"http://e.com/a.png"}})",
       "400 INVALID_ARGUMENT message.notification.image"},
      {"a live activity without a token", R"({"topic":"news","apns":{"live_activity_token":"a"}})",
       "400 INVALID_ARGUMENT INVALID_ARGUMENT message.apns.live_activity_token"},
      {"a label with a blank", "{" + token + R"(,"fcm_options":{"analytics_label":"a b"}})",
       "400 INVALID_ARGUMENT INVALID_ARGUMENT message.fcm_options.analytics_label"},
      {"a link without TLS", "{" + token + R"(,"webpush":{"fcm_options":{"link":"http://e.com"}}})",
       "400 INVALID_ARGUMENT message.webpush.fcm_options.link"},
      {"too big for a token", "{" + token + R"(,"data":{"a":")" + std::string(4096, 'x') + "\"}}",
       "400 INVALID_ARGUMENT INVALID_ARGUMENT"},
      {"too big for a topic", R"({"topic":"news","data":{"a":")" + std::string(2048, 'x') + "\"}}",
       "400 INVALID_ARGUMENT INVALID_ARGUMENT"},
      {"just small enough", "{" + token + R"(,"data":{"a":")" + std::string(4095, 'x') + "\"}}", "accepted"},
      {"no message", "", "400 INVALID_ARGUMENT INVALID_ARGUMENT"},
  }));
  CAPTURE(row.name);
  Simulated fcm;
  const std::string body = row.message.empty() ? "{}" : R"({"message":)" + row.message + "}";
  const json reply = fcm.ask(post(body));
  CAPTURE(reply.dump());
  CHECK(said(reply) == row.want);
  CHECK(fcm.judgement.accepted() == (said(reply) == "accepted"));
}

TEST_CASE("fcm: what is said around the message", "[sandbox][fcm]") {
  struct Row {
    const char* name;
    server::ServerRequest request;
    const char* want;
  };
  const std::string good = R"({"message":{"token":"dQw4:APA91bExample"}})";
  server::ServerRequest get = post(good);
  get.method = "GET";
  const Row row = GENERATE_COPY(values<Row>({
      {"nothing", post(""), "400 INVALID_ARGUMENT"},
      {"no JSON", post("{"), "400 INVALID_ARGUMENT"},
      {"an array", post("[]"), "400 INVALID_ARGUMENT"},
      {"an unknown member", post(R"({"messages":{}})"), "400 INVALID_ARGUMENT messages"},
      {"a form", post(good, "Bearer ya29.static", kSend, "application/x-www-form-urlencoded"), "400 INVALID_ARGUMENT"},
      {"no credential", post(good, ""), "401 UNAUTHENTICATED CREDENTIALS_MISSING"},
      {"another scheme", post(good, "key=AAAA"), "401 UNAUTHENTICATED ACCESS_TOKEN_TYPE_UNSUPPORTED"},
      {"the scheme twice", post(good, "Bearer Bearer ya29.static"),
       "401 UNAUTHENTICATED ACCESS_TOKEN_TYPE_UNSUPPORTED"},
      {"a token nobody gave", post(good, "Bearer ya29.x"), "401 UNAUTHENTICATED ACCESS_TOKEN_TYPE_UNSUPPORTED"},
      {"a project nobody has", post(good, "Bearer ya29.static", "/v1/projects/nobody/messages:send"), "404 NOT_FOUND"},
      {"a project that is switched off", post(good, "Bearer ya29.static", "/v1/projects/off/messages:send"),
       "403 PERMISSION_DENIED SERVICE_DISABLED"},
      {"a project by its number", post(good, "Bearer ya29.static", "/v1/projects/77/messages:send"), "accepted"},
      {"the address of old", post(good, "Bearer ya29.static", "/fcm/send"), "page 404"},
      {"no project", post(good, "Bearer ya29.static", "/v1/projects//messages:send"), "page 404"},
      {"GET", get, "page 404"},
  }));
  CAPTURE(row.name);
  Simulated fcm;
  const json reply = fcm.ask(row.request);
  CAPTURE(fcm.response.body);
  CHECK((reply.is_discarded() ? "page " + std::to_string(fcm.response.status) : said(reply)) == row.want);
}

TEST_CASE("fcm: validate_only, quotas, anything", "[sandbox][fcm]") {
  Simulated fcm;
  CHECK(fcm.ask(post(R"({"validate_only":true,"message":{"token":"dQw4:APA91bExample"}})"))["name"] ==
        "projects/demo-project/messages/fake_message_id");
  const auto small = post(R"({"message":{"topic":"a"}})", "Bearer ya29.static", "/v1/projects/small/messages:send");
  CHECK(said(fcm.ask(small)) == "accepted");
  CHECK(said(fcm.ask(small)) == "accepted");
  CHECK(said(fcm.ask(small, kNow + milliseconds(20'000))) == "429 RESOURCE_EXHAUSTED QUOTA_EXCEEDED");
  CHECK(fcm.response.headers.back() == std::pair<std::string, std::string>("retry-after", "40"));
  CHECK(said(fcm.ask(small, kNow + milliseconds(60'000))) == "accepted");

  Simulated any({.accept_any = true});
  CHECK(said(any.ask(post(kExample, "Bearer anything", "/v1/projects/any/messages:send"))) == "accepted");
  CHECK(said(any.ask(post(R"({"message":{"token":"no token"}})"))) ==
        "400 INVALID_ARGUMENT INVALID_ARGUMENT message.token");
  CHECK(said(any.ask(post(kExample, ""))) == "401 UNAUTHENTICATED CREDENTIALS_MISSING");
  fcm.simulator->forget();
  CHECK(said(fcm.ask(post(kExample))) == "401 UNAUTHENTICATED ACCESS_TOKEN_TYPE_UNSUPPORTED");
}

TEST_CASE("fcm: each Android phone has a quota of its own", "[sandbox][fcm]") {
  Simulated fcm;
  const json project = {{"project_id", "demo-project"}, {"device_per_minute", 2}};
  REQUIRE(fcm.simulator->teach({{"projects", json::array({project})}}).has_value());
  const auto send = [&](const std::string& token, int after_s = 0, const std::string& more = "") {
    const std::string message = R"({"token":")" + token + R"("})";
    return said(fcm.ask(post("{" + more + R"("message":)" + message + "}"), kNow + seconds(after_s)));
  };
  CHECK(send("android:APA91b") == "accepted");
  CHECK(send("android:APA91b", 0, R"("validate_only":true,)") == "accepted");
  CHECK(send("android:APA91b", 20) == "accepted");
  CHECK(send("android:APA91b", 20) == "429 RESOURCE_EXHAUSTED QUOTA_EXCEEDED");
  CHECK(fcm.judgement.detail.find("device") != std::string::npos);
  CHECK(fcm.response.headers.back() == std::pair<std::string, std::string>("retry-after", "40"));
  CHECK(send("dQw4:APA91bExample", 20) == "accepted");
  CHECK(send("gone:APA91b", 20) == "404 NOT_FOUND UNREGISTERED");
  for (int i = 0; i < 5; ++i) CHECK(send("iphone:APA91b", 20) == "accepted");
  CHECK(send("android:APA91b", 60) == "accepted");
}

TEST_CASE("fcm: what a phone whose platform was taught shows", "[sandbox][fcm]") {
  struct Row {
    const char* name;
    const char* message;
    const char *iphone, *android;
  };
  const Row row = GENERATE(values<Row>({
      {"data alone", R"("data":{"ext":"1"})", "null", "null"},
      {"a badge for Android's app",
       R"("data":{"badge":"4"},"android":{"priority":"NORMAL","collapse_key":"badge-only"})", "null", "null"},
      {"a badge for Apple's phones",
       R"("apns":{"headers":{"apns-push-type":"alert","apns-priority":"5"},"payload":{"aps":{"badge":4}}})",
       R"({"badge":4})", "null"},
      {"for Android alone", R"("android":{"notification":{"title":"t","body":"b","notification_count":3}})", "null",
       R"({"title":"t","body":"b","badge":3})"},
      {"for Apple alone", R"("apns":{"payload":{"aps":{"alert":{"title":"t","subtitle":"s"},"sound":"x","badge":0}}})",
       R"({"title":"t","subtitle":"s","sound":"x","badge":0})", "null"},
      {"an alert that is text", R"("apns":{"payload":{"aps":{"alert":"hi"}}})", R"({"body":"hi"})", "null"},
      {"for both", R"("notification":{"title":"t","body":"b"},"android":{"notification":{"body":"a","sound":"d"}})",
       R"({"title":"t","body":"b"})", R"({"title":"t","body":"a","sound":"d"})"},
  }));
  CAPTURE(row.name);
  Simulated fcm;
  const auto shown = [&](const std::string& token) {
    CHECK(said(fcm.ask(post(R"({"message":{"token":")" + token + "\"," + row.message + "}}"))) == "accepted");
    return fcm.judgement.shows;
  };
  CHECK(shown("iphone:APA91b") == row.iphone);
  CHECK(shown("android:APA91b") == row.android);
  CHECK(shown("dQw4:APA91bExample").empty());  // nobody said what it is
}

TEST_CASE("fcm: scripted answers in Google's words", "[sandbox][fcm]") {
  Simulated fcm;
  fcm.ask(post(kExample));
  const auto scripted = [&](ScriptedAnswer answer) { return fcm.simulator->answer(fcm.judgement, answer); };
  CHECK(said(json::parse(scripted({.status = 404, .reason = "UNREGISTERED"}).body)) == "404 NOT_FOUND UNREGISTERED");
  CHECK(said(json::parse(scripted({.status = 401, .reason = "THIRD_PARTY_AUTH_ERROR"}).body)) ==
        "401 UNAUTHENTICATED THIRD_PARTY_AUTH_ERROR InvalidProviderToken");
  const auto busy = scripted({.status = 503, .reason = "UNAVAILABLE", .timestamp_ms = {}, .retry_after_s = 37});
  CHECK(busy.status == 503);
  CHECK(busy.headers.back().second == "37");
  CHECK(said(json::parse(scripted({.status = 404, .reason = "NOT_FOUND"}).body)) == "404 NOT_FOUND");
  CHECK(scripted({.status = 502}).body.starts_with("<!DOCTYPE"));
}

// --- the token endpoint

std::string claims(const std::string& change = "", const json& value = {}) {
  json claims = {{"iss", "sender@demo"},
                 {"scope", "https://www.googleapis.com/auth/firebase.messaging"},
                 {"aud", "https://oauth2.googleapis.com/token"},
                 {"iat", kSecond},
                 {"exp", kSecond + 3600}};
  if (!change.empty()) claims[change] = value;
  if (!change.empty() && value.is_null()) claims.erase(change);
  return claims.dump();
}
constexpr const char* kBareHeader = R"({"alg":"RS256"})";
constexpr const char* kGrantType = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer";

server::ServerRequest grant(const std::string& assertion, const std::string& type = kGrantType) {
  return post(type + "&assertion=" + assertion, "", "/token", "application/x-www-form-urlencoded");
}

TEST_CASE("fcm: an assertion becomes an access token, which ages", "[sandbox][fcm]") {
  Simulated fcm;
  const json reply = fcm.ask(grant(signer().token(kBareHeader, claims())));
  CAPTURE(reply.dump());
  REQUIRE(fcm.response.status == 200);
  CHECK_FALSE(fcm.judgement.push);
  CHECK(reply["expires_in"] == 3599);
  CHECK(reply["token_type"] == "Bearer");
  const std::string bearer = "Bearer " + reply["access_token"].get<std::string>();
  CHECK(said(fcm.ask(post(kExample, bearer))) == "accepted");
  CHECK(said(fcm.ask(post(kExample, bearer, "/v1/projects/small/messages:send"))) ==
        "403 PERMISSION_DENIED IAM_PERMISSION_DENIED");
  CHECK(said(fcm.ask(post(kExample, bearer), kNow + seconds(3598))) == "accepted");
  CHECK(said(fcm.ask(post(kExample, bearer), kNow + seconds(3599))) == "401 UNAUTHENTICATED ACCESS_TOKEN_EXPIRED");

  const json narrow =
      fcm.ask(grant(signer().token(kBareHeader, claims("scope", "https://www.googleapis.com/auth/drive"))));
  CHECK(said(fcm.ask(post(kExample, "Bearer " + narrow["access_token"].get<std::string>()))) ==
        "403 PERMISSION_DENIED ACCESS_TOKEN_SCOPE_INSUFFICIENT");
}

TEST_CASE("fcm: assertions", "[sandbox][fcm]") {
  struct Row {
    const char* name;
    std::string assertion;
    const char* want;  // OAuth's word; empty: granted
  };
  static const RsaSigner kStranger;
  const RsaSigner& me = signer();
  const std::string full = R"({"alg":"RS256","typ":"JWT","kid":"0123456789abcdef0123456789abcdef01234567"})";
  const Row row = GENERATE_REF(values<Row>({
      {"with kid and typ", me.token(full, claims()), ""},
      {"several scopes",
       me.token(kBareHeader,
                claims("scope", "https://www.googleapis.com/auth/cloud-platform https://www.googleapis.com/auth/x")),
       ""},
      {"this sandbox as the audience", me.token(kBareHeader, claims("aud", "https://localhost:1/token")), ""},
      {"a stranger's key", kStranger.token(kBareHeader, claims()), "invalid_grant"},
      {"an account nobody has", me.token(kBareHeader, claims("iss", "x@y")), "invalid_grant"},
      {"another audience", me.token(kBareHeader, claims("aud", "https://example.com/token")), "invalid_grant"},
      {"longer than an hour", me.token(kBareHeader, claims("exp", kSecond + 3601)), "invalid_grant"},
      {"over",
       me.token(kBareHeader, json{{"iss", "sender@demo"},
                                  {"scope", "https://www.googleapis.com/auth/firebase.messaging"},
                                  {"aud", "https://oauth2.googleapis.com/token"},
                                  {"iat", kSecond - 3600},
                                  {"exp", kSecond}}
                                 .dump()),
       "invalid_grant"},
      {"of the future", me.token(kBareHeader, claims("iat", kSecond + 301)), "invalid_grant"},
      {"times as text", me.token(kBareHeader, claims("iat", "1735689600")), "invalid_grant"},
      {"no end", me.token(kBareHeader, claims("exp")), "invalid_grant"},
      {"no scope", me.token(kBareHeader, claims("scope")), "invalid_scope"},
      {"a scope that is none", me.token(kBareHeader, claims("scope", "firebase")), "invalid_scope"},
      {"another algorithm", me.token(R"({"alg":"PS256"})", claims(), true), "invalid_grant"},
      {"PSS under the right name", me.token(kBareHeader, claims(), true), "invalid_grant"},
      {"no algorithm", me.token("{}", claims()), "invalid_grant"},
      {"no token", "abc", "invalid_grant"},
      {"nothing", "", "invalid_request"},
  }));
  CAPTURE(row.name);
  Simulated fcm;
  const json reply = fcm.ask(grant(row.assertion));
  CAPTURE(reply.dump());
  CHECK(reply.value("error", "") == row.want);
  CHECK(fcm.response.status == (*row.want ? 400 : 200));
}

TEST_CASE("fcm: token requests that are no such", "[sandbox][fcm]") {
  Simulated fcm;
  const std::string assertion = signer().token(kBareHeader, claims());
  CHECK(fcm.ask(grant(assertion, "grant_type=client_credentials"))["error"] == "unsupported_grant_type");
  CHECK(fcm.ask(grant(assertion, "grant_type="))["error"] == "invalid_request");
  CHECK(fcm.ask(post("{}", "", "/token"))["error"] == "invalid_request");
  server::ServerRequest get = grant(assertion);
  get.method = "GET";
  fcm.ask(get);
  CHECK(fcm.response.status == 404);
  Simulated any({.accept_any = true});
  CHECK(any.ask(grant(assertion)).contains("access_token"));
  CHECK(any.ask(grant(signer().token(kBareHeader, claims("exp", kSecond + 3601))))["error"] == "invalid_grant");
}

TEST_CASE("fcm: lessons that are wrong change nothing", "[sandbox][fcm]") {
  struct Row {
    json lesson;
    const char* want;
  };
  const Row row = GENERATE(values<Row>({
      {json::array(), "$: not an object"},
      {{{"account", json::array()}}, "$.account: unknown member"},
      {{{"accounts", {{{"client_email", "a"}}}}}, "$.accounts[0].project_id: missing or empty"},
      {{{"accounts", {{{"client_email", "a"}, {"project_id", "p"}, {"public_key_pem", "x"}}}}},
       "$.accounts[0].public_key_pem: not an RSA public key or certificate in PEM"},
      {{{"projects", {{{"project_id", "p"}, {"quota_per_minute", 0}}}}},
       "$.projects[0].quota_per_minute: not an integer in [1, 1000000000]"},
      {{{"projects", {{{"project_id", "p"}, {"device_per_minute", "2"}}}}},
       "$.projects[0].device_per_minute: not an integer in [1, 1000000000]"},
      {{{"access_tokens", {1}}}, "$.access_tokens: not an array of strings"},
      {{{"accounts", {{{"client_email", "a"}, {"project_id", "new"}}}}, {"tokens", {{{"tokn", "x"}}}}},
       "$.tokens[0].token: missing or empty"},
  }));
  Simulated fcm;
  const auto taught = fcm.simulator->teach(row.lesson);
  REQUIRE_FALSE(taught.has_value());
  CHECK(taught.error().detail == row.want);
  CHECK(said(fcm.ask(post(kExample, "Bearer ya29.static", "/v1/projects/new/messages:send"))) == "404 NOT_FOUND");
}

}  // namespace
}  // namespace nightpost::sandbox
