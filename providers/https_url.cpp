#include "providers/https_url.h"

#include <algorithm>
#include <charconv>

namespace nightpost {
namespace {

constexpr std::string_view kScheme = "https://";
constexpr std::size_t kUrlBytesMax = 2048;

bool is_alnum(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }
bool is_name_character(char c) { return is_alnum(c) || c == '-' || c == '.'; }
bool is_address_character(char c) {
  return (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || (c >= '0' && c <= '9') || c == ':' || c == '.';
}

bool is_port(std::string_view text) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc{} && end == text.data() + text.size() && port >= 1 && port <= 65535;
}

}  // namespace

std::optional<HttpsUrl> https_url(std::string_view text) {
  if (!text.starts_with(kScheme) || text.size() > kUrlBytesMax) return std::nullopt;
  text.remove_prefix(kScheme.size());
  std::string_view authority = text.substr(0, text.find_first_of("/?#"));
  const std::string_view path = text.substr(authority.size());
  const bool printable = std::ranges::all_of(path, [](char c) { return c > ' ' && c < 0x7f && c != '#'; });
  if (!printable || (!path.empty() && path[0] != '/')) return std::nullopt;

  const bool bracketed = authority.starts_with('[');
  const std::size_t host_end = bracketed ? authority.find(']') : std::min(authority.find(':'), authority.size());
  if (host_end == std::string_view::npos) return std::nullopt;
  const std::string_view host = bracketed ? authority.substr(1, host_end - 1) : authority.substr(0, host_end);
  if (host.empty() || !std::ranges::all_of(host, bracketed ? is_address_character : is_name_character) ||
      (!bracketed && !is_alnum(host[0])))
    return std::nullopt;
  const std::string_view port = authority.substr(host_end + (bracketed ? 1 : 0));
  if (!port.empty() && (port[0] != ':' || !is_port(port.substr(1)))) return std::nullopt;

  const auto lower = [](std::string_view from) {
    std::string out(from);
    for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    return out;
  };
  return HttpsUrl{.origin = std::string(kScheme) + lower(authority),
                  .host = lower(host),
                  .path = path.empty() ? "/" : std::string(path)};
}

Result<std::string> origin_of(const Certificate& certificate, std::string_view own) {
  if (certificate.host_override.empty()) return std::string(own);
  const auto url = https_url(certificate.host_override);
  if (!url || certificate.host_override.size() != url->origin.size())
    return fail(Errc::Malformed, "the host must be https://host or https://host:port, with nothing before or after");
  return url->origin;
}

}  // namespace nightpost
