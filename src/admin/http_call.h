// A request and its answer as the admin API sees them: values, without a server.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nightpost::admin {

using HttpFields = std::vector<std::pair<std::string, std::string>>;

struct HttpCall {
  std::string method;
  std::string target;  // path and query
  HttpFields headers;  // lower-case names, in order, repeats kept
  std::string body;
  std::string from;         // the peer's address, for the audit log
  bool from_proxy = false;  // the peer is one whose word on who calls counts
  std::string counted_as;   // whose failures count together: the address, of IPv6 its /64

  /// The first of that name; empty: none.
  std::string_view header(std::string_view name) const noexcept {
    for (const auto& [field, value] : headers)
      if (field == name) return value;
    return {};
  }
};

struct HttpAnswer {
  int status = 200;
  HttpFields headers;
  std::string body;
};

}  // namespace nightpost::admin
