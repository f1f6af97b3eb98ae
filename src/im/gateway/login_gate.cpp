#include "im/gateway/login_gate.h"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <string>

#include "core/text.h"

namespace nightpost::im {
namespace {

namespace ip = boost::asio::ip;

server::AddressBytes counted(const server::AddressBytes& address) {
  return server::counted_address(ip::address_v6(address));
}

}  // namespace

LoginGate::LoginGate(const GatewayOptions& options) : options_(options), buckets_(options.failed_addresses_max) {}

std::shared_ptr<const void> LoginGate::enter() {
  if (*open_ >= options_.logins_open_max) return nullptr;
  ++*open_;
  return {open_.get(), [open = open_](const void*) { --*open; }};
}

milliseconds LoginGate::failed(const server::AddressBytes& address, MonoTime now) {
  const std::string key(address.begin(), address.end());
  const double most = options_.failed_logins_per_minute;
  Bucket* bucket = buckets_.find(key);
  if (!bucket) {
    buckets_.put(key, {most, now});
    bucket = buckets_.find(key);
    if (!bucket) return milliseconds(0);  // none is remembered
  }
  const std::chrono::duration<double, std::ratio<60>> passed = now - bucket->at;
  bucket->left = std::min(most, bucket->left + passed.count() * most);
  bucket->at = now;
  if (bucket->left < 1) return options_.failed_login_delay;
  bucket->left -= 1;
  return milliseconds(0);
}

server::AddressBytes client_address(const server::ServerRequest& request, const GatewayOptions& options) {
  const auto trusted = [&](const server::AddressBytes& address) {
    return std::ranges::any_of(options.trusted_proxies, [&](const auto& range) { return range.contains(address); });
  };
  server::AddressBytes address = request.address;
  if (!trusted(address)) return counted(address);
  std::string forwarded;
  for (const auto& [name, value] : request.headers)
    if (name == "x-forwarded-for") forwarded += (forwarded.empty() ? "" : ",") + value;
  while (!forwarded.empty()) {
    const std::size_t comma = forwarded.rfind(',');
    const std::string last(trimmed(std::string_view(forwarded).substr(comma == std::string::npos ? 0 : comma + 1)));
    boost::system::error_code error;
    const auto named = ip::make_address(last, error);
    if (error) break;  // beyond it nothing can be believed
    address = server::bytes_of(named);
    if (!trusted(address)) break;
    forwarded.resize(comma == std::string::npos ? 0 : comma);
  }
  return counted(address);
}

}  // namespace nightpost::im
