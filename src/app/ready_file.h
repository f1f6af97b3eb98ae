// How a script learns that a server is up, and where: one JSON value in a file that appears whole.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "core/result.h"

namespace nightpost::app {

/// Writes a neighbour file and renames it. Does nothing for an empty path. Io: cannot be written.
Result<void> write_ready_file(const std::string& path, const nlohmann::json& value);

struct HostPort {
  std::string host;
  std::uint16_t port = 0;
};
/// "127.0.0.1:8443", "localhost:0", "[::1]:443". Malformed: anything else.
Result<HostPort> parse_host_port(const std::string& text);

}  // namespace nightpost::app
