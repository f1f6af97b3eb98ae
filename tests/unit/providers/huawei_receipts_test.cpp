#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "providers/huawei/huawei.h"
#include "providers/huawei/verdict.h"

using namespace nightpost;
using Json = nlohmann::json;

namespace {

// §3.8, byte for byte.
const WallTime kReceived = wall_from_ms(1'735'689'600'123);
constexpr const char* kKey = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
constexpr const char* kHead = "timestamp=1735689600123; nonce=3f2b1c9a-6a34-4d0b-9b0e-6f1f0a7d2c55; value=";
constexpr const char* kDecoded = "OxrndStw7B6Xzm2pjZT+dN21wnsa5rlQi/FRPBE7qmg=";
constexpr const char* kRaw = "brNyr4kl8hHEoWJXzl3d+bE2SB9pYpZHkvuIJMC6+RI=";
constexpr const char* kVersion1 =
    R"({"statuses":[{"biTag":"b1","appid":"100000001","token":"AOxx1","status":0,"timestamp":1735689601000,"requestId":"173568960000001"}]})";
constexpr const char* kVersion2 =
    R"({"statuses":[{"token":"MAMz1","pushType":0,"appPackageName":"com.example.shop","biTag":"b1","requestId":"r","deliveryStatus":{"result":0,"timestamp":1735689601000}}]})";

Result<ReceiptBatch> read(const std::string& body, const std::string& header = std::string(kHead) + kDecoded,
                          std::string_view key = kKey, WallTime now = kReceived, const std::string& user = "pushuser") {
  Certificate certificate;
  certificate.bundle_id = "com.example.shop";
  certificate.settings = {{"app_id", "100000001"}};
  if (!user.empty()) certificate.settings["receipt_user"] = user;
  const std::vector<HttpResponse::Field> headers = {{"content-type", "application/json"},
                                                    {"x-huawei-callback-id", header}};
  return huawei::read_receipts(certificate, key, {"", "application/json", headers, body}, now);
}

}  // namespace

TEST_CASE("huawei receipts: the spec's bodies", "[huawei]") {
  const auto one = read(kVersion1);
  REQUIRE(one);
  REQUIRE(one->receipts.size() == 1);
  CHECK(one->answer == R"({"code":"0","message":"success"})");
  const Receipt& receipt = one->receipts[0];
  CHECK(receipt.kind == Receipt::Kind::Delivered);
  CHECK(receipt.token == DeviceToken("AOxx1"));
  CHECK(receipt.tag == "b1");
  CHECK(receipt.vendor_id == "173568960000001");
  CHECK(receipt.code == "0");
  CHECK(receipt.at == wall_from_ms(1'735'689'601'000));
  CHECK(one->nonce == "3f2b1c9a-6a34-4d0b-9b0e-6f1f0a7d2c55");
  const auto two = read(kVersion2);
  REQUIRE(two);
  REQUIRE(two->receipts.size() == 1);
  CHECK(two->receipts[0].kind == Receipt::Kind::Delivered);
  CHECK(two->receipts[0].token == DeviceToken("MAMz1"));
  CHECK(two->receipts[0].at == wall_from_ms(1'735'689'601'000));
}

TEST_CASE("huawei receipts: the spec's signatures, of new keys and old", "[huawei]") {
  CHECK(read(kVersion1, std::string(kHead) + kDecoded));
  CHECK(read(kVersion1, std::string(kHead) + kRaw));  // the same text taken as it is
  CHECK(read(kVersion1,
             std::string("value=") + kRaw + ";nonce=3f2b1c9a-6a34-4d0b-9b0e-6f1f0a7d2c55 ;timestamp=1735689600123"));
  const auto at = [](milliseconds off) {
    return read(kVersion1, std::string(kHead) + kDecoded, kKey, kReceived + off);
  };
  CHECK(at(std::chrono::minutes(5)));
  CHECK(at(-std::chrono::minutes(5)));
  CHECK_FALSE(at(std::chrono::minutes(5) + milliseconds(1)));
  CHECK_FALSE(at(-std::chrono::minutes(5) - milliseconds(1)));
}

TEST_CASE("huawei receipts: who is not Huawei is not heard", "[huawei]") {
  const std::string good = std::string(kHead) + kDecoded;
  std::string bent = good;
  bent[bent.size() - 2] = 'h';
  struct Row {
    const char* name;
    Result<ReceiptBatch> got;
  };
  const Row rows[] = {
      {"no header", read(kVersion1, "")},
      {"no value", read(kVersion1, "timestamp=1735689600123; nonce=x")},
      {"empty value", read(kVersion1, kHead)},
      {"value not Base64", read(kVersion1, std::string(kHead) + "???")},
      {"value too short", read(kVersion1, std::string(kHead) + "T3hybg==")},
      {"value bent", read(kVersion1, bent)},
      {"another nonce", read(kVersion1, "timestamp=1735689600123; nonce=x; value=" + std::string(kDecoded))},
      {"no nonce", read(kVersion1, "timestamp=1735689600123; value=" + std::string(kDecoded))},
      {"nonce of 129 bytes",
       read(kVersion1, "timestamp=1735689600123; nonce=" + std::string(129, 'x') + "; value=" + kDecoded)},
      {"timestamp no number", read(kVersion1, "timestamp=now; nonce=x; value=" + std::string(kDecoded))},
      {"timestamp overflows",
       read(kVersion1, "timestamp=99999999999999999999; nonce=x; value=" + std::string(kDecoded))},
      {"timestamp least", read(kVersion1, "timestamp=-9223372036854775808; nonce=x; value=" + std::string(kDecoded))},
      {"another key", read(kVersion1, good, "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWX=")},
      {"no key", read(kVersion1, good, "")},
      {"another user", read(kVersion1, good, kKey, kReceived, "somebody")},
      {"no user", read(kVersion1, good, kKey, kReceived, "")},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    REQUIRE_FALSE(row.got);
    CHECK(name_of(row.got.error().code) == name_of(Errc::Unauthorized));
    CHECK(row.got.error().detail.find(kKey) == std::string::npos);
  }
  Certificate certificate;
  certificate.settings = {{"receipt_user", "pushuser"}};
  const std::vector<HttpResponse::Field> none;
  CHECK_FALSE(huawei::read_receipts(certificate, kKey, {"", "", none, kVersion1}, kReceived));
}

