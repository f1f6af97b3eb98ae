#include "sandbox/request_log.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

namespace nightpost::sandbox {
namespace {

using nlohmann::json;

server::ServerRequest request(std::string body, server::ServerRequest request = {}) {
  request.connection = 7;
  request.stream = 3;
  request.method = "POST";
  request.target = "/3/device/ab";
  request.body = std::move(body);
  return request;
}

TEST_CASE("request log: what went in comes out", "[sandbox]") {
  RequestLog log({});
  CHECK(log.json() == "[]");
  log.add(request("{\"a\":1}", {.headers = {{"x", "1"}, {"x", "quote \""}}}), 400, "BadTopic", "", wall_from_ms(12));
  log.add(request("\xff"), 0, "hang", "why", wall_from_ms(13));
  log.add(request(""), 200, "", "", wall_from_ms(14), R"({"body":"b"})");
  CHECK(json::parse(log.json()) == json::parse(R"([
    {"n":1,"method":"POST","path":"/3/device/ab","headers":[["x","1"],["x","quote \""]],"body":"{\"a\":1}",
     "verdict":{"status":400,"reason":"BadTopic"},"at":12,"connection":7,"stream":3},
    {"n":2,"method":"POST","path":"/3/device/ab","headers":[],"body":"\ufffd",
     "verdict":{"status":0,"reason":"hang","detail":"why"},"at":13,"connection":7,"stream":3},
    {"n":3,"method":"POST","path":"/3/device/ab","headers":[],"body":"","verdict":{"status":200,"reason":""},
     "shows":{"body":"b"},"at":14,"connection":7,"stream":3}])"));
  log.clear();
  CHECK(log.json() == "[]");
}

TEST_CASE("request log: the oldest go first, by number and by bytes", "[sandbox]") {
  RequestLog few({.requests_max = 3});
  for (int i = 0; i < 10; ++i) few.add(request(std::to_string(i)), 200, "", "", {});
  const json kept = json::parse(few.json());
  REQUIRE(kept.size() == 3);
  CHECK(kept[0]["body"] == "7");
  CHECK(kept[2]["body"] == "9");

  RequestLog small({.bytes_max = 1000, .body_kept_max = 400});
  for (int i = 0; i < 10; ++i) small.add(request(std::string(5000, static_cast<char>('0' + i))), 200, "", "", {});
  const json last = json::parse(small.json());
  REQUIRE(last.size() == 2);
  CHECK(last[1]["body"] == std::string(400, '9'));
  CHECK(last[1]["body_bytes"] == 5000);
  CHECK_FALSE(kept[0].contains("body_bytes"));

  SECTION("what was read is left out, and a gap tells of what was not kept") {
    struct Row {
      std::uint64_t after;
      std::size_t want;
    };
    const Row row = GENERATE(values<Row>({{0, 3}, {7, 3}, {8, 2}, {10, 0}, {11, 0}}));
    const json later = json::parse(few.json(row.after));
    CHECK(later.size() == row.want);
    if (!later.empty()) CHECK(later.back()["n"] == 10);
  }

  RequestLog none({.requests_max = 0});
  none.add(request("x"), 200, "", "", {});
  CHECK(none.json() == "[]");
}

TEST_CASE("request log: with a mark only its words are kept, however long the body", "[sandbox]") {
  RequestLog log({.body_kept_max = 10, .mark = "cz"});
  struct Row {
    const char* name;
    std::string body;
    json want;
  };
  const Row row = GENERATE(values<Row>({
      {"none", "a body", json::array()},
      {"empty", "", json::array()},
      {"escaped json", R"({\"id\":\"cz17\"})", {"cz17"}},
      {"form", "ext=%7B%22id%22%3A%22cz17%22%7D&x=1", {"cz17"}},
      {"far behind, and at the end", std::string(100'000, '.') + "cz1 cz2", {"cz1", "cz2"}},
      {"each once", "cz1 cz2 cz1 cz12", {"cz1", "cz2", "cz12"}},
      {"the mark alone", "cz", {"cz"}},
  }));
  CAPTURE(row.name);
  log.add(request(row.body, {.headers = {{"x", "1"}}}), 200, "", "", wall_from_ms(12));
  const json entry = json::parse(log.json()).at(0);
  CHECK(entry["marks"] == row.want);
  CHECK(entry["verdict"]["status"] == 200);
  CHECK_FALSE(entry.contains("headers"));
  CHECK_FALSE(entry.contains("body"));
}

}  // namespace
}  // namespace nightpost::sandbox
