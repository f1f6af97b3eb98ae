// The offline event of a group's message for a part of its members: config/schemas/offline-event.schema.json. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/time.h"
#include "im/service/service.h"

namespace nightpost::im {

struct DueMember {
  std::string user;
  std::int64_t unread_total = 0;
  bool mentioned = false;
  std::vector<std::string> devices;  // one at least
};

inline constexpr std::size_t kEventMembersMax = 1'000;

/// A member as an event's `to` has it.
void append_due_member(std::string& out, const DueMember& member);

/// Orders a range's events: the topic's key.
std::string group_event_key(const GroupIntent& intent, std::int64_t range);

/// One line of JSON. Its id is the message's and the range's, "<message>.<range>", whatever members it names: a member
/// belongs to one range alone, so a push has one id, whichever event brings it. REQUIRED: at most kEventMembersMax.
std::string group_event(const GroupIntent& intent, std::int64_t range, const std::vector<DueMember>& members,
                        milliseconds lifetime, bool call_events = false);

}  // namespace nightpost::im
