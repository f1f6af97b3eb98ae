#include "providers/apns/address.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <string_view>

namespace nightpost::apns {
namespace {

constexpr std::size_t kBundleIdBytesMax = 155;  // App Store Connect's own limit

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

bool is_address_character(char c) {
  return (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || (c >= '0' && c <= '9') || c == ':' || c == '.';
}

bool is_port(std::string_view text) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc{} && end == text.data() + text.size() && port >= 1 && port <= 65535;
}

bool is_origin(std::string_view text) {
  constexpr std::string_view kScheme = "https://";
  if (!text.starts_with(kScheme)) return false;
  text.remove_prefix(kScheme.size());
  const bool bracketed = text.starts_with('[');
  const std::size_t host_end = bracketed ? text.find(']') : std::min(text.find(':'), text.size());
  if (host_end == std::string_view::npos) return false;
  const std::string_view host = bracketed ? text.substr(1, host_end - 1) : text.substr(0, host_end);
  if (host.empty() || !std::ranges::all_of(host, bracketed ? is_address_character : is_name_character)) return false;
  const std::string_view rest = text.substr(host_end + (bracketed ? 1 : 0));
  return rest.empty() || (rest.starts_with(':') && is_port(rest.substr(1)));
}

}  // namespace

Result<std::string> origin_of(const Certificate& certificate) {
  if (certificate.host_override.empty())
    return certificate.environment == Environment::Production ? "https://api.push.apple.com"
                                                              : "https://api.sandbox.push.apple.com";
  if (!is_origin(certificate.host_override))
    return fail(Errc::Malformed, "the host must be https://host or https://host:port, with nothing before or after");
  return certificate.host_override;
}

bool serves(const Certificate& certificate, std::string_view topic) noexcept {
  const auto listed = certificate.facts.find("topics");
  if (listed == certificate.facts.end()) return true;
  for (std::string_view rest = listed->second; !rest.empty();) {
    const std::string_view one = rest.substr(0, rest.find(','));
    if (one == topic) return true;
    rest.remove_prefix(std::min(one.size() + 1, rest.size()));
  }
  return false;
}

bool is_bundle_id(std::string_view text) noexcept {
  return !text.empty() && text.size() <= kBundleIdBytesMax &&
         std::ranges::all_of(text, [](char c) { return is_name_character(c) || c == '_'; });
}

}  // namespace nightpost::apns
