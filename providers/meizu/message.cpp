#include "providers/meizu/message.h"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>

#include "core/text.h"
#include "providers/meizu/limits.h"
#include "providers/notify_id.h"
#include "providers/shown_text.h"

namespace nightpost::meizu {
namespace {

using std::int64_t;

constexpr int64_t kOpenApp = 0;
constexpr int64_t kOpenActivity = 1;
constexpr int64_t kOpenUri = 2;
constexpr std::string_view kReceiptTypes = "3";  // delivered and clicked

/// Whole hours, rounded up: a message is rather kept too long than not kept.
int64_t valid_hours(const Notification& n) {
  if (n.expires_at <= WallTime{}) return kValidHoursDefault;
  const auto hours = std::chrono::ceil<std::chrono::hours>(n.expires_at - n.sent_at);
  return std::clamp<int64_t>(hours.count(), kValidHoursMin, kValidHoursMax);
}

void append_click(std::string& json, const Click& click, std::string_view ext) {
  json += R"(,"clickTypeInfo":{)";
  if (click.kind == Click::Kind::App) {
    append_json_member(json, "clickType", kOpenApp);
  } else if (click.kind == Click::Kind::Page && check_class_name(click.target).empty()) {
    append_json_member(json, "clickType", kOpenActivity);
    append_json_member(json, "activity", click.target);
  } else {
    append_json_member(json, "clickType", kOpenUri);
    append_json_member(json, "url", click.target);
  }
  // A web page opens in the browser: the app is not asked and finds no ext.
  if (click.kind != Click::Kind::Web && !ext.empty()) {
    json += R"(,"parameters":{)";
    append_json_member(json, "ext", ext);
    json += '}';
  }
  json += '}';
}

void append_receipts(std::string& json, std::string_view url, std::string_view tag) {
  json += R"(,"extra":{)";
  append_json_member(json, "callback", url);
  if (!tag.empty()) append_json_member(json, "callback.param", tag);
  append_json_member(json, "callback.type", kReceiptTypes);
  json += '}';
}

}  // namespace

Result<Profile> profile_of(const Certificate& certificate) {
  const Settings& settings = certificate.settings;
  Result<Click> click = click_of(settings);
  if (!click) return std::unexpected(std::move(click.error()));
  return Profile{.app_name = std::string(setting(settings, "app_name")),
                 .private_messages = setting(settings, "message_kind") != "public",
                 .receipt_url = std::string(setting(settings, "receipt_url")),
                 .click = *std::move(click)};
}

Result<std::string> message_json(const Profile& profile, const Notification& n) {
  const Result<ShownText> shown = shown_text(n, profile.app_name, kTitleMax, kBodyMax);
  if (!shown) return std::unexpected(shown.error());
  const int64_t rings = n.sound ? 1 : 0;

  std::string json = R"({"noticeBarInfo":{)";
  append_json_member(json, "noticeMsgType", int64_t{is_private(profile, n)});
  append_json_member(json, "noticeBarType", int64_t{0});
  append_json_member(json, "title", shown->title);
  append_json_member(json, "content", shown->body);
  json += R"(},"noticeExpandInfo":{"noticeExpandType":0})";
  append_click(json, profile.click, n.ext);
  json += R"(,"pushTimeInfo":{"offLine":1)";
  append_json_member(json, "validTime", valid_hours(n));
  json += R"(},"advanceInfo":{"clearNoticeBar":1,"notificationType":{)";
  append_json_member(json, "vibrate", rings);
  append_json_member(json, "lights", int64_t{1});
  append_json_member(json, "sound", rings);
  json += '}';
  append_json_member(json, "notifyKey", notify_key(notify_id(n.collapse_id.empty() ? n.push_id : n.collapse_id)));
  json += '}';
  if (!profile.receipt_url.empty()) append_receipts(json, profile.receipt_url, n.receipt_tag);
  return json += '}';
}

std::string notify_key(std::int32_t id) {
  constexpr std::string_view kDigits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  std::string key;
  for (auto rest = static_cast<std::uint32_t>(id); rest > 0 || key.empty(); rest /= 62) key += kDigits[rest % 62];
  std::ranges::reverse(key);
  return key;
}

}  // namespace nightpost::meizu
