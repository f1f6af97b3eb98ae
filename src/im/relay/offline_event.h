// The offline events of an intent and of a follow-up: config/schemas/offline-event.schema.json. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"
#include "im/service/service.h"

namespace nightpost::im {

/// Orders a conversation's events: the topic's key.
std::string event_key(const Intent& intent);
/// A cancel's is that of its message, so that none overtakes its push; a badge's the user.
std::string event_key(const FollowUp& one);

/// That the message was recalled, or its conversation read up to it; for `devices`, on which it may have been shown.
/// REQUIRED: no badge.
/// `call_events`: of a call, that it rings no more; where the user has answered, nothing takes its place.
std::string cancel_event(const FollowUp& one, const std::vector<std::string>& devices, milliseconds lifetime,
                         bool call_events = false);
/// The total alone.
std::string badge_event(const FollowUp& one, const std::vector<std::string>& devices, milliseconds lifetime);

/// One line of JSON that names `devices`, of which there is at least one, as due. Its event id is the message's, also
/// of a later event for other devices and of a repeat: so a device's push has one id, whichever event brings it. It
/// expires with the message, or `lifetime` after it was sent.
/// `call_events`: an invite to a call is of kind call.
std::string offline_event(const Intent& intent, const std::vector<std::string>& devices, milliseconds lifetime,
                          bool call_events = false);

}  // namespace nightpost::im
