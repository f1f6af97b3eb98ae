// What has been written to a store since somebody last asked it: which of their copies are old.
#pragma once

#include <optional>
#include <vector>

#include "core/device.h"
#include "core/ids.h"
#include "core/time.h"

namespace nightpost {

struct Changes {
  bool everything = false;             // more than is worth naming, or it can no longer be known what
  bool certificates = false;           // one of them at least
  std::vector<AppId> apps;             // every receiver of these may be another
  std::vector<ReceiverKey> receivers;  // each of these may be; one may be named more than once
  /// Of the oldest of them, by the store's own clock, since its transaction began. Absent: not known, or none is named.
  std::optional<milliseconds> age;

  bool empty() const noexcept { return !everything && !certificates && apps.empty() && receivers.empty(); }
};

}  // namespace nightpost
