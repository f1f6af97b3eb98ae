#include "app/when.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>

#include "kafka/start_at.h"

namespace nightpost::app {
namespace {

constexpr std::size_t kEpochDigits = 13;

/// Takes exactly `digits` digits off the front; nullopt: there are other characters.
std::optional<int> take_number(std::string_view& rest, std::size_t digits) {
  if (rest.size() < digits || !std::ranges::all_of(rest.substr(0, digits), [](char c) { return c >= '0' && c <= '9'; }))
    return std::nullopt;
  int number = 0;
  std::from_chars(rest.data(), rest.data() + digits, number);
  rest.remove_prefix(digits);
  return number;
}

bool take(std::string_view& rest, std::string_view any_of) {
  if (rest.empty() || !any_of.contains(rest.front())) return false;
  rest.remove_prefix(1);
  return true;
}

std::optional<WallTime> utc_time(std::string_view rest) {
  const auto year = take_number(rest, 4);
  if (!year || !take(rest, "-")) return std::nullopt;
  const auto month = take_number(rest, 2);
  if (!month || !take(rest, "-")) return std::nullopt;
  const auto day = take_number(rest, 2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(unsigned(*month)),
                                         std::chrono::day(unsigned(*day))};
  if (!date.ok()) return std::nullopt;
  const WallTime midnight = std::chrono::sys_days(date);
  if (rest.empty()) return midnight;
  if (!take(rest, "T ")) return std::nullopt;
  const auto hour = take_number(rest, 2);
  if (!hour || *hour > 23 || !take(rest, ":")) return std::nullopt;
  const auto minute = take_number(rest, 2);
  if (!minute || *minute > 59) return std::nullopt;
  std::optional<int> second = 0;
  if (take(rest, ":")) second = take_number(rest, 2);
  if (!second || *second > 59) return std::nullopt;
  take(rest, "Z");
  if (!rest.empty()) return std::nullopt;
  return midnight + std::chrono::hours(*hour) + std::chrono::minutes(*minute) + seconds(*second);
}

}  // namespace

Result<WallTime> parse_when(std::string_view text, WallTime now) {
  if (text.size() == kEpochDigits && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; })) {
    std::int64_t ms = 0;
    std::from_chars(text.data(), text.data() + text.size(), ms);
    return wall_from_ms(ms);
  }
  if (const auto at = utc_time(text)) return *at;
  if (const auto back = kafka::parse_start_at(text); back && back->from == kafka::StartAt::From::Back)
    return now - back->back;
  return fail(Errc::Malformed, "\"" + std::string(text.substr(0, 40)) +
                                   "\" is no time: write 90s, 15m, 6h or 7d back, or UTC as 2026-11-29T08:30:00Z");
}

}  // namespace nightpost::app
