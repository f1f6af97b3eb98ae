#include "sandbox/device_day.h"

#include <chrono>

#include "core/uuid.h"

namespace nightpost::sandbox {
namespace {

std::int64_t day_in_china(WallTime now) noexcept {
  return std::chrono::floor<std::chrono::days>(now + std::chrono::hours(8)).time_since_epoch().count();
}

}  // namespace

std::int64_t DeviceDay::got(std::string_view app, std::string_view token, WallTime now) const {
  if (day_ != day_in_china(now)) return 0;
  const auto found = counts_.find(hash128({app, token}).low);
  return found == counts_.end() ? 0 : found->second;
}

void DeviceDay::count(std::string_view app, std::string_view token, WallTime now) {
  if (const std::int64_t day = day_in_china(now); day_ != day) {
    counts_.clear();
    day_ = day;
  }
  const std::uint64_t name = hash128({app, token}).low;
  if (const auto found = counts_.find(name); found != counts_.end())
    ++found->second;
  else if (counts_.size() < kDevicesMax)
    counts_.emplace(name, 1);
}

}  // namespace nightpost::sandbox
