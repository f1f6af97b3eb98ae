#include "sandbox/xiaomi_message.h"

#include <catch2/catch.hpp>

namespace nightpost::sandbox::xiaomi {
namespace {

constexpr WallTime kNow{milliseconds{1'795'225'887'405}};
const App kApp{.package = "com.example.im", .channels = {{"104086", false}, {"7", true}}};

using Changes = std::vector<std::pair<std::string, std::string>>;

/// A good message with these fields set; "-name" leaves one out, "+name" adds a second one.
Refusal judged(const Changes& changes, Context context = {.app = &kApp, .now = kNow}) {
  Changes fields = {{"restricted_package_name", "com.example.im"},
                    {"pass_through", "0"},
                    {"title", "张三"},
                    {"description", "晚上一起吃饭？ & more"},
                    {"notify_type", "-1"},
                    {"notify_id", "1734829"},
                    {"time_to_live", "86400000"},
                    {"payload", R"({"conv":"g_42"})"},
                    {"extra.channel_id", "104086"}};
  for (const auto& [name, value] : changes) {
    if (name[0] == '+') {
      fields.emplace_back(name.substr(1), value);
      continue;
    }
    std::erase_if(fields, [&](const auto& field) { return field.first == (name[0] == '-' ? name.substr(1) : name); });
    if (name[0] != '-') fields.emplace_back(name, value);
  }
  const std::vector<FormFields::Field> views(fields.begin(), fields.end());
  return judge_message(views, context);
}

std::string repeated(std::string_view text, int times) {
  std::string out;
  while (times-- > 0) out += text;
  return out;
}

Changes pairs(int count, std::string_view value = "v") {
  Changes out;
  for (int i = 0; i < count; ++i) out.emplace_back("extra.k" + std::to_string(i), value);
  return out;
}

TEST_CASE("xiaomi message: good ones", "[sandbox][xiaomi]") {
  struct Row {
    const char* name;
    Changes changes;
  };
  const Row row = GENERATE(values<Row>({
      {"the example's", {}},
      {"title of 49", {{"title", repeated("张", 49)}}},
      {"description of 127", {{"description", repeated("张", 127)}}},
      {"payload of 4095", {{"payload", repeated("x", 4095)}}},
      {"notify_id 0", {{"notify_id", "0"}}},
      {"notify_id 2^31-1", {{"notify_id", "2147483647"}}},
      {"only what is needed", {{"-pass_through", ""}, {"-notify_type", ""}, {"-notify_id", ""}, {"-payload", ""}}},
      {"private for ten days", {{"time_to_live", "864000000"}}},
      {"in a week", {{"time_to_send", std::to_string(to_ms(kNow) + 604'800'000)}}},
      {"several packages", {{"restricted_package_name", "com.other,com.example.im"}}},
      {"the package twice", {{"+restricted_package_name", "com.other"}}},
      {"ten pairs with the channel", pairs(9)},
      {"a value of 1024", {{"extra.k", repeated("x", 1024)}}},
      {"click: launcher", {{"extra.notify_effect", "1"}}},
      {"click: component",
       {{"extra.notify_effect", "2"}, {"extra.intent_uri", "intent:#Intent;component=com.example.im/.Chat;end"}}},
      {"click: page", {{"extra.notify_effect", "3"}, {"extra.web_uri", "https://example.com"}}},
      {"all receipts", {{"extra.callback.type", "1267"}, {"extra.callback", "https://push.example.com/cb"}}},
      {"callback.param of 256", {{"extra.callback.param", repeated("x", 256)}}},
      {"jobkey", {{"extra.jobkey", "a-B_9"}}},
      {"template", {{"extra.template_id", "P1"}, {"extra.template_param", R"({"name":"张三"})"}}},
      {"a key of the app's own", {{"extra.conv", "g_42"}}},
  }));
  CAPTURE(row.name);
  const Refusal refusal = judged(row.changes, {.app = &kApp, .many_packages = true, .now = kNow});
  CAPTURE(refusal.detail);
  CHECK(refusal.code == 0);
}

TEST_CASE("xiaomi message: refused ones", "[sandbox][xiaomi]") {
  struct Row {
    const char* name;
    Changes changes;
    int code;
  };
  const Row row = GENERATE(values<Row>({
      {"no package", {{"-restricted_package_name", ""}}, 10016},
      {"empty package", {{"restricted_package_name", ""}}, 10017},
      {"a package that is none", {{"restricted_package_name", "com example"}}, 10017},
      {"two packages to v2", {{"restricted_package_name", "com.example.im,com.other"}}, 10017},
      {"another app's package", {{"restricted_package_name", "com.other"}}, 22022},
      {"no title", {{"-title", ""}}, 10016},
      {"empty title", {{"title", ""}}, 10017},
      {"blank title", {{"title", " \u3000\n"}}, 10017},
      {"title of 50", {{"title", repeated("张", 50)}}, 65009},
      {"title of 25 emoji", {{"title", repeated("😀", 25)}}, 65009},
      {"title twice", {{"+title", "b"}}, 10017},
      {"no description", {{"-description", ""}}, 10016},
      {"blank description", {{"description", "  "}}, 10017},
      {"description of 128", {{"description", repeated("a", 128)}}, 65009},
      {"blank payload", {{"payload", " "}}, 10017},
      {"payload of 4096", {{"payload", repeated("x", 4096)}}, 65009},
      {"pass-through", {{"pass_through", "1"}}, 10005},
      {"pass_through 2", {{"pass_through", "2"}}, 10017},
      {"pass_through true", {{"pass_through", "true"}}, 10017},
      {"notify_type 8", {{"notify_type", "8"}}, 10017},
      {"notify_type -2", {{"notify_type", "-2"}}, 10017},
      {"notify_id -1", {{"notify_id", "-1"}}, 22103},
      {"notify_id in ms", {{"notify_id", "1795225887405"}}, 22103},
      {"notify_id text", {{"notify_id", "abc"}}, 22103},
      {"time_to_live with unit", {{"time_to_live", "1d"}}, 10017},
      {"time_to_live -1", {{"time_to_live", "-1"}}, 10017},
      {"private above ten days", {{"time_to_live", "864000001"}}, 10017},
      {"public above a day", {{"extra.channel_id", "7"}, {"time_to_live", "86400001"}}, 10017},
      {"no channel above a day", {{"-extra.channel_id", ""}, {"time_to_live", "86400001"}}, 10017},
      {"sent in eight days", {{"time_to_send", std::to_string(to_ms(kNow) + 691'200'000)}}, 10017},
      {"sent at a date", {{"time_to_send", "2026-11-21"}}, 10017},
      {"bare channel_id", {{"channel_id", "104086"}}, 10017},
      {"a misspelt field", {{"refgistration_id", "mi-reg-0001"}}, 10017},
      {"foreign channel", {{"extra.channel_id", "999"}}, 27001},
      {"empty channel", {{"extra.channel_id", ""}}, 27001},
      {"eleven pairs", pairs(10), 65014},
      {"a pair twice", {{"+extra.channel_id", "104086"}}, 10017},
      {"a value of 1025", {{"extra.k", repeated("x", 1025)}}, 65015},
      {"a key of 1025", {{"extra." + repeated("k", 1025), "v"}}, 65015},
      {"pairs of 2048 together", {{"extra.a", repeated("x", 1016)}, {"extra.b", repeated("x", 1014)}}, 65015},
      {"notify_foreground yes", {{"extra.notify_foreground", "yes"}}, 10017},
      {"only_send_once 2", {{"extra.only_send_once", "2"}}, 10017},
      {"flow_control fast", {{"extra.flow_control", "fast"}}, 10017},
      {"notify_effect 4", {{"extra.notify_effect", "4"}}, 10017},
      {"component without intent", {{"extra.notify_effect", "2"}}, 10016},
      {"intent that is none", {{"extra.notify_effect", "2"}, {"extra.intent_uri", "com.example.im/.Chat"}}, 10017},
      {"intent without end", {{"extra.notify_effect", "2"}, {"extra.intent_uri", "intent:#Intent;S.a=b"}}, 10017},
      {"page without address", {{"extra.notify_effect", "3"}}, 10016},
      {"page that is none", {{"extra.notify_effect", "3"}, {"extra.web_uri", "myapp://x"}}, 10017},
      {"jobkey of 21", {{"extra.jobkey", repeated("j", 21)}}, 10017},
      {"jobkey with _ first", {{"extra.jobkey", "_a"}}, 10017},
      {"jobkey with a blank", {{"extra.jobkey", "a b"}}, 10017},
      {"callback of 129", {{"extra.callback", "https://a.b/" + repeated("x", 117)}}, 65037},
      {"callback that is no address", {{"extra.callback", "push.example.com/cb"}}, 65038},
      {"callback.param of 257", {{"extra.callback.param", repeated("x", 257)}}, 65036},
      {"a bit counted twice", {{"extra.callback.type", "246"}}, 10017},
      {"callback.type 0", {{"extra.callback.type", "0"}}, 10017},
      {"callback.type as a list", {{"extra.callback.type", "1,2"}}, 10017},
      {"template without id", {{"extra.template_param", "{}"}}, 10016},
      {"template is a list", {{"extra.template_id", "P1"}, {"extra.template_param", "[]"}}, 10017},
      {"template is no JSON", {{"extra.template_id", "P1"}, {"extra.template_param", "{"}}, 10017},
      {"variable is a number", {{"extra.template_id", "P1"}, {"extra.template_param", R"({"a":1})"}}, 10017},
      {"variable is blank", {{"extra.template_id", "P1"}, {"extra.template_param", R"({"a":" "})"}}, 10017},
      {"variable with emoji", {{"extra.template_id", "P1"}, {"extra.template_param", R"({"a":"hi 😀"})"}}, 10017},
      {"variable with a symbol", {{"extra.template_id", "P1"}, {"extra.template_param", R"({"a":"☀"})"}}, 10017},
      {"variable of 129",
       {{"extra.template_id", "P1"}, {"extra.template_param", R"({"a":")" + repeated("x", 129) + R"("})"}},
       10017},
      {"ten variables",
       {{"extra.template_id", "P1"},
        {"extra.template_param",
         R"({"a":"1","b":"1","c":"1","d":"1","e":"1","f":"1","g":"1","h":"1","i":"1","j":"1"})"}},
       10017},
  }));
  CAPTURE(row.name);
  const Refusal refusal = judged(row.changes);
  CAPTURE(refusal.detail);
  CHECK(refusal.code == row.code);
  CHECK_FALSE(refusal.detail.empty());
}

TEST_CASE("xiaomi message: what was not taught is taken on trust with accept_any", "[sandbox][xiaomi]") {
  const Context any{.accept_any = true, .now = kNow};
  CHECK(judged({{"extra.channel_id", "999"}, {"restricted_package_name", "com.other"}}, any).code == 0);
  CHECK(judged({{"pass_through", "1"}}, any).code == 0);
  CHECK(judged({{"pass_through", "1"}, {"-payload", ""}}, any).code == 10016);
  CHECK(judged({{"title", ""}}, any).code == 10017);
  CHECK(judged({{"restricted_package_name", "com.other"}}, {.app = &kApp, .accept_any = true, .now = kNow}).code ==
        22022);
}

}  // namespace
}  // namespace nightpost::sandbox::xiaomi
