// Where a Redis is: "redis://[user@]host[:port]", or "rediss://…" with TLS. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"

namespace nightpost::im {

struct RedisUrl {
  bool tls = false;
  std::string user;  // of its ACL; empty: the default one
  std::string host;  // an IPv6 address without its brackets
  std::uint16_t port = 6379;
  std::string shown() const;  // for people and logs
};

/// Malformed: another scheme, no host, a port outside [1, 65535], a path (channels belong to no database), or a
/// password inside. Never repeats `text`, which may hold one.
Result<RedisUrl> parse_redis_url(std::string_view text);

}  // namespace nightpost::im
