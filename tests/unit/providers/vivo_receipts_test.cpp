#include <catch2/catch.hpp>

#include "providers/vivo/vivo.h"

using namespace nightpost;

namespace {

const WallTime kReceived = wall_from_ms(1'795'225'900'000);
constexpr const char* kSpec =
    R"({"342982232646":{"targets":"15638535410301000000001","ackTime":1795225887405,"param":"m-1001","ackType":"0"}})";

Result<ReceiptBatch> read(std::string_view body, std::string_view query = "key=k3y", std::string_view key = "k3y") {
  const std::vector<HttpResponse::Field> headers;
  return vivo::read_receipts({}, key, {query, "application/json", headers, body}, kReceived);
}

}  // namespace

TEST_CASE("vivo receipts: the spec's", "[vivo]") {
  const auto batch = read(kSpec);
  REQUIRE(batch);
  CHECK(batch->answer.empty());
  REQUIRE(batch->receipts.size() == 1);
  const Receipt& receipt = batch->receipts[0];
  CHECK(receipt.kind == Receipt::Kind::Delivered);
  CHECK(receipt.token.text() == "15638535410301000000001");
  CHECK(receipt.tag == "m-1001");
  CHECK(receipt.vendor_id == "342982232646");
  CHECK(receipt.code == "0");
  CHECK(receipt.at == wall_from_ms(1'795'225'887'405));
}

TEST_CASE("vivo receipts: only 0 and nothing say that it arrived, nothing removes a token", "[vivo]") {
  struct Row {
    const char* type;
    bool arrived;
  };
  const Row row = GENERATE(values<Row>({{"", true},
                                        {R"(,"ackType":0)", true},
                                        {R"(,"ackType":"0")", true},
                                        {R"(,"ackType":null)", true},
                                        {R"(,"ackType":"1")", false},
                                        {R"(,"ackType":2)", false},
                                        {R"(,"ackType":"")", false},
                                        {R"(,"ackType":"00")", false},
                                        {R"(,"ackType":[])", false},
                                        {R"(,"ackType":{"a":0})", false},
                                        {R"(,"ackType":0.5)", false}}));
  CAPTURE(row.type);
  const auto batch = read(R"({"1":{"targets":"a")" + std::string(row.type) + "}}");
  REQUIRE(batch);
  REQUIRE(batch->receipts.size() == 1);
  CHECK(batch->receipts[0].kind == (row.arrived ? Receipt::Kind::Delivered : Receipt::Kind::Unknown));
  CHECK_FALSE(batch->receipts[0].meaning.empty());
}

TEST_CASE("vivo receipts: several tasks and targets, loose types", "[vivo]") {
  const auto batch = read(R"({"1":{"targets":"a,b,,","ackTime":"1795225887405"},"2":{"targets":["c"],"ackTime":-1},
    "3":{"targets":null},"4":{},"5":{"targets":"d","ackTime":99999999999999,"param":7}})");
  REQUIRE(batch);
  REQUIRE(batch->receipts.size() == 4);
  CHECK(batch->receipts[1].token.text() == "b");
  CHECK(batch->receipts[1].vendor_id == "1");
  CHECK(batch->receipts[1].at);
  CHECK(batch->receipts[2].token.text() == "c");
  CHECK_FALSE(batch->receipts[2].at);
  CHECK_FALSE(batch->receipts[3].at);
  CHECK(batch->receipts[3].tag == "7");
  CHECK(read("{}")->receipts.empty());
}

TEST_CASE("vivo receipts: only with the key", "[vivo]") {
  for (const char* query : {"", "key", "key=", "key=k3", "key=k3yy", "Key=k3y", "key=x&key=k3y", "key=%6"}) {
    CAPTURE(query);
    CHECK(read(kSpec, query).error().code == Errc::Unauthorized);
  }
  CHECK(read(kSpec, "key=", "").error().code == Errc::Unauthorized);
  CHECK(read(kSpec, "", "").error().code == Errc::Unauthorized);
  CHECK(read("not even JSON", "key=no").error().code == Errc::Unauthorized);
  CHECK(read(kSpec, "a=b&key=k%33y"));
}

TEST_CASE("vivo receipts: bodies that are none", "[vivo]") {
  for (const char* body : {"", "null", "[]", "7", "<html>", "{", R"({"1":7})", R"({"1":null})", R"({"1":[]})",
                           R"({"1":"a"})", R"({"1":{"targets":"a"},"2":7})", "{\"1\":{\"targets\":\"\xff\"}}"}) {
    CAPTURE(body);
    const auto batch = read(body);
    REQUIRE_FALSE(batch);
    CHECK(batch.error().code == Errc::Malformed);
  }
}
