#include "app/ready_file.h"

#include <fmt/format.h>

#include <charconv>
#include <filesystem>
#include <fstream>

namespace nightpost::app {

Result<void> write_ready_file(const std::string& path, const nlohmann::json& value) {
  if (path.empty()) return {};
  const std::string unfinished = path + ".new";
  {
    std::ofstream file(unfinished, std::ios::trunc);
    file << value.dump() << '\n';
    if (!file.flush()) return fail(Errc::Io, path + ": cannot be written");
  }
  std::error_code error;
  std::filesystem::rename(unfinished, path, error);
  if (error) return fail(Errc::Io, fmt::format("{}: {}", path, error.message()));
  return {};
}

Result<HostPort> parse_host_port(const std::string& text) {
  const auto wrong = fail(Errc::Malformed, fmt::format("\"{}\" is not HOST:PORT", text));
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == text.size()) return wrong;
  HostPort parsed{text.substr(0, colon)};
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data() + colon + 1, end, parsed.port);
  if (error != std::errc() || stopped != end) return wrong;
  if (parsed.host.starts_with('[') && parsed.host.ends_with(']')) {
    parsed.host = parsed.host.substr(1, parsed.host.size() - 2);
  } else if (parsed.host.contains(':')) {
    return wrong;  // an IPv6 address without brackets: which colon is meant?
  }
  if (parsed.host.empty()) return wrong;
  return parsed;
}

}  // namespace nightpost::app
