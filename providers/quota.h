// How many messages a vendor takes: of an app, or for one device of it, in a second or in a day as it counts days.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"
#include "providers/settings.h"

namespace nightpost {

struct Quota {
  enum class Of : std::uint8_t { App, Device };
  enum class Per : std::uint8_t { Second, Minute, Hour, Day, Count };
  /// What is counted, a plural for people: "public messages". Equal names of one signer are one count, so there must be
  /// few of them: none is made of what an event says.
  std::string name;
  Of of = Of::App;
  Per per = Per::Day;
  std::uint32_t most = 0;
  /// Where the vendor's days begin, ahead of UTC.
  std::chrono::hours ahead{8};
};

/// "day".
std::string_view name_of(Quota::Per per) noexcept;

/// When the period that `now` lies in ends, and the next one begins.
WallTime period_end(const Quota& quota, WallTime now) noexcept;

/// "2 public messages a day to one device".
std::string text_of(const Quota& quota);

/// "2 public messages a day to one device, used up until 2026-12-01 00:00 at UTC+8".
std::string used_up(const Quota& quota, WallTime opens);

/// Requests that a vendor takes in a second or a minute, however many devices each reaches. A number alone is a
/// minute's.
struct RequestRate {
  RequestRate(std::size_t most = 0, milliseconds period = std::chrono::minutes(1)) noexcept
      : requests(most), per(period) {}
  std::size_t requests;  // 0: any number
  milliseconds per;
};

/// A setting that says how many: 1 to 1,000,000,000.
std::string check_quota(std::string_view value);
/// 0: not set. REQUIRED: check_quota() passed it.
std::uint32_t quota_in(const Settings& settings, std::string_view name);
/// Appends `quota` with the number that the setting `name` says, if it is set.
void add_quota(std::vector<Quota>& quotas, const Settings& settings, std::string_view name, Quota quota);
/// By "rate_per_s", which counts requests.
RequestRate rate_in(const Settings& settings);

}  // namespace nightpost
