// Two second opinions on what we build: Google's public schema, and Google's own client.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "providers/fcm/fcm.h"

using namespace nightpost;
using Json = nlohmann::json;

namespace {

Json fixture(const char* name) {
  std::ifstream file(std::filesystem::path(NIGHTPOST_SOURCE_DIR) / "tests/support/fcm" / name);
  REQUIRE(file);
  return Json::parse(file);
}

/// A case of recorded.json, built by us.
Json ours(const Json& message) {
  const Json& from = message.at("ours");
  Notification n;
  n.title = from.value("title", "");
  n.body = from.value("body", "");
  n.ext = from.value("ext", "");
  if (from.contains("sound")) n.sound = from["sound"].get<std::string>();
  if (from.contains("badge")) n.badge = from["badge"].get<int>();
  const std::string priority = from.value("priority", "normal");
  n.priority = priority == "high" ? Priority::High : priority == "low" ? Priority::Low : Priority::Normal;
  n.collapse_id = from.value("collapse_id", "");
  n.sent_at = wall_from_ms(1'735'689'600'000);
  if (from.contains("life_s")) n.expires_at = n.sent_at + seconds(from["life_s"].get<int>());
  if (from.contains("channel")) n.extras.emplace_back("fcm.channel", from["channel"].get<std::string>());
  const DeviceToken token = from.contains("fid") ? DeviceToken(from["fid"].get<std::string>(), TokenKind::Fid)
                                                 : DeviceToken(from["token"].get<std::string>());
  Certificate certificate;
  certificate.facts = {{"project_id", "demo-project"}};
  for (const auto& [name, value] : message.at("settings").items())
    certificate.settings[name] = value.get<std::string>();
  REQUIRE(check_settings(fcm::settings(), certificate.settings));
  const auto provider = fcm::make_provider(certificate);
  REQUIRE(provider);
  const auto requests = (*provider)->build(n, {&token, 1}, {});
  REQUIRE(requests);
  return Json::parse(requests->front().http.body);
}

std::string camel(std::string_view snake) {
  std::string out;
  for (std::size_t i = 0; i < snake.size(); ++i) {
    if (snake[i] == '_' && i + 1 < snake.size())
      out += static_cast<char>(std::toupper(snake[++i]));
    else
      out += snake[i];
  }
  return out;
}

/// What is wrong with `value` by the schema, as paths; our snake_case names stand for the schema's lowerCamelCase, as
/// protobuf's JSON has it. Paths that are right go to `seen`.
void check(const Json& schemas, const Json& schema, const Json& value, const std::string& path,
           std::vector<std::string>& wrong, std::set<std::string>& seen) {
  if (schema.contains("$ref"))
    return check(schemas, schemas.at(schema["$ref"].get<std::string>()), value, path, wrong, seen);
  const std::string type = schema.at("type");
  const bool fits = type == "object"    ? value.is_object()
                    : type == "string"  ? value.is_string()
                    : type == "integer" ? value.is_number_integer()
                    : type == "boolean" ? value.is_boolean()
                                        : false;  // we write no arrays and no fractions
  if (!fits) return wrong.push_back(path + ": not of type " + type);
  if (schema.contains("enum") && std::ranges::find(schema["enum"], value) == schema["enum"].end())
    wrong.push_back(path + ": not one of the enum");
  if (schema.value("format", "") == "int32" &&
      (value.get<std::int64_t>() > INT32_MAX || value.get<std::int64_t>() < INT32_MIN))
    wrong.push_back(path + ": not an int32");
  if (schema.value("format", "") == "google-duration") {
    const std::string text = value;
    const bool duration =
        text.size() > 1 && text.ends_with('s') && text.find_first_not_of("0123456789") == text.size() - 1;
    if (!duration) wrong.push_back(path + ": not a duration");
  }
  seen.insert(path);
  if (!value.is_object()) return;
  for (const auto& [name, member] : value.items()) {
    const std::string inside = path + "." + name;
    if (schema.contains("additionalProperties"))
      check(schemas, schema["additionalProperties"], member, inside, wrong, seen);
    else if (const auto found = schema.at("properties").find(camel(name)); found != schema["properties"].end())
      check(schemas, *found, member, inside, wrong, seen);
    else
      wrong.push_back(inside + ": not in the schema");
  }
}

/// Spellings that protobuf's JSON takes as equal, in one of each: lowerCamelCase names become snake_case, and the
/// letter case of the enum android.priority goes (Google's client writes "high" and relies on the server for that).
Json normalised(const Json& body) {
  if (!body.is_object()) return body;
  Json out = Json::object();
  for (const auto& [name, value] : body.items()) {
    std::string snake;
    for (const char c : name) {
      if (c >= 'A' && c <= 'Z') snake += '_';
      snake += static_cast<char>(std::tolower(c));
    }
    out[snake] = name == "data" ? value : normalised(value);  // the app's own names
    if (snake == "priority") {
      std::string word = value;
      std::ranges::transform(word, word.begin(), [](char c) { return static_cast<char>(std::toupper(c)); });
      out[snake] = word;
    }
  }
  return out;
}

}  // namespace

