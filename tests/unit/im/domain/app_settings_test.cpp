#include "im/domain/app_settings.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

namespace nightpost::im {
namespace {

using Rows = std::vector<std::pair<std::string, std::string>>;

std::string text_of_file(const std::string& name) {
  std::ifstream file(std::string(NIGHTPOST_SCHEMAS) + "/" + name);
  std::stringstream out;
  out << file.rdbuf();
  return out.str();
}

TEST_CASE("app settings: each is a key of the config with its range and default", "[im][domain][settings]") {
  const auto schema = nlohmann::json::parse(text_of_file("config.schema.json"));
  const auto& im = schema.at("properties").at("im").at("properties");
  for (const AppSetting& setting : app_settings()) {
    CAPTURE(setting.name);
    REQUIRE(im.contains(setting.name));
    const auto& key = im.at(std::string(setting.name));
    CHECK(setting_text({}, setting) == key.at("default").dump());
    if (setting.kind == AppSetting::Kind::Flag) {
      CHECK(key.at("type") == "boolean");
      continue;
    }
    CHECK(key.at("minimum") == setting.least);
    CHECK(key.at("maximum") == setting.most);
    CHECK(setting.name.ends_with("_ms") == (setting.kind == AppSetting::Kind::Time));
  }
}

TEST_CASE("app settings: each stands in the room's README, with its range", "[im][domain][settings]") {
  const std::string readme = text_of_file("../../src/im/README.md");
  REQUIRE(readme.contains("## Settings"));
  for (const AppSetting& setting : app_settings()) {
    CAPTURE(setting.name);
    CHECK(readme.contains("| `" + std::string(setting.name) + "` | " + setting_range(setting) + " | " +
                          std::string(setting.since) + " | " + std::string(setting.what) + " |"));
  }
}

TEST_CASE("app settings: each moves a member of its own", "[im][domain][settings]") {
  for (const AppSetting& setting : app_settings()) {
    CAPTURE(setting.name);
    AppSettings changed;
    const std::string other = setting.kind == AppSetting::Kind::Flag
                                  ? (setting_text({}, setting) == "true" ? "false" : "true")
                                  : std::to_string(setting.most);
    REQUIRE(set_setting(changed, setting, other));
    CHECK(setting_text(changed, setting) == other);
    std::set<std::string_view> moved;
    for (const AppSetting& each : app_settings())
      if (setting_text(changed, each) != setting_text({}, each)) moved.insert(each.name);
    CHECK(moved == std::set<std::string_view>{setting.name});
    CHECK(app_setting(setting.name) == &setting);
    CHECK_FALSE(setting.what.empty());
    CHECK(setting.since == "0.1.0");
  }
}

TEST_CASE("app settings: what is no value says what is one", "[im][domain][settings]") {
  struct Row {
    const char* name;
    const char* value;
    const char* why;
  };
  const Row row = GENERATE(values<Row>({
      {"auto_read", "", "auto_read: not true or false"},
      {"auto_read", "yes", "auto_read: not true or false"},
      {"auto_read", "TRUE", "auto_read: not true or false"},
      {"auto_read", "1", "auto_read: not true or false"},
      {"web_slots", "0", "web_slots: not 1 … 100"},
      {"web_slots", "101", "web_slots: not 1 … 100"},
      {"web_slots", "-1", "web_slots: not 1 … 100"},
      {"web_slots", "", "web_slots: not 1 … 100"},
      {"web_slots", " 1", "web_slots: not 1 … 100"},
      {"web_slots", "1x", "web_slots: not 1 … 100"},
      {"web_slots", "1.5", "web_slots: not 1 … 100"},
      {"web_slots", "true", "web_slots: not 1 … 100"},
      {"web_slots", "99999999999999999999", "web_slots: not 1 … 100"},
      {"recall_window_ms", "31536000001", "recall_window_ms: not 0 … 31536000000 ms"},
      {"recall_window_ms", "2m", "recall_window_ms: not 0 … 31536000000 ms"},
      {"friends_max", "0", "friends_max: not 1 … 100000, at most the config's"},
  }));
  CAPTURE(row.name, row.value);
  AppSettings settings;
  const auto ok = set_setting(settings, *app_setting(row.name), row.value);
  REQUIRE_FALSE(ok);
  CHECK(ok.error().code == Code::Malformed);
  CHECK(ok.error().why == row.why);
  CHECK(setting_text(settings, *app_setting(row.name)) == setting_text({}, *app_setting(row.name)));
}

TEST_CASE("app settings: there are no others", "[im][domain][settings]") {
  for (const char* name : {"", "recall_window", "Auto_read", "zzz", "elements_max", "auto_read "})
    CHECK(app_setting(name) == nullptr);
}

TEST_CASE("app settings: rows over the config's; a cap stays one, and what is not known is passed over and said",
          "[im][domain][settings]") {
  AppSettings defaults;
  defaults.friends_max = 100;
  defaults.web_slots = 2;
  const AppliedSettings all = applied(defaults, Rows{{"auto_read", "true"},
                                                     {"friends_max", "3000"},
                                                     {"from_the_future", "1"},
                                                     {"groups_per_user_max", "7"},
                                                     {"recall_window_ms", "later"},
                                                     {"web_slots", "5"}});
  CHECK(all.settings.auto_read);
  CHECK(all.settings.friends_max == 100);
  CHECK(all.settings.groups_per_user_max == 7);
  CHECK(all.settings.web_slots == 5);
  CHECK(all.settings.recall_window == defaults.recall_window);
  CHECK(all.own == std::vector<std::string_view>{"auto_read", "friends_max", "groups_per_user_max", "web_slots"});
  CHECK(all.has_own("friends_max"));  // though the config's value is the most
  CHECK_FALSE(all.has_own("recall_window_ms"));
  REQUIRE(all.passed_over.size() == 2);
  CHECK_THAT(all.passed_over[0], Catch::StartsWith("from_the_future: "));
  CHECK_THAT(all.passed_over[1], Catch::StartsWith("recall_window_ms: "));
  CHECK(applied(defaults, {}).settings.friends_max == 100);
}

}  // namespace
}  // namespace nightpost::im
