// Where callbacks may be sent: which URLs, and which addresses a name may stand for. Pure.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "server/address_range.h"

namespace nightpost::im {

/// What an operator allows beyond what is safe by itself.
struct CallbackReach {
  std::vector<server::AddressRange> private_addresses;  // that may be connected to although they are not public
  bool plain_http = false;                              // http:// also to other hosts than this one
};

/// Not a private, loopback, link-local, multicast, documentation or translated address (RFC 6890 and its heirs).
bool is_public_address(const server::AddressBytes& address) noexcept;
/// Whether a callback may be sent to that address. Asked at each connect, of what the name stands for then.
bool may_reach(const server::AddressBytes& address, const CallbackReach& reach) noexcept;
/// Malformed: no https:// URL with a host, http:// to another host than this one, credentials or a fragment in it, or
/// an address that may not be reached. The words repeat nothing of the URL: there may be a secret in it.
Result<void> check_callback_url(const std::string& url, const CallbackReach& reach);

}  // namespace nightpost::im
