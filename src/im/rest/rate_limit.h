// How often an app may call. Pure: times are handed in.
#pragma once

#include <cstdint>
#include <map>
#include <string_view>
#include <utility>

#include "core/ids.h"
#include "core/time.h"
#include "im/rest/commands.h"
#include "im/rest/rest_options.h"

namespace nightpost::im {

/// A bucket an app and command, and one an app: each call takes one from both, and they fill up by the second. Bounded
/// by the apps that have administrators and by the table of commands.
class RateLimit {
 public:
  explicit RateLimit(const RestOptions& options) : options_(options) {}
  /// 0: it may. 60007: the command is called too often, 60011: the app calls too often.
  std::int32_t take(AppId app, const RestCommand& command, MonoTime now);

 private:
  struct Bucket {
    double left = 0;
    MonoTime at;
  };
  static bool has_one(Bucket& bucket, unsigned per_second, MonoTime now);

  const RestOptions& options_;
  std::map<std::pair<AppId, const RestCommand*>, Bucket> buckets_;  // null: the app's
};

}  // namespace nightpost::im
