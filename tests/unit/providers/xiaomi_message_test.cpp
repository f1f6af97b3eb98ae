#include <catch2/catch.hpp>

#include "core/text.h"
#include "core/uuid.h"
#include "providers/form_field.h"
#include "providers/notify_id.h"
#include "providers/text_fit.h"
#include "providers/xiaomi/limits.h"
#include "providers/xiaomi/message.h"

using namespace nightpost;
using xiaomi::message_fields;
using xiaomi::Profile;

namespace {

Profile profile() { return {.package = "com.example.im"}; }

Notification notification() {
  Notification n;
  n.title = "张三";
  n.body = "晚上一起吃饭？ & more";
  n.sound = "default";
  n.collapse_id = "c1";
  n.sent_at = wall_from_ms(1'735'689'600'000);
  n.expires_at = n.sent_at + std::chrono::hours(2);
  return n;
}

std::string fields(const Profile& p, const Notification& n) {
  const auto made = message_fields(p, n);
  if (!made) FAIL(made.error().detail);
  return *made;
}

std::optional<std::string> field(const Profile& p, const Notification& n, std::string_view name) {
  return form_field(fields(p, n), name);
}

std::string refusal(const Profile& p, const Notification& n) {
  const auto made = message_fields(p, n);
  if (made) FAIL("accepted: " << *made);
  CHECK(made.error().code == Errc::Malformed);
  return made.error().detail;
}

}  // namespace

// Spec §2.9 example 1; ours leaves notify_foreground to the phone, asks for all receipts and adds jobkey and ext.
TEST_CASE("xiaomi message: the vendor's example, byte for byte", "[xiaomi]") {
  Profile p = profile();
  p.own.id = "104086";
  p.click = {Click::Kind::Page, "intent:#Intent;component=com.example.im/.ChatActivity;S.conv=g_42;end"};
  p.receipt_url = "https://push.example.com/cb/xiaomi";
  Notification n = notification();
  n.ext = R"({"conv":"g_42","seq":1001})";
  n.receipt_tag = "m-1001";
  n.expires_at = n.sent_at + std::chrono::hours(24);
  CHECK(fields(p, n) ==
        "&restricted_package_name=com.example.im&pass_through=0&title=%E5%BC%A0%E4%B8%89&description=%E6%99%9A%E4%B8%8A"
        "%E4%B8%80%E8%B5%B7%E5%90%83%E9%A5%AD%EF%BC%9F+%26+more&notify_type=-1&notify_id=" +
            std::to_string(notify_id("c1")) +
            "&time_to_live=86400000&payload=%7B%22conv%22%3A%22g_42%22%2C%22seq%22%3A1001%7D&extra.channel_id=104086"
            "&extra.notify_effect=2&extra.intent_uri=intent%3A%23Intent%3Bcomponent%3Dcom.example.im%2F.ChatActivity"
            "%3BS.conv%3Dg_42%3Bend&extra.jobkey=" +
            hex_of({"c1"}).substr(0, 20) +
            "&extra.callback=https%3A%2F%2Fpush.example.com%2Fcb%2Fxiaomi&extra.callback.param=m-1001"
            "&extra.callback.type=1267&extra.ext=%7B%22conv%22%3A%22g_42%22%2C%22seq%22%3A1001%7D");
}

TEST_CASE("xiaomi message: the least there is", "[xiaomi]") {
  Notification n = notification();
  n.title = "A";
  n.body = "b";
  n.expires_at = {};
  CHECK(fields(profile(), n) ==
        "&restricted_package_name=com.example.im&pass_through=0&title=A&description=b&notify_type=-1&notify_id=" +
            std::to_string(notify_id("c1")) + "&extra.notify_effect=1&extra.jobkey=" + hex_of({"c1"}).substr(0, 20));
}

