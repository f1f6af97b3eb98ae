// A dead token that is not removed for now: too many of its credential died at once.
#pragma once

#include <string>
#include <utility>

#include "core/device.h"
#include "core/ids.h"
#include "core/time.h"

namespace nightpost {

/// Which registration of which device: enough to remove it later, unless the app has reported a token since. The token
/// itself is not needed, and is not kept.
struct HeldRemoval {
  AppId app;
  std::string user_id;
  std::string device_id;
  WallTime registered_at{};
  bool operator==(const HeldRemoval&) const = default;
};

inline HeldRemoval held_removal_of(AppId app, std::string user_id, const Device& device) {
  return {app, std::move(user_id), device.device_id, device.registered_at};
}

}  // namespace nightpost
