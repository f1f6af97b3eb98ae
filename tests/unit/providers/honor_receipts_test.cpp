#include <catch2/catch.hpp>

#include "providers/honor/honor.h"

using namespace nightpost;
using Kind = Receipt::Kind;

namespace {

Result<ReceiptBatch> read(std::string_view body, std::string_view query = "key=opensesame",
                          std::string_view key = "opensesame") {
  static const std::vector<HttpResponse::Field> headers;
  return honor::read_receipts(
      {}, key, {.query = query, .content_type = "application/json", .headers = headers, .body = body}, wall_from_ms(0));
}

}  // namespace

TEST_CASE("honor receipts: a delivery", "[honor]") {
  const auto batch = read(
      R"({"statuses":[{"biTag":"b1","appid":"104412345","token":"BAEAA1","status":0,"timestamp":1735689601000,"requestId":"h-1"}]})");
  REQUIRE(batch);
  CHECK(batch->answer == R"({"code":"0","message":"success"})");
  REQUIRE(batch->receipts.size() == 1);
  const Receipt& receipt = batch->receipts[0];
  CHECK(receipt.kind == Kind::Delivered);
  CHECK(receipt.token == DeviceToken("BAEAA1"));
  CHECK(receipt.tag == "b1");
  CHECK(receipt.vendor_id == "h-1");
  CHECK(receipt.code == "0");
  CHECK(receipt.at == wall_from_ms(1'735'689'601'000));
}

TEST_CASE("honor receipts: only two numbers remove a token", "[honor]") {
  for (int status = -5; status < 400; ++status) {
    CAPTURE(status);
    const auto batch = read(R"({"statuses":[{"token":"t","status":)" + std::to_string(status) + "}]}");
    REQUIRE(batch);
    REQUIRE(batch->receipts.size() == 1);
    CHECK((batch->receipts[0].kind == Kind::TokenGone) == (status == 2 || status == 5));
    CHECK((batch->receipts[0].kind == Kind::Delivered) == (status == 0));
    CHECK_FALSE(batch->receipts[0].meaning.empty());
  }
  for (const char* status : {R"("2x")", "null", "[2]", "2.0", "true", R"("")", "99999999999999999999"}) {
    const auto batch = read(R"({"statuses":[{"token":"t","status":)" + std::string(status) + "}]}");
    REQUIRE(batch);
    CHECK(batch->receipts[0].kind == Kind::Unknown);
  }
  CHECK(read(R"({"statuses":[{"token":"t","status":"2"}]})")->receipts[0].kind == Kind::TokenGone);
  CHECK(read(R"({"statuses":[{"token":"t"}]})")->receipts[0].kind == Kind::Unknown);
}

TEST_CASE("honor receipts: times that nobody could mean are left out", "[honor]") {
  for (const char* at : {"0", "-1", "9223372036854775807", "\"soon\"", "null", "1e300"}) {
    const auto batch = read(R"({"statuses":[{"token":"t","status":0,"timestamp":)" + std::string(at) + "}]}");
    REQUIRE(batch);
    CHECK_FALSE(batch->receipts[0].at);
  }
}

TEST_CASE("honor receipts: who does not know the key is not heard", "[honor]") {
  const char* body = R"({"statuses":[{"token":"t","status":2}]})";
  for (const char* query : {"", "key=", "key=opensesam", "token=opensesame"}) {
    const auto refused = read(body, query);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::Unauthorized);
  }
  CHECK_FALSE(read(body, "key=", ""));
}

TEST_CASE("honor receipts: what is no receipt", "[honor]") {
  for (const char* body :
       {"", "<html>", "[]", "{}", R"({"statuses":null})", R"({"statuses":{}})", R"({"statuses":"x"})",
        R"({"statuses":[7]})", R"({"statuses":[{"token":"t"},null]})", R"({"statuses":[)"}) {
    CAPTURE(body);
    const auto refused = read(body);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::Malformed);
  }
  CHECK(read(R"({"statuses":[]})")->receipts.empty());
  CHECK(read(R"({"statuses":[{"status":2},{"token":"","status":2},{"token":[],"status":2}]})")->receipts.empty());
}
