#include "providers/apns/payload.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "core/text.h"
#include "providers/text_fit.h"

namespace nightpost::apns {
namespace {

constexpr std::size_t kBudget = kPayloadBytesMax - kPayloadBytesMargin;

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

/// The values of our namespace in `extras`, checked; views into the notification.
struct Extras {
  std::string_view interruption_level;
  std::string_view category;
  std::string_view target_content_id;
  std::optional<double> relevance_score;
};

Result<Extras> extras_of(const Notification& notification) {
  constexpr std::array<std::string_view, 4> kLevels = {"passive", "active", "time-sensitive", "critical"};
  Extras extras;
  if (notification.priority == Priority::Low) extras.interruption_level = "passive";
  for (const auto& [name, value] : notification.extras) {
    if (name == "apns.interruption-level") {
      if (std::ranges::find(kLevels, value) == kLevels.end())
        return fail(Errc::Malformed, "apns.interruption-level is none of passive, active, time-sensitive, critical");
      extras.interruption_level = value;
    } else if (name == "apns.category") {
      extras.category = value;
    } else if (name == "apns.target-content-id") {
      extras.target_content_id = value;
    } else if (name == "apns.relevance-score") {
      double score = -1;
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), score);
      if (error != std::errc{} || end != value.data() + value.size() || !(score >= 0 && score <= 1))
        return fail(Errc::Malformed, "apns.relevance-score is not a number from 0 to 1");
      extras.relevance_score = score;
    }
  }
  return extras;
}

/// Everything that goes in, as valid UTF-8.
struct Pieces {
  Pieces(const Notification& n, const Extras& extras)
      : title(n.title),
        body(n.body),
        ext(n.ext),
        sound(n.sound ? std::string_view(*n.sound) : std::string_view()),
        thread_id(n.thread_id),
        category(extras.category),
        target_content_id(extras.target_content_id),
        interruption_level(extras.interruption_level),
        relevance_score(extras.relevance_score),
        badge(n.badge),
        mutable_content(n.mutable_content) {}

  Repaired title, body, ext, sound, thread_id, category, target_content_id;
  std::string_view interruption_level;
  std::optional<double> relevance_score;
  std::optional<int> badge;
  bool mutable_content;
};

void append_text(std::string& out, std::string_view key, std::string_view text) {
  if (!text.empty()) append_json_member(out, key, text);
}

std::string written(const Pieces& p, std::string_view title, std::string_view body) {
  std::string out;
  // Keys and numbers take under 256 bytes; the eighths leave room for the quotes of an ext that is JSON.
  out.reserve(256 + title.size() + body.size() + p.ext->size() + p.ext->size() / 8 + p.sound->size() +
              p.thread_id->size() + p.category->size() + p.target_content_id->size());
  out += R"({"aps":{)";
  if (!title.empty() || !body.empty()) {
    out += R"("alert":{)";
    append_text(out, "title", title);
    append_text(out, "body", body);
    out += '}';
  }
  if (p.badge) append_json_member(out, "badge", std::int64_t{std::max(*p.badge, 0)});
  append_text(out, "sound", p.sound);
  if (p.mutable_content) append_json_member(out, "mutable-content", std::int64_t{1});
  append_text(out, "thread-id", p.thread_id);
  append_text(out, "category", p.category);
  append_text(out, "target-content-id", p.target_content_id);
  append_text(out, "interruption-level", p.interruption_level);
  if (p.relevance_score) {
    char digits[32];
    const auto end = std::to_chars(digits, digits + sizeof digits, *p.relevance_score).ptr;
    out += R"(,"relevance-score":)";
    out.append(digits, end);
  }
  out += '}';
  append_text(out, "ext", p.ext);
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
  const std::array<std::pair<std::string_view, std::size_t>, 7> parts = {{
      {"ext", json_escaped_size(p.ext)},
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

}  // namespace

Result<std::string> payload_of(const Notification& notification) {
  const Result<Extras> extras = extras_of(notification);
  if (!extras) return std::unexpected(extras.error());
  const Pieces pieces(notification, *extras);
  if (pieces.title->empty() && pieces.body->empty() && pieces.sound->empty() && !pieces.badge)
    return fail(Errc::Malformed, "nothing to push: no title, body, sound or badge");
  std::string whole = written(pieces, pieces.title, pieces.body);
  if (whole.size() <= kBudget) return whole;
  return cut(pieces, whole.size());
}

}  // namespace nightpost::apns
