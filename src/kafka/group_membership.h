// How a consumer is a member of its group: how soon its death shows, and under which name it comes back. Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "core/result.h"
#include "core/time.h"

namespace nightpost::kafka {

struct GroupTiming {
  milliseconds session;    // without a heartbeat for so long a member is dead: its partitions go to others
  milliseconds heartbeat;  // also how late a member hears that the group rebalances
  milliseconds max_poll;   // a member whose thread does not poll for so long leaves the group

  friend bool operator==(const GroupTiming&, const GroupTiming&) = default;
};

/// `ours`, but what `client` sets (session.timeout.ms, heartbeat.interval.ms, max.poll.interval.ms) wins. What is no
/// number there is left to check_client_settings().
GroupTiming group_timing(GroupTiming ours, const std::map<std::string, std::string>& client);

/// Malformed: three heartbeats do not fit into the session, so that one late answer ends it; or the session is not
/// below max_poll, so that librdkafka refuses it.
Result<void> check_group_timing(const GroupTiming& timing);

/// `pattern` with each "{hostname}" replaced: one config file then serves all workers, each with a name of its own.
std::string group_instance_id(std::string_view pattern, std::string_view hostname);

/// The group in which delay topics are read: `chosen`; empty: `group_id` with ".delay".
std::string delay_group_id(std::string_view chosen, std::string_view group_id);

}  // namespace nightpost::kafka
