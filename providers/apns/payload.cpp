#include "providers/apns/payload.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "core/text.h"
#include "providers/aps.h"
#include "providers/call_object.h"
#include "providers/ext_form.h"
#include "providers/loc_keys.h"
#include "providers/shown_text.h"
#include "providers/text_fit.h"

namespace nightpost::apns {
namespace {

constexpr std::size_t kBudget = kPayloadBytesMax;

/// The text itself when it is valid UTF-8, as it nearly always is, else a repaired copy.
class Repaired {
 public:
  explicit Repaired(std::string_view text) : view_(text) {
    if (is_valid_utf8(text)) return;
    copy_ = utf8_repaired(text);
    view_ = copy_;
  }
  Repaired(const Repaired&) = delete;  // view_ may point into this very object
  Repaired& operator=(const Repaired&) = delete;
  operator std::string_view() const noexcept { return view_; }
  const std::string_view* operator->() const noexcept { return &view_; }

 private:
  std::string copy_;
  std::string_view view_;
};

/// Everything that goes in, as valid UTF-8.
struct Pieces {
  Pieces(const Notification& n, const Aps& from)
      : title(is_blank(n.title) || has_title_key(n) ? std::string_view() : n.title),
        body(has_body_key(n) ? std::string_view() : n.body, /*lines=*/true),
        ext(n.ext),
        subtitle(from.subtitle),
        sound(from.sound),
        thread_id(from.thread_id),
        category(from.category),
        target_content_id(from.target_content_id),
        image(n.image),
        aps(from) {
    aps.mutable_content |= !image.empty();
    aps.subtitle = subtitle;
    aps.sound = sound;
    aps.thread_id = thread_id;
    aps.category = category;
    aps.target_content_id = target_content_id;
  }

  CleanText title, body;
  Repaired ext;
  CleanText subtitle;
  Repaired sound, thread_id, category, target_content_id;
  std::string_view image;
  Aps aps;  // of the above
};

std::string written(const Pieces& p, std::string_view title, std::string_view body) {
  std::string out;
  // Keys and numbers take under 256 bytes; the eighths leave room for the quotes of an ext that is JSON.
  out.reserve(256 + title.size() + body.size() + p.ext->size() + p.ext->size() / 8 + p.image.size() +
              p.aps.text_bytes());
  out += '{';
  p.aps.append_to(out, title, body);
  if (!p.ext->empty()) append_json_member(out, "ext", p.ext);
  if (!p.image.empty()) append_json_member(out, "image", p.image);
  out += '}';
  return out;
}

/// "4,100": sizes are read by people.
std::string grouped(std::size_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

/// Even the least of `title` and `body` is too much. Blames the biggest part.
std::unexpected<Error> too_big(const Pieces& p, std::string_view title, std::string_view body) {
  const std::array<std::pair<std::string_view, std::size_t>, 8> parts = {{
      {"ext", json_escaped_size(p.ext)},
      {"subtitle", json_escaped_size(p.subtitle)},
      {"thread_id", json_escaped_size(p.thread_id)},
      {"sound", json_escaped_size(p.sound)},
      {"apns.category", json_escaped_size(p.category)},
      {"apns.target-content-id", json_escaped_size(p.target_content_id)},
      {"what must stay of the title", json_escaped_size(title)},
      {"what must stay of the body", json_escaped_size(body)},
  }};
  const auto& [name, size] = *std::ranges::max_element(parts, {}, [](const auto& part) { return part.second; });
  return fail(Errc::Malformed, std::string(name) + " is " + grouped(size) + " bytes: with the text cut as far as it " +
                                   "may be the payload is " + grouped(written(p, title, body).size()) + " bytes, and " +
                                   grouped(kBudget) + " are allowed");
}

/// `whole` bytes are over the budget by the text of title or body.
Result<std::string> cut(const Pieces& p, std::size_t whole) {
  const std::size_t title_size = json_escaped_size(p.title);
  const std::size_t fixed = whole - title_size - json_escaped_size(p.body);
  const auto fit = [](std::string_view text, std::size_t others, std::size_t clusters_min) {
    return others <= kBudget ? fitted(text, kBudget - others, clusters_min) : std::nullopt;
  };
  if (const auto body = fit(p.body, fixed + title_size, kBodyClustersMin)) return written(p, p.title, *body);
  const std::string body = shortened(p.body, kBodyClustersMin);
  if (const auto title = fit(p.title, fixed + json_escaped_size(body), 1)) return written(p, *title, body);
  return too_big(p, shortened(p.title, 1), body);
}

/// The number alone: nothing else stands in it, so nothing is shown.
Result<std::string> badge_payload(const Notification& notification) {
  if (!notification.badge) return fail(Errc::Malformed, "nothing to push: a badge without a number");
  std::string out = "{";
  Aps{.badge = notification.badge}.append_to(out, "", "");
  return out += '}';
}

Result<std::string> payload_with_ext(const Notification& notification) {
  const Result<Aps> aps = Aps::of(notification);
  if (!aps) return std::unexpected(aps.error());
  const Pieces pieces(notification, *aps);
  const bool says_nothing = pieces.title->empty() && pieces.body->empty() && !notification.loc;
  if (says_nothing && pieces.sound->empty() && !notification.badge)
    return fail(Errc::Malformed, "nothing to push: no title, body, sound or badge");
  std::string whole = written(pieces, pieces.title, pieces.body);
  if (whole.size() <= kBudget) return whole;
  return cut(pieces, whole.size());
}

Result<std::string> call_with_ext(const Notification& notification) {
  std::string out = R"({"call":)" + call_object(notification);
  const Repaired ext(notification.ext);
  if (!ext->empty()) append_json_member(out, "ext", ext);
  out += '}';
  if (out.size() <= kCallPayloadBytesMax) return out;
  return fail(Errc::Malformed, "ext is " + grouped(json_escaped_size(ext)) + " bytes: with it the payload is " +
                                   grouped(out.size()) + " bytes, and " + grouped(kCallPayloadBytesMax) +
                                   " are allowed of a call");
}

}  // namespace

Result<std::string> call_payload_of(const Notification& notification) {
  if (!notification.call) return fail(Errc::Malformed, "a VoIP token takes calls alone");
  return built_with_ext_that_fits(notification, call_with_ext);
}

Result<std::string> payload_of(const Notification& notification) {
  if (notification.badge_only) return badge_payload(notification);
  return built_with_ext_that_fits(notification, payload_with_ext);
}

}  // namespace nightpost::apns
