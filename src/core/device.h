// Who can be pushed to, as the stores know it. Values; no behaviour.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/ids.h"
#include "core/platform.h"
#include "core/time.h"
#include "core/vendor.h"

namespace nightpost {

enum class DeviceState : std::uint8_t { Foreground, Background, Offline, LoggedOut };
std::string_view name_of(DeviceState state) noexcept;  // "foreground", "background", "offline", "logged_out"
std::optional<DeviceState> device_state_from(std::string_view name) noexcept;

struct Device {
  std::string device_id;
  Platform platform = Platform::Ios;
  CertificateId certificate;
  DeviceToken token;
  WallTime registered_at{};  // when the app reported this token; the guard of compare-and-delete
  DeviceState state = DeviceState::Offline;
  std::int32_t badge_base = 0;  // unread total the app reported on going to background
  std::string language;         // "zh", "en", …; empty: the user's, else the tenant's
};

/// A phone with a PushKit token has two rows: one of its own for that token, which takes calls alone, under the device
/// id of the other with this behind it.
inline constexpr std::string_view kVoipSuffix = ".voip";
constexpr bool is_voip_id(std::string_view device_id) noexcept {
  return device_id.size() > kVoipSuffix.size() && device_id.ends_with(kVoipSuffix);
}
/// "iphone-1" of "iphone-1.voip". REQUIRED: is_voip_id().
constexpr std::string_view phone_of(std::string_view voip_id) noexcept {
  return voip_id.substr(0, voip_id.size() - kVoipSuffix.size());
}

/// A user's standing wishes; absent row: the defaults here.
struct PushSettings {
  bool enabled = true;    // openPush 1 / 2 (0 leaves it as it is and is never stored)
  std::string language;   // "zh", "en"; empty: the tenant's
  std::string sound_c2c;  // file name; empty: "default"
  std::string sound_group;
  bool badge = true;  // counting on
};

/// What a user muted. `until` is exclusive; WallTime::max() is for good.
struct Mute {
  enum class Kind : std::uint8_t { All, Peer, Group };
  Kind kind = Kind::All;
  std::string target;  // the peer's user id or the group id; empty for All
  WallTime until = WallTime::max();
  bool unless_mentioned = false;  // group receive option "only when I am mentioned"
};
std::string_view name_of(Mute::Kind kind) noexcept;  // "all", "peer", "group"
std::optional<Mute::Kind> mute_kind_from(std::string_view name) noexcept;

/// Everything dispatch must know of one receiver.
struct Receiver {
  PushSettings settings;
  std::vector<Device> devices;  // at most store.devices_per_user_max
  std::vector<Mute> mutes;
};

struct ReceiverKey {
  AppId app;
  std::string user_id;
  bool operator==(const ReceiverKey&) const = default;
};

}  // namespace nightpost
