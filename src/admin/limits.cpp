#include "admin/limits.h"

#include <algorithm>
#include <cmath>

namespace nightpost::admin {
namespace {
constexpr double kRounding = 1e-9;  // of what has filled up meanwhile
}  // namespace

double Buckets::left_in(const Bucket& bucket, MonoTime now) const {
  const std::chrono::duration<double> passed = std::max(now - bucket.at, MonoTime::duration(0));
  return std::min(burst_, bucket.left + burst_ * (passed / refill_));
}

std::optional<seconds> Buckets::wait(const std::string& name, MonoTime now) {
  const Bucket* const bucket = names_.find(name);
  const double left = bucket == nullptr ? burst_ : left_in(*bucket, now);
  if (left >= 1 - kRounding) return std::nullopt;
  const std::chrono::duration<double> until = refill_ * ((1 - left) / burst_);
  return std::max(seconds(1), std::chrono::ceil<seconds>(std::chrono::round<milliseconds>(until)));
}

void Buckets::take(const std::string& name, MonoTime now) {
  const Bucket* const bucket = names_.find(name);
  const double left = bucket == nullptr ? burst_ : left_in(*bucket, now);
  names_.put(name, Bucket{std::max(0.0, left - 1), now});
}

}  // namespace nightpost::admin
