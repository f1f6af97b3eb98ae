// Refuses what vivo refuses, with vivo's codes: a request, what is known and a time make a judgement. Written from
// vivo's push server API pages alone.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>

#include "core/time.h"
#include "sandbox/grant_book.h"
#include "sandbox/taught_devices.h"
#include "sandbox/vendor_simulator.h"
#include "server/http_server.h"

namespace nightpost::sandbox::vivo {

/// Judgement::variant.
enum class Api : std::uint8_t { Other, Auth, Send, SaveList, PushToList, All, Check };

/// TokenVerdict::reason: the status in invalidUser.
inline constexpr std::string_view kUnknown = "1";
inline constexpr std::string_view kGone = "2";
inline constexpr std::string_view kInactive = "3";
inline constexpr std::string_view kNoTestDevice = "4";
inline constexpr std::string_view kIllegalRegId = "10302";  // says the same as kUnknown
inline constexpr int kDayIsFull = 10070;

struct App {
  std::string key;
  std::string secret;
  std::int64_t daily_max = 0;  // devices a day; 0: as many as come
  std::int64_t lists_max = 0;  // saveListPayload a day, likewise
};

struct Knowledge {
  bool accept_any = false;
  std::map<std::string, App, std::less<>> apps;  // by appId
  TaughtDevices devices;                         // Device::app is an appId
};

/// What one app did today, and within this second.
struct Day {
  std::int64_t number = 0;  // days since 1970 at UTC+8
  std::int64_t devices = 0;
  std::int64_t lists = 0;
  bool full = false;          // 10070 until the day ends
  bool spoke_to_all = false;  // /message/all
  std::int64_t second = 0;
  int auths = 0;  // within it
};

struct Payload {  // of saveListPayload
  std::string app;
  std::string param;
  bool operation = true;
  bool calls_back = false;
};

struct State {
  GrantBook grants;
  std::map<std::string, Day, std::less<>> days;          // by appId, at most kAppsMax
  std::map<std::string, Payload, std::less<>> payloads;  // by taskId, at most kPayloadsMax
  std::deque<std::string> payloads_order;
  std::string request_id;      // the last request's
  simdjson::dom::parser json;  // of the last request: its judgement's views are into it
};
inline constexpr std::size_t kAppsMax = 4096;
inline constexpr std::size_t kPayloadsMax = 10'000;
inline constexpr std::size_t kListMax = 1000;

/// `reason` is the code in digits; "NotFound", "MethodNotAllowed" and "BadRequest" (404, 405, 400) are the sandbox's
/// own. `id` becomes the task id of what is new.
Judgement verify(const server::ServerRequest& request, const Knowledge& known, State& state, std::string id,
                 WallTime now);

/// Today's entry of that app.
Day& day_of(State& state, std::string_view app, WallTime now);

}  // namespace nightpost::sandbox::vivo
