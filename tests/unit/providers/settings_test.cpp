#include "providers/settings.h"

#include <array>
#include <catch2/catch.hpp>
#include <optional>

using namespace nightpost;

namespace {

constexpr std::array kFields = {
    SettingField{"app_id", true, "AppID of the console", check_digits},
    SettingField{"channel_id", false, "a channel", check_plain},
    SettingField{"note", false, "anything", nullptr},
    SettingField{"click", false, "", nullptr},
    SettingField{"click_target", false, "", nullptr},
};

std::string refusal(const Settings& settings) {
  const auto fits = check_settings(kFields, settings);
  if (fits) return {};
  CHECK(fits.error().code == Errc::Malformed);
  return fits.error().detail;
}

}  // namespace

TEST_CASE("settings: what fits", "[providers]") {
  CHECK(refusal({{"app_id", "7"}}).empty());
  CHECK(refusal({{"app_id", "7"}, {"channel_id", "a-b"}, {"note", "any thing ü"}}).empty());
  CHECK(check_settings({}, {}));
}

TEST_CASE("settings: what does not, said in one sentence", "[providers]") {
  struct Row {
    const char* name;
    Settings settings;
    const char* says;
  };
  const Row row = GENERATE(values<Row>({
      {"missing", {}, "app_id: missing (AppID of the console)"},
      {"empty is missing", {{"app_id", ""}}, "app_id: missing"},
      {"bad value", {{"app_id", "x"}}, "app_id: expected 1 to 64 digits"},
      {"unknown",
       {{"app_id", "1"}, {"App_id", "1"}},
       "App_id: no such setting; known: app_id, channel_id, note, click, click_target"},
      {"click", {{"app_id", "1"}, {"click", "dance"}}, "click: none of app, web, page"},
  }));
  CAPTURE(row.name);
  CHECK(refusal(row.settings).find(row.says) != std::string::npos);
}

TEST_CASE("settings: all mistakes come at once", "[providers]") {
  const std::string all = refusal({{"channel_id", "a b"}, {"nope", "1"}, {"click", "web"}});
  for (const char* each : {"channel_id: ", "nope: ", "app_id: missing", "click_target: "}) {
    CAPTURE(all, each);
    CHECK(all.find(each) != std::string::npos);
  }
}

TEST_CASE("settings: values by name", "[providers]") {
  const Settings settings = {{"app_id", "7"}};
  CHECK(setting(settings, "app_id") == "7");
  CHECK(setting(settings, "app").empty());
  CHECK(setting({}, "").empty());
}

TEST_CASE("settings: digits, plain text, class names", "[providers]") {
  struct Row {
    std::string value;
    bool digits, plain, class_name;
  };
  const Row row = GENERATE(values<Row>({
      {"", false, false, false},
      {"0", true, true, false},
      {std::string(64, '1'), true, true, false},
      {std::string(65, '1'), false, true, false},
      {"-1", false, true, false},
      {"1 ", false, false, false},
      {"\xd9\xa1", false, false, false},  // an Arabic digit
      {std::string(128, 'a'), false, true, false},
      {std::string(129, 'a'), false, false, false},
      {"a\n", false, false, false},
      {"a.b", false, true, true},
      {"com.example.shop.MainActivity", false, true, true},
      {"com.example.Shop$Inner_1", false, true, true},
      {"a", false, true, false},
      {"a.", false, true, false},
      {".a.b", false, true, false},
      {"a..b", false, true, false},
      {"a.1b", false, true, false},
      {"a.b-c", false, true, false},
      {"a.b/c", false, true, false},
      {"a.é", false, false, false},
      {"a." + std::string(253, 'b'), false, false, true},
      {"a." + std::string(254, 'b'), false, false, false},
  }));
  CAPTURE(row.value);
  CHECK(check_digits(row.value).empty() == row.digits);
  CHECK(check_plain(row.value).empty() == row.plain);
  CHECK(check_class_name(row.value).empty() == row.class_name);
}

TEST_CASE("settings: what a tap does", "[providers]") {
  struct Row {
    const char* name;
    Settings settings;
    std::optional<Click> want;
  };
  using Kind = Click::Kind;
  const Row row = GENERATE(values<Row>({
      {"nothing said", {}, Click{Kind::App, ""}},
      {"app", {{"click", "app"}}, Click{Kind::App, ""}},
      {"https", {{"click", "web"}, {"click_target", "https://e.com/?a=1#b"}}, Click{Kind::Web, "https://e.com/?a=1#b"}},
      {"http", {{"click", "web"}, {"click_target", "http://[::1]/"}}, Click{Kind::Web, "http://[::1]/"}},
      {"page", {{"click", "page"}, {"click_target", "a.b.C"}}, Click{Kind::Page, "a.b.C"}},
      {"app with a target", {{"click", "app"}, {"click_target", "x"}}, std::nullopt},
      {"a target alone", {{"click_target", "https://e.com"}}, std::nullopt},
      {"web without", {{"click", "web"}}, std::nullopt},
      {"page without", {{"click", "page"}, {"click_target", ""}}, std::nullopt},
      {"other scheme", {{"click", "web"}, {"click_target", "ftp://e.com"}}, std::nullopt},
      {"script", {{"click", "web"}, {"click_target", "javascript:alert(1)"}}, std::nullopt},
      {"capital scheme", {{"click", "web"}, {"click_target", "HTTPS://e.com"}}, std::nullopt},
      {"no host", {{"click", "web"}, {"click_target", "https://"}}, std::nullopt},
      {"path for host", {{"click", "web"}, {"click_target", "https:///x"}}, std::nullopt},
      {"blank inside", {{"click", "web"}, {"click_target", "https://e.com/a b"}}, std::nullopt},
      {"line end inside", {{"click", "web"}, {"click_target", "https://e.com/\n"}}, std::nullopt},
      {"capital word", {{"click", "Web"}, {"click_target", "https://e.com"}}, std::nullopt},
  }));
  CAPTURE(row.name);
  const auto click = click_of(row.settings);
  REQUIRE(click.has_value() == row.want.has_value());
  if (!click) {
    CHECK(click.error().code == Errc::Malformed);
    return;
  }
  CHECK(click->kind == row.want->kind);
  CHECK(click->target == row.want->target);
}
