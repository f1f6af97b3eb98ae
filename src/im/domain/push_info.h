// What a sender may wish for a message's push: the member "push" of the offline event, checked before it is stored, so
// that no event is refused for it later. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "im/domain/codes.h"
#include "im/domain/reword.h"

namespace nightpost::im {

inline constexpr std::size_t kPushBytesMax = 8 * 1024;  // of the canonical JSON; phones take 4 KiB of all of it at most

struct CheckedPush {
  std::string canonical;  // JSON without blanks and without what says nothing (null, "", false, {}); empty: no wishes
  bool disabled = false;  // stored, not pushed
};

/// JSON object, or empty for none. A field that the event has not is refused by its name. Malformed: `why` names the
/// place ("push.apns.badge: …"). TooLarge: `why` names the limit in bytes.
Answer<CheckedPush> check_push(std::string_view json);

/// As reworded_elements(), of a canonical push.
std::optional<std::string> reworded_push(std::string_view canonical, const Reword& reword);

}  // namespace nightpost::im
