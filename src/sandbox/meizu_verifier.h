// Refuses what Meizu refuses, with Meizu's codes: a request, what is known and a time make a judgement. Written from
// Meizu's Flyme push server API pages alone.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "core/time.h"
#include "sandbox/device_day.h"
#include "sandbox/form_fields.h"
#include "sandbox/taught_devices.h"
#include "sandbox/vendor_simulator.h"
#include "server/http_server.h"

namespace nightpost::sandbox::meizu {

/// Judgement::variant.
enum class Api : std::uint8_t { Other, Push, Indirect, MakeTask };

/// TokenVerdict::reason.
inline constexpr std::string_view kUnsubscribed = "110002";
inline constexpr std::string_view kIllegal = "110003";
inline constexpr std::string_view kSwitchedOff = "110010";  // as an answer of its own: rate limit
inline constexpr std::string_view kDayIsFull = "110011";
inline constexpr std::string_view kFolded = "520";
inline constexpr std::string_view kNoPermission = "201";
inline constexpr std::size_t kTargetsMax = 100;

struct Knowledge {
  bool accept_any = false;
  std::map<std::string, std::string, std::less<>> apps;  // appId → AppSecret
  std::set<std::string, std::less<>> no_private;         // appIds that were not granted private messages
  /// By appId: public messages that a device gets of it in a day; absent: any number.
  std::map<std::string, std::int64_t, std::less<>> public_per_device;
  TaughtDevices devices;  // Device::app is an appId
};

/// How many messages a device got within its minute, which begins with the first of them.
class Folding {
 public:
  static constexpr int kPerMinute = 5;
  static constexpr std::size_t kDevicesMax = 100'000;  // then the half that was met longest ago is forgotten
  /// Would another message be one too many?
  bool folds(std::string_view app, std::string_view token, WallTime now) const;
  void count(std::string_view app, std::string_view token, WallTime now);
  void clear() { *this = {}; }

 private:
  struct Recent {
    std::int64_t began_ms = 0;
    int count = 0;
  };
  const Recent* find(std::uint64_t name) const;
  std::unordered_map<std::uint64_t, Recent> young_, old_;
};

struct Task {
  std::string app;
  std::string parameter;
  bool reports_delivery = false;
  bool is_private = false;
};

struct State {
  Folding folding;
  DeviceDay days;                                  // of public messages
  bool is_private = false;                         // the last message
  std::map<std::string, Task, std::less<>> tasks;  // by taskId, at most kTasksMax
  std::deque<std::string> tasks_order;
  FormFields form;             // of the last request: its judgement's views are into it
  simdjson::dom::parser json;  // likewise
};
inline constexpr std::size_t kTasksMax = 10'000;

/// `reason` is the code in digits; "NotFound" and "MethodNotAllowed" (404, 405) are the sandbox's own. `task_id` is
/// what a new task is called.
Judgement verify(const server::ServerRequest& request, const Knowledge& known, State& state, std::string_view task_id,
                 WallTime now);

/// Of the decoded values, "sign" left out (§5.2).
std::string signature(const FormFields& form, std::string_view secret);

}  // namespace nightpost::sandbox::meizu
