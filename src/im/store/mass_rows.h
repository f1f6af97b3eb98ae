// The rows of pushes to all, as values.
#pragma once

#include <cstdint>
#include <string>

#include "core/time.h"
#include "im/domain/ids.h"

namespace nightpost::im {

struct MassTaskRow {
  std::int64_t id = 0;
  AppId app;
  std::int64_t random = 0;
  std::string from;
  std::string elements, push;
  std::int64_t lifetime_ms = 0;  // 0: not stored
  std::int64_t condition = 0;    // PushCondition::Is
  std::string keys;
  WallTime at{};
  std::int64_t state = 0;  // MassPushState
  bool begun_all = false;
  std::string cursor;       // users up to it were looked at
  std::int64_t chunks = 0;  // begun
  std::int64_t users = 0;
  std::int64_t pushed = 0, failed = 0, delivered = 0, clicked = 0;
};

/// Its users are above `after`, up to `upto`.
struct MassChunkRow {
  std::int64_t chunk = 0;
  std::string after, upto;
};

}  // namespace nightpost::im
