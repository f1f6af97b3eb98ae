// The URL that a push asks its receipts to be posted to.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace nightpost {

/// http to this very machine, where a sandbox posts to.
inline bool is_local_http(std::string_view url) noexcept {
  return std::ranges::any_of(
      std::array{"http://127.0.0.1", "http://localhost", "http://[::1]"}, [url](std::string_view host) {
        if (!url.starts_with(host)) return false;
        const std::string_view rest = url.substr(host.size());
        const std::string_view port = rest.substr(0, rest.find('/'));
        if (port.size() == rest.size()) return false;
        return port.empty() || (port.size() > 1 && port.front() == ':' &&
                                port.find_first_not_of("0123456789", 1) == std::string_view::npos);
      });
}

/// Checks the setting "receipt_url"; returns what is wrong, empty if nothing. `BytesMax` is the vendor's limit. Only
/// https leaves this machine: the key of the receipts stands in it.
template <std::size_t BytesMax>
std::string check_callback_url(std::string_view url) {
  const bool web = (url.starts_with("https://") && url.size() > 8) || is_local_http(url);
  if (!web || !std::ranges::all_of(url, [](char c) { return c > ' ' && c < 0x7f; }))
    return "expected a URL that starts with https:// (http:// to this machine only), in printable ASCII without blanks";
  return url.size() <= BytesMax ? "" : "longer than the vendor's " + std::to_string(BytesMax) + " bytes";
}

}  // namespace nightpost
