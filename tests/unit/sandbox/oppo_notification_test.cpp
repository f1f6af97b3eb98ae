#include "sandbox/oppo_notification.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

namespace nightpost::sandbox::oppo {
namespace {

using nlohmann::json;

std::string repeated(std::string_view text, int times) {
  std::string out;
  while (times-- > 0) out += text;
  return out;
}

/// The published notification with `changes` merged in; null removes.
json notification(const json& changes) {
  json value = json::parse(R"({"app_message_id":"m-1001","style":1,"title":"张三","content":"晚上一起吃饭？",
    "click_action_type":4,"click_action_activity":"com.example.im.ChatActivity","action_parameters":"{\"conv\":\"g_42\"}",
    "off_line":true,"off_line_ttl":86400,"channel_id":"im_message","category":"IM","notify_level":16,
    "notify_id":1734829,"call_back_url":"https://push.example.com/cb/oppo","call_back_parameter":"m-1001"})");
  value.merge_patch(changes);
  return value;
}

Refusal judged(const json& value, bool saved = false) {
  const std::string text = value.dump();
  simdjson::dom::parser parser;
  Seen seen;
  return judge_notification(values_of(parser.parse(text).get_object()), saved, seen);
}

TEST_CASE("oppo notification: good ones", "[sandbox][oppo]") {
  struct Row {
    const char* name;
    json changes;
  };
  const Row row = GENERATE(values<Row>({
      {"the example's", json::object()},
      {"title of 50", {{"title", repeated("张", 50)}}},
      {"content of 50", {{"content", repeated("张", 50)}}},
      {"long style of 128", {{"style", 2}, {"content", repeated("张", 128)}}},
      {"sub_title of 10", {{"sub_title", repeated("a", 10)}}},
      {"not offline", {{"off_line", false}}},
      {"a lifetime that is clipped", {{"off_line_ttl", 1'000'000}}},
      {"opens the app", {{"click_action_type", 0}, {"click_action_activity", nullptr}}},
      {"web page", {{"click_action_type", 2}, {"click_action_url", "https://example.com"}}},
      {"intent", {{"click_action_type", 5}, {"click_action_url", "intent:#Intent;end"}}},
      {"category alone", {{"notify_level", nullptr}}},
      {"neither class", {{"notify_level", nullptr}, {"category", nullptr}}},
      {"window", {{"show_time_type", 1}, {"show_start_time", 1}, {"show_end_time", 2}}},
      {"badge", {{"badge_operation_type", 1}, {"badge_message_count", 1}}},
      {"template", {{"private_msg_template_id", "t1"}, {"private_title_parameters", R"({"a":"b"})"}}},
      {"template by an object", {{"private_msg_template_id", "t1"}, {"private_title_parameters", {{"a", "b"}}}}},
      {"audit", {{"auditResponse", {1, 2}}}},
      {"parameter of 100", {{"call_back_parameter", repeated("x", 100)}}},
  }));
  CAPTURE(row.name);
  const Refusal refusal = judged(notification(row.changes));
  CAPTURE(refusal.detail);
  CHECK(refusal.code == 0);
}

TEST_CASE("oppo notification: refused ones", "[sandbox][oppo]") {
  struct Row {
    const char* name;
    json changes;
    int code;
  };
  const Row row = GENERATE(values<Row>({
      {"no title", {{"title", nullptr}}, 40},
      {"blank title", {{"title", " "}}, 40},
      {"title of 51", {{"title", repeated("张", 51)}}, 41},
      {"title a number", {{"title", 1}}, 41},
      {"no content", {{"content", nullptr}}, 40},
      {"content of 51", {{"content", repeated("a", 51)}}, 41},
      {"content of 26 emoji", {{"content", repeated("😀", 26)}}, 41},
      {"long style of 129", {{"style", 2}, {"content", repeated("a", 129)}}, 41},
      {"style 0", {{"style", 0}}, 41},
      {"style 4", {{"style", 4}}, 41},
      {"style as text", {{"style", "1"}}, 41},
      {"picture to one", {{"style", 3}, {"big_picture_id", "p"}}, 41},
      {"sub_title of 11", {{"sub_title", repeated("a", 11)}}, 41},
      {"click 3", {{"click_action_type", 3}}, 41},
      {"click 6", {{"click_action_type", 6}}, 41},
      {"click 1 without action", {{"click_action_type", 1}, {"click_action_activity", nullptr}}, 40},
      {"click 4 with a blank class", {{"click_action_activity", " "}}, 40},
      {"click 2 without address", {{"click_action_type", 2}}, 40},
      {"click 5 without address", {{"click_action_type", 5}}, 40},
      {"click 2 with no web address", {{"click_action_type", 2}, {"click_action_url", "myapp://x"}}, 41},
      {"activity of 501", {{"click_action_activity", repeated("a", 501)}}, 41},
      {"url of 2001", {{"click_action_type", 5}, {"click_action_url", repeated("a", 2001)}}, 41},
      {"parameters as an object", {{"action_parameters", {{"conv", "g_42"}}}}, 41},
      {"parameters as a list", {{"action_parameters", "[1]"}}, 41},
      {"parameters no JSON", {{"action_parameters", "conv=g_42"}}, 41},
      {"parameters too long", {{"action_parameters", "{\"a\":\"" + repeated("x", 3993) + "\"}"}}, 41},
      {"off_line as a number", {{"off_line", 1}}, 41},
      {"off_line as text", {{"off_line", "true"}}, 41},
      {"negative lifetime", {{"off_line_ttl", -1}}, 41},
      {"lifetime with a fraction", {{"off_line_ttl", 1.5}}, 41},
      {"unknown category", {{"category", "CHAT"}}, 67},
      {"lower-case category", {{"category", "im"}}, 67},
      {"level 3", {{"notify_level", 3}}, 67},
      {"level 0", {{"notify_level", 0}}, 67},
      {"level without category", {{"category", nullptr}}, 67},
      {"notify_id beyond 31 bits", {{"notify_id", 2147483648}}, 41},
      {"network_type 2", {{"network_type", 2}}, 41},
      {"show_ttl beyond a day", {{"show_ttl", 86401}}, 41},
      {"window without end", {{"show_time_type", 1}, {"show_start_time", 1}}, 40},
      {"window that ends first", {{"show_time_type", 1}, {"show_start_time", 2}, {"show_end_time", 2}}, 41},
      {"sending time to one", {{"push_time_type", 1}}, 41},
      {"fix_speed_rate 999", {{"fix_speed_rate", 999}}, 41},
      {"callback of 201", {{"call_back_url", "https://" + repeated("a", 193)}}, 41},
      {"callback no address", {{"call_back_url", "push.example.com"}}, 41},
      {"parameter of 101", {{"call_back_parameter", repeated("x", 101)}}, 41},
      {"template parameters alone", {{"private_title_parameters", R"({"a":"b"})"}}, 54},
      {"empty template parameters", {{"private_msg_template_id", "t"}, {"private_content_parameters", "{}"}}, 41},
      {"template parameters no JSON", {{"private_msg_template_id", "t"}, {"private_content_parameters", "a"}}, 41},
      {"badge_operation_type 2", {{"badge_operation_type", 2}}, 41},
      {"camelCase", {{"appMessageId", "m"}}, 41},
      {"a client's own field", {{"registration_ids", {"a"}}}, 41},
  }));
  CAPTURE(row.name);
  const Refusal refusal = judged(notification(row.changes));
  CAPTURE(refusal.detail);
  CHECK(refusal.code == row.code);
  CHECK_FALSE(refusal.detail.empty());
}

TEST_CASE("oppo notification: in a form all is text", "[sandbox][oppo]") {
  const auto judged_form = [](std::vector<std::pair<std::string_view, std::string_view>> changes) {
    std::vector<Value> values = {{.name = "title", .text = "版本更新"}, {.name = "content", .text = "新版本已发布"}};
    for (const auto& [name, text] : changes) values.push_back({.name = name, .text = text});
    Seen seen;
    return judge_notification(values, true, seen).code;
  };
  CHECK(judged_form({}) == 0);
  CHECK(judged_form({{"off_line", "true"}, {"off_line_ttl", "86400"}, {"category", "NEWS"}, {"notify_level", "1"}}) ==
        0);
  CHECK(judged_form({{"style", "3"}, {"big_picture_id", "p"}}) == 0);
  CHECK(judged_form({{"push_time_type", "1"}, {"push_start_time", "1"}}) == 0);
  CHECK(judged_form({{"style", "3"}}) == 40);
  CHECK(judged_form({{"off_line", "1"}}) == 41);
  CHECK(judged_form({{"off_line_ttl", "1h"}}) == 41);
  CHECK(judged_form({{"title", "again"}}) == 41);
  CHECK(judged_form({{"target_value", "a"}}) == 41);
  CHECK(judged_form({{"callback", "function () {}"}}) == 41);
}

TEST_CASE("oppo notification: null and nested members have a wrong type", "[sandbox][oppo]") {
  const auto judged_text = [](const std::string& text) {
    simdjson::dom::parser parser;
    Seen seen;
    return judge_notification(values_of(parser.parse(text).get_object()), false, seen).code;
  };
  CHECK(judged_text(R"({"title":null,"content":"a"})") == 41);
  CHECK(judged_text(R"({"title":"a","content":["a"]})") == 41);
  CHECK(judged_text(R"({"title":"a","title":"b","content":"a"})") == 41);
}

}  // namespace
}  // namespace nightpost::sandbox::oppo
