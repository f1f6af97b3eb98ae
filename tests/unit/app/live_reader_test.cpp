// Which records of the results topic a watcher is shown.
#include "app/live_reader.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

namespace nightpost::app {
namespace {

TEST_CASE("live reader: an outcome is a row, all else is left out", "[app][live]") {
  const std::string good =
      R"({"v":1,"app_id":7,"event_id":"e1","user_id":"vinson","outcome":"dead","rule":"credential_bad","vendor":"apns"})";
  const auto row = live_row_of(good);
  REQUIRE(row);
  CHECK(row->app == AppId{7});
  CHECK(row->event == "e1");
  CHECK(row->user == "vinson");
  CHECK(row->outcome == "dead");
  CHECK(row->rule == "credential_bad");
  CHECK(row->vendor == "apns");
  CHECK(row->json == good);
  const auto receipt = live_row_of(R"({"app_id":7,"outcome":"delivered","rule":"receipt"})");  // of a token of nobody
  REQUIRE(receipt);
  CHECK(receipt->user.empty());
  for (const std::string& bad : std::vector<std::string>{
           "", "{", "[]", "7", "null", "{}", R"({"app_id":7})", R"({"outcome":""})", R"({"outcome":7})", "\xff",
           good + " x", R"({"outcome":"dead","reason":")" + std::string(admin::kLiveRowBytesMax, 'a') + "\"}"}) {
    CAPTURE(bad.substr(0, 40));
    CHECK_FALSE(live_row_of(bad));
  }
}

}  // namespace
}  // namespace nightpost::app
