#include "im/nodes/redis_url.h"

#include <algorithm>
#include <charconv>

namespace nightpost::im {
namespace {

/// What a host name or an address may consist of: nothing that would end it in a message or a log line.
bool is_host(std::string_view host) {
  return !host.empty() && host.size() <= 253 && std::ranges::all_of(host, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
           c == '_' || c == ':';
  });
}

}  // namespace

std::string RedisUrl::shown() const {
  const std::string name = host.contains(':') ? "[" + host + "]" : host;
  return std::string(tls ? "rediss://" : "redis://") + (user.empty() ? "" : user + "@") + name + ":" +
         std::to_string(port);
}

Result<RedisUrl> parse_redis_url(std::string_view text) {
  constexpr std::string_view kForm = "is not redis://[user@]host[:port], or rediss:// for TLS";
  RedisUrl url;
  if (text.starts_with("rediss://")) {
    url.tls = true;
    text.remove_prefix(9);
  } else if (text.starts_with("redis://")) {
    text.remove_prefix(8);
  } else {
    return fail(Errc::Malformed, std::string(kForm));
  }
  if (const std::size_t at = text.rfind('@'); at != text.npos) {
    const std::string_view user = text.substr(0, at);
    if (user.contains(':')) return fail(Errc::Malformed, "has a password inside: write it into a file, mode 0600");
    if (user.empty() || !is_host(user)) return fail(Errc::Malformed, "names a user of other than letters and digits");
    url.user = user;
    text.remove_prefix(at + 1);
  }
  if (text.ends_with('/')) text.remove_suffix(1);
  if (text.contains('/') || text.contains('?'))
    return fail(Errc::Malformed, "has something behind the port: channels belong to no database, leave it out");
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == text.npos) return fail(Errc::Malformed, std::string(kForm));
    url.host = text.substr(1, end - 1);
    port = text.substr(end + 1);
    if (!url.host.contains(':') || (!port.empty() && !port.starts_with(':')))
      return fail(Errc::Malformed, std::string(kForm));
  } else {
    const std::size_t colon = text.find(':');
    url.host = text.substr(0, colon);
    port = colon == text.npos ? std::string_view() : text.substr(colon);
  }
  if (!is_host(url.host)) return fail(Errc::Malformed, std::string(kForm));
  if (port.empty()) return url;
  port.remove_prefix(1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), url.port);
  if (error != std::errc{} || end != port.data() + port.size() || url.port == 0)
    return fail(Errc::Malformed, "has a port outside [1, 65535]");
  return url;
}

}  // namespace nightpost::im
