// Requests written by hand, one mistake each.
#include "sandbox/apns_verifier.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>

#include "made_token.h"
#include "support/test_identity.h"

namespace nightpost::sandbox::apns {
namespace {

constexpr std::int64_t kNow = 1'735'689'600;  // seconds
const std::string kToken = "9d3c0f5b0a7e4d2f8b61c7a4e5d2930f1b8c6a7d4e3f2a1b0c9d8e7f6a5b4c3d";
const std::string kBound = "aa11";
const std::string kPushKit = "cc33";
const std::string kProductionToken = "bb22";
constexpr const char* kAlert = R"({"aps":{"alert":"hi"}})";

const SigningKey& key() {
  static const SigningKey kKey;
  return kKey;
}

Knowledge taught() {
  Knowledge known;
  known.topics = {"com.example.shop", "com.example.other"};
  known.tokens[kToken] = {};
  known.tokens[kBound] = {.topic = "com.example.shop"};
  known.tokens[kPushKit] = {.topic = "com.example.shop.voip"};
  known.tokens[kProductionToken] = {.environment = Environment::Production};
  known.keys["ABC123DEFG"] = {.team_id = "DEF123GHIJ", .key = read_public_key(key().public_pem())};
  return known;
}

struct Change {
  std::string header;
  std::string value;  // "-": without the header
};

/// Example A of the spec, with changes.
server::ServerRequest request_with(const std::vector<Change>& changes, const std::string& body = kAlert,
                                   const std::string& path = "/3/device/" + kToken) {
  server::ServerRequest request{.connection = 1, .stream = 1, .http2 = true, .method = "POST", .target = path};
  request.headers = {{"authorization", made_token(key(), {.iat = kNow})},
                     {"apns-topic", "com.example.shop"},
                     {"apns-push-type", "alert"},
                     {"apns-id", "5f0c1c3e-7d0a-4a6e-9f1b-2a3c4d5e6f70"},
                     {"apns-expiration", "1735776000"},
                     {"apns-priority", "10"},
                     {"apns-collapse-id", "order-8841"}};
  request.body = body;
  for (const Change& change : changes) {
    std::erase_if(request.headers, [&](const auto& header) { return header.first == change.header; });
    if (change.value != "-") request.headers.emplace_back(change.header, change.value);
  }
  return request;
}

Verdict verdict_of(const server::ServerRequest& request, const Knowledge& known) {
  static State state;  // the verdict's views outlive the call
  state.connections.clear();
  state.tokens_by_key.clear();
  return verify(request, known, state, WallTime(seconds(kNow)));
}

TEST_CASE("apns verifier: the spec's examples are accepted", "[sandbox]") {
  const Knowledge known = taught();
  const auto request = request_with({});
  const Verdict verdict = verdict_of(request, known);
  CHECK(verdict.status == 200);
  CHECK(verdict.reason.empty());
  CHECK(verdict.authorized);
  CHECK(verdict.token == kToken);
  CHECK(verdict.topic == "com.example.shop");
  CHECK(verdict.id == "5f0c1c3e-7d0a-4a6e-9f1b-2a3c4d5e6f70");

  const auto silent = request_with({{"apns-push-type", "background"}, {"apns-priority", "5"}},
                                   R"({"aps":{"content-available":1},"sync":"inbox"})");
  CHECK(verdict_of(silent, known).reason.empty());
  const auto bare = request_with({{"apns-push-type", "-"},
                                  {"apns-id", "-"},
                                  {"apns-expiration", "-"},
                                  {"apns-priority", "-"},
                                  {"apns-collapse-id", "-"}});
  CHECK(verdict_of(bare, known).reason.empty());
}

TEST_CASE("apns verifier: one mistake, one reason", "[sandbox]") {
  struct Row {
    const char* name;
    server::ServerRequest request;
    int status;
    const char* reason;
  };
  auto method = request_with({});
  method.method = "GET";
  auto http1 = request_with({});
  http1.http2 = false;
  auto twice = request_with({});
  twice.headers.emplace_back("apns-topic", "com.example.shop");
  auto twice_foreign = request_with({{"x-own", "1"}});
  twice_foreign.headers.emplace_back("x-own", "1");
  const std::string big(4097 - std::string_view(R"({"aps":{"alert":""}})").size(), 'a');
  const std::string over = R"({"aps":{"alert":")" + big + R"("}})";
  const std::string over_voip = R"({"x":")" + std::string(5121 - 8, 'a') + R"("})";

  const Row row = GENERATE_COPY(values<Row>({
      {"HTTP/1.1", http1, 505, "HttpVersionNotSupported"},
      {"method", method, 405, "MethodNotAllowed"},
      {"another path", request_with({}, kAlert, "/4/device/" + kToken), 404, "BadPath"},
      {"no path", request_with({}, kAlert, "/"), 404, "BadPath"},
      {"more path", request_with({}, kAlert, "/3/device/" + kToken + "/x"), 404, "BadPath"},
      {"a query", request_with({}, kAlert, "/3/device/" + kToken + "?x"), 404, "BadPath"},
      {"no token", request_with({}, kAlert, "/3/device/"), 400, "MissingDeviceToken"},
      {"no token, no slash", request_with({}, kAlert, "/3/device"), 400, "MissingDeviceToken"},
      {"token not hex", request_with({}, kAlert, "/3/device/xyzw"), 400, "BadDeviceToken"},
      {"token of odd length", request_with({}, kAlert, "/3/device/abc"), 400, "BadDeviceToken"},
      {"token escaped", request_with({}, kAlert, "/3/device/%61%61"), 400, "BadDeviceToken"},
      {"token unknown", request_with({}, kAlert, "/3/device/abcd"), 400, "BadDeviceToken"},
      {"token absurdly long", request_with({}, kAlert, "/3/device/" + std::string(402, 'a')), 400, "BadDeviceToken"},
      {"token of the other environment", request_with({}, kAlert, "/3/device/" + kProductionToken), 400,
       "BadDeviceToken"},
      {"token of another app", request_with({{"apns-topic", "com.example.other"}}, kAlert, "/3/device/" + kBound), 400,
       "DeviceTokenNotForTopic"},
      {"a header twice", twice, 400, "DuplicateHeaders"},
      {"a foreign header twice", twice_foreign, 400, "DuplicateHeaders"},
      {"no topic", request_with({{"apns-topic", "-"}}), 400, "MissingTopic"},
      {"empty topic", request_with({{"apns-topic", ""}}), 400, "BadTopic"},
      {"topic with a space", request_with({{"apns-topic", "com.example shop"}}), 400, "BadTopic"},
      {"topic not ours", request_with({{"apns-topic", "com.stranger"}}), 400, "TopicDisallowed"},
      {"push type unknown", request_with({{"apns-push-type", "Alert"}}), 400, "InvalidPushType"},
      {"push type empty", request_with({{"apns-push-type", ""}}), 400, "InvalidPushType"},
      {"voip without its suffix", request_with({{"apns-push-type", "voip"}}), 400, "BadTopic"},
      {"alert with a suffix", request_with({{"apns-topic", "com.example.shop.voip"}}), 400, "BadTopic"},
      {"a call to a token of notifications",
       request_with({{"apns-push-type", "voip"}, {"apns-topic", "com.example.shop.voip"}}, "{}", "/3/device/" + kBound),
       400, "DeviceTokenNotForTopic"},
      {"an alert to PushKit's token", request_with({}, kAlert, "/3/device/" + kPushKit), 400, "DeviceTokenNotForTopic"},
      {"another app's call to PushKit's token",
       request_with({{"apns-push-type", "voip"}, {"apns-topic", "com.example.other.voip"}}, "{}",
                    "/3/device/" + kPushKit),
       400, "DeviceTokenNotForTopic"},
      {"voip with another suffix",
       request_with({{"apns-push-type", "voip"}, {"apns-topic", "com.example.shop.complication"}}), 400, "BadTopic"},
      {"a suffix alone", request_with({{"apns-push-type", "voip"}, {"apns-topic", ".voip"}}), 400, "BadTopic"},
      {"priority 7", request_with({{"apns-priority", "7"}}), 400, "BadPriority"},
      {"priority empty", request_with({{"apns-priority", ""}}), 400, "BadPriority"},
      {"background with 10", request_with({{"apns-push-type", "background"}}), 400, "BadPriority"},
      {"background without", request_with({{"apns-push-type", "background"}, {"apns-priority", "-"}}), 400,
       "BadPriority"},
      {"expiration a word", request_with({{"apns-expiration", "soon"}}), 400, "BadExpirationDate"},
      {"expiration negative", request_with({{"apns-expiration", "-1"}}), 400, "BadExpirationDate"},
      {"expiration empty", request_with({{"apns-expiration", ""}}), 400, "BadExpirationDate"},
      {"pushtotalk stored",
       request_with({{"apns-push-type", "pushtotalk"}, {"apns-topic", "com.example.shop.voip-ptt"}}), 400,
       "BadExpirationDate"},
      {"pushtotalk with 5",
       request_with({{"apns-push-type", "pushtotalk"},
                     {"apns-topic", "com.example.shop.voip-ptt"},
                     {"apns-expiration", "0"},
                     {"apns-priority", "5"}}),
       400, "BadPriority"},
      {"collapse id of 65", request_with({{"apns-collapse-id", std::string(65, 'c')}}), 400, "BadCollapseId"},
      {"id in upper case", request_with({{"apns-id", "5F0C1C3E-7D0A-4A6E-9F1B-2A3C4D5E6F70"}}), 400, "BadMessageId"},
      {"id without dashes", request_with({{"apns-id", "5f0c1c3e7d0a4a6e9f1b2a3c4d5e6f70"}}), 400, "BadMessageId"},
      {"id with dashes elsewhere", request_with({{"apns-id", "5f0c1c3e7-d0a-4a6e-9f1b-2a3c4d5e6f70"}}), 400,
       "BadMessageId"},
      {"id empty", request_with({{"apns-id", ""}}), 400, "BadMessageId"},
      {"no payload", request_with({}, ""), 400, "PayloadEmpty"},
      {"payload of 4097", request_with({}, over), 413, "PayloadTooLarge"},
      {"voip payload of 5121",
       request_with({{"apns-push-type", "voip"}, {"apns-topic", "com.example.shop.voip"}}, over_voip), 413,
       "PayloadTooLarge"},
      {"compressed", request_with({{"content-encoding", "gzip"}}), 400, "BadPayload"},
      {"payload no JSON", request_with({}, "hi"), 400, "BadPayload"},
      {"payload mistyped", request_with({}, R"({"aps":{"alert":"x","badge":"1"}})"), 400, "BadPayload"},
      {"no authorization", request_with({{"authorization", "-"}}), 403, "MissingProviderToken"},
      {"no token at all", request_with({{"authorization", "bearer x"}}), 403, "InvalidProviderToken"},
  }));
  CAPTURE(row.name);
  const Knowledge known = taught();
  const Verdict verdict = verdict_of(row.request, known);
  CHECK(verdict.status == row.status);
  CHECK(verdict.reason == row.reason);
  CHECK(verdict.detail.empty() == (verdict.reason != "BadPayload"));
}

TEST_CASE("apns verifier: limits are inclusive", "[sandbox]") {
  const Knowledge known = taught();
  const std::string full =
      R"({"aps":{"alert":")" + std::string(4096 - std::string_view(R"({"aps":{"alert":""}})").size(), 'a') + R"("}})";
  REQUIRE(full.size() == 4096);
  CHECK(verdict_of(request_with({}, full), known).reason.empty());
  CHECK(verdict_of(request_with({{"apns-collapse-id", std::string(64, 'c')}}), known).reason.empty());
  const std::string voip = R"({"x":")" + std::string(5120 - 8, 'a') + R"("})";
  CHECK(verdict_of(request_with({{"apns-push-type", "voip"}, {"apns-topic", "com.example.shop.voip"}}, voip), known)
            .reason.empty());
  auto cookies = request_with({{"cookie", "a=1"}});
  cookies.headers.emplace_back("cookie", "b=2");
  CHECK(verdict_of(cookies, known).reason.empty());
}

TEST_CASE("apns verifier: every push type with its topic", "[sandbox]") {
  struct Row {
    const char* type;
    const char* topic;
    const char* body;
  };
  const Row row = GENERATE(values<Row>({
      {"alert", "com.example.shop", kAlert},
      {"mdm", "com.example.shop", R"({"mdm":"x"})"},
      {"voip", "com.example.shop.voip", "{}"},
      {"complication", "com.example.shop.complication", "{}"},
      {"fileprovider", "com.example.shop.pushkit.fileprovider", "{}"},
      {"location", "com.example.shop.location-query", "{}"},
      {"liveactivity", "com.example.shop.push-type.liveactivity", R"({"aps":{"timestamp":1,"event":"end"}})"},
      {"pushtotalk", "com.example.shop.voip-ptt", "{}"},
      {"widgets", "com.example.shop.push-type.widgets", R"({"aps":{"content-changed":true}})"},
      {"controls", "com.example.shop.push-type.controls", R"({"aps":{"content-changed":true}})"},
  }));
  CAPTURE(row.type);
  const auto request =
      request_with({{"apns-push-type", row.type}, {"apns-topic", row.topic}, {"apns-expiration", "0"}}, row.body,
                   "/3/device/" + (row.type == std::string_view("voip") ? kPushKit : kBound));
  CHECK(verdict_of(request, taught()).reason == "");
}

TEST_CASE("apns verifier: a token in upper case is the same token", "[sandbox]") {
  CHECK(verdict_of(request_with({}, kAlert, "/3/device/AA11"), taught()).reason == "");
}

TEST_CASE("apns verifier: accept_any takes what is well-formed, and still knows what it was taught", "[sandbox]") {
  Knowledge any;
  any.accept_any = true;
  CHECK(verdict_of(request_with({}), any).reason == "");
  CHECK(verdict_of(request_with({}, kAlert, "/3/device/xy"), any).reason == "BadDeviceToken");
  CHECK(verdict_of(request_with({{"apns-topic", "a b"}}), any).reason == "BadTopic");
  CHECK(verdict_of(request_with({{"authorization", "bearer x.y.z"}}), any).reason == "InvalidProviderToken");
  any.tokens[kToken] = {.topic = "com.example.other"};
  CHECK(verdict_of(request_with({}), any).reason == "DeviceTokenNotForTopic");
  any.keys["ABC123DEFG"] = {.team_id = "DEF123GHIJ", .key = read_public_key(SigningKey().public_pem())};
  CHECK(verdict_of(request_with({}), any).reason == "InvalidProviderToken");
}

TEST_CASE("apns verifier: certificates", "[sandbox]") {
  const std::string development = "1.2.840.113635.100.6.3.1";
  const std::string production = "1.2.840.113635.100.6.3.2";
  struct Row {
    const char* name;
    probe::CertificateWish wish;
    std::vector<Change> changes;
    const char* reason;
  };
  const std::string uid = "com.example.shop";
  const Row row = GENERATE_COPY(values<Row>({
      {"one topic, named", {.uid = uid, .oids = {development}}, {}, ""},
      {"one topic, not named", {.uid = uid, .oids = {development, production}}, {{"apns-topic", "-"}}, ""},
      {"authorization is ignored", {.uid = uid, .oids = {development}}, {{"authorization", "x"}}, ""},
      {"another topic", {.uid = uid, .oids = {development}}, {{"apns-topic", "com.example.other"}}, "TopicDisallowed"},
      {"a listed topic",
       {.oids = {development}, .topics = {uid, uid + ".voip"}},
       {{"apns-push-type", "voip"}, {"apns-topic", uid + ".voip"}},
       ""},
      {"a topic not listed",
       {.oids = {development}, .topics = {uid}},
       {{"apns-push-type", "voip"}, {"apns-topic", uid + ".voip"}},
       "TopicDisallowed"},
      {"a list makes the topic mandatory",
       {.uid = uid, .oids = {development}, .topics = {uid}},
       {{"apns-topic", "-"}},
       "MissingTopic"},
      {"location needs a token",
       {.oids = {development}, .topics = {uid + ".location-query"}},
       {{"apns-push-type", "location"}, {"apns-topic", uid + ".location-query"}},
       "TopicDisallowed"},
      {"the other environment", {.uid = uid, .oids = {production}}, {}, "BadCertificateEnvironment"},
      {"no environment", {.uid = uid}, {}, "BadCertificateEnvironment"},
      {"no push certificate", {.oids = {development}}, {}, "BadCertificate"},
      {"expired", {.uid = uid, .oids = {development}, .not_after_s = -10}, {}, "BadCertificate"},
      {"not yet good", {.uid = uid, .oids = {development}, .not_before_s = 3600}, {}, "BadCertificate"},
  }));
  CAPTURE(row.name);
  auto changes = row.changes;
  if (std::ranges::find(changes, "authorization", &Change::header) == changes.end())
    changes.push_back({"authorization", "-"});
  auto request = request_with(changes, R"({"aps":{"alert":"x"}})");
  request.peer_certificate_pem = probe::client_identity(row.wish).certificate_pem;
  State state;
  const auto now = std::chrono::time_point_cast<milliseconds>(std::chrono::system_clock::now());
  const Knowledge known = taught();
  const Verdict verdict = verify(request, known, state, now);
  CHECK(verdict.reason == row.reason);
  CHECK(verdict.status == (*row.reason == '\0' ? 200 : std::string_view(row.reason).starts_with("Bad") ? 403 : 400));
}

}  // namespace
}  // namespace nightpost::sandbox::apns
