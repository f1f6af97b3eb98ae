// What the bodies of callbacks are written with, of those that tell and of those that ask. For their sources alone.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/text.h"
#include "im/service/actor.h"
#include "im/store/rows.h"

namespace nightpost::im {

inline std::string_view callback_platform(Platform platform) noexcept {
  switch (platform) {
    case Platform::Ios:
      return "iOS";
    case Platform::Android:
      return "Android";
    case Platform::Web:
    case Platform::MiniProgram:
      return "Web";
    case Platform::Desktop:
      break;  // of which system is not known
  }
  return "Unknown";
}

inline constexpr std::string_view kServerApi = "RESTAPI";
/// OptPlatform.
inline std::string_view callback_platform(const Actor& who) noexcept {
  return who.terminal ? callback_platform(who.terminal->platform) : kServerApi;
}

inline std::int64_t callback_second(WallTime at) { return std::chrono::floor<seconds>(at).time_since_epoch().count(); }

inline std::string callback_msg_key(const WireName& name, WallTime at) {
  return std::to_string(name.seq) + "_" + std::to_string(name.random) + "_" + std::to_string(callback_second(at));
}

class CallbackBody {
 public:
  explicit CallbackBody(std::string_view command) { text("CallbackCommand", command); }
  CallbackBody& text(std::string_view name, std::string_view value) {
    append_json_member(out_, name, value);
    return *this;
  }
  CallbackBody& number(std::string_view name, std::int64_t value) {
    append_json_member(out_, name, value);
    return *this;
  }
  CallbackBody& raw(std::string_view name, std::string_view json) {
    out_.append(R"(,")").append(name).append(R"(":)").append(json);
    return *this;
  }
  /// [{"Member_Account":"mia"},…]
  CallbackBody& users(std::string_view name, std::string_view member, const std::vector<std::string>& all) {
    std::string list = "[";
    for (const std::string& user : all) {
      list += list.ends_with('[') ? "{" : ",{";
      append_json_member(list, member, user);
      list += '}';
    }
    return raw(name, list + "]");
  }
  std::string take() { return std::move(out_ += '}'); }

 private:
  std::string out_ = "{";
};

}  // namespace nightpost::im
