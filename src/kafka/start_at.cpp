#include "kafka/start_at.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <utility>

namespace nightpost::kafka {
namespace {

constexpr milliseconds kBackMax = std::chrono::days(365);

constexpr std::array<std::pair<std::string_view, milliseconds>, 5> kUnits = {{
    {"ms", milliseconds(1)},
    {"s", std::chrono::seconds(1)},
    {"m", std::chrono::minutes(1)},
    {"h", std::chrono::hours(1)},
    {"d", std::chrono::days(1)},
}};

}  // namespace

Result<StartAt> parse_start_at(std::string_view text) {
  if (text == "earliest") return StartAt{StartAt::From::Earliest};
  if (text == "latest") return StartAt{StartAt::From::Latest};
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const auto known = std::ranges::find(kUnits, unit, [](const auto& each) { return each.first; });
  if (error != std::errc() || known == kUnits.end() || count <= 0)
    return fail(Errc::Malformed, "\"" + std::string(text.substr(0, 40)) +
                                     "\" is not earliest, latest or a duration like 90s, 15m, 6h, 7d");
  if (count > kBackMax / known->second) return fail(Errc::Malformed, "is more than a year back");
  return StartAt{StartAt::From::Back, count * known->second};
}

std::string text_of(const StartAt& start) {
  switch (start.from) {
    case StartAt::From::Earliest:
      return "earliest";
    case StartAt::From::Latest:
      return "latest";
    case StartAt::From::Back:
      break;
  }
  const auto unit = std::ranges::find_if(kUnits.rbegin(), kUnits.rend(),
                                         [&](const auto& each) { return start.back % each.second == milliseconds(0); });
  return std::to_string(start.back / unit->second) + std::string(unit->first);
}

std::int64_t start_offset(const StartAt& start, LogRange log, std::optional<std::int64_t> since) noexcept {
  switch (start.from) {
    case StartAt::From::Earliest:
      return log.low;
    case StartAt::From::Latest:
      break;
    case StartAt::From::Back:
      if (since) return std::max(log.low, *since);  // what came after we asked for the log's end belongs to us
      break;
  }
  return log.high;
}

}  // namespace nightpost::kafka