TEST_CASE("xiaomi message: texts are cut at the vendor's characters, blank ones are not sent", "[xiaomi]") {
  const auto repeated = [](std::string_view what, int count) {
    std::string out;
    for (int i = 0; i < count; ++i) out += what;
    return out;
  };
  Notification n = notification();
  n.title = repeated("消", 49);
  n.body = repeated("x", 127);
  CHECK(field(profile(), n, "title") == n.title);
  CHECK(field(profile(), n, "description") == n.body);
  n.title += "消";
  n.body += "x";
  CHECK(field(profile(), n, "title") == repeated("消", 48) + "…");
  CHECK(field(profile(), n, "description") == repeated("x", 126) + "…");
  n.title = repeated("x", 47) + "😀😀";  // 51 units: no half of a pair stays
  CHECK(field(profile(), n, "title") == repeated("x", 47) + "…");
  n.title = repeated("x", 40) + "👨‍👩‍👧‍👦y";  // the family is 11 units and stays whole or goes
  CHECK(field(profile(), n, "title") == repeated("x", 40) + "…");

  n = notification();
  n.title = "a\nb\x07\tc";
  n.body = "1\n2\x1b\xc2\x85";
  CHECK(field(profile(), n, "title") == "a b c");
  CHECK(field(profile(), n, "description") == "1\n2");
  n.title = " \xe3\x80\x80\n";
  CHECK(refusal(profile(), n).find("title") != std::string::npos);
  Profile named = profile();
  named.app_name = "Example";
  CHECK(field(named, n, "title") == "Example");
  n.body = "\xe2\x80\x8b ";  // a zero-width space and a blank
  CHECK(refusal(named, n).find("text is blank") != std::string::npos);
}

