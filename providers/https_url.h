// Addresses of vendors' hosts, strictly read: what is not plainly an https URL never becomes one.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/certificate.h"
#include "core/result.h"

namespace nightpost {

/// "https://host[:port][/path[?query]]": no user, no fragment, printable ASCII.
struct HttpsUrl {
  std::string origin;  // "https://host[:port]", host in lower case
  std::string host;    // without port and brackets
  std::string path;    // "/" at least
};
std::optional<HttpsUrl> https_url(std::string_view text);

/// The certificate's host_override where it has one, else `own`. Malformed: the override is more or less than
/// "https://host[:port]".
Result<std::string> origin_of(const Certificate& certificate, std::string_view own);

}  // namespace nightpost
