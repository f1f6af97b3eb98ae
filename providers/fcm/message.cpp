#include "providers/fcm/message.h"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>

#include "core/text.h"
#include "providers/android_sound.h"
#include "providers/aps.h"
#include "providers/call_object.h"
#include "providers/cut_to_fit.h"
#include "providers/ext_form.h"
#include "providers/fcm/limits.h"
#include "providers/loc_keys.h"
#include "providers/shown_text.h"

namespace nightpost::fcm {
namespace {

void append_text(std::string& out, std::string_view key, std::string_view text) {
  if (!text.empty()) append_json_member(out, key, text);
}

/// What is left of the message's life; whole seconds, down.
seconds ttl_of(const Notification& n) {
  return std::clamp<seconds>(std::chrono::floor<seconds>(n.expires_at - n.sent_at), seconds(0), kTtlMax);
}

/// What an Android phone shows by itself; of a call nothing: the app is woken at once and rings, which a notification
/// cannot.
void append_android(std::string& out, const Notification& n, const Style& style, std::string_view title,
                    std::string_view body) {
  out += R"(,"android":{)";
  append_json_member(out, "priority", n.call || n.priority == Priority::High ? "HIGH" : "NORMAL");
  // No expiry (the epoch): no ttl, Google's own is the longest there is.
  if (n.expires_at > WallTime{}) append_json_member(out, "ttl", std::to_string(ttl_of(n).count()) + "s");
  if (n.call) {
    out += '}';
    return;
  }
  append_text(out, "collapse_key", style.collapse_key);
  out += R"(,"notification":{)";
  append_text(out, "title", title);
  append_text(out, "body", body);
  if (n.loc) {
    append_loc(out, "title_loc_key", n.loc->title_key, "title_loc_args", n.loc->title_args);
    append_loc(out, "body_loc_key", n.loc->body_key, "body_loc_args", n.loc->body_args);
  }
  const std::string_view channel = n.extra("fcm.channel");
  append_text(out, "channel_id", channel.empty() ? std::string_view(style.channel_id) : channel);
  if (n.sound && !n.sound->empty()) append_text(out, "sound", android_sound(*n.sound).value_or("default"));
  append_text(out, "tag", n.collapse_id);
  append_text(out, "image", n.image);
  if (style.click.kind == Click::Kind::Page) append_text(out, "click_action", style.click.target);
  if (n.priority != Priority::Normal)
    append_json_member(out, "notification_priority", n.priority == Priority::High ? "PRIORITY_HIGH" : "PRIORITY_LOW");
  if (n.badge) append_json_member(out, "notification_count", std::int64_t{std::max(*n.badge, 0)});
  out += "}}";
}

/// What Google hands on to Apple, as our own APNs room would write it; `data` goes beside "aps" there, so the app finds
/// "ext" where it does without Google.
void append_apns(std::string& out, const Notification& n, const Aps& aps, std::string_view title,
                 std::string_view body) {
  out += R"(,"apns":{"headers":{)";
  append_json_member(out, "apns-push-type", "alert");
  append_json_member(out, "apns-priority", n.badge_only || n.priority == Priority::Low ? "5" : "10");
  if (n.expires_at > WallTime{}) append_json_member(out, "apns-expiration", apns_expiration(n));
  if (!n.collapse_id.empty()) append_json_member(out, "apns-collapse-id", apns_collapse_id(n.collapse_id));
  out += R"(},"payload":{)";
  aps.append_to(out, title, body);
  out += '}';
  if (!n.image.empty()) {
    out += R"(,"fcm_options":{)";
    append_json_member(out, "image", n.image);
    out += '}';
  }
  out += '}';
}

std::string written(const Notification& n, const Aps& aps, const Style& style, std::string_view title,
                    std::string_view body) {
  std::string out;
  // Keys and numbers take under 400 bytes; the eighth leaves room for the quotes of an ext that is JSON.
  out.reserve(400 + title.size() + body.size() + n.ext.size() + n.ext.size() / 8 + 2 * n.collapse_id.size() +
              aps.text_bytes() + n.image.size() + style.click.target.size());
  out += R"(","data":{)";
  // A web page has nothing to do with ext.
  const bool web = style.click.kind == Click::Kind::Web;
  append_text(out, web ? "click" : "ext", web ? style.click.target : n.ext);
  append_text(out, "mid", n.collapse_id);
  if (n.call) {
    append_json_member(out, "call", call_object(n));
    if (n.platform != Platform::Ios) append_text(out, "title", title);
    if (n.platform != Platform::Ios) append_text(out, "body", body);
  }
  out += '}';
  if (n.platform == Platform::Ios)
    append_apns(out, n, aps, title, body);
  else
    append_android(out, n, style, title, body);
  return out += "}}";
}

constexpr std::string_view kHead = R"({"message":{"token":")";
constexpr std::size_t kEnvelopeBytes = 12;  // {"message": and } are not the message's
constexpr std::size_t kBudget = kMessageBytesMax - kMessageBytesMargin + kEnvelopeBytes - kHead.size();

/// On an iPhone the system sets the number; on Android, where only a notification has one, the app is told it. A key of
/// its own, so that a phone that is away keeps the newest number and no notification goes for it.
Result<std::string> badge_rest_of(const Notification& n) {
  if (!n.badge) return fail(Errc::Malformed, "nothing to push: a badge without a number");
  std::string out = R"(")";
  if (n.platform == Platform::Ios) {
    append_apns(out, n, {.badge = n.badge}, "", "");
    return out += "}}";
  }
  out += R"(,"data":{)";
  append_json_member(out, "badge", std::to_string(std::max(*n.badge, 0)));
  out += R"(},"android":{)";
  append_json_member(out, "priority", "NORMAL");
  if (n.expires_at > WallTime{}) append_json_member(out, "ttl", std::to_string(ttl_of(n).count()) + "s");
  append_text(out, "collapse_key", n.collapse_id);
  return out += "}}}";
}

