// What happened in a group, as the element of a message of the server's own or as a mere event. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"

namespace nightpost::im {

struct GroupTip {
  enum class Kind : std::uint8_t {
    Create,
    Join,  // by himself, or an application was agreed to
    Invite,
    Quit,
    Kick,
    Role,
    Owner,  // another one
    Silence,
    Info,
    Dismiss,
    Apply,  // to owner and admins: somebody wants to join
    Refuse,
    Custom,   // the app's own words
    Invited,  // to a user: he is asked whether he joins
    Count,
  };
  Kind kind = Kind::Join;
  std::string by;                              // who did it; empty: the app's server
  std::vector<std::string> users;              // whom it concerns
  std::map<std::string, std::string> changed;  // info: names of fields and their new values; role: "role"
  std::optional<WallTime> until;               // silence; the past: it ended
  std::string note;                            // of an application, a kick
};
std::string_view name_of(GroupTip::Kind kind) noexcept;  // "create", "join", …

/// {"type":"tip","kind":"join",…}
std::string tip_element(const GroupTip& tip);
/// The array of that element alone: a stored message's elements.
inline std::string tip_elements(const GroupTip& tip) { return "[" + tip_element(tip) + "]"; }

}  // namespace nightpost::im
