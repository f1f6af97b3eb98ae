// Refuses what OPPO refuses, with OPPO's codes: a request, what is known and a time make a judgement. Written from
// OPPO's PUSH server API pages alone.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"
#include "sandbox/form_fields.h"
#include "sandbox/grant_book.h"
#include "sandbox/oppo_memory.h"
#include "sandbox/taught_devices.h"
#include "sandbox/vendor_simulator.h"
#include "server/http_server.h"

namespace nightpost::sandbox::oppo {

/// Judgement::variant.
enum class Api : std::uint8_t { Other, Auth, Unicast, UnicastBatch, Save, Broadcast };

/// TokenVerdict::reason.
inline constexpr std::string_view kInvalidId = "10000";
inline constexpr std::string_view kUnsubscribed = "10001";
inline constexpr std::string_view kRepeatedId = "10004";
inline constexpr std::size_t kTargetsMax = 1000;

struct App {
  std::string master_secret;
  std::int64_t public_per_day = 0;    // public messages to devices; 0: no limit
  std::int64_t contents_per_day = 0;  // bodies saved; 0: no limit
};

struct Knowledge {
  bool accept_any = false;
  std::map<std::string, App, std::less<>> apps;  // by app key
  TaughtDevices devices;                         // Device::app is an app key
};

/// What one app used up of its quotas within a day at UTC+8.
struct AppDay {
  std::int64_t number = 0;  // days since 1970
  std::int64_t public_messages = 0;
  std::int64_t contents = 0;
};

/// A message on its way to a device; `name` is of (app, app_message_id, token), 0 without an app_message_id.
struct Delivery {
  std::string_view token;
  std::uint64_t name = 0;
};

struct State {
  GrantBook grants;
  Memory memory;
  FormFields form;                                  // of the last request: its judgement's views are into it
  simdjson::dom::parser json;                       // likewise
  std::vector<Delivery> underway;                   // what the last request wants delivered, in the order of its tokens
  std::map<std::string, AppDay, std::less<>> days;  // by app key, of taught apps
};

/// `reason` is the code in digits; "NotFound" (404) is the sandbox's own. `id` names what is new: it becomes the
/// message id of a push, or of a saved body.
Judgement verify(const server::ServerRequest& request, const Knowledge& known, State& state, std::string id,
                 WallTime now);

/// 32 or 24 hex digits behind what may stand before them.
bool is_registration_id(std::string_view text) noexcept;

}  // namespace nightpost::sandbox::oppo
