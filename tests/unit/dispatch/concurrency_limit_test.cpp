// A slow vendor gets fewer requests; a fast one loses none, nor does one that is as slow as ever.
#include "dispatch/concurrency_limit.h"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace nightpost;
using namespace nightpost::dispatch;

namespace {

/// A vendor that answers in `base`, or later where it can take only `per_second`; kept as full as the limit allows.
struct SlowVendor {
  ConcurrencyLimit limit{4, 4096};
  MonoTime now = MonoTime(std::chrono::hours(1));
  void run(seconds time, double base_ms, double per_second, std::size_t offered = 100'000) {
    for (const MonoTime end = now + time; now < end; now += milliseconds(10)) {
      const std::size_t in_flight = std::min(limit.limit(), offered);
      const double latency = std::max(base_ms, static_cast<double>(in_flight) * 1'000 / per_second);
      limit.answered(milliseconds(static_cast<std::int64_t>(latency)), in_flight, now);
    }
  }
};

}  // namespace

TEST_CASE("concurrency: starts at the most, and takes bounds of any order", "[dispatch][concurrency]") {
  CHECK(ConcurrencyLimit(4, 4096).limit() == 4096);
  CHECK(ConcurrencyLimit(10, 2).limit() == 2);
  CHECK(ConcurrencyLimit(0, 0).limit() == 1);
}

TEST_CASE("concurrency: a constant latency costs nothing, however high", "[dispatch][concurrency]") {
  const double ms = GENERATE(0, 1, 20, 150, 2'000, 15'000);
  CAPTURE(ms);
  SlowVendor vendor;
  vendor.run(seconds(60), ms, 1e9);
  CHECK(vendor.limit.limit() == 4096);
}

TEST_CASE("concurrency: nor does a queue before our own thread", "[dispatch][concurrency]") {
  SlowVendor vendor;
  vendor.run(seconds(5), 1, 1e9, 100);  // few at first, so its best latency is known
  vendor.run(seconds(60), 1, 45'000);   // all at once: 91 ms, of which 90 are ours
  CHECK(vendor.limit.limit() == 4096);
}

TEST_CASE("concurrency: what a vendor takes ten times as long for is asked of it less often",
          "[dispatch][concurrency]") {
  SlowVendor vendor;
  vendor.run(seconds(30), 50, 100'000, 3'000);  // healthy
  REQUIRE(vendor.limit.limit() == 4096);
  vendor.run(seconds(10), 50, 1'000);  // it takes but a thousand a second: 4096 would wait for four seconds
  CHECK(vendor.limit.limit() < 1'000);
  CHECK(vendor.limit.limit() >= 50);  // and still all that it takes: a thousand a second at 50 ms
  vendor.run(seconds(30), 50, 100'000);
  CHECK(vendor.limit.limit() == 4096);
}

TEST_CASE("concurrency: one slow answer of few says nothing", "[dispatch][concurrency]") {
  SlowVendor vendor;
  vendor.run(seconds(10), 20, 1e9, 10);
  vendor.run(seconds(10), 9'000, 1e9, 10);
  CHECK(vendor.limit.limit() == 4096);
}

TEST_CASE("concurrency: time-outs shrink it to the least and not below", "[dispatch][concurrency]") {
  SlowVendor vendor;
  vendor.run(seconds(5), 20, 1e9);
  vendor.run(seconds(10), 20'000, 1e9);
  CHECK(vendor.limit.limit() >= 4);
  CHECK(vendor.limit.limit() < 1'000);
}