TEST_CASE("huawei receipts: each status", "[huawei]") {
  const auto judged = [](std::int64_t status, bool second) {
    const Json entry = second ? Json{{"token", "t"}, {"deliveryStatus", {{"result", status}, {"timestamp", 1}}}}
                              : Json{{"token", "t"}, {"status", status}, {"timestamp", 1}};
    return read(Json{{"statuses", {entry}}}.dump())->receipts.at(0);
  };
  for (const bool second : {false, true}) {
    for (std::int64_t status = -1; status < 300; ++status) {
      CAPTURE(status);
      const Receipt receipt = judged(status, second);
      const bool known =
          std::ranges::find(huawei::kReceiptRules, status, &huawei::ReceiptRule::status) != huawei::kReceiptRules.end();
      CHECK(receipt.kind == (status == 0                  ? Receipt::Kind::Delivered
                             : status == 2 || status == 5 ? Receipt::Kind::TokenGone
                             : known                      ? Receipt::Kind::Undelivered
                                                          : Receipt::Kind::Unknown));
      CHECK(receipt.code == std::to_string(status));
      CHECK_FALSE(receipt.meaning.empty());
      CHECK(receipt.at == wall_from_ms(1));
    }
    for (const huawei::ReceiptRule& rule : huawei::kReceiptRules)
      CHECK(judged(rule.status, second).meaning == rule.meaning);
  }
  CHECK(huawei::kReceiptRules.size() == 27);
}

TEST_CASE("huawei receipts: what is said of another app's token is not ours", "[huawei]") {
  const auto count = [](const std::string& member) {
    const auto batch = read(R"({"statuses":[{"token":"t","status":2,)" + member + "}]}");
    REQUIRE(batch);
    return batch->receipts.size();
  };
  CHECK(count(R"("appid":"100000001")") == 1);
  CHECK(count(R"("appid":100000001)") == 1);
  CHECK(count(R"("appid":"100000002")") == 0);
  CHECK(count(R"("clientId":"100000002")") == 0);
  CHECK(count(R"("appPackageName":"com.example.shop")") == 1);
  CHECK(count(R"("appPackageName":"com.example.other")") == 0);
}

TEST_CASE("huawei receipts: bodies that are none", "[huawei]") {
  const std::string body = GENERATE(
      values<std::string>({"", "<html>", "[]", "{}", "null", R"({"statuses":null})", R"({"statuses":{}})",
                           R"({"statuses":"x"})", R"({"status":[]})", R"({"statuses":[{"token":"AOxx1","status":0)"}));
  CAPTURE(body);
  const auto batch = read(body);
  REQUIRE_FALSE(batch);
  CHECK(name_of(batch.error().code) == name_of(Errc::Malformed));
}

TEST_CASE("huawei receipts: entries that say nothing are passed over", "[huawei]") {
  const auto count = [](const std::string& entries) {
    const auto batch = read(R"({"statuses":[)" + entries + "]}");
    REQUIRE(batch);
    return batch->receipts.size();
  };
  CHECK(count("") == 0);
  CHECK(count(R"(null,7,"x",[],{})") == 0);
  CHECK(count(R"({"status":0})") == 0);
  CHECK(count(R"({"token":"","status":0})") == 0);
  CHECK(count(R"({"token":["t"],"status":0})") == 0);
  CHECK(count(R"({"token":"t"})") == 0);
  CHECK(count(R"({"token":"t","status":null})") == 0);
  CHECK(count(R"({"token":"t","status":"two"})") == 0);
  CHECK(count(R"({"token":"t","deliveryStatus":{"timestamp":1}})") == 0);
  CHECK(count(R"({"token":")" + std::string(2'000, 'a') + R"(","status":0})") == 0);
  CHECK(count(R"({"token":"t","status":"2"},{},{"token":"u","formStatus":{"formId":1,"result":262}})") == 2);
  const auto batch = read(R"({"statuses":[{"token":"t","status":5,"timestamp":"soon","biTag":"a\nb"}]})");
  CHECK_FALSE(batch->receipts.at(0).at);
  CHECK(batch->receipts.at(0).tag == "a?b");

  std::string many = R"({"token":"t","status":0})";
  for (int i = 1; i < 1'000; ++i) many += R"(,{"token":"t","status":0})";
  CHECK(count(many) == 1'000);
  CHECK_FALSE(read(R"({"statuses":[)" + many + ",{}]}"));
}
