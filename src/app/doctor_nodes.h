// What `nightpost doctor` looks at where several IM servers share a store, and what it makes of it: their leases and
// clocks, what they are set to, and the Redis between them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "app/config.h"
#include "app/doctor_findings.h"
#include "core/time.h"
#include "im/store/node_reader.h"

namespace nightpost::app {

/// `here`: this machine's clock, when the server's was read.
std::vector<Finding> judge(const im::NodesSeen& seen, WallTime here, const Config& config);

/// What Redis says of itself (INFO).
struct RedisFacts {
  std::string version;                       // empty: it does not say
  std::string mode, role;                    // "standalone", "cluster", "sentinel"; "master", "slave"
  std::string maxmemory_policy;              // "noeviction", …
  std::uint64_t memory = 0, memory_max = 0;  // bytes; 0: no bound
};
/// Lines of `name:value`; what is not one is passed over.
RedisFacts parse_redis_info(std::string_view text);
/// `address`: of the server, for people.
std::vector<Finding> judge(const RedisFacts& facts, const std::string& address);

/// Empty: the store is a file, or has no companion.
std::vector<Finding> look_at_nodes(const Config& config);
/// Empty: im.redis.url names none. REQUIRED: look_at_redis() has found it good. Ends by `deadline`.
std::vector<Finding> look_at_redis_server(const Config& config, MonoTime deadline);

}  // namespace nightpost::app
