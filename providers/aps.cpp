#include "providers/aps.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <string>

#include "core/text.h"
#include "core/uuid.h"
#include "providers/loc_keys.h"

namespace nightpost {
namespace {

constexpr std::size_t kCollapseIdBytesMax = 64;
constexpr std::chrono::days kStoredMax{30};  // Apple keeps a push for an offline device no longer

void append_text(std::string& out, std::string_view key, std::string_view text) {
  if (!text.empty()) append_json_member(out, key, text);
}

}  // namespace

Result<Aps> Aps::of(const Notification& n) {
  constexpr std::array<std::string_view, 4> kLevels = {"passive", "active", "time-sensitive", "critical"};
  Aps aps{.subtitle = n.subtitle,
          .loc = n.loc ? &*n.loc : nullptr,
          .sound = n.sound ? std::string_view(*n.sound) : std::string_view(),
          .thread_id = n.thread_id,
          .badge = n.badge,
          .mutable_content = n.mutable_content};
  if (n.priority == Priority::Low) aps.interruption_level = "passive";
  for (const auto& [name, value] : n.extras) {
    if (name == "apns.interruption-level") {
      if (std::ranges::find(kLevels, value) == kLevels.end())
        return fail(Errc::Malformed, "apns.interruption-level is none of passive, active, time-sensitive, critical");
      aps.interruption_level = value;
    } else if (name == "apns.category") {
      aps.category = value;
    } else if (name == "apns.target-content-id") {
      aps.target_content_id = value;
    } else if (name == "apns.relevance-score") {
      double score = -1;
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), score);
      if (error != std::errc{} || end != value.data() + value.size() || !(score >= 0 && score <= 1))
        return fail(Errc::Malformed, "apns.relevance-score is not a number from 0 to 1");
      aps.relevance_score = score;
    }
  }
  return aps;
}

void Aps::append_to(std::string& out, std::string_view title, std::string_view body) const {
  if (!out.ends_with('{')) out += ',';
  out += R"("aps":{)";
  if (!title.empty() || !subtitle.empty() || !body.empty() || loc != nullptr) {
    out += R"("alert":{)";
    append_text(out, "title", title);
    if (loc != nullptr) append_loc(out, "title-loc-key", loc->title_key, "title-loc-args", loc->title_args);
    append_text(out, "subtitle", subtitle);
    append_text(out, "body", body);
    if (loc != nullptr) append_loc(out, "loc-key", loc->body_key, "loc-args", loc->body_args);
    out += '}';
  }
  if (badge) append_json_member(out, "badge", std::int64_t{std::max(*badge, 0)});
  append_text(out, "sound", sound);
  if (mutable_content) append_json_member(out, "mutable-content", std::int64_t{1});
  append_text(out, "thread-id", thread_id);
  append_text(out, "category", category);
  append_text(out, "target-content-id", target_content_id);
  append_text(out, "interruption-level", interruption_level);
  if (relevance_score) {
    char digits[32];
    const auto end = std::to_chars(digits, digits + sizeof digits, *relevance_score).ptr;
    out += out.ends_with('{') ? R"("relevance-score":)" : R"(,"relevance-score":)";
    out.append(digits, end);
  }
  out += '}';
}

std::size_t Aps::text_bytes() const noexcept {
  return subtitle.size() + sound.size() + thread_id.size() + category.size() + target_content_id.size();
}

std::string apns_collapse_id(std::string_view id) {
  const auto fits_header = [](char c) { return c > 0x20 && c < 0x7f; };
  if (id.size() <= kCollapseIdBytesMax && std::ranges::all_of(id, fits_header)) return std::string(id);
  return hex_of({id});
}

std::string apns_expiration(const Notification& notification) {
  WallTime until = notification.expires_at;
  if (notification.sent_at > WallTime{}) until = std::min<WallTime>(until, notification.sent_at + kStoredMax);
  return std::to_string(std::max<std::int64_t>(1, to_ms(until) / 1000));
}

}  // namespace nightpost