TEST_CASE("fcm: each key that we can write stands in Google's schema, with its type", "[fcm]") {
  const Json document = fixture("schema.json");
  CAPTURE(document.at("revision").get<std::string>());
  const Json& schemas = document.at("schemas");
  std::set<std::string> seen;
  const auto faults = [&](const Json& body) {
    std::vector<std::string> wrong;
    check(schemas, schemas.at(document.at("root").get<std::string>()), body, "$", wrong, seen);
    return wrong;
  };
  const Json recorded = fixture("recorded.json");
  for (const Json& message : recorded.at("messages")) {
    CAPTURE(message.at("name").get<std::string>());
    CHECK(faults(ours(message)) == std::vector<std::string>());
  }
  // All that the builder knows was built: its source has no other keys.
  const std::string android = "$.message.android";
  CHECK(seen == std::set<std::string>{"$",
                                      "$.message",
                                      "$.message.token",
                                      "$.message.fid",
                                      "$.message.data",
                                      "$.message.data.ext",
                                      "$.message.data.click",
                                      "$.message.data.mid",
                                      android,
                                      android + ".priority",
                                      android + ".ttl",
                                      android + ".collapse_key",
                                      android + ".notification",
                                      android + ".notification.title",
                                      android + ".notification.body",
                                      android + ".notification.channel_id",
                                      android + ".notification.sound",
                                      android + ".notification.tag",
                                      android + ".notification.click_action",
                                      android + ".notification.notification_priority",
                                      android + ".notification.notification_count"});

  // The walk bites.
  const Json good = ours(recorded.at("messages").at(28));
  const auto spoilt = [&](const char* pointer, const Json& value) {
    Json body = good;
    body[Json::json_pointer(pointer)] = value;
    return faults(body).size();
  };
  CHECK(faults(good).empty());
  CHECK(spoilt("/message/tokens", "x") == 1);
  CHECK(spoilt("/message/data/n", 7) == 1);
  CHECK(spoilt("/message/android/ttl", 86'400) == 1);
  CHECK(spoilt("/message/android/ttl", "86400") == 1);
  CHECK(spoilt("/message/android/priority", "URGENT") == 1);
  CHECK(spoilt("/message/android/notification/notification_count", "3") == 1);
  CHECK(spoilt("/message/android/notification/notification_count", 4'000'000'000) == 1);
  CHECK(spoilt("/message/android/notification/vibrate", true) == 1);
}

TEST_CASE("fcm: 30 messages equal what Google's own client sends", "[fcm]") {
  const Json recorded = fixture("recorded.json");
  CAPTURE(recorded.at("client").get<std::string>());
  REQUIRE(recorded.at("messages").size() == 30);
  for (const Json& message : recorded.at("messages")) {
    CAPTURE(message.at("name").get<std::string>());
    const Json built = ours(message);
    CHECK(normalised(built) == normalised(message.at("sent")));
    CHECK(normalised(built) == built);  // our own spelling is the normal one
  }
}
