// "https://host[:port]" taken apart.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"

namespace nightpost::net {

struct Origin {
  std::string host;  // an IPv6 address without its brackets
  std::uint16_t port = 443;
  std::string authority;  // what ":authority" says: the port only where it is not 443
};

/// Malformed: another scheme, a path, user info, no host, a port outside [1, 65535].
Result<Origin> parse_origin(std::string_view text);

}  // namespace nightpost::net
