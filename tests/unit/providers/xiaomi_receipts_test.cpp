#include <catch2/catch.hpp>

#include "core/text.h"
#include "providers/xiaomi/xiaomi.h"

using namespace nightpost;
using Kind = Receipt::Kind;

namespace {

Result<ReceiptBatch> read(std::string_view body, std::string_view query = "key=opensesame",
                          std::string_view key = "opensesame") {
  static const std::vector<HttpResponse::Field> headers;
  return xiaomi::read_receipts(
      {}, key, {.query = query, .content_type = "application/x-www-form-urlencoded", .headers = headers, .body = body},
      wall_from_ms(0));
}

std::string form(std::string_view data) {
  std::string out;
  append_form_field(out, "data", data);
  return out;
}

}  // namespace

TEST_CASE("xiaomi receipts: the vendor's example", "[xiaomi]") {
  const auto batch = read(form(
      R"({"scm1":{"param":"m-1001","type":1,"targets":"mi-reg-0001,mi-reg-0003","jobkey":"","barStatus":"Enable","timestamp":1795225887405},
 "scm2":{"param":"m-1002","type":16,"targets":"mi-reg-0002","errorCode":1,"replaceTarget":{"mi-reg-0002":"mi-reg-7777"},"timestamp":1795225887500}})"));
  REQUIRE(batch);
  CHECK(batch->answer.empty());
  REQUIRE(batch->receipts.size() == 3);
  const Receipt& first = batch->receipts[0];
  CHECK(first.kind == Kind::Delivered);
  CHECK(first.token == DeviceToken("mi-reg-0001"));
  CHECK(first.tag == "m-1001");
  CHECK(first.vendor_id == "scm1");
  CHECK(first.code == "1");
  CHECK(first.at == wall_from_ms(1'795'225'887'405));
  CHECK(batch->receipts[1].token == DeviceToken("mi-reg-0003"));
  CHECK(batch->receipts[2].kind == Kind::TokenGone);
  CHECK(batch->receipts[2].token == DeviceToken("mi-reg-0002"));
  CHECK(batch->receipts[2].moved_to == DeviceToken("mi-reg-7777"));
  CHECK_FALSE(first.moved_to);
}

TEST_CASE("xiaomi receipts: a successor that can be none is none", "[xiaomi]") {
  for (const char* to : {R"({"t":"t"})", R"({"t":""})", R"({"t":"a,b"})", R"({"t":"a b"})", R"({"t":[]})",
                         R"({"u":"x"})", R"("x")", "null"}) {
    CAPTURE(to);
    const auto batch = read(form(R"({"s":{"type":16,"targets":"t","replaceTarget":)" + std::string(to) + "}}"));
    REQUIRE(batch);
    CHECK(batch->receipts.at(0).kind == Kind::TokenGone);
    CHECK_FALSE(batch->receipts.at(0).moved_to);
  }
}

TEST_CASE("xiaomi receipts: every type", "[xiaomi]") {
  struct Row {
    const char* entry;
    Kind kind;
  };
  const Row row = GENERATE(values<Row>({
      {R"("type":1)", Kind::Delivered},
      {R"("type":"2")", Kind::Clicked},
      {R"("type":16)", Kind::TokenGone},
      {R"("type":16,"errorCode":"1")", Kind::TokenGone},
      {R"("type":16,"errorCode":2)", Kind::Undelivered},
      {R"("type":16,"errorCode":3)", Kind::Undelivered},
      {R"("type":32)", Kind::Undelivered},
      {R"("type":64)", Kind::Undelivered},
      {R"("type":128,"extra":{"ack":"1","quota":"1"})", Kind::Undelivered},
      {R"("type":1024)", Kind::Expired},
      {R"("type":4096)", Kind::Unknown},
      {R"("type":null)", Kind::Unknown},
      {R"("type":[16])", Kind::Unknown},
      {R"("timestamp":"soon","param":7)", Kind::Unknown},
  }));
  CAPTURE(row.entry);
  const auto batch = read(form(R"({"s":{"targets":["t"],)" + std::string(row.entry) + "}}"));
  REQUIRE(batch);
  REQUIRE(batch->receipts.size() == 1);
  CHECK(batch->receipts[0].kind == row.kind);
  CHECK(batch->receipts[0].token == DeviceToken("t"));
  CHECK_FALSE(batch->receipts[0].meaning.empty());
  CHECK_FALSE(batch->receipts[0].at);
}

TEST_CASE("xiaomi receipts: who does not know the key is not heard", "[xiaomi]") {
  const std::string body = form(R"({"s":{"type":16,"targets":"t"}})");
  for (const char* query : {"", "key", "key=", "key=opensesam", "key=opensesamee", "key=%zz", "kez=opensesame"}) {
    CAPTURE(query);
    const auto refused = read(body, query);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::Unauthorized);
  }
  CHECK_FALSE(read(body, "key=", ""));  // no key of ours: nobody is let in
  CHECK(read(body, "a=1&key=open%73esame"));
}

TEST_CASE("xiaomi receipts: what is no receipt", "[xiaomi]") {
  const std::string bad =
      GENERATE(std::string(), std::string("data"), std::string("data=%"), std::string("date=%7B%7D"),
               std::string(R"({"s":{"type":1,"targets":"t"}})"), form(""), form("[]"), form("7"), form("{\"s\":"),
               form(R"({"s":7})"), form(R"({"s":[]})"), std::string("<html>"));
  CAPTURE(bad);
  const auto refused = read(bad);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::Malformed);
}

TEST_CASE("xiaomi receipts: nobody named is nobody reported", "[xiaomi]") {
  for (const char* data : {"{}", R"({"s":{"type":1}})", R"({"s":{"type":1,"targets":""}})",
                           R"({"s":{"type":1,"targets":{}}})", R"({"s":{"type":1,"targets":",,"}})"}) {
    const auto batch = read(form(data));
    REQUIRE(batch);
    CHECK(batch->receipts.empty());
  }
}
