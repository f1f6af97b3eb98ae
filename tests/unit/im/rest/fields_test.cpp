#include "im/rest/fields.h"

#include <catch2/catch.hpp>

#include "im/rest/rate_limit.h"

namespace nightpost::im {
namespace {

using Json = nlohmann::json;

TEST_CASE("rest fields: a fault names its place", "[im][rest][fields]") {
  struct Row {
    const char* name;
    std::string json;
    void (*read)(Fields&);
    std::int32_t code;
    std::string info;
  };
  const Row row = GENERATE(values<Row>({
      {"missing", "{}", [](Fields& f) { f.text("UserID"); }, 1, "UserID: missing"},
      {"null is as good as missing", R"({"UserID":null})", [](Fields& f) { f.text("UserID"); }, 1, "UserID: missing"},
      {"a number for a text", R"({"UserID":1})", [](Fields& f) { f.text("UserID"); }, 1, "UserID: not a string"},
      {"the old name is named", R"({"Identifier":1})", [](Fields& f) { f.text({"UserID", "Identifier"}); }, 1,
       "Identifier: not a string"},
      {"a code of its own", R"({"MsgRandom":"1"})", [](Fields& f) { f.u32("MsgRandom", 90005); }, 90005,
       "MsgRandom: not an integer"},
      {"a fraction", R"({"n":1.5})", [](Fields& f) { f.u32("n"); }, 1, "n: not an integer"},
      {"negative", R"({"n":-1})", [](Fields& f) { f.u32("n"); }, 1, "n: not in 0-4294967295"},
      {"beyond u32", R"({"n":4294967296})", [](Fields& f) { f.u32("n"); }, 1, "n: not in 0-4294967295"},
      {"beyond int64", R"({"n":18446744073709551615})", [](Fields& f) { f.number("n", -5, 5); }, 1, "n: not in -5-5"},
      {"beyond 64 bits", R"({"n":1e30})", [](Fields& f) { f.u32("n"); }, 1, "n: not an integer"},
      {"no number", R"({"n":"1.5"})", [](Fields& f) { f.real_if("n"); }, 1, "n: not a number"},
      {"no array", R"({"a":"x"})", [](Fields& f) { f.texts("a", 9); }, 1, "a: not an array"},
      {"an empty array", R"({"a":[]})", [](Fields& f) { f.texts("a", 9); }, 1, "a: empty"},
      {"too many", R"({"a":["x","y"]})", [](Fields& f) { f.texts("a", 1, 0, 90011); }, 90011, "a: more than 1"},
      {"an item of another type", R"({"a":["x",2]})", [](Fields& f) { f.texts("a", 9); }, 1, "a[1]: not a string"},
      {"an object for an item", R"({"a":[{}]})", [](Fields& f) { f.texts_if("a", 9); }, 1, "a[0]: not a string"},
      {"inside a list", R"({"a":[{"u":"x"},{"u":2}]})",
       [](Fields& f) { f.each("a", 9, [](Fields& item) { item.text("u"); }); }, 1, "a[1].u: not a string"},
      {"a list of texts for objects", R"({"a":["x"]})", [](Fields& f) { f.each("a", 9, [](Fields&) {}); }, 1,
       "a[0]: not an object"},
      {"a list that is missing", "{}", [](Fields& f) { f.each("a", 9, [](Fields&) {}); }, 1, "a: missing"},
      {"a list that is empty", R"({"a":[]})", [](Fields& f) { f.each("a", 9, [](Fields&) {}); }, 1, "a: empty"},
      {"a list that is too long", R"({"a":[{},{}]})", [](Fields& f) { f.each("a", 1, [](Fields&) {}, 5, 6); }, 6,
       "a: more than 1"},
      {"inside an object", R"({"o":{"p":{"q":1}}})", [](Fields& f) { f.object("o").object("p").text("q"); }, 1,
       "o.p.q: not a string"},
      {"an object that is none", R"({"o":[]})", [](Fields& f) { f.object("o"); }, 1, "o: not an object"},
      {"the first fault stays", R"({"n":-1})",
       [](Fields& f) {
         f.text("a", 7);
         f.u32("n", 8);
       },
       7, "a: missing"},
  }));
  CAPTURE(row.name);
  const Json json = Json::parse(row.json);
  Fault fault;
  Fields fields(json, "", 1, fault);
  row.read(fields);
  CHECK(fault.code == row.code);
  CHECK(fault.info == row.info);
}

TEST_CASE("rest fields: good ones are handed out", "[im][rest][fields]") {
  const Json json = Json::parse(R"({"old":"x","n":4294967295,"a":["p","q"],"r":1,"unknown":{"deep":[1]}})");
  Fault fault;
  Fields fields(json, "", 1, fault);
  CHECK(fields.text({"new", "old"}) == "x");
  CHECK(fields.u32("n") == 4294967295);
  CHECK(fields.texts("a", 2) == std::vector<std::string>{"p", "q"});
  CHECK(fields.real_if("r") == 1.0);
  CHECK_FALSE(fields.text_if("absent"));
  CHECK_FALSE(fields.u32_if("absent"));
  CHECK(fields.texts_if("absent", 1).empty());
  CHECK_FALSE(fields.object("absent").has("x"));
  CHECK(fault.code == 0);
}

TEST_CASE("rest fields: a body that is no object of JSON", "[im][rest][fields]") {
  std::string why;
  for (const std::string& body :
       {std::string(), std::string("{"), std::string("[]"), std::string("1"), std::string("null"), std::string("{} x"),
        std::string("{\"a\":\"\xff\"}"), std::string("{\"a\":1,}"),
        "{\"a\":" + std::string(5'000, '[') + std::string(5'000, ']') + "}"}) {
    CAPTURE(body.substr(0, 20));
    why.clear();
    CHECK_FALSE(parse_request(body, why));
    CHECK(why.starts_with("the body: "));
  }
  CHECK(parse_request("{}", why));
  CHECK(parse_request(R"({"t":1700000000})", why));
}

TEST_CASE("rest rates: a bucket an app and command, and one an app", "[im][rest][rate]") {
  RestOptions options;
  options.message_calls_per_second = 3;
  options.manage_calls_per_second = 2;
  options.app_calls_per_second = 5;
  RateLimit rates(options);
  const RestCommand& send = *find_command("openim", "sendmsg");
  const RestCommand& batch = *find_command("openim", "batchsendmsg");
  const RestCommand& import = *find_command("im_open_login_svc", "account_import");
  MonoTime now = MonoTime(seconds(100));
  for (int i = 0; i < 3; ++i) CHECK(rates.take(AppId{1}, send, now) == 0);
  CHECK(rates.take(AppId{1}, send, now) == 60007);
  CHECK(rates.take(AppId{2}, send, now) == 0);  // another app's own
  CHECK(rates.take(AppId{1}, import, now) == 0);
  CHECK(rates.take(AppId{1}, import, now) == 0);
  CHECK(rates.take(AppId{1}, import, now) == 60007);
  CHECK(rates.take(AppId{1}, batch, now) == 60011);  // the app's five are gone
  now += milliseconds(334);
  CHECK(rates.take(AppId{1}, send, now) == 0);
  CHECK(rates.take(AppId{1}, send, now) == 60007);
  now += seconds(3'600);  // no more than a second's worth is saved
  for (int i = 0; i < 3; ++i) CHECK(rates.take(AppId{1}, send, now) == 0);
  CHECK(rates.take(AppId{1}, send, now) == 60007);
}

}  // namespace
}  // namespace nightpost::im
