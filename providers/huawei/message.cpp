#include "providers/huawei/message.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "core/text.h"
#include "core/uuid.h"
#include "providers/android_sound.h"
#include "providers/cut_to_fit.h"
#include "providers/ext_form.h"
#include "providers/huawei/limits.h"
#include "providers/loc_keys.h"
#include "providers/notify_id.h"
#include "providers/shown_text.h"

namespace nightpost::huawei {
namespace {

void append_text(std::string& out, std::string_view key, std::string_view text) {
  if (!text.empty()) append_json_member(out, key, text);
}

/// `,"key":json` for what is JSON already.
void append_raw(std::string& out, std::string_view key, std::string_view json) {
  if (!out.ends_with('{')) out += ',';
  out.append("\"").append(key).append("\":").append(json);
}

std::string object_of(std::string_view key, std::string_view text) {
  std::string json = "{";
  append_json_member(json, key, text);
  return json += '}';
}

/// Seconds left at sent_at. nullopt: no expiry (the epoch), and Huawei's own, a day, is as good as any.
std::optional<std::int64_t> ttl_of(const Notification& n) {
  if (n.expires_at <= WallTime{}) return std::nullopt;
  const std::int64_t left = std::chrono::floor<seconds>(n.expires_at - n.sent_at).count();
  return std::clamp(left, kTtlSecondsMin, kTtlSecondsMax);
}

std::int64_t badge_of(const Notification& n) { return std::clamp(*n.badge, 0, kBadgeMax); }

std::string id_of(std::string_view id) { return id.size() <= kIdBytesMax ? std::string(id) : hex_of({id}); }

/// The event's android channel. Where it is the name of a class of notifications it means that class: producers know
/// one word a vendor.
std::string_view category_of(const Notification& n, const Setup& setup) {
  if (n.priority == Priority::Low) return "MARKETING";
  const std::string_view channel = n.extra("huawei.channel");
  if (is_category(channel, setup.api)) return channel;
  return n.call && !setup.call_category.empty() ? setup.call_category : setup.category;
}

std::string_view channel_of(const Notification& n, const Setup& setup) {
  const std::string_view channel = n.extra("huawei.channel");
  return channel.empty() || is_category(channel, setup.api) ? std::string_view(setup.channel_id) : channel;
}

bool opens_intent(const Setup& setup) {
  return setup.click.kind == Click::Kind::Page && setup.click.target.starts_with("intent:");
}

std::string click_action(const Notification& n, const Setup& setup) {
  std::string out = "{";
  switch (setup.click.kind) {
    case Click::Kind::App:
      append_json_member(out, "type", std::int64_t{3});
      break;
    case Click::Kind::Web:
      append_json_member(out, "type", std::int64_t{2});
      append_json_member(out, "url", setup.click.target);
      break;
    case Click::Kind::Page:
      append_json_member(out, "type", std::int64_t{1});
      if (opens_intent(setup))
        append_json_member(out, "intent", intent_with_ext(setup.click.target, n.ext));
      else
        append_json_member(out, "action", setup.click.target);
      break;
  }
  return out += '}';
}

void append_sound(std::string& out, const std::optional<std::string>& sound) {
  if (!sound) return;  // silent: see importance
  const auto resource = android_sound(*sound);
  if (!resource) {
    out += R"(,"default_sound":true)";
    return;
  }
  out += R"(,"default_sound":false)";
  append_json_member(out, "sound", std::string("/raw/").append(*resource));
}

std::string android(const Notification& n, const Setup& setup, const Texts& texts) {
  std::string out = "{";
  append_json_member(out, "collapse_key", std::int64_t{setup.collapse_key});  // 0 is not the same as absent
  append_text(out, "category", category_of(n, setup));
  if (const auto ttl = ttl_of(n)) append_json_member(out, "ttl", std::to_string(*ttl) + "s");
  append_text(out, "bi_tag", n.receipt_tag);
  append_text(out, "receipt_id", setup.receipt_id);
  // The launcher and an action have no place for extras; there the app finds what `data` holds. A web page has nothing
  // to do with ext.
  if (!n.ext.empty() && setup.click.kind != Click::Kind::Web && !opens_intent(setup))
    append_json_member(out, "data", object_of("ext", n.ext));
  std::string shown = "{";
  append_json_member(shown, "title", texts.title);
  append_json_member(shown, "body", texts.body);
  if (n.loc) {
    append_loc(shown, "title_loc_key", n.loc->title_key, "title_loc_args", n.loc->title_args);
    append_loc(shown, "body_loc_key", n.loc->body_key, "body_loc_args", n.loc->body_args);
  }
  append_raw(shown, "click_action", click_action(n, setup));
  append_text(shown, "channel_id", channel_of(n, setup));
  const bool quiet = n.priority == Priority::Low || !n.sound;
  append_json_member(shown, "importance", quiet ? "LOW" : "NORMAL");
  append_sound(shown, n.sound);
  if (!n.collapse_id.empty()) {
    append_json_member(shown, "tag", n.collapse_id);
    append_json_member(shown, "notify_id", std::int64_t{notify_id(n.collapse_id)});
  }
  if (n.badge && setup.shows_badge()) {
    std::string badge = "{";
    append_json_member(badge, "set_num", badge_of(n));
    append_json_member(badge, "class", setup.badge_class);
    append_raw(shown, "badge", badge + '}');
  }
  append_text(shown, "image", n.image);
  shown += R"(,"foreground_show":true})";
  append_raw(out, "notification", shown);
  return out += '}';
}

Message hms(const Notification& n, const Setup& setup, const Texts& texts) {
  return {R"({"validate_only":false,"message":{"android":)" + android(n, setup, texts) + R"(,"token":[)", "]}}"};
}

std::string harmony_click(const Notification& n, const Setup& setup) {
  std::string out = "{";
  append_json_member(out, "actionType", std::int64_t{setup.click.kind == Click::Kind::App ? 0 : 1});
  const std::string& target = setup.click.target;
  if (setup.click.kind != Click::Kind::App)
    append_json_member(out, target.find("://") != std::string::npos ? "uri" : "action", target);
  // No action opens a browser: the ability that claims the URL gets it as data, too.
  if (setup.click.kind == Click::Kind::Web)
    append_raw(out, "data", object_of("url", target));
  else if (!n.ext.empty())
    append_raw(out, "data", ext_object(n.ext));
  return out += '}';
}

Message harmony(const Notification& n, const Setup& setup, const Texts& texts) {
  std::string shown = "{";
  append_json_member(shown, "category", category_of(n, setup));
  append_json_member(shown, "title", texts.title);
  append_json_member(shown, "body", texts.body);
  if (!n.collapse_id.empty()) {
    append_json_member(shown, "notifyId", std::int64_t{notify_id(n.collapse_id)});
    append_json_member(shown, "appMessageId", id_of(n.collapse_id));
  }
  append_raw(shown, "clickAction", harmony_click(n, setup));
  if (n.badge) append_raw(shown, "badge", R"({"setNum":)" + std::to_string(badge_of(n)) + '}');
  if (n.sound && !n.sound->empty() && *n.sound != "default") append_json_member(shown, "sound", *n.sound);
  append_text(shown, "image", n.image);
  shown += R"(,"foregroundShow":true})";
  std::string options = "{";
  if (const auto ttl = ttl_of(n)) append_json_member(options, "ttl", *ttl);
  append_text(options, "biTag", id_of(n.receipt_tag));
  append_text(options, "receiptId", setup.receipt_id);
  append_json_member(options, "collapseKey", std::int64_t{setup.collapse_key});
  return {R"({"payload":{"notification":)" + shown + R"(},"target":{"token":[)",
          R"(]},"pushOptions":)" + options + "}}"};
}

Message written(const Notification& n, const Setup& setup, const Texts& texts) {
  return setup.api == Api::V3 ? harmony(n, setup, texts) : hms(n, setup, texts);
}

constexpr std::size_t kBudget = kBodyBytesMax - kBodyBytesMargin;

std::size_t size_of(const Message& message) { return message.head.size() + message.tail.size(); }

/// Cut first to leave a margin, then, where ext is too long for that, to what Huawei takes at the most.
Result<Message> message_with_ext(const Notification& n, const Setup& setup) {
  const CleanText title(is_blank(n.title) ? std::string_view() : n.title), body(n.body, /*lines=*/true);
  if (title->empty() || body->empty())
    return fail(Errc::Malformed, std::string("no ") + (title->empty() ? "title" : "body") + ", and Huawei wants both");
  if (n.ext.size() > kBodyBytesMax)  // before anything reads it as JSON
    return fail(Errc::Malformed, "ext has " + std::to_string(n.ext.size()) + " bytes, and a whole body at most 4,096");
  const std::size_t fixed = size_of(written(n, setup, {}));
  for (const std::size_t budget : {kBudget, kBodyBytesMax})
    if (fixed <= budget)
      if (const auto texts = cut_to_fit(title, body, budget - fixed)) return written(n, setup, *texts);
  return fail(Errc::Malformed, "with the text cut as far as it may be the body is over 4,096 bytes; ext has " +
                                   std::to_string(n.ext.size()));
}

}  // namespace

std::string Message::to(std::span<const DeviceToken> tokens) const {
  std::size_t size = size_of(*this);
  for (const DeviceToken& token : tokens) size += token.text().size() + 3;
  std::string out;
  out.reserve(size);
  out += head;
  for (const DeviceToken& token : tokens) {
    if (!out.ends_with('[')) out += ',';
    out += '"';
    append_json_escaped(out, token.text());
    out += '"';
  }
  return out += tail;
}

bool is_marketing(const Notification& notification, const Setup& setup) {
  const std::string_view category = category_of(notification, setup);
  return category.empty() || category == "MARKETING";
}

Result<Message> message_of(const Notification& notification, const Setup& setup) {
  return built_with_ext_that_fits(notification, [&](const Notification& n) { return message_with_ext(n, setup); });
}

std::string intent_with_ext(std::string_view intent, std::string_view ext) {
  constexpr std::string_view kEnd = "end";
  if (ext.empty() || !intent.ends_with(kEnd)) return std::string(intent);
  std::string out(intent.substr(0, intent.size() - kEnd.size()));
  out += "S.ext=";
  for (const char c : ext) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '_' || c == '.' || c == '~';
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    const auto byte = static_cast<unsigned char>(c);
    if (plain)
      out += c;
    else
      (out += '%').append(1, kDigits[byte >> 4]).append(1, kDigits[byte & 15]);
  }
  return out.append(";").append(kEnd);
}

}  // namespace nightpost::huawei
