#include "providers/fcm/message.h"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>

#include "core/text.h"
#include "providers/cut_to_fit.h"
#include "providers/fcm/limits.h"

namespace nightpost::fcm {
namespace {

void append_text(std::string& out, std::string_view key, std::string_view text) {
  if (!text.empty()) append_json_member(out, key, text);
}

/// "chime.caf" is APNs' name of what Android knows as the resource "chime".
std::string_view resource_of(std::string_view sound) {
  const std::size_t dot = sound.rfind('.');
  return dot == 0 ? sound : sound.substr(0, dot);
}

/// What is left of the message's life; whole seconds, down.
seconds ttl_of(const Notification& n) {
  return std::clamp<seconds>(std::chrono::floor<seconds>(n.expires_at - n.sent_at), seconds(0), kTtlMax);
}

std::string written(const Notification& n, const Style& style, std::string_view title, std::string_view body) {
  std::string out;
  // Keys and numbers take under 400 bytes; the eighth leaves room for the quotes of an ext that is JSON.
  out.reserve(400 + title.size() + body.size() + n.ext.size() + n.ext.size() / 8 + 2 * n.collapse_id.size() +
              style.click.target.size());
  out += R"(","data":{)";
  append_text(out, "ext", n.ext);
  if (style.click.kind == Click::Kind::Web) append_text(out, "click", style.click.target);
  append_text(out, "mid", n.collapse_id);
  out += R"(},"android":{)";
  append_json_member(out, "priority", n.priority == Priority::High ? "HIGH" : "NORMAL");
  // No expiry (the epoch): no ttl, Google's own is the longest there is.
  if (n.expires_at > WallTime{}) append_json_member(out, "ttl", std::to_string(ttl_of(n).count()) + "s");
  append_text(out, "collapse_key", style.collapse_key);
  out += R"(,"notification":{)";
  append_text(out, "title", title);
  append_text(out, "body", body);
  const std::string_view channel = n.extra("fcm.channel");
  append_text(out, "channel_id", channel.empty() ? std::string_view(style.channel_id) : channel);
  if (n.sound) append_text(out, "sound", resource_of(*n.sound));
  append_text(out, "tag", n.collapse_id);
  if (style.click.kind == Click::Kind::Page) append_text(out, "click_action", style.click.target);
  if (n.priority != Priority::Normal)
    append_json_member(out, "notification_priority", n.priority == Priority::High ? "PRIORITY_HIGH" : "PRIORITY_LOW");
  if (n.badge) append_json_member(out, "notification_count", std::int64_t{std::max(*n.badge, 0)});
  out += "}}}}";
  return out;
}

constexpr std::string_view kHead = R"({"message":{"token":")";
constexpr std::size_t kEnvelopeBytes = 12;  // {"message": and } are not the message's
constexpr std::size_t kBudget = kMessageBytesMax - kMessageBytesMargin + kEnvelopeBytes - kHead.size();

}  // namespace

Result<Message> Message::of(const Notification& n, const Style& style) {
  if (n.title.empty() && n.body.empty()) return fail(Errc::Malformed, "nothing to show: neither title nor body");
  std::string whole = written(n, style, n.title, n.body);
  if (whole.size() <= kBudget) return Message(std::move(whole));
  // One character each, for an empty text has no key.
  const std::size_t fixed = written(n, style, n.title.empty() ? "" : "t", n.body.empty() ? "" : "b").size();
  const std::size_t kept = (n.title.empty() ? 0U : 1U) + (n.body.empty() ? 0U : 1U);
  const auto texts = fixed <= kBudget ? cut_to_fit(n.title, n.body, kBudget - fixed + kept) : std::nullopt;
  if (!texts)
    return fail(Errc::Malformed, "with the text cut as far as it may be the message is over 4,000 bytes; ext has " +
                                     std::to_string(n.ext.size()));
  return Message(written(n, style, texts->title, texts->body));
}

std::string Message::to(const DeviceToken& token) const {
  std::string out;
  out.reserve(kHead.size() + token.text().size() + rest_.size());
  out += token.kind() == TokenKind::Fid ? std::string_view(R"({"message":{"fid":")") : kHead;
  append_json_escaped(out, token.text());
  return out += rest_;
}

}  // namespace nightpost::fcm
