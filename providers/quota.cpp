#include "providers/quota.h"

#include <array>
#include <charconv>
#include <utility>

namespace nightpost {
namespace {

constexpr std::uint32_t kQuotaMax = 1'000'000'000;

constexpr std::array<std::string_view, std::size_t(Quota::Per::Count)> kPeriodNames = {"second", "minute", "hour",
                                                                                       "day"};
constexpr std::array<milliseconds, std::size_t(Quota::Per::Count)> kPeriods = {
    seconds(1), std::chrono::minutes(1), std::chrono::hours(1), std::chrono::hours(24)};

/// 0: it says no such number.
std::uint32_t read_quota(std::string_view text) noexcept {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() && number <= kQuotaMax ? number : 0;
}

}  // namespace

std::string_view name_of(Quota::Per per) noexcept { return kPeriodNames[std::size_t(per)]; }

WallTime period_end(const Quota& quota, WallTime now) noexcept {
  const std::int64_t length = kPeriods[std::size_t(quota.per)].count();
  const std::int64_t ahead = milliseconds(quota.ahead).count();
  const std::int64_t there = to_ms(now) + ahead;
  const std::int64_t number = there / length - (there % length < 0 ? 1 : 0);
  return wall_from_ms((number + 1) * length - ahead);
}

std::string text_of(const Quota& quota) {
  std::string text = std::to_string(quota.most) + ' ' + quota.name;
  text.append(quota.per == Quota::Per::Hour ? " an " : " a ").append(name_of(quota.per));
  return quota.of == Quota::Of::Device ? text + " to one device" : text;
}

std::string used_up(const Quota& quota, WallTime opens) {
  const auto there = opens + quota.ahead;
  const auto day = std::chrono::floor<std::chrono::days>(there);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(there - day);
  const auto two = [](auto number) { return (number < 10 ? "0" : "") + std::to_string(number); };
  std::string text = text_of(quota) + ", used up until ";
  text.append(std::to_string(int(date.year()))).append("-").append(two(unsigned(date.month())));
  text.append("-").append(two(unsigned(date.day())));
  text.append(" ").append(two(time.hours().count())).append(":").append(two(time.minutes().count()));
  if (quota.per == Quota::Per::Second) text.append(":").append(two(time.seconds().count()));
  if (quota.ahead == std::chrono::hours(0)) return text + " UTC";
  return text + " at UTC" + (quota.ahead.count() > 0 ? "+" : "") + std::to_string(quota.ahead.count());
}

std::string check_quota(std::string_view value) {
  return read_quota(value) > 0 ? "" : "expected a number from 1 to " + std::to_string(kQuotaMax);
}

std::uint32_t quota_in(const Settings& settings, std::string_view name) { return read_quota(setting(settings, name)); }

void add_quota(std::vector<Quota>& quotas, const Settings& settings, std::string_view name, Quota quota) {
  quota.most = quota_in(settings, name);
  if (quota.most > 0) quotas.push_back(std::move(quota));
}

RequestRate rate_in(const Settings& settings) { return {quota_in(settings, "rate_per_s"), seconds(1)}; }

}  // namespace nightpost
