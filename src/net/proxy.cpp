#include "net/proxy.h"

#include <algorithm>

#include "core/text.h"
#include "net/origin.h"

namespace nightpost::net {
namespace {

namespace ip = boost::asio::ip;
using boost::system::error_code;

bool is_name(std::string_view text) {
  constexpr std::string_view kBytes = "abcdefghijklmnopqrstuvwxyz0123456789-_.";
  return !text.empty() && !text.starts_with('.') && !text.contains("..") &&
         text.find_first_not_of(kBytes) == std::string_view::npos &&
         text.find_first_not_of("0123456789.") != std::string_view::npos;  // that would be half an address
}

template <class Network, class Address>
bool within(const Network& network, const Address& address) {
  return Network(address, network.prefix_length()).canonical() == network.canonical();
}

}  // namespace

Result<ProxyExceptions> ProxyExceptions::parse(std::string_view text) {
  ProxyExceptions all;
  if (trimmed(text).empty()) return all;
  for (std::string_view rest = text;;) {
    const std::size_t comma = rest.find(',');
    const std::string entry = ascii_lower(trimmed(rest.substr(0, comma)));
    error_code bad;
    const bool range = entry.contains('/');
    const bool six = entry.contains(':');
    if (six) {
      const auto network = ip::make_network_v6(range ? entry : entry + "/128", bad);
      if (!bad) all.v6_.push_back(network);
    } else if (const auto network = ip::make_network_v4(range ? entry : entry + "/32", bad); !bad) {
      all.v4_.push_back(network);
    } else {
      std::string_view name = entry;
      if (name.starts_with('.')) name.remove_prefix(1);
      if (name.ends_with('.')) name.remove_suffix(1);
      bad = {};
      if (is_name(name)) {
        all.names_.emplace_back(name);
      } else {
        bad = boost::asio::error::invalid_argument;
      }
    }
    if (bad) return fail(Errc::Malformed, "\"" + entry + "\" is no host's name, address or ADDRESS/BITS");
    if (comma == std::string_view::npos) return all;
    rest.remove_prefix(comma + 1);
  }
}

bool ProxyExceptions::contain(std::string_view host) const {
  error_code no_address;
  const ip::address address = ip::make_address(std::string(host), no_address);
  if (!no_address && address.is_v4())
    return std::ranges::any_of(v4_, [&](const auto& network) { return within(network, address.to_v4()); });
  if (!no_address)
    return std::ranges::any_of(v6_, [&](const auto& network) { return within(network, address.to_v6()); });
  const std::string name = ascii_lower(host.ends_with('.') ? host.substr(0, host.size() - 1) : host);
  return std::ranges::any_of(names_, [&](const std::string& each) {
    return name == each ||
           (name.size() > each.size() && name.ends_with(each) && name[name.size() - each.size() - 1] == '.');
  });
}

std::string Proxy::authority() const {
  return (host.contains(':') ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<Proxy> parse_proxy(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  if (url.contains('@'))
    return fail(Errc::Malformed, "holds a user or password; they belong into the file of proxy.credentials_file");
  if (url.starts_with("https://"))
    return fail(Errc::Malformed, "is https://; proxies are spoken to by http:// alone, what they pass on is encrypted");
  const bool shaped = url.starts_with(kScheme) && !url.ends_with(']') && url.rfind(':') > kScheme.size();
  const auto parsed = parse_origin("https://" + std::string(shaped ? url.substr(kScheme.size()) : ""));
  if (!shaped || !parsed) return fail(Errc::Malformed, "is not http://HOST:PORT");
  return Proxy{.host = parsed->host, .port = parsed->port, .credentials = std::nullopt, .except = {}};
}

Result<ProxyCredentials> parse_proxy_credentials(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.ends_with('\r')) text.remove_suffix(1);
  if (std::ranges::any_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
    return fail(Errc::Malformed, "holds a control character, or more than a line");
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0) return fail(Errc::Malformed, "is not USER:PASSWORD");
  return ProxyCredentials{std::string(text.substr(0, colon)), std::string(text.substr(colon + 1))};
}

const Proxy* proxy_for(const std::optional<Proxy>& proxy, std::string_view host) {
  return proxy && !proxy->except.contain(host) ? &*proxy : nullptr;
}

}  // namespace nightpost::net
