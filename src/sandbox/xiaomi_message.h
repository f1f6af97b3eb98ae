// Judges the fields of one Xiaomi message (Xiaomi, Mi Push server API).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "core/time.h"
#include "sandbox/form_fields.h"

namespace nightpost::sandbox::xiaomi {

struct App {
  std::string package;                                // empty: any
  std::map<std::string, bool, std::less<>> channels;  // id → is it public?
  std::int64_t public_per_day = 0;                    // messages to devices, of all public classes; 0: no limit
};

/// The vendor's code, and for people what was wrong.
struct Refusal {
  int code = 0;  // 0: nothing
  std::string detail;
  explicit operator bool() const noexcept { return code != 0; }
};

constexpr int kMissing = 10016;
constexpr int kIllegal = 10017;
constexpr int kNoPermission = 10005;
constexpr int kContentTooLong = 65009;
constexpr int kTooManyExtras = 65014;
constexpr int kExtrasTooLong = 65015;
constexpr int kBadCallbackParam = 65036;
constexpr int kCallbackTooLong = 65037;
constexpr int kBadCallback = 65038;
constexpr int kWrongChannel = 27001;
constexpr int kWrongPackage = 22022;
constexpr int kBadNotifyId = 22103;
constexpr int kPublicQuota = 200001;

struct Context {
  const App* app = nullptr;    // null: never taught, taken on trust
  bool accept_any = false;     // channels that were not taught too
  bool many_packages = false;  // v3 and later
  WallTime now{};
};

/// `fields` are the form's without the targets, names as in a form ("extra.channel_id").
Refusal judge_message(std::span<const FormFields::Field> fields, const Context& context);

}  // namespace nightpost::sandbox::xiaomi
