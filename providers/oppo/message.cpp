#include "providers/oppo/message.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <utility>

#include "core/text.h"
#include "core/uuid.h"
#include "providers/ext_form.h"
#include "providers/notify_id.h"
#include "providers/oppo/limits.h"
#include "providers/settings.h"
#include "providers/shown_text.h"
#include "providers/text_fit.h"

namespace nightpost::oppo {
namespace {

constexpr int kLongText = 2;
constexpr int kNoRing = 2;  // shade and lock screen
constexpr int kWebPage = 2;
constexpr int kActivity = 4;
constexpr int kAppUrl = 5;

struct JsonFields {
  std::string& out;
  void text(std::string_view key, std::string_view value) { append_json_member(out, key, value); }
  void number(std::string_view key, std::int64_t value) { append_json_member(out, key, value); }
  void flag(std::string_view key, bool value) {
    if (!out.ends_with('{')) out += ',';
    out.append("\"").append(key).append(value ? "\":true" : "\":false");
  }
};

struct FormFields {
  std::string& out;
  void text(std::string_view key, std::string_view value) { append_form_field(out, key, value); }
  void number(std::string_view key, std::int64_t value) { append_form_field(out, key, std::to_string(value)); }
  void flag(std::string_view key, bool value) { append_form_field(out, key, value ? "true" : "false"); }
};

/// Both forms of spec §3.8 have these, and nothing else is on the wire.
template <class Fields>
void write(Fields to, const Message& message, const Style& style, std::string_view app_message_id) {
  if (!app_message_id.empty()) to.text("app_message_id", app_message_id);
  to.number("style", message.style);
  to.text("title", message.title);
  if (!message.sub_title.empty()) to.text("sub_title", message.sub_title);
  to.text("content", message.content);
  to.number("click_action_type", style.click_action_type);
  if (!style.click_target.empty()) {
    const bool url = style.click_action_type == kWebPage || style.click_action_type == kAppUrl;
    to.text(url ? "click_action_url" : "click_action_activity", style.click_target);
  }
  if (!message.action_parameters.empty()) to.text("action_parameters", message.action_parameters);
  to.flag("off_line", message.off_line);
  if (message.off_line_ttl) to.number("off_line_ttl", *message.off_line_ttl);
  if (!message.channel_id.empty()) to.text("channel_id", message.channel_id);
  if (!style.category.empty()) to.text("category", style.category);
  if (message.notify_level != 0) to.number("notify_level", message.notify_level);
  if (message.notify_id) to.number("notify_id", *message.notify_id);
  if (message.badge) {
    to.number("badge_operation_type", 0);  // set
    to.number("badge_message_count", *message.badge);
  }
  if (!message.receipt_tag.empty()) {
    to.text("call_back_url", style.receipt_url);
    to.text("call_back_parameter", message.receipt_tag);
  }
}

/// A page of the app: a URL of the app's own scheme, an intent action, or an activity's class name.
Result<void> set_page(Style& style, std::string target, bool action) {
  const bool url = target.find(':') != std::string::npos;
  if (url && action) return fail(Errc::Malformed, "click_page: action needs an intent action, not a URL");
  if (!url && !action)
    if (std::string fault = check_class_name(target); !fault.empty())
      return fail(Errc::Malformed, "click_target: " + fault + ", or a URL of the app's own scheme");
  if (target.size() > (url ? kUrlBytes : kActivityBytes))
    return fail(Errc::Malformed,
                "click_target: longer than OPPO's " + std::to_string(url ? kUrlBytes : kActivityBytes) + " characters");
  style.click_action_type = url ? kAppUrl : action ? 1 : kActivity;
  style.click_target = std::move(target);
  return {};
}

Result<void> set_click(Style& style, const Settings& settings) {
  Result<Click> click = click_of(settings);
  if (!click) return std::unexpected(std::move(click.error()));
  const std::string_view page = setting(settings, "click_page");
  if (!page.empty() && click->kind != Click::Kind::Page)
    return fail(Errc::Malformed, "click_page: only with click=page");
  if (click->kind == Click::Kind::Page) return set_page(style, std::move(click->target), page == "action");
  if (click->kind == Click::Kind::Web) {
    if (click->target.size() > kUrlBytes)
      return fail(Errc::Malformed, "click_target: longer than OPPO's " + std::to_string(kUrlBytes) + " characters");
    style.click_action_type = kWebPage;
    style.click_target = std::move(click->target);
  }
  return {};
}

}  // namespace

bool is_marketing(std::string_view category) noexcept {
  return category == "NEWS" || category == "CONTENT" || category == "MARKETING" || category == "SOCIAL";
}

Result<Style> style_of(const Certificate& certificate) {
  const Settings& settings = certificate.settings;
  Style style;
  style.app_name = certificate.bundle_id;
  style.channel_id = setting(settings, "channel_id");
  style.category = setting(settings, "category");
  style.receipt_url = setting(settings, "receipt_url");
  style.badge = setting(settings, "badge") == "on";
  const std::string_view level = setting(settings, "notify_level");
  style.notify_level = level == "16" ? 16 : level == "2" ? 2 : level == "1" ? 1 : 0;
  if (style.notify_level != 0 && style.category.empty())
    return fail(Errc::Malformed, "notify_level: only with a category; OPPO refuses it alone");
  if (style.rings() && is_marketing(style.category))
    return fail(Errc::Malformed, "notify_level: 16 (banner and ring) is not for " + style.category);
  if (Result<void> click = set_click(style, settings); !click) return std::unexpected(std::move(click.error()));
  return style;
}

Result<Message> message_of(const Notification& notification, const Style& style) {
  Result<ShownText> shown = shown_text(notification, style.app_name, kTitleUnits, kLongContentUnits);
  if (!shown) return std::unexpected(std::move(shown.error()));
  Message message;
  message.title = std::move(shown->title);
  message.content = std::move(shown->body);
  message.sub_title = fitted_utf16(CleanText(notification.subtitle), kSubTitleUnits);
  if (utf16_size(message.content) > kContentUnits) message.style = kLongText;

  // A web page is not the app: its address would get the ext as its query.
  if (style.click_action_type != kWebPage) message.action_parameters = ext_object(notification.ext);
  if (utf16_size(message.action_parameters) > kActionParametersUnits)
    message.action_parameters = ext_reference(notification);
  if (message.action_parameters.empty() && !notification.ext.empty() && style.click_action_type != kWebPage)
    return fail(Errc::Malformed, "ext is longer than OPPO's 4000 characters");

  if (notification.expires_at > WallTime{}) {
    const auto left = std::chrono::floor<seconds>(notification.expires_at - notification.sent_at);
    message.off_line = left > seconds(0);
    if (message.off_line) message.off_line_ttl = std::min(left, seconds(kStoredMax)).count();
  }
  const std::string_view channel = notification.extra("oppo.channel");
  message.channel_id = channel.empty() ? std::string_view(style.channel_id) : channel;
  message.notify_level = style.rings() && !notification.sound ? kNoRing : style.notify_level;
  if (!notification.collapse_id.empty()) message.notify_id = notify_id(notification.collapse_id);
  if (style.badge && notification.badge) message.badge = std::max(0, *notification.badge);
  if (!style.receipt_url.empty()) message.receipt_tag = notification.receipt_tag;
  if (message.receipt_tag.size() > kCallBackParameterBytes)
    return fail(Errc::Malformed, "the receipt tag is longer than OPPO's 50 characters");
  return message;
}

void append_unicast(std::string& out, const Message& message, const Style& style, std::string_view app_message_id,
                    const DeviceToken& token) {
  out += R"({"target_type":2)";
  append_json_member(out, "target_value", token.text());
  out += R"(,"verify_registration_id":false,"notification":{)";
  write(JsonFields{out}, message, style, app_message_id);
  out += "}}";
}

void append_saved_fields(std::string& out, const Message& message, const Style& style,
                         std::string_view app_message_id) {
  write(FormFields{out}, message, style, app_message_id);
}

std::string app_message_id_of(const Notification& notification, std::string_view targets) {
  const std::string& message = notification.collapse_id.empty() ? notification.push_id : notification.collapse_id;
  return message.empty() ? std::string() : uuid_of({"oppo", message, targets});
}

}  // namespace nightpost::oppo
