#include "net/origin.h"

#include <charconv>

namespace nightpost::net {

Result<Origin> parse_origin(std::string_view text) {
  constexpr std::string_view kScheme = "https://";
  const auto bad = [&](std::string_view why) {
    return fail(Errc::Malformed, "origin \"" + std::string(text) + "\": " + std::string(why));
  };
  if (!text.starts_with(kScheme)) return bad("does not begin with https://");
  std::string_view rest = text.substr(kScheme.size());
  Origin origin;
  if (rest.starts_with('[')) {
    const auto end = rest.find(']');
    if (end == std::string_view::npos) return bad("has no closing bracket");
    origin.host = rest.substr(1, end - 1);
    rest.remove_prefix(end + 1);
    if (!rest.empty() && rest.front() != ':') return bad("has something after the bracket");
  } else {
    const auto end = rest.find(':');
    origin.host = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end);
  }
  constexpr std::string_view kHostBytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:";
  if (origin.host.empty()) return bad("has no host");
  if (origin.host.find_first_not_of(kHostBytes) != std::string::npos) return bad("is more than a host and a port");
  if (!rest.empty()) {
    rest.remove_prefix(1);
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), origin.port);
    if (error != std::errc{} || end != rest.data() + rest.size() || origin.port == 0) return bad("has a bad port");
  }
  const bool six = origin.host.contains(':');
  origin.authority = six ? "[" + origin.host + "]" : origin.host;
  if (origin.port != 443) origin.authority += ":" + std::to_string(origin.port);
  return origin;
}

}  // namespace nightpost::net
