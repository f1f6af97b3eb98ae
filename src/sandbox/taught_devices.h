// The device tokens a simulator was taught, and what became of them.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/result.h"

namespace nightpost::sandbox {

struct Device {
  std::string app;       // whose app's token it is, in the vendor's terms; empty: any
  bool gone = false;     // uninstalled
  bool muted = false;    // notifications switched off
  bool test = false;     // registered as a test device
  std::string api;       // which of the vendor's APIs takes it ("v3"); empty: any
  std::string platform;  // "ios" or "android", where the vendor serves both; empty: nobody said
};

class TaughtDevices {
 public:
  using Read = std::vector<std::pair<std::string, Device>>;
  /// `[{"token", "app"?, "gone"?, "muted"?, "test"?, "api"?, "platform"?}]`; null is none. Malformed (with JSON path
  /// "$.tokens[…]…"), more than `known_max` in all included: nothing is to be added.
  Result<Read> read(const nlohmann::json* tokens, std::size_t known_max) const;
  void add(Read devices);
  void clear() { devices_.clear(); }

  /// Null: never taught.
  const Device* find(std::string_view token) const;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
  };
  std::unordered_map<std::string, Device, Hash, std::equal_to<>> devices_;
};

}  // namespace nightpost::sandbox
