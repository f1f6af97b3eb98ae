#include "app/receipt_rate.h"

#include <catch2/catch.hpp>

namespace nightpost::app {
namespace {

int taken(TokenBucket& bucket, MonoTime at, int tries) {
  int count = 0;
  for (int i = 0; i < tries; ++i) count += bucket.try_acquire(at) ? 1 : 0;
  return count;
}

TEST_CASE("receipt rate: a burst, then what a second brings", "[app][receipts]") {
  TokenBucket bucket(10);
  MonoTime now{std::chrono::hours(5)};
  CHECK(taken(bucket, now, 100) == 10);
  CHECK(taken(bucket, now, 1) == 0);
  CHECK(taken(bucket, now += milliseconds(99), 100) == 0);
  CHECK(taken(bucket, now += milliseconds(2), 100) == 1);
  CHECK(taken(bucket, now += milliseconds(500), 100) == 5);
  CHECK(taken(bucket, now += std::chrono::hours(24), 100) == 10);  // never more than a second's worth
}

TEST_CASE("receipt rate: steady calls at the rate all pass", "[app][receipts]") {
  TokenBucket bucket(4);
  MonoTime now{seconds(1)};
  for (int i = 0; i < 1'000; ++i, now += milliseconds(250)) CHECK(bucket.try_acquire(now));
}

}  // namespace
}  // namespace nightpost::app
