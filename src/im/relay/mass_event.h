// The offline event of a part of a push to all: config/schemas/offline-event.schema.json. Pure.
#pragma once

#include <string>
#include <vector>

#include "core/time.h"
#include "im/relay/group_event.h"
#include "im/service/mass_push.h"

namespace nightpost::im {

/// Chunks are in no order: the topic's key.
std::string mass_event_key(const MassPushChunk& chunk);

/// One line of JSON. Its id is the task's and the chunk's, "mass-12.3", whatever users it names, so a push has one id
/// also where the event is made again. REQUIRED: at most kEventMembersMax.
std::string mass_event(const MassPushChunk& chunk, const std::vector<DueMember>& members, milliseconds lifetime);

}  // namespace nightpost::im
