// The rows of calls as values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/time.h"
#include "im/domain/call.h"
#include "im/domain/ids.h"

namespace nightpost::im {

struct CallRow {
  MessageId id;  // the invite's message
  AppId app;
  std::string inviter;
  std::string device;  // that canceled it; empty: none has
  WallTime at{};
  std::optional<WallTime> until;
  std::int64_t waiting = 0;  // users who have not decided
  bool canceled = false;
  bool hidden = false;      // from the invited, whose blacklist the inviter is on
  std::int64_t ranges = 1;  // of the group's members then (group_rules.h)
  std::string data;
};

struct CallUserRow {
  std::string user;
  CallState state = CallState::Waits;
  std::string device;  // that decided
};

}  // namespace nightpost::im
