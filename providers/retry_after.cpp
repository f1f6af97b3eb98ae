#include "providers/retry_after.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>

namespace nightpost {
namespace {

/// All of `text` as a decimal number; nothing else.
std::optional<std::int64_t> number_in(std::string_view text) noexcept {
  if (text.empty() || !std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; })) return std::nullopt;
  std::int64_t number = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), number);
  if (result.ec == std::errc::result_out_of_range) return INT64_MAX;
  return number;
}

/// "1.5", which the RFC does not allow and some servers write: rounded up, so that nobody comes too early.
std::optional<std::int64_t> seconds_in(std::string_view text) noexcept {
  const std::size_t point = text.find('.');
  const auto whole = number_in(text.substr(0, point));
  if (!whole || point == text.npos) return whole;
  const std::string_view fraction = text.substr(point + 1);
  if (!number_in(fraction)) return std::nullopt;
  const bool more = fraction.find_first_not_of('0') != fraction.npos;
  return more && *whole < kRetryAfterMax.count() ? *whole + 1 : *whole;
}

}  // namespace

std::optional<WallTime> from_http_date(std::string_view text) noexcept {
  constexpr std::string_view kShape = "www, dd mmm yyyy hh:mm:ss GMT";
  constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  if (text.size() != kShape.size()) return std::nullopt;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool fixed = (kShape[i] < 'a' || kShape[i] > 'z');
    if (fixed && text[i] != kShape[i]) return std::nullopt;
  }
  const auto month = std::ranges::find(kMonths, text.substr(8, 3));
  const auto day = number_in(text.substr(5, 2));
  const auto year = number_in(text.substr(12, 4));
  const auto hour = number_in(text.substr(17, 2));
  const auto minute = number_in(text.substr(20, 2));
  const auto second = number_in(text.substr(23, 2));
  if (month == kMonths.end() || !day || !year || !hour || !minute || !second) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)),
                                         std::chrono::month(static_cast<unsigned>(month - kMonths.begin()) + 1),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) + seconds(*second);
}

std::optional<milliseconds> retry_after(const HttpResponse& reply) {
  const auto value = reply.header("retry-after");
  if (!value) return std::nullopt;
  if (const auto count = seconds_in(*value))
    return milliseconds(std::min<std::int64_t>(*count, kRetryAfterMax.count() / 1000) * 1000);
  const auto until = from_http_date(*value);
  const auto date = reply.header("date");
  const auto now = date ? from_http_date(*date) : std::nullopt;
  if (!until || !now) return std::nullopt;
  return std::clamp(*until - *now, milliseconds(0), kRetryAfterMax);
}

}  // namespace nightpost
