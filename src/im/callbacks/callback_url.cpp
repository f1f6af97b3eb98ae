#include "im/callbacks/callback_url.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <boost/asio/ip/address.hpp>
#include <optional>
#include <string_view>

#include "core/c_handle.h"

namespace nightpost::im {
namespace {

using CurlUrl = Handle<CURLU, curl_url_cleanup>;

constexpr std::array<std::string_view, 29> kNotPublic = {
    "0.0.0.0/8",      "10.0.0.0/8",   "100.64.0.0/10",  "127.0.0.0/8",    "169.254.0.0/16",  "172.16.0.0/12",
    "192.0.0.0/24",   "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",   "198.51.100.0/24",
    "203.0.113.0/24", "224.0.0.0/4",  "240.0.0.0/4",    "::/96",          "::ffff:0:0:0/96", "64:ff9b::/96",
    "64:ff9b:1::/48", "100::/64",     "2001::/23",      "2001:db8::/32",  "2002::/16",       "3fff::/20",
    "5f00::/16",      "fc00::/7",     "fe80::/10",      "fec0::/10",      "ff00::/8"};

const std::vector<server::AddressRange>& not_public() {
  static const std::vector<server::AddressRange> ranges = [] {
    std::vector<server::AddressRange> out;
    for (const std::string_view text : kNotPublic) out.push_back(server::AddressRange::parse(text).value());
    return out;
  }();
  return ranges;
}

bool holds(std::span<const server::AddressRange> ranges, const server::AddressBytes& address) noexcept {
  return std::ranges::any_of(ranges, [&](const server::AddressRange& range) { return range.contains(address); });
}

std::optional<std::string> part_of(CURLU* url, CURLUPart part) {
  char* found = nullptr;
  if (curl_url_get(url, part, &found, 0) != CURLUE_OK) return std::nullopt;
  std::string out(found);
  curl_free(found);
  return out;
}

/// nullopt: a name.
std::optional<server::AddressBytes> address_in(std::string_view host) {
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(std::string(host), error);
  if (error) return std::nullopt;
  return server::bytes_of(address);
}

bool is_this_host(const std::string& host, const std::optional<server::AddressBytes>& address) {
  if (!address) return host == "localhost";
  return *address == server::AddressRange::parse("::1").value().prefix ||
         server::AddressRange::parse("127.0.0.0/8").value().contains(*address);
}

}  // namespace

bool is_public_address(const server::AddressBytes& address) noexcept { return !holds(not_public(), address); }

bool may_reach(const server::AddressBytes& address, const CallbackReach& reach) noexcept {
  return is_public_address(address) || holds(reach.private_addresses, address);
}

Result<void> check_callback_url(const std::string& url, const CallbackReach& reach) {
  const bool plain = url.starts_with("http://");
  const CurlUrl parsed(curl_url());
  if (!parsed || (!plain && !url.starts_with("https://")) ||
      std::ranges::any_of(url, [](char c) { return c <= ' ' || c > '~'; }) ||
      curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK)
    return fail(Errc::Malformed, "is no https:// or http:// URL");
  if (part_of(parsed.get(), CURLUPART_USER) || part_of(parsed.get(), CURLUPART_PASSWORD))
    return fail(Errc::Malformed, "holds credentials, which have no place in a config");
  if (part_of(parsed.get(), CURLUPART_FRAGMENT)) return fail(Errc::Malformed, "has a fragment");
  const std::string host = part_of(parsed.get(), CURLUPART_HOST).value_or("");
  const auto address = address_in(host);
  if (plain && !reach.plain_http && !is_this_host(host, address))
    return fail(Errc::Malformed, "is http:// to another host: use https://, or allow it by plain_http");
  if (address && !may_reach(*address, reach))
    return fail(Errc::Malformed, "has an address that is not public: allow it by private_addresses");
  return {};
}

}  // namespace nightpost::im
