// The URL that a push asks its receipts to be posted to.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace nightpost {

/// Checks the setting "receipt_url"; returns what is wrong, empty if nothing. `BytesMax` is the vendor's limit. Only
/// https: the key of the receipts stands in it.
template <std::size_t BytesMax>
std::string check_callback_url(std::string_view url) {
  const bool web = url.starts_with("https://") && url.size() > 8;
  if (!web || !std::ranges::all_of(url, [](char c) { return c > ' ' && c < 0x7f; }))
    return "expected a URL that starts with https://, in printable ASCII without blanks";
  return url.size() <= BytesMax ? "" : "longer than the vendor's " + std::to_string(BytesMax) + " bytes";
}

}  // namespace nightpost
