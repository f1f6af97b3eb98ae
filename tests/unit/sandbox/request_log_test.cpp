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
    {"method":"POST","path":"/3/device/ab","headers":[["x","1"],["x","quote \""]],"body":"{\"a\":1}",
     "verdict":{"status":400,"reason":"BadTopic"},"at":12,"connection":7,"stream":3},
    {"method":"POST","path":"/3/device/ab","headers":[],"body":"\ufffd",
     "verdict":{"status":0,"reason":"hang","detail":"why"},"at":13,"connection":7,"stream":3},
    {"method":"POST","path":"/3/device/ab","headers":[],"body":"","verdict":{"status":200,"reason":""},
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

  RequestLog none({.requests_max = 0});
  none.add(request("x"), 200, "", "", {});
  CHECK(none.json() == "[]");
}

}  // namespace
}  // namespace nightpost::sandbox
