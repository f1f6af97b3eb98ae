#include "providers/vivo/message.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <unordered_set>
#include <utility>

#include "core/text.h"
#include "core/uuid.h"
#include "providers/ext_form.h"
#include "providers/notify_id.h"
#include "providers/settings.h"
#include "providers/shown_text.h"
#include "providers/text_fit.h"
#include "providers/vivo/limits.h"

namespace nightpost::vivo {
namespace {

constexpr int kWebPage = 2;
constexpr int kAppPage = 4;
constexpr std::string_view kExtKey = "ext";  // where the app finds it

void append_flag(std::string& out, std::string_view key, bool value) {
  if (!out.ends_with('{')) out += ',';
  out.append("\"").append(key).append(value ? "\":true" : "\":false");
}

/// By vivo's old rule: from U+1000 on, where CJK and full-width characters are, a UTF-16 unit counts two.
std::size_t old_size(std::string_view text) {
  std::size_t size = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    size += (byte & 0xc0U) == 0x80 ? 0 : byte >= 0xf0 ? 4 : byte >= 0xe1 ? 2 : 1;
  }
  return size;
}

std::string fitted_old(std::string_view text, std::size_t size_max) {
  std::string kept(text);
  for (std::size_t units = size_max; units > 0 && old_size(kept) > size_max; --units) kept = fitted_utf16(text, units);
  return kept;
}

Result<ShownText> text_of(const Notification& notification, const Style& style) {
  Result<ShownText> shown = shown_text(notification, style.app_name, kTitleUnits, kContentUnits);
  if (shown && style.old_text_rule) {
    shown->title = fitted_old(shown->title, kTitleUnits);
    shown->body = fitted_old(shown->body, kContentUnits);
  }
  return shown;
}

/// "intent:…#Intent;…;end", as Android's Intent.toUri writes it.
bool is_intent(std::string_view text) {
  return text.starts_with("intent:") && text.ends_with(";end") && text.find("#Intent;") != std::string_view::npos &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
}

Result<void> set_click(Style& style, const Settings& settings) {
  Result<Click> click = click_of(settings);
  if (!click) return std::unexpected(std::move(click.error()));
  if (click->kind == Click::Kind::App) return {};
  const bool web = click->kind == Click::Kind::Web;
  if (!web && !is_intent(click->target))
    return fail(Errc::Malformed,
                "click_target: vivo opens a page by an intent URI, intent:…#Intent;component=package/class;end");
  const std::size_t bytes_max = web ? kUrlBytes : kIntentBytes;
  if (click->target.size() > bytes_max)
    return fail(Errc::Malformed, "click_target: longer than vivo's " + std::to_string(bytes_max) + " characters");
  style.skip_type = web ? kWebPage : kAppPage;
  style.skip_content = std::move(click->target);
  return {};
}

/// A JSON number as it stands.
bool is_app_id(std::string_view text) {
  return !text.empty() && text.size() <= 18 && text.front() != '0' &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

void append_receipt(std::string& out, const Style& style, std::string_view tag) {
  if (style.receipt_id.empty() && style.receipt_url.empty()) return;
  out += R"(,"extra":{)";
  if (style.receipt_id.empty())
    append_json_member(out, "callback", style.receipt_url);
  else
    append_json_member(out, "callback.id", style.receipt_id);
  if (!tag.empty()) append_json_member(out, "callback.param", tag);
  out += '}';
}

void append_lifetime(std::string& out, const Notification& notification) {
  if (notification.expires_at <= WallTime{}) return;
  const auto left = std::chrono::floor<seconds>(notification.expires_at - notification.sent_at);
  append_json_member(out, "timeToLive", std::clamp(left, kStoredMin, kStoredMax).count());
  if (left <= seconds(0)) append_flag(out, "sendOnline", true);
}

}  // namespace

Result<Style> style_of(const Certificate& certificate) {
  const Settings& settings = certificate.settings;
  Style style;
  style.app_name = certificate.bundle_id;
  style.app_id = setting(settings, "app_id");
  if (!is_app_id(style.app_id)) return fail(Errc::Malformed, "app_id: expected a number, as vivo's console shows it");
  const Category* const category = category_of(setting(settings, "category"));
  if (category == nullptr) return fail(Errc::Malformed, "category: missing, or none of vivo's");
  style.category = *category;
  style.receipt_id = setting(settings, "receipt_id");
  style.receipt_url = setting(settings, "receipt_url");
  if (const auto shown = setting(settings, "foreground_show"); !shown.empty()) style.foreground_show = shown == "on";
  style.badge = setting(settings, "badge") == "on";
  style.old_text_rule = setting(settings, "text_rule") == "old";
  style.test = certificate.environment == Environment::Development;
  if (Result<void> click = set_click(style, settings); !click) return std::unexpected(std::move(click.error()));
  return style;
}

namespace {

// In the order of vivo's own example. Zero and false are said: vivo's defaults have changed with its documents.
Result<std::string> message_with_ext(const Notification& notification, const Style& style, const DeviceToken* token,
                                     std::string_view request_id) {
  Result<ShownText> shown = text_of(notification, style);
  if (!shown) return std::unexpected(std::move(shown.error()));
  // A web page is not the app, and nobody there would read it.
  const std::string_view ext = style.skip_type == kWebPage ? std::string_view() : notification.ext;
  if (!ext.empty() && kExtKey.size() + utf16_size(ext) > kCustomMapUnits)
    return fail(Errc::Malformed, "ext is longer than vivo's 1024 characters, its key included");
  if (notification.receipt_tag.size() > kCallbackParamBytes)
    return fail(Errc::Malformed, "the receipt tag is longer than vivo's 64 characters");

  std::string out = R"({"appId":)" + style.app_id;
  if (token != nullptr) append_json_member(out, "regId", token->text());
  append_json_member(out, "notifyType", notification.sound ? 4 : 1);  // ring and vibrate, or neither
  append_json_member(out, "title", shown->title);
  append_json_member(out, "content", shown->body);
  append_lifetime(out, notification);
  append_json_member(out, "skipType", style.skip_type);
  if (!style.skip_content.empty()) append_json_member(out, "skipContent", style.skip_content);
  append_json_member(out, "networkType", -1);  // any
  append_json_member(out, "classification", static_cast<std::int64_t>(style.category.classification));
  append_json_member(out, "category", style.category.name);
  if (!ext.empty()) {
    out += R"(,"clientCustomMap":{)";
    append_json_member(out, kExtKey, ext);
    out += '}';
  }
  append_receipt(out, style, notification.receipt_tag);
  append_json_member(out, "requestId", request_id);
  if (token != nullptr) append_json_member(out, "pushMode", style.test ? 1 : 0);
  if (!notification.collapse_id.empty()) append_json_member(out, "notifyId", notify_id(notification.collapse_id));
  if (style.foreground_show) append_flag(out, "foregroundShow", *style.foreground_show);
  const bool counts = notification.badge.value_or(0) > 0 && !notification.replaces;
  if (style.badge && counts) append_flag(out, "addBadge", true);
  return out += '}';
}

}  // namespace

Result<std::string> message_of(const Notification& notification, const Style& style, const DeviceToken* token,
                               std::string_view request_id) {
  return built_with_ext_that_fits(notification,
                                  [&](const Notification& n) { return message_with_ext(n, style, token, request_id); });
}

std::string list_of(std::span<const DeviceToken> tokens, const Style& style, std::string_view task_id,
                    std::string_view request_id) {
  std::string out = R"({"appId":)" + style.app_id + R"(,"regIds":[)";
  std::unordered_set<std::string_view> seen;
  for (const DeviceToken& token : tokens) {
    if (!seen.insert(token.text()).second) continue;
    out += out.ends_with('[') ? "\"" : ",\"";
    append_json_escaped(out, token.text());
    out += '"';
  }
  out += ']';
  append_json_member(out, "taskId", task_id);
  append_json_member(out, "requestId", request_id);
  append_json_member(out, "pushMode", style.test ? 1 : 0);
  return out += '}';
}

std::string request_id_of(const Notification& notification, std::string_view what, std::string_view targets) {
  const std::string& message = notification.collapse_id.empty() ? notification.push_id : notification.collapse_id;
  return uuid_of({"vivo", what, message, targets});
}

}  // namespace nightpost::vivo
