#include <catch2/catch.hpp>

#include "providers/oppo/oppo.h"

using namespace nightpost;

namespace {

const WallTime kReceived = wall_from_ms(1'795'225'900'000);
constexpr const char* kSpec =
    R"([{"messageId":"5b9a1c0be4b0","appId":"3000001","taskId":"5b9a1c0be4b0",)"
    R"("registrationIds":"CN_0123456789abcdef0123456789abcdef","eventTime":"1795225887405","param":"m-1001",)"
    R"("eventType":"push_arrive"}])";

Result<ReceiptBatch> read(std::string_view body, std::string_view query = "key=k3y", std::string_view key = "k3y") {
  Certificate certificate;
  certificate.settings = {{"app_id", "3000001"}};
  const std::vector<HttpResponse::Field> headers;
  return oppo::read_receipts(certificate, key, {query, "application/json", headers, body}, kReceived);
}

}  // namespace

TEST_CASE("oppo receipts: the spec's", "[oppo]") {
  const auto batch = read(kSpec);
  REQUIRE(batch);
  CHECK(batch->answer.empty());
  REQUIRE(batch->receipts.size() == 1);
  const Receipt& receipt = batch->receipts[0];
  CHECK(receipt.kind == Receipt::Kind::Delivered);
  CHECK(receipt.token.text() == "CN_0123456789abcdef0123456789abcdef");
  CHECK(receipt.tag == "m-1001");
  CHECK(receipt.vendor_id == "5b9a1c0be4b0");
  CHECK(receipt.code == "push_arrive");
  CHECK(receipt.at == wall_from_ms(1'795'225'887'405));
}

TEST_CASE("oppo receipts: kinds, lists and loose types", "[oppo]") {
  const auto batch = read(R"([
    {"registrationIds":"a,b,,c","eventType":"regid_invalid","eventTime":1795225887405,"messageId":7},
    {"registrationIds":["d","e"],"eventType":"user_daily_limit","eventTime":"soon"},
    {"registrationIds":"f","eventType":"push_arrive","eventTime":-1},
    {"registrationIds":"g","eventType":"push_arrive","eventTime":"9999999999999999"},
    {"registrationIds":"h","eventType":"something_new"},
    {"registrationIds":null,"eventType":"regid_invalid"},
    {"eventType":"push_arrive"},
    {"registrationIds":"i","eventType":"push_arrive","param":"a\u0007b","appId":3000001}])");
  REQUIRE(batch);
  const auto& all = batch->receipts;
  REQUIRE(all.size() == 8);
  for (int i = 0; i < 3; ++i) CHECK(all[i].kind == Receipt::Kind::TokenGone);
  CHECK(all[2].token.text() == "c");
  CHECK(all[0].at);
  CHECK(all[0].vendor_id == "7");
  CHECK(all[3].kind == Receipt::Kind::Undelivered);
  CHECK(all[4].token.text() == "e");
  for (int i = 3; i < 7; ++i) CHECK_FALSE(all[i].at);
  CHECK(all[7].tag == "a?b");
  for (const Receipt& receipt : all) CHECK_FALSE(receipt.meaning.empty());
}

TEST_CASE("oppo receipts: only with the key", "[oppo]") {
  for (const char* query :
       {"", "key", "key=", "key=k3", "key=k3yy", "key=K3Y", "Key=k3y", "xkey=k3y", "key=x&key=k3y", "key=%6", "k3y"}) {
    CAPTURE(query);
    CHECK(read(kSpec, query).error().code == Errc::Unauthorized);
  }
  CHECK(read(kSpec, "key=", "").error().code == Errc::Unauthorized);
  CHECK(read(kSpec, "key=k3y", "").error().code == Errc::Unauthorized);
  CHECK(read(kSpec, "", "").error().code == Errc::Unauthorized);
  CHECK(read("not even JSON", "key=no").error().code == Errc::Unauthorized);  // nothing is read for a stranger
  CHECK(read(kSpec, "a=b&key=k%33y"));
}

TEST_CASE("oppo receipts: bodies that are none", "[oppo]") {
  for (const char* body : {"", "null", "{}", "7", "<html>", "[{", "[7]", "[null]", "[[]]", "[{}]",
                           R"([{"eventType":null}])", R"([{"registrationIds":"a"}])", "[{\"eventType\":\"\xff\"}]",
                           R"([{"eventType":"push_arrive","registrationIds":"a","appId":"42"}])"}) {
    CAPTURE(body);
    const auto batch = read(body);
    if (std::string_view(body) == R"([{"eventType":null}])") {
      REQUIRE(batch);
      CHECK(batch->receipts.empty());
      continue;
    }
    REQUIRE_FALSE(batch);
    CHECK(batch.error().code == Errc::Malformed);
  }
  CHECK(read("[]")->receipts.empty());
}
