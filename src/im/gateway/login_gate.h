// How many logins are at work at once, and how fast an address may fail. Pure: times are handed in.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/lru_cache.h"
#include "core/time.h"
#include "im/gateway/gateway_options.h"
#include "server/address_range.h"

namespace nightpost::im {

/// An address has a bucket of failures: each takes one, and they grow back by the minute. Where it is empty the answer
/// to a failure waits, so that guessing costs time and connections; a login that succeeds never asks it.
class LoginGate {
 public:
  explicit LoginGate(const GatewayOptions& options);
  /// A slot, until it is let go. Null: too many are at work.
  std::shared_ptr<const void> enter();
  /// How long the answer to a failed login of this address waits.
  milliseconds failed(const server::AddressBytes& address, MonoTime now);

 private:
  struct Bucket {
    double left = 0;
    MonoTime at;
  };
  const GatewayOptions& options_;
  std::shared_ptr<std::size_t> open_ = std::make_shared<std::size_t>(0);  // with the slots, which may outlive this
  LruCache<std::string, Bucket> buckets_;
};

/// Whom a request is counted for (server::counted_address): the peer or, if that is a trusted proxy, the last address
/// of X-Forwarded-For that is none.
server::AddressBytes client_address(const server::ServerRequest& request, const GatewayOptions& options);

}  // namespace nightpost::im
