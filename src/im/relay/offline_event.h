// The offline event of an intent: config/schemas/offline-event.schema.json. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"
#include "im/service/service.h"

namespace nightpost::im {

/// Orders a conversation's events: the topic's key.
std::string event_key(const Intent& intent);

/// One line of JSON that names `devices`, of which there is at least one, as due. Its event id is the message's, also
/// of a later event for other devices and of a repeat: so a device's push has one id, whichever event brings it. It
/// expires with the message, or `lifetime` after it was sent.
std::string offline_event(const Intent& intent, const std::vector<std::string>& devices, milliseconds lifetime);

}  // namespace nightpost::im
