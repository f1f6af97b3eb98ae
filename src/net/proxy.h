// The HTTP proxy that lanes go through by CONNECT, and whom they reach without it. Pure.
#pragma once

#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace nightpost::net {

/// Secret.
struct ProxyCredentials {
  std::string user, password;
};

/// Hosts that are reached directly.
class ProxyExceptions {
 public:
  /// Comma-separated: "example.com" and all names below it, an address, or ADDRESS/BITS. Malformed: names the first
  /// entry that is none of them.
  static Result<ProxyExceptions> parse(std::string_view text);
  /// `host` as an origin names it: addresses match only where the origin has one, for no name is looked up.
  bool contain(std::string_view host) const;

 private:
  std::vector<std::string> names_;  // lower case, without a leading dot
  std::vector<boost::asio::ip::network_v4> v4_;
  std::vector<boost::asio::ip::network_v6> v6_;
};

struct Proxy {
  std::string host;  // an IPv6 address without its brackets
  std::uint16_t port = 0;
  std::optional<ProxyCredentials> credentials;
  ProxyExceptions except;

  std::string authority() const;  // "host:port", for people too
};

/// "http://host:port". Malformed: anything else, in words that repeat nothing of it: there may be a password in it.
Result<Proxy> parse_proxy(std::string_view url);
/// "user:password" in a line of its own; the password may hold colons. Malformed: no colon, no user, further lines,
/// control characters.
Result<ProxyCredentials> parse_proxy_credentials(std::string_view text);
/// Whom `proxy` stands for when `host` is to be reached: null: nobody.
const Proxy* proxy_for(const std::optional<Proxy>& proxy, std::string_view host);

}  // namespace nightpost::net
