#include "sandbox/meizu_message.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

namespace nightpost::sandbox::meizu {
namespace {

using nlohmann::json;

std::string repeated(std::string_view text, int times) {
  std::string out;
  while (times-- > 0) out += text;
  return out;
}

/// The published message with `changes` merged in; null removes.
std::optional<std::string> fault(const json& changes) {
  json value = json::parse(R"({"noticeBarInfo":{"noticeMsgType":1,"noticeBarType":0,"title":"张三","content":"吃饭？"},
    "noticeExpandInfo":{"noticeExpandType":0},"clickTypeInfo":{"clickType":1,"activity":"com.example.im.ChatActivity",
    "parameters":{"conv":"g_42","seq":"1001"}},"pushTimeInfo":{"offLine":1,"validTime":24},"advanceInfo":{
    "clearNoticeBar":1,"notificationType":{"vibrate":1,"lights":1,"sound":1},"notifyKey":"c2_42"},"extra":{
    "callback":"https://push.example.com/cb/meizu","callback.param":"m-1001","callback.type":"3"}})");
  value.merge_patch(changes);
  simdjson::dom::parser parser;
  Message message;
  return message_fault(value.dump(), parser, message);
}

TEST_CASE("meizu message: good ones", "[sandbox][meizu]") {
  const json changes = GENERATE(values<json>({
      json::object(),
      {{"noticeBarInfo", {{"title", repeated("张", 32)}, {"content", repeated("张", 100)}, {"noticeBarType", 2}}}},
      {{"noticeExpandInfo", {{"noticeExpandType", 1}, {"noticeExpandContent", "more"}}}},
      {{"clickTypeInfo", {{"clickType", 0}, {"activity", nullptr}}}},
      {{"clickTypeInfo", {{"clickType", 2}, {"url", "myapp://chat/42"}}}},
      {{"pushTimeInfo", {{"offLine", false}, {"validTime", nullptr}}}},
      {{"pushTimeInfo", {{"validTime", 72}}}},
      {{"advanceInfo", {{"notificationType", {{"sound", false}}}}}},
      {{"extra", {{"callback.type", 1}}}},
      {{"vipInfo", {{"subtitle", "a"}, {"timeTop", 1800}, {"titleColor", "#206CFF"}}}},
      {{"advanceInfo", nullptr}, {"clickTypeInfo", nullptr}, {"pushTimeInfo", nullptr}, {"extra", nullptr}},
  }));
  CAPTURE(changes.dump());
  CHECK(fault(changes).value_or("") == "");
}

TEST_CASE("meizu message: faults", "[sandbox][meizu]") {
  struct Row {
    json changes;
    const char* path;
  };
  const Row row = GENERATE(values<Row>({
      {{{"title", "a"}}, "$.title"},
      {{{"noticeBarInfo", nullptr}}, "$.noticeBarInfo.title"},
      {{{"noticeBarInfo", "a"}}, "$.noticeBarInfo"},
      {{{"noticeBarInfo", {{"title", nullptr}}}}, "$.noticeBarInfo.title"},
      {{{"noticeBarInfo", {{"title", " "}}}}, "$.noticeBarInfo.title"},
      {{{"noticeBarInfo", {{"title", repeated("张", 33)}}}}, "$.noticeBarInfo.title"},
      {{{"noticeBarInfo", {{"title", repeated("😀", 17)}}}}, "$.noticeBarInfo.title"},
      {{{"noticeBarInfo", {{"content", ""}}}}, "$.noticeBarInfo.content"},
      {{{"noticeBarInfo", {{"content", repeated("a", 101)}}}}, "$.noticeBarInfo.content"},
      {{{"noticeBarInfo", {{"noticeMsgType", 2}}}}, "$.noticeBarInfo.noticeMsgType"},
      {{{"noticeBarInfo", {{"noticeBarType", 1}}}}, "$.noticeBarInfo.noticeBarType"},
      {{{"noticeBarInfo", {{"channel", "a"}}}}, "$.noticeBarInfo.channel"},
      {{{"noticeExpandInfo", {{"noticeExpandType", 1}}}}, "$.noticeExpandInfo.noticeExpandContent"},
      {{{"noticeExpandInfo", {{"noticeExpandType", 2}}}}, "$.noticeExpandInfo.noticeExpandImgUrl"},
      {{{"noticeExpandInfo", {{"noticeExpandType", 3}}}}, "$.noticeExpandInfo.noticeExpandType"},
      {{{"clickTypeInfo", {{"clickType", 4}}}}, "$.clickTypeInfo.clickType"},
      {{{"clickTypeInfo", {{"clickType", "1"}}}}, "$.clickTypeInfo.clickType"},
      {{{"clickTypeInfo", {{"activity", nullptr}}}}, "$.clickTypeInfo.activity"},
      {{{"clickTypeInfo", {{"clickType", 2}}}}, "$.clickTypeInfo.url"},
      {{{"clickTypeInfo", {{"clickType", 2}, {"url", repeated("x", 1001)}}}}, "$.clickTypeInfo.url"},
      {{{"clickTypeInfo", {{"clickType", 3}}}}, "$.clickTypeInfo.customAttribute"},
      {{{"clickTypeInfo", {{"parameters", {{"seq", 1001}}}}}}, "$.clickTypeInfo.parameters"},
      {{{"clickTypeInfo", {{"parameters", "{}"}}}}, "$.clickTypeInfo.parameters"},
      {{{"pushTimeInfo", {{"offLine", 2}}}}, "$.pushTimeInfo.offLine"},
      {{{"pushTimeInfo", {{"validTime", 0}}}}, "$.pushTimeInfo.validTime"},
      {{{"pushTimeInfo", {{"validTime", 73}}}}, "$.pushTimeInfo.validTime"},
      {{{"pushTimeInfo", {{"validTime", "24"}}}}, "$.pushTimeInfo.validTime"},
      {{{"advanceInfo", {{"notifyKey", "123456789"}}}}, "$.advanceInfo.notifyKey"},
      {{{"advanceInfo", {{"notifyKey", "a b"}}}}, "$.advanceInfo.notifyKey"},
      {{{"advanceInfo", {{"notificationType", {{"sound", "1"}}}}}}, "$.advanceInfo.notificationType.sound"},
      {{{"extra", {{"callback", "https://" + repeated("a", 121)}}}}, "$.extra.callback"},
      {{{"extra", {{"callback", "push.example.com"}}}}, "$.extra.callback"},
      {{{"extra", {{"callback.param", repeated("张", 22)}}}}, "$.extra.callback.param"},
      {{{"extra", {{"callback.type", 4}}}}, "$.extra.callback.type"},
      {{{"extra", {{"callback.type", "0"}}}}, "$.extra.callback.type"},
      {{{"extra", {{"callback.type", true}}}}, "$.extra.callback.type"},
      {{{"vipInfo", {{"titleColor", "#000000"}}}}, "$.vipInfo.titleColor"},
      {{{"vipInfo", {{"timeTop", 1799}}}}, "$.vipInfo.timeTop"},
  }));
  CAPTURE(row.changes.dump());
  const std::string found = fault(row.changes).value_or("none");
  CHECK(found.substr(0, found.find(": ")) == row.path);
}

TEST_CASE("meizu message: what receipts want, and what is no message", "[sandbox][meizu]") {
  simdjson::dom::parser parser;
  const auto read = [&](const std::string& extra) {
    Message message;
    CHECK_FALSE(
        message_fault(R"({"noticeBarInfo":{"title":"a","content":"b"},"extra":)" + extra + "}", parser, message));
    return std::pair(std::string(message.parameter), message.reports_delivery);
  };
  CHECK(read("{}") == std::pair(std::string(), false));
  CHECK(read(R"({"callback":"https://a.b","callback.param":"p"})") == std::pair(std::string("p"), true));
  CHECK(read(R"({"callback":"https://a.b","callback.type":2})") == std::pair(std::string(), false));
  Message message;
  for (const char* text : {"", "{", "[]", "null", "\"a\"", R"({"noticeBarInfo":{"title":"a","content":"b"}} x)"})
    CHECK(message_fault(text, parser, message) == "$: not a JSON object");
}

}  // namespace
}  // namespace nightpost::sandbox::meizu
