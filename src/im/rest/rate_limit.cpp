#include "im/rest/rate_limit.h"

#include <algorithm>
#include <chrono>

namespace nightpost::im {

bool RateLimit::has_one(Bucket& bucket, unsigned per_second, MonoTime now) {
  const double most = per_second;
  const std::chrono::duration<double> passed = now - bucket.at;
  bucket.left = bucket.at == MonoTime{} ? most : std::min(most, bucket.left + passed.count() * most);
  bucket.at = now;
  return bucket.left >= 1;
}

std::int32_t RateLimit::take(AppId app, const RestCommand& command, MonoTime now) {
  const unsigned most =
      command.rate == Rate::Message ? options_.message_calls_per_second : options_.manage_calls_per_second;
  Bucket& own = buckets_[{app, &command}];
  Bucket& all = buckets_[{app, nullptr}];
  const bool own_has = has_one(own, most, now);
  const bool all_has = has_one(all, options_.app_calls_per_second, now);
  if (!own_has) return 60007;
  if (!all_has) return 60011;
  --own.left;
  --all.left;
  return 0;
}

}  // namespace nightpost::im
