// Refuses what Xiaomi refuses, with Xiaomi's codes: a request, what is known and a time make a judgement. Written from
// Xiaomi's Mi Push server API pages alone.
#pragma once

#include <simdjson.h>
#include <cstdint>
#include <map>
#include <string>

#include "core/time.h"
#include "sandbox/form_fields.h"
#include "sandbox/taught_devices.h"
#include "sandbox/vendor_simulator.h"
#include "sandbox/xiaomi_message.h"
#include "server/http_server.h"

namespace nightpost::sandbox::xiaomi {

/// Judgement::variant.
enum class Api : std::uint8_t { Other, Regids, DifferentRegids, Indirect, DifferentIndirect, Quota, Validation };

/// TokenVerdict::reason.
inline constexpr std::string_view kBadRegid = "bad_regids";
inline constexpr std::string_view kExceedsQuota = "channel_exceed_quota";
inline constexpr std::size_t kTargetsMax = 1000;

struct Knowledge {
  bool accept_any = false;
  std::map<std::string, App, std::less<>> apps;  // by AppSecret
  TaughtDevices devices;                         // Device::app is a package
};

/// What one app sent to public classes within a day at UTC+8.
struct PublicDay {
  std::int64_t number = 0;  // days since 1970
  std::int64_t messages = 0;
};

struct State {
  FormFields form;  // of the last request: its judgement's views are into it
  simdjson::dom::parser json;
  std::string channel;                                       // of the last message; empty: none
  std::map<std::string, PublicDay, std::less<>> days;        // by AppSecret, of taught apps
  std::map<std::string, WallTime, std::less<>> quota_asked;  // by AppSecret
};

/// `reason` is the code in digits; "NotFound" and "MethodNotAllowed" (404, 405) are the sandbox's own.
Judgement verify(const server::ServerRequest& request, const Knowledge& known, State& state, WallTime now);

}  // namespace nightpost::sandbox::xiaomi
