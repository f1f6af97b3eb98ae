// OfflinePushInfo: one table says of each of its fields which member of the offline event it becomes, or why it is
// passed over.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "im/rest/fields.h"

namespace nightpost::im {

struct PushField {
  std::string_view section;  // "", "AndroidInfo", "ApnsInfo"
  const char* name;
  enum class Is : std::uint8_t { Text, Flag, Badge, Level, Any, AnyBut0 } is;  // Any: passed over, unless it is ""
  std::string_view member;  // of the event's "push": "android.channel.oppo"; empty: passed over
  std::string_view why;     // ... because
};
std::span<const PushField> push_fields() noexcept;

struct TimPush {
  std::string push;     // the event's "push", for domain/push_info to check; empty: nothing asked for
  std::string ignored;  // for the caller: the fields that change nothing, each with why; empty: none
};
inline constexpr std::string_view kIgnoredPush = "OfflinePushInfo: ignored ";  // begins it
/// The member OfflinePushInfo of a request. `ext`, where it says none itself. Faults are the reader's.
TimPush push_from_tim(Fields& request, const std::string& ext);
/// A refusal's "push.apns.sound" as "OfflinePushInfo: push.apns.sound".
std::string as_push_info(std::string why);

}  // namespace nightpost::im
