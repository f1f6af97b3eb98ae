#include "providers/honor/message.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "core/text.h"
#include "providers/cut_to_fit.h"
#include "providers/ext_form.h"
#include "providers/honor/limits.h"
#include "providers/notify_id.h"
#include "providers/shown_text.h"

namespace nightpost::honor {
namespace {

using std::int64_t;

constexpr std::size_t kBudget = kPayloadBytesMax - kPayloadBytesMargin;
constexpr int64_t kOpenPage = 1;
constexpr int64_t kOpenUrl = 2;
constexpr int64_t kOpenApp = 3;

/// As android.net.Uri.encode does it, which Intent.parseUri reverses.
void append_uri_escaped(std::string& out, std::string_view text) {
  constexpr std::string_view kPlain = "_-!.~'()*";
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
        kPlain.find(c) != std::string_view::npos)
      out += c;
    else
      out += {'%', kDigits[byte >> 4U], kDigits[byte & 15U]};
  }
}

/// Where a tap goes, and where the app then finds ext: in the intent if there is one, else in `data`, which Honor hands
/// to the Activity that it opens.
struct Tap {
  std::string action;  // the object clickAction
  std::string data;    // empty: no such member
};

Tap tap_of(const Click& click, std::string_view ext) {
  Tap tap{.action = "{", .data = {}};
  bool needs_data = !ext.empty();
  if (click.kind == Click::Kind::App) {
    append_json_member(tap.action, "type", kOpenApp);
  } else if (click.kind == Click::Kind::Web) {
    append_json_member(tap.action, "type", kOpenUrl);
    append_json_member(tap.action, "url", click.target);
    needs_data = false;  // the browser opens: the app is not asked
  } else if (click.target.starts_with("intent:")) {
    constexpr std::string_view kEnd = "end";
    std::string intent = click.target;
    if (needs_data && intent.ends_with(kEnd)) {
      intent.resize(intent.size() - kEnd.size());
      intent += "S.ext=";
      append_uri_escaped(intent, ext);
      intent.append(";").append(kEnd);
    }
    append_json_member(tap.action, "type", kOpenPage);
    append_json_member(tap.action, "intent", intent);
    needs_data = false;
  } else {
    append_json_member(tap.action, "type", kOpenPage);
    append_json_member(tap.action, "action", click.target);
  }
  tap.action += '}';
  if (needs_data) {
    tap.data = "{";
    append_json_member(tap.data, "ext", ext);
    tap.data += '}';
  }
  return tap;
}

void append_life(std::string& json, const Notification& n) {
  if (n.expires_at <= WallTime{}) return;  // Honor's own: a day
  const int64_t left = std::chrono::duration_cast<seconds>(n.expires_at - n.sent_at).count();
  append_json_member(json, "ttl", std::to_string(std::clamp(left, kLifeSecondsMin, kLifeSecondsMax)) + "s");
}

std::string written(const Profile& p, const Notification& n, const Tap& tap, std::string_view title,
                    std::string_view body) {
  const std::string_view same = n.collapse_id.empty() ? n.push_id : n.collapse_id;
  std::string json = R"({"android":{)";
  append_life(json, n);
  if (!n.receipt_tag.empty()) append_json_member(json, "biTag", n.receipt_tag);
  if (p.test_messages) append_json_member(json, "targetUserType", int64_t{1});
  if (!tap.data.empty()) append_json_member(json, "data", tap.data);
  json += json.ends_with('{') ? R"("notification":{)" : R"(,"notification":{)";
  append_json_member(json, "title", title);
  append_json_member(json, "body", body);
  append_json_member(json, "importance", is_low(p, n) ? "LOW" : "NORMAL");
  if (!same.empty()) append_json_member(json, "tag", same);
  append_json_member(json, "notifyId", notify_id(same));
  if (!n.image.empty()) append_json_member(json, "image", n.image);
  json += R"(,"clickAction":)";
  json += tap.action;
  if (n.badge && !p.badge_class.empty()) {
    json += R"(,"badge":{)";
    append_json_member(json, "setNum", int64_t{std::clamp(*n.badge, 0, kBadgeMax)});
    append_json_member(json, "badgeClass", p.badge_class);
    json += '}';
  }
  return json += "}}";
}

}  // namespace

Result<Profile> profile_of(const Certificate& certificate) {
  const Settings& settings = certificate.settings;
  Result<Click> click = click_of(settings);
  if (!click) return std::unexpected(std::move(click.error()));
  return Profile{.app_name = std::string(setting(settings, "app_name")),
                 .badge_class = std::string(setting(settings, "badge_class")),
                 .low_importance = setting(settings, "importance") == "low",
                 .test_messages = certificate.environment == Environment::Development,
                 .click = *std::move(click)};
}

namespace {

/// Cut first to leave a margin, then, where ext is too long for that, to what is taken at the most.
Result<std::string> start_with_ext(const Profile& profile, const Notification& notification) {
  const Result<ShownText> shown = shown_text(notification, profile.app_name, kTitleMax, kBodyMax);
  if (!shown) return std::unexpected(shown.error());
  const Tap tap = tap_of(profile.click, notification.ext);
  std::string whole = written(profile, notification, tap, shown->title, shown->body);
  if (whole.size() <= kBudget) return whole;
  const std::size_t fixed = written(profile, notification, tap, "", "").size();
  for (const std::size_t budget : {kBudget, kPayloadBytesMax})
    if (fixed < budget)
      if (const auto texts = cut_to_fit(shown->title, shown->body, budget - fixed))
        return written(profile, notification, tap, texts->title, texts->body);
  return fail(Errc::Malformed, "with ext the payload is " + std::to_string(whole.size()) +
                                   " bytes, however the text is cut; " + std::to_string(kPayloadBytesMax) +
                                   " are allowed");
}

}  // namespace

Result<std::string> message_start(const Profile& profile, const Notification& notification) {
  return built_with_ext_that_fits(notification, [&](const Notification& n) { return start_with_ext(profile, n); });
}

}  // namespace nightpost::honor
