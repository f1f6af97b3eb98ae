#include "dispatch/remainder.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

using namespace nightpost;
using namespace nightpost::dispatch;
using nlohmann::json;

namespace {

Remainder full() {
  return {.first_at = wall_from_ms(1'795'225'887'405),
          .hops = 2,
          .not_before = wall_from_ms(1'795'225'947'405),
          .left = {{"vin\"son",
                    {{.device_id = "phone",
                      .sent = 2,
                      .unheard = 1,
                      .hops = 2,
                      .tried_since = wall_from_ms(1'795'225'887'500),
                      .not_before = wall_from_ms(1'795'225'957'405),
                      .rule = "vendor_throttled",
                      .vendor = "apns",
                      .code = "503"},
                     {.device_id = "pad"}}},
                   {"denny", {}}}};
}

/// Everything the schema describes, which each test spoils in one place.
json full_json() { return json::parse(to_json(full())); }

}  // namespace

TEST_CASE("remainder: golden text", "[dispatch][remainder]") {
  CHECK(
      to_json(full()) ==
      R"({"v":1,"first_at":1795225887405,"hops":2,"not_before":1795225947405,"left":[{"user_id":"vin\"son","devices":[)"
      R"({"device_id":"phone","sent":2,"unheard":1,"hops":2,"tried_since":1795225887500,"not_before":1795225957405,)"
      R"("rule":"vendor_throttled","vendor":"apns","code":"503"},{"device_id":"pad"}]},{"user_id":"denny"}]})");
}

TEST_CASE("remainder: what is written can be read", "[dispatch][remainder]") {
  const auto read = read_remainder(to_json(full()));
  REQUIRE(read);
  CHECK(*read == full());
  const Remainder least{.left = {{"denny", {}}}};
  CHECK(to_json(least) == R"({"v":1,"left":[{"user_id":"denny"}]})");
  CHECK(read_remainder(to_json(least)) == least);
}

