// How many messages single devices of a vendor's apps got within a day, where the vendor counts so. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <unordered_map>

#include "core/time.h"

namespace nightpost::sandbox {

/// Days begin at 00:00 at UTC+8. Bounded: once `kDevicesMax` devices were counted in a day no more of them are.
class DeviceDay {
 public:
  static constexpr std::size_t kDevicesMax = 100'000;
  std::int64_t got(std::string_view app, std::string_view token, WallTime now) const;
  void count(std::string_view app, std::string_view token, WallTime now);
  void clear() { *this = {}; }

 private:
  std::int64_t day_ = 0;                                    // since 1970
  std::unordered_map<std::uint64_t, std::int64_t> counts_;  // by a hash of both names
};

}  // namespace nightpost::sandbox
