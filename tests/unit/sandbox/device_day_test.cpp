#include "sandbox/device_day.h"

#include <catch2/catch.hpp>
#include <string>

namespace nightpost::sandbox {
namespace {

constexpr WallTime kMidnight{milliseconds{1'795'276'800'000}};  // in China

TEST_CASE("device day: counted by app and device, until midnight in China", "[sandbox]") {
  DeviceDay days;
  const WallTime before = kMidnight - milliseconds(1);
  CHECK(days.got("a", "t", before) == 0);
  days.count("a", "t", before);
  days.count("a", "t", before);
  days.count("a", "u", before);
  CHECK(days.got("a", "t", before) == 2);
  CHECK(days.got("a", "u", before) == 1);
  CHECK(days.got("b", "t", before) == 0);
  CHECK(days.got("a", "t", kMidnight) == 0);
  days.count("a", "t", kMidnight);
  CHECK(days.got("a", "t", kMidnight) == 1);
  CHECK(days.got("a", "u", kMidnight) == 0);
  days.clear();
  CHECK(days.got("a", "t", kMidnight) == 0);
}

TEST_CASE("device day: memory is bounded, and who is counted goes on being so", "[sandbox]") {
  DeviceDay days;
  days.count("a", "first", kMidnight);
  for (std::size_t i = 0; i < DeviceDay::kDevicesMax; ++i) days.count("a", std::to_string(i), kMidnight);
  CHECK(days.got("a", std::to_string(DeviceDay::kDevicesMax - 1), kMidnight) == 0);
  days.count("a", "first", kMidnight);
  CHECK(days.got("a", "first", kMidnight) == 2);
}

}  // namespace
}  // namespace nightpost::sandbox
