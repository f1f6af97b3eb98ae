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

/// "<message>.<number>": equal on every repeat of the same event. `number` from 1.
std::string event_id(MessageId message, std::int32_t number);

/// One line of JSON that names `devices`, of which there is at least one, as due. It expires with the message, or
/// `lifetime` after it was sent.
std::string offline_event(const Intent& intent, std::int32_t number, const std::vector<std::string>& devices,
                          milliseconds lifetime);

}  // namespace nightpost::im
