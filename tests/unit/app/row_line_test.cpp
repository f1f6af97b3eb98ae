#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <string_view>

#include "app/row_line.h"

namespace nightpost::app {
namespace {

using store::Store;

TEST_CASE("row line: a device there and back", "[app][import]") {
  Store::DeviceRow row{{7},
                       "文森 \"v\" \\",
                       {.device_id = "phone",
                        .platform = Platform::MiniProgram,
                        .certificate = {12},
                        .token = DeviceToken("abc/+=", TokenKind::Fid),
                        .registered_at = wall_from_ms(1'795'225'887'405),
                        .state = DeviceState::LoggedOut,
                        .badge_base = 2'147'483'647,
                        .language = "zh"}};
  std::string line;
  append_line(line, row);
  CHECK(line ==
        R"({"app_id":7,"user_id":"文森 \"v\" \\","device_id":"phone","platform":"mini_program","certificate_id":12,)"
        R"("token":"abc/+=","token_kind":"fid","registered_at":1795225887405,"state":"logged_out",)"
        R"("badge_base":2147483647,"language":"zh"})"
        "\n");
  const auto back = RowDecoder().device(line);
  REQUIRE(back);
  CHECK(back->app == row.app);
  CHECK(back->user_id == row.user_id);
  std::string again;
  append_line(again, *back);
  CHECK(again == line);
}

TEST_CASE("row line: what a device's line may look like", "[app][import]") {
  struct Row {
    const char* name;
    std::string line;
    const char* fault = "";  // "": it is good
  };
  const std::string least = R"("app_id":1,"user_id":"u","device_id":"d","platform":"web","registered_at":5)";
  const auto with = [&](const std::string& more) { return "{" + least + "," + more + "}"; };
  const Row row = GENERATE_COPY(values<Row>({
      {"what must be there", "{" + least + "}"},
      {"null is as absent", with(R"("token":null,"state":null,"badge_base":null)")},
      {"blanks", " { " + least + " } \t"},
      {"a whole number in another form", with(R"("badge_base":1e2)")},
      {"escapes", with(R"("token":"\u0041\/b")")},
      {"a misspelt member", with(R"("tokn":"x")"), "$.tokn: unknown member"},
      {"one of another kind of line", with(R"("mutes":[])"), "$.mutes: unknown member"},
      {"twice", with(R"("user_id":"v")"), "$.user_id: there twice"},
      {"no user", R"({"app_id":1,"device_id":"d","platform":"web","registered_at":5})", "$.user_id: missing"},
      {"no time", R"({"app_id":1,"user_id":"u","device_id":"d","platform":"web"})", "$.registered_at: missing"},
      {"user is null", R"({"app_id":1,"user_id":null,"device_id":"d","platform":"web","registered_at":5})",
       "$.user_id: expected a string, found null"},
      {"app 0", R"({"app_id":0,"user_id":"u","device_id":"d","platform":"web","registered_at":5})",
       "$.app_id: 0 is not in"},
      {"app as text", R"({"app_id":"1","user_id":"u","device_id":"d","platform":"web","registered_at":5})",
       "$.app_id: expected an integer"},
      {"platform", R"({"app_id":1,"user_id":"u","device_id":"d","platform":"iOS","registered_at":5})",
       "$.platform: none of ios"},
      {"time below 0", R"({"app_id":1,"user_id":"u","device_id":"d","platform":"web","registered_at":-1})",
       "$.registered_at: -1 is not in"},
      {"state", with(R"("state":"away")"), "$.state: none of foreground"},
      {"token kind", with(R"("token_kind":"apns")"), "$.token_kind: none of token, fid, voip"},
      {"token is a number", with(R"("token":5)"), "$.token: expected a string, found a number"},
      {"badge too large", with(R"("badge_base":2147483648)"), "$.badge_base: 2147483648 is not in"},
      {"badge is half", with(R"("badge_base":1.5)"), "$.badge_base: 1.5 is no 64-bit integer"},
      {"certificate below 0", with(R"("certificate_id":-1)"), "$.certificate_id: -1 is not in"},
      {"bad escape", with(R"("token":"\x")"), "$.token: a bad escape"},
      {"two objects", "{" + least + "}{" + least + "}", "$: text after the object"},
      {"an array", "[{" + least + "}]", "$: expected an object, found an array"},
      {"a word", "true", "$: expected an object"},
      {"half of it", R"({"app_id":1,"user_id":"u)", "$: not JSON: it ends in the middle"},
      {"no JSON", "user_id,device_id", "$"},
      {"not UTF-8", with("\"language\":\"\xff\""), "$: not UTF-8"},
      {"nothing", "", "$: empty"},
  }));
  CAPTURE(row.name);
  RowDecoder decoder;
  const auto read = decoder.device(row.line);
  CHECK(read.has_value() == (*row.fault == '\0'));
  if (!read) {
    CHECK(read.error().code == Errc::Malformed);
    CAPTURE(read.error().detail);
    CHECK(read.error().detail.starts_with(row.fault));
  }
  CHECK(decoder.device("{" + least + "}"));  // a bad line leaves no trace
}

TEST_CASE("row line: a token shows in no error", "[app][import]") {
  RowDecoder decoder;
  for (const char* line :
       {R"({"token":"SECRET","app_id":"SECRET"})", R"({"token":"SECRET)", R"({"token":["SECRET"]})",
        R"({"token":"SECRET","platform":"SECRET"})", R"({"token":"SECRET\u12"})", R"({"token" "SECRET"})"}) {
    const auto read = decoder.device(line);
    REQUIRE_FALSE(read);
    CHECK_FALSE(read.error().detail.contains("SECRET"));
  }
}

