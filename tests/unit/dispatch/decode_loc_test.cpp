// Names of texts in the app: push.loc of an event.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <string>

#include "dispatch/decode.h"

using namespace nightpost;
using namespace nightpost::dispatch;
using nlohmann::json;

TEST_CASE("decode: names of texts in the app are bounded, and their arguments stand beside them",
          "[dispatch][decode]") {
  struct Row {
    const char* name;
    json loc;
    std::string want;
  };
  const json eleven = json::array({"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"});
  const auto row = GENERATE_COPY(values<Row>({
      {"none", nullptr, ""},
      {"empty", json::object(), ""},
      {"a title alone", {{"title_key", "T"}}, ""},
      {"a body with arguments", {{"body_key", "B"}, {"body_args", {"", "x"}}}, ""},
      {"arguments of nothing", {{"title_args", json::array()}}, ""},
      {"unset", {{"title_key", nullptr}, {"body_args", nullptr}}, ""},
      {"no object", "B", "$.push.loc: expected an object, found a string"},
      {"an empty key", {{"title_key", ""}}, "$.push.loc.title_key: empty"},
      {"a key with a line break", {{"body_key", "a\nb"}}, "$.push.loc.body_key: has a control character"},
      {"a long key", {{"body_key", std::string(256, 'k')}}, "$.push.loc.body_key: longer than 255 bytes"},
      {"a number for an argument",
       {{"body_key", "B"}, {"body_args", {1}}},
       "$.push.loc.body_args[0]: expected a string, found a number"},
      {"a long argument",
       {{"body_key", "B"}, {"body_args", {"a", std::string(256, 'x')}}},
       "$.push.loc.body_args[1]: longer than 255 bytes"},
      {"too many", {{"title_key", "T"}, {"title_args", eleven}}, "$.push.loc.title_args: more than 10"},
      {"title arguments without their key",
       {{"body_key", "B"}, {"title_args", {"x"}}},
       "$.push.loc.title_args: without title_key"},
      {"body arguments without their key",
       {{"title_key", "T"}, {"body_args", {"x"}}},
       "$.push.loc.body_args: without body_key"},
  }));
  CAPTURE(row.name);
  json event = json::parse(R"({
    "event_id": "e", "app_id": 1, "occurred_at": 1795225887405, "expires_at": 1795312287405, "kind": "c2c",
    "from": {"user_id": "a"}, "message": {"id": "m", "elements": []}, "to": [{"user_id": "b"}]})");
  event["push"]["loc"] = row.loc;
  OfflineEvent decoded;
  const Result<void> done = Decoder(1'000'000, 1000).decode(event.dump(), decoded);
  CHECK((done ? "" : done.error().detail) == row.want);
}
