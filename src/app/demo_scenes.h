// What the demo plays: a small town of users, a handful of events, and what must become of each push.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/device.h"
#include "core/time.h"
#include "core/vendor.h"

namespace nightpost::app::demo {

inline constexpr std::int64_t kApp = 1400000001;

struct Resident {
  std::string user_id;
  Vendor vendor = Vendor::Apns;
  bool uninstalled = false;     // the vendor will say so
  std::vector<Device> devices;  // certificate is filled in by the stage
  std::optional<PushSettings> settings;
  std::vector<Mute> mutes;
};

struct Expected {
  std::string user_id;
  std::string device_id;  // empty: the receiver had no device to try
  std::string outcome;
  std::string rule;  // empty: not looked at
};

struct Scene {
  std::string title;               // what happens, for people
  std::string event_id;            // empty: cannot be read
  std::string bytes;               // what goes onto the topic
  std::vector<Expected> expected;  // one a push
  std::string dead_reason;         // non-empty: the event must stand on the dead topic with this reason
};

/// So many who left die in one request, which is enough for the demo's removal guard to hold them.
inline constexpr std::size_t kLeftAtOnce = 5;

/// Tokens by name, so that scripts and devices agree.
std::string token_of(Vendor vendor, const std::string& name);

std::vector<Resident> residents(WallTime now);
std::vector<Scene> scenes(WallTime now);
/// The sandbox's faults: a server that is busy once, an answer that gets lost once.
nlohmann::json script(WallTime now);

}  // namespace nightpost::app::demo