TEST_CASE("remainder: whatever a vendor said, it can be read", "[dispatch][remainder]") {
  Remainder remainder = full();
  std::string& code = remainder.left[0].devices[0].code;
  const auto word = GENERATE(as<std::string>(), std::string(5'000, 'x'), "bad\xff", "line\nbreak \x01", "\"quoted\\",
                             std::string(63, 'x') + "\u00fc");
  code = word;
  const auto read = read_remainder(to_json(remainder));
  REQUIRE(read);
  CHECK(read->left[0].devices[0].code.size() <= kCodeBytesMax + 2);  // half a character became U+FFFD
  CHECK_FALSE(read->left[0].devices[0].code.empty());
}

TEST_CASE("remainder: the schema names what is written", "[dispatch][remainder]") {
  std::ifstream file(NIGHTPOST_SCHEMAS "/remainder.schema.json");
  REQUIRE(file.good());
  const json whole = json::parse(file);
  const auto same = [](const json& schema, const json& written) {
    std::set<std::string> described, found;
    for (const auto& [key, value] : schema["properties"].items()) described.insert(key);
    for (const auto& [key, value] : written.items()) found.insert(key);
    CHECK(found == described);
  };
  const json written = full_json();
  same(whole, written);
  const json& user = whole["properties"]["left"]["items"];
  same(user, written["left"][0]);
  same(user["properties"]["devices"]["items"], written["left"][0]["devices"][0]);
}

TEST_CASE("remainder: unknown members are not looked at", "[dispatch][remainder]") {
  json text = full_json();
  text["later"] = {{"v", 2}};
  text["left"][0]["x"] = nullptr;
  text["left"][0]["devices"][0]["x"] = {1, 2};
  CHECK(read_remainder(text.dump()) == full());
}

TEST_CASE("remainder: null is not set", "[dispatch][remainder]") {
  const auto read = read_remainder(
      R"({"v":1,"first_at":null,"hops":null,"not_before":null,"left":[{"user_id":"denny","devices":null}]})");
  CHECK(read == Remainder{.left = {{"denny", {}}}});
}

TEST_CASE("remainder: what is wrong is refused, with its path", "[dispatch][remainder]") {
  struct Row {
    const char* at;     // JSON pointer of what is replaced; null: the whole text
    const char* value;  // null: taken out
    const char* want;
  };
  const auto row = GENERATE(values<Row>({
      {nullptr, "", "$: empty"},
      {nullptr, "[]", "$: expected an object, found an array"},
      {nullptr, "1", "$: expected an object"},
      {nullptr, "{", "$: not JSON"},
      {nullptr, "\xff", "$: not UTF-8"},
      {nullptr, R"({"v":1,"left":[{"user_id":"a"}]} x)", "$: text after the remainder"},
      {nullptr, R"({"v":1,"v":1,"left":[{"user_id":"a"}]})", "$.v: there twice"},
      {"/v", nullptr, "$.v: missing"},
      {"/v", "null", "$.v: expected an integer, found null"},
      {"/v", "0", "$.v: 0 is not in [1, 1]"},
      {"/v", "2", "$.v: 2 is not in [1, 1]"},
      {"/v", "\"1\"", "$.v: expected an integer, found a string"},
      {"/first_at", "1795225887", "$.first_at: 1795225887 is before 2000: milliseconds are expected"},
      {"/first_at", "-1", "$.first_at: -1 is before 2000: milliseconds are expected"},
      {"/first_at", "\"now\"", "$.first_at: expected an integer, found a string"},
      {"/first_at", "253402300800000", "$.first_at: 253402300800000 is not in"},
      {"/hops", "-1", "$.hops: -1 is not in [0, 1000000]"},
      {"/hops", "1000001", "$.hops: 1000001 is not in [0, 1000000]"},
      {"/hops", "99999999999999999999", "$.hops: 99999999999999999999 is no 64-bit integer"},
      {"/hops", "1.5", "$.hops: 1.5 is no 64-bit integer"},
      {"/not_before", "5", "$.not_before: 5 is before 2000"},
      {"/left", nullptr, "$.left: missing"},
      {"/left", "null", "$.left: expected an array, found null"},
      {"/left", "{}", "$.left: expected an array, found an object"},
      {"/left", "[]", "$.left: empty"},
      {"/left/1", "\"denny\"", "$.left[1]: expected an object, found a string"},
      {"/left/1/user_id", nullptr, "$.left[1].user_id: missing"},
      {"/left/1/user_id", "\"\"", "$.left[1].user_id: empty"},
      {"/left/1/user_id", "7", "$.left[1].user_id: expected a string, found a number"},
      {"/left/1/user_id", "\"vin\\\"son\"", "$.left[1]: a user who is there twice"},
      {"/left/1/user_id", "\"a\\u0001\"", "$.left[1].user_id: has a control character"},
      {"/left/0/devices", "[]", "$.left[0].devices: empty"},
      {"/left/0/devices", "{}", "$.left[0].devices: expected an array, found an object"},
      {"/left/0/devices/1", "null", "$.left[0].devices[1]: expected an object, found null"},
      {"/left/0/devices/1/device_id", nullptr, "$.left[0].devices[1].device_id: missing"},
      {"/left/0/devices/1/device_id", "\"\"", "$.left[0].devices[1].device_id: empty"},
      {"/left/0/devices/1/device_id", "\"phone\"", "$.left[0].devices[1]: a device that is there twice"},
      {"/left/0/devices/0/sent", "-1", "$.left[0].devices[0].sent: -1 is not in [0, 1000000]"},
      {"/left/0/devices/0/unheard", "true", "$.left[0].devices[0].unheard: expected an integer, found a boolean"},
      {"/left/0/devices/0/hops", "[]", "$.left[0].devices[0].hops: expected an integer, found an array"},
      {"/left/0/devices/0/tried_since", "0", "$.left[0].devices[0].tried_since: 0 is before 2000"},
      {"/left/0/devices/0/not_before", "0", "$.left[0].devices[0].not_before: 0 is before 2000"},
      {"/left/0/devices/0/rule", "3", "$.left[0].devices[0].rule: expected a string, found a number"},
      {"/left/0/devices/0/vendor", "{}", "$.left[0].devices[0].vendor: expected a string, found an object"},
      {"/left/0/devices/0/code", "503", "$.left[0].devices[0].code: expected a string, found a number"},
  }));
  std::string text = row.value == nullptr ? "" : row.value;
  if (row.at != nullptr) {
    json spoiled = full_json();
    const json::json_pointer at(row.at);
    if (row.value != nullptr)
      spoiled[at] = "(here)";
    else
      spoiled.at(at.parent_pointer()).erase(at.back());
    text = spoiled.dump();
    if (const auto here = text.find("\"(here)\""); here != std::string::npos) text.replace(here, 8, row.value);
  }
  CAPTURE(text);
  const auto read = read_remainder(text);
  REQUIRE_FALSE(read);
  CHECK(read.error().code == Errc::Malformed);
  CHECK_THAT(read.error().detail, Catch::Matchers::StartsWith(row.want));
}

TEST_CASE("remainder: bounded", "[dispatch][remainder]") {
  const auto detail = [](std::string_view text) {
    const auto read = read_remainder(text);
    return read ? std::string("taken") : read.error().detail;
  };
  CHECK(detail(std::string(kRemainderBytesMax + 1, ' ')) == "$: longer than 8388608 bytes");
  Remainder many;
  for (int i = 0; i < 10'000; ++i) many.left.push_back({std::to_string(i), {}});
  CHECK(detail(to_json(many)) == "taken");
  many.left.push_back({"one more", {}});
  CHECK(detail(to_json(many)) == "$.left: more than 10000");
  Remainder devices{.left = {{"a", {}}}};
  for (int i = 0; i < 1'000; ++i) devices.left[0].devices.push_back({.device_id = std::to_string(i)});
  CHECK(detail(to_json(devices)) == "taken");
  devices.left[0].devices.push_back({.device_id = "one more"});
  CHECK(detail(to_json(devices)) == "$.left[0].devices: more than 1000");
  json text = full_json();
  text["left"][0]["devices"][0]["code"] = std::string(257, 'x');
  CHECK(detail(text.dump()) == "$.left[0].devices[0].code: longer than 256 bytes");
  text = full_json();
  text["left"][0]["user_id"] = std::string(255, 'x');
  CHECK(detail(text.dump()) == "taken");
  text["left"][0]["user_id"] = std::string(256, 'x');
  CHECK(detail(text.dump()) == "$.left[0].user_id: longer than 255 bytes");
}

TEST_CASE("remainder: no cut makes it something else", "[dispatch][remainder]") {
  const std::string text = to_json(full());
  for (std::size_t size = 0; size < text.size(); ++size) CHECK_FALSE(read_remainder(text.substr(0, size)));
}