TEST_CASE("xiaomi message: life in ms, as long as the class allows", "[xiaomi]") {
  struct Row {
    const char* name;
    const char* event_channel;
    bool is_private;
    seconds life;
    const char* want;
  };
  const Row row = GENERATE(values<Row>({
      {"an hour", "", false, seconds(3600), "3600000"},
      {"public: a day", "", false, seconds(900'000), "86400000"},
      {"private: ten days", "", true, seconds(900'000), "864000000"},
      {"the event names the same class", "7", true, seconds(900'000), "864000000"},
      {"the event names another", "8", true, seconds(900'000), "86400000"},
      {"past", "", false, seconds(-5), "1000"},
  }));
  CAPTURE(row.name);
  Profile p = profile();
  p.own.id = "7";
  p.own.is_private = row.is_private;
  Notification n = notification();
  n.expires_at = n.sent_at + row.life;
  if (*row.event_channel != '\0') n.extras = {{"xiaomi.channel", row.event_channel}, {"oppo.channel", "x"}};
  CHECK(field(p, n, "time_to_live") == row.want);
  CHECK(field(p, n, "extra.channel_id") == (*row.event_channel != '\0' ? row.event_channel : "7"));
}

TEST_CASE("xiaomi message: sound and silence", "[xiaomi]") {
  struct Row {
    const char* name;
    std::optional<std::string> sound;
    const char* type;
    std::optional<std::string> uri;
  };
  const Row row = GENERATE(values<Row>({
      {"silent", std::nullopt, "4", std::nullopt},
      {"default", "default", "-1", std::nullopt},
      {"a file", "ding_2.caf", "-1", "android.resource://com.example.im/raw/ding_2"},
      {"no extension", "ding", "-1", "android.resource://com.example.im/raw/ding"},
      {"no name for a resource", "../Ding.ogg", "-1", std::nullopt},
      {"nothing", "", "-1", std::nullopt},
      {"only an extension", ".ogg", "-1", std::nullopt},
  }));
  CAPTURE(row.name);
  Notification n = notification();
  n.sound = row.sound;
  CHECK(field(profile(), n, "notify_type") == row.type);
  CHECK(field(profile(), n, "extra.sound_uri") == row.uri);
}

TEST_CASE("xiaomi message: what a tap does", "[xiaomi]") {
  Profile p = profile();
  Notification n = notification();
  n.ext = "e";
  CHECK(field(p, n, "extra.notify_effect") == "1");
  CHECK_FALSE(field(p, n, "extra.web_uri"));
  CHECK(field(p, n, "payload") == "e");
  CHECK(field(p, n, "extra.ext") == "e");
  p.click = {Click::Kind::Web, "https://example.com/p?a=1&b=2"};
  CHECK(field(p, n, "extra.notify_effect") == "3");
  CHECK(field(p, n, "extra.web_uri") == "https://example.com/p?a=1&b=2");
  CHECK_FALSE(field(p, n, "payload"));  // the app is not opened: nobody is there to read it
  CHECK_FALSE(field(p, n, "extra.ext"));
}

TEST_CASE("xiaomi message: a blank ext, which Xiaomi refuses, is as good as none", "[xiaomi]") {
  Notification n = notification();
  n.ext = GENERATE(" ", "\n\t", "\u3000");
  CHECK_FALSE(field(profile(), n, "payload"));
  CHECK_FALSE(field(profile(), n, "extra.ext"));
}

TEST_CASE("xiaomi message: ext is whole, or fetched by its reference", "[xiaomi]") {
  Notification n = notification();
  n.ext = std::string(1024, 'x');
  CHECK(field(profile(), n, "extra.ext") == n.ext);
  n.ext += 'x';  // too long for a pair: the payload alone has it
  CHECK_FALSE(field(profile(), n, "extra.ext"));
  CHECK(field(profile(), n, "payload") == n.ext);
  n.ext = std::string(4095, 'x');
  CHECK(field(profile(), n, "payload") == n.ext);
  n.ext += 'x';
  CHECK(field(profile(), n, "payload") == R"({"ref":"c1"})");
  n.collapse_id.clear();
  CHECK(refusal(profile(), n).find("ext is 4096 characters") != std::string::npos);
}

TEST_CASE("xiaomi message: never more extra pairs than ten", "[xiaomi]") {
  Profile p = profile();
  p.own.id = "7";
  p.own.template_id = "P1";
  p.own.template_title = "who";
  p.own.template_body = "what";
  p.receipt_url = "https://example.com/r";
  p.click = {Click::Kind::Page, "intent:#Intent;end"};
  Notification n = notification();
  n.receipt_tag = "t";
  n.ext = "e";
  n.sound = "ding.ogg";
  n.body = "ok 👍🏽!";
  const std::string form = fields(p, n);
  std::size_t pairs = 0;
  for (std::size_t at = 0; (at = form.find("&extra.", at)) != std::string::npos; ++at) ++pairs;
  CHECK(pairs == 10);
  CHECK(form_field(form, "payload") == "e");
  CHECK(form_field(form, "extra.ext") == "e");
  CHECK_FALSE(form_field(form, "extra.sound_uri"));
  CHECK(form_field(form, "extra.template_id") == "P1");
  CHECK(form_field(form, "extra.template_param") == R"({"who":"张三","what":"ok *!"})");
  n.extras = {{"xiaomi.channel", "8"}};  // another class: the template is not its
  CHECK_FALSE(field(p, n, "extra.template_id"));
  n.extras = {{"xiaomi.channel", std::string(1025, 'c')}};
  CHECK(refusal(p, n).find("extra pairs") != std::string::npos);
}

TEST_CASE("xiaomi message: an event's own class goes with what is configured for it", "[xiaomi]") {
  Profile p = profile();
  p.own = {.id = "7", .is_private = true, .template_id = "P1", .template_body = "what"};
  p.others = *xiaomi::channels_in("order=private,P2,who,text; news=public");
  Notification n = notification();
  n.expires_at = n.sent_at + std::chrono::days(30);
  struct Row {
    const char* channel;
    std::optional<std::string> template_id, param;
    const char* life;
  };
  const Row row = GENERATE(values<Row>({
      {"7", "P1", R"({"what":"晚上一起吃饭？ & more"})", "864000000"},
      {"order", "P2", R"({"who":"张三","text":"晚上一起吃饭？ & more"})", "864000000"},
      {"news", std::nullopt, std::nullopt, "86400000"},
      {"of nobody", std::nullopt, std::nullopt, "86400000"},
  }));
  CAPTURE(row.channel);
  n.extras = {{"xiaomi.channel", row.channel}};
  CHECK(field(p, n, "extra.channel_id") == row.channel);
  CHECK(field(p, n, "extra.template_id") == row.template_id);
  CHECK(field(p, n, "extra.template_param") == row.param);
  CHECK(field(p, n, "time_to_live") == row.life);
}

TEST_CASE("xiaomi message: equal attempts carry equal ids, unequal messages do not", "[xiaomi]") {
  Notification n = notification();
  const std::string first = fields(profile(), n);
  CHECK(fields(profile(), n) == first);
  n.collapse_id = "c2";
  CHECK(fields(profile(), n) != first);
  n.collapse_id.clear();
  n.push_id = "p1";
  CHECK(field(profile(), n, "notify_id") == std::to_string(notify_id("p1")));
  CHECK(field(profile(), n, "extra.jobkey")->size() == 20);
}
