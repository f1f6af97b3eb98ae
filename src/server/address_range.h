// Internet addresses as a server counts and compares them.
#pragma once

#include <array>
#include <boost/asio/ip/address.hpp>
#include <compare>
#include <cstdint>
#include <string_view>

#include "core/result.h"

namespace nightpost::server {

/// 16 bytes; IPv4 as ::ffff:a.b.c.d.
using AddressBytes = std::array<std::uint8_t, 16>;
AddressBytes bytes_of(const boost::asio::ip::address& address) noexcept;
/// Whom a connection is counted for: an IPv4 address, or the /64 of an IPv6 address, which is what one host is given.
AddressBytes counted_address(const boost::asio::ip::address& address) noexcept;

struct AddressRange {
  AddressBytes prefix{};
  unsigned bits = 128;  // of `prefix` that count

  bool contains(const AddressBytes& address) const noexcept;
  /// "10.0.0.0/8", "::1", "fd00::/8". Malformed: anything else, or bits beyond the length.
  static Result<AddressRange> parse(std::string_view text);
  auto operator<=>(const AddressRange&) const = default;
};

}  // namespace nightpost::server