TEST_CASE("row line: a user there and back", "[app][import]") {
  Store::UserRow row{{7}, "u", PushSettings{false, "zh", "ding.caf", "team.caf", false}, {}};
  row.mutes = {{}, {Mute::Kind::Peer, "p\"", wall_from_ms(-5), true}, {Mute::Kind::Group, "g", wall_from_ms(9)}};
  std::string line;
  append_line(line, row);
  CHECK(line == R"({"app_id":7,"user_id":"u","push":false,"badge":false,"language":"zh","sound_c2c":"ding.caf",)"
                R"("sound_group":"team.caf","mutes":[{"kind":"all","target":"","until":null,"unless_mentioned":false},)"
                R"({"kind":"peer","target":"p\"","until":-5,"unless_mentioned":true},)"
                R"({"kind":"group","target":"g","until":9,"unless_mentioned":false}]})"
                "\n");
  const auto back = RowDecoder().user(line);
  REQUIRE(back);
  REQUIRE(back->mutes.size() == 3);
  CHECK(back->mutes[0].until == WallTime::max());
  std::string again;
  append_line(again, *back);
  CHECK(again == line);
}

TEST_CASE("row line: many mutes make several lines, none of them too long", "[app][import]") {
  Store::UserRow row{{7}, std::string(255, '"'), PushSettings{}, {}};
  const std::size_t mutes = GENERATE(0u, 1u, 500u, 501u, 1'000u, 1'001u);
  const std::string target(251, '"');
  for (std::size_t i = 0; i < mutes; ++i)
    row.mutes.push_back({Mute::Kind::Group, target + std::to_string(1'000 + i), wall_from_ms(1'795'225'887'405)});
  std::string lines;
  append_line(lines, row);
  RowDecoder decoder;
  std::size_t count = 0, read = 0;
  for (std::size_t from = 0; from < lines.size(); ++count) {
    const std::size_t end = lines.find('\n', from);
    REQUIRE(end - from <= kRowLineBytesMax);
    const auto back = decoder.user(std::string_view(lines).substr(from, end - from));
    REQUIRE(back);
    CHECK(back->settings);
    for (const Mute& mute : back->mutes) CHECK(mute.target == row.mutes.at(read++).target);
    from = end + 1;
  }
  CHECK(read == mutes);
  CHECK(count == std::max<std::size_t>(1, (mutes + kMutesPerLine - 1) / kMutesPerLine));
}

TEST_CASE("row line: what a user's line may look like", "[app][import]") {
  struct Row {
    const char* name;
    const char* members;
    bool settings = false;
    const char* fault = "";
  };
  const Row row = GENERATE(values<Row>({
      {"one setting", R"(,"push":false)", true},
      {"mutes alone leave the settings", R"(,"mutes":[{"kind":"all"}])", false},
      {"no mutes are mutes", R"(,"mutes":[])", false},
      {"null is as absent", R"(,"push":null,"badge":true)", true},
      {"nothing at all", "", false, "$: names neither a setting nor mutes"},
      {"only nulls", R"(,"push":null,"mutes":null)", false, "$: names neither"},
      {"what show adds", R"(,"push":true,"devices":2)", false, "$.devices: unknown member"},
      {"push by word", R"(,"push":"on")", false, "$.push: expected a boolean, found a string"},
      {"badge by number", R"(,"badge":1)", false, "$.badge: expected a boolean"},
      {"mutes no list", R"(,"mutes":{})", false, "$.mutes: expected an array"},
      {"a mute's kind", R"(,"mutes":[{"kind":"all"},{"kind":"room"}])", false, "$.mutes[1].kind: none of all"},
      {"a mute without kind", R"(,"mutes":[{"target":"x"}])", false, "$.mutes[0].kind: missing"},
      {"a misspelt member", R"(,"mutes":[{"kind":"all","untill":5}])", false, "$.mutes[0].untill: unknown member"},
      {"until by word", R"(,"mutes":[{"kind":"all","until":"ever"}])", false, "$.mutes[0].until: expected an integer"},
      {"a mute that is none", R"(,"mutes":[null])", false, "$.mutes[0]: expected an object, found null"},
  }));
  CAPTURE(row.name);
  const auto read = RowDecoder().user(std::string(R"({"app_id":1,"user_id":"u")") + row.members + "}");
  REQUIRE(read.has_value() == (*row.fault == '\0'));
  if (read) {
    CHECK(read->settings.has_value() == row.settings);
  } else {
    CAPTURE(read.error().detail);
    CHECK(read.error().detail.starts_with(row.fault));
  }
}

}  // namespace
}  // namespace nightpost::app
