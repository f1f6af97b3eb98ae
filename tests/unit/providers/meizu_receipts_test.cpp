#include <catch2/catch.hpp>

#include "core/text.h"
#include "providers/meizu/meizu.h"

using namespace nightpost;
using Kind = Receipt::Kind;

namespace {

Result<ReceiptBatch> read(std::string_view body, std::string_view key = "opensesame") {
  static const std::vector<HttpResponse::Field> headers;
  return meizu::read_receipts({}, key,
                              {.query = "key=opensesame",
                               .content_type = "application/x-www-form-urlencoded",
                               .headers = headers,
                               .body = body},
                              wall_from_ms(0));
}

std::string form(std::string_view cb, std::string_view token = "opensesame") {
  std::string out;
  append_form_field(out, "cb", cb);
  append_form_field(out, "access_token", token);
  return out;
}

}  // namespace

TEST_CASE("meizu receipts: the vendor's example", "[meizu]") {
  const auto batch =
      read(form(R"({"c2ee5c3bf00448cfbceb7fdf68c3c8eb-1":{"param":"m-1001","type":1,"targets":["RA50c6","RA51"]}})"));
  REQUIRE(batch);
  CHECK(batch->answer.empty());
  REQUIRE(batch->receipts.size() == 2);
  const Receipt& first = batch->receipts[0];
  CHECK(first.kind == Kind::Delivered);
  CHECK(first.token == DeviceToken("RA50c6"));
  CHECK(first.tag == "m-1001");
  CHECK(first.vendor_id == "c2ee5c3bf00448cfbceb7fdf68c3c8eb");
  CHECK(first.code == "1");
  CHECK_FALSE(first.at);
  CHECK(batch->receipts[1].token == DeviceToken("RA51"));
}

TEST_CASE("meizu receipts: kinds", "[meizu]") {
  struct Row {
    const char* entry;
    Kind kind;
    const char* vendor_id;
  };
  const Row row = GENERATE(values<Row>({
      {R"("m-1":{"type":1,"targets":"a"})", Kind::Delivered, "m"},
      {R"("m-2":{"type":"2","targets":["a"]})", Kind::Clicked, "m"},
      {R"("m-2":{"targets":["a"]})", Kind::Clicked, "m"},
      {R"("m":{"type":2,"targets":["a"]})", Kind::Clicked, "m"},
      {R"("m-9":{"type":9,"targets":["a"]})", Kind::Unknown, "m"},
      {R"("m":{"targets":["a"]})", Kind::Unknown, "m"},
      {R"("m-1":{"type":{},"targets":["a"]})", Kind::Delivered, "m"},
      {R"("":{"type":7,"param":[],"targets":["a"]})", Kind::Unknown, ""},
  }));
  CAPTURE(row.entry);
  const auto batch = read(form("{" + std::string(row.entry) + "}"));
  REQUIRE(batch);
  REQUIRE(batch->receipts.size() == 1);
  CHECK(batch->receipts[0].kind == row.kind);
  CHECK(batch->receipts[0].vendor_id == row.vendor_id);
  CHECK(batch->receipts[0].token == DeviceToken("a"));
}

TEST_CASE("meizu receipts: who does not know the token is not heard", "[meizu]") {
  const std::string cb = R"({"m-1":{"type":1,"targets":["a"]}})";
  for (const char* token : {"", "opensesam", "opensesame ", "Opensesame"}) {
    const auto refused = read(form(cb, token));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::Unauthorized);
  }
  CHECK_FALSE(read(form(cb, ""), ""));
  CHECK_FALSE(read("cb=%7B%7D"));
  CHECK_FALSE(read(""));
}

TEST_CASE("meizu receipts: what is no receipt", "[meizu]") {
  for (const std::string& body : {std::string("access_token=opensesame"), std::string("access_token=opensesame&cb=%g"),
                                  form(""), form("[]"), form("{"), form(R"({"m-1":[]})"), form(R"({"m-1":null})")}) {
    CAPTURE(body);
    const auto refused = read(body);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::Malformed);
  }
  for (const char* cb : {"{}", R"({"m-1":{"type":1}})", R"({"m-1":{"type":1,"targets":[]}})"}) {
    const auto batch = read(form(cb));
    REQUIRE(batch);
    CHECK(batch->receipts.empty());
  }
}