/// What stands behind the target's value, within Google's limit.
Result<std::string> rest_of(const Notification& n, const Style& style) {
  // As data the texts are the app's to show: it gets those that there are.
  const bool as_data = n.call && n.platform != Platform::Ios;
  const CleanText title(is_blank(n.title) || (has_title_key(n) && !as_data) ? std::string_view() : n.title);
  const CleanText body(has_body_key(n) && !as_data ? std::string_view() : n.body, /*lines=*/true);
  if (title->empty() && body->empty() && (!n.loc || as_data))
    return fail(Errc::Malformed, "nothing to show: neither title nor body");
  Result<Aps> aps = Aps::of(n);
  if (!aps) return std::unexpected(std::move(aps.error()));
  const CleanText subtitle(aps->subtitle);
  aps->subtitle = subtitle;
  std::string whole = written(n, *aps, style, title, body);
  if (whole.size() <= kBudget) return whole;
  // One character each, for an empty text has no key.
  const std::size_t fixed = written(n, *aps, style, title->empty() ? "" : "t", body->empty() ? "" : "b").size();
  const std::size_t kept = (title->empty() ? 0U : 1U) + (body->empty() ? 0U : 1U);
  const auto texts = fixed <= kBudget ? cut_to_fit(title, body, kBudget - fixed + kept) : std::nullopt;
  if (!texts)
    return fail(Errc::Malformed, "with the text cut as far as it may be the message is over 4,000 bytes; ext has " +
                                     std::to_string(n.ext.size()));
  return written(n, *aps, style, texts->title, texts->body);
}

}  // namespace

Result<Message> Message::of(const Notification& notification, const Style& style) {
  Result<std::string> rest =
      notification.badge_only
          ? badge_rest_of(notification)
          : built_with_ext_that_fits(notification, [&](const Notification& n) { return rest_of(n, style); });
  if (!rest) return std::unexpected(std::move(rest.error()));
  return Message(*std::move(rest));
}

std::string Message::to(const DeviceToken& token) const {
  std::string out;
  out.reserve(kHead.size() + token.text().size() + rest_.size());
  out += token.kind() == TokenKind::Fid ? std::string_view(R"({"message":{"fid":")") : kHead;
  append_json_escaped(out, token.text());
  return out += rest_;
}

}  // namespace nightpost::fcm
