#include "server/address_range.h"

#include <algorithm>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>
#include <charconv>
#include <string>

namespace nightpost::server {
namespace {

constexpr unsigned kMappedBits = 96;  // ::ffff:0:0/96, RFC 4291 §2.5.5.2

}  // namespace

AddressBytes bytes_of(const boost::asio::ip::address& address) noexcept {
  AddressBytes bytes{};
  if (address.is_v6()) {
    std::ranges::copy(address.to_v6().to_bytes(), bytes.begin());
    return bytes;
  }
  bytes[10] = bytes[11] = 0xff;
  std::ranges::copy(address.to_v4().to_bytes(), bytes.begin() + 12);
  return bytes;
}

AddressBytes counted_address(const boost::asio::ip::address& address) noexcept {
  AddressBytes bytes = bytes_of(address);
  static constexpr AddressRange kMapped{.prefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, .bits = kMappedBits};
  if (!kMapped.contains(bytes)) std::fill(bytes.begin() + 8, bytes.end(), std::uint8_t{0});
  return bytes;
}

bool AddressRange::contains(const AddressBytes& address) const noexcept {
  const unsigned whole = bits / 8;
  if (!std::equal(prefix.begin(), prefix.begin() + whole, address.begin())) return false;
  const unsigned rest = bits % 8;
  return rest == 0 || (prefix[whole] >> (8 - rest)) == (address[whole] >> (8 - rest));
}

Result<AddressRange> AddressRange::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(std::string(text.substr(0, slash)), error);
  if (error || (address.is_v6() && address.to_v6().scope_id() != 0))
    return fail(Errc::Malformed, "not an address or ADDRESS/BITS: " + std::string(text));
  const unsigned most = address.is_v4() ? 32 : 128;
  unsigned bits = most;
  if (slash != text.npos) {
    const std::string_view digits = text.substr(slash + 1);
    const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
    if (failed != std::errc{} || end != digits.data() + digits.size() || bits > most)
      return fail(Errc::Malformed, "bits not in [0, " + std::to_string(most) + "]: " + std::string(text));
  }
  return AddressRange{.prefix = bytes_of(address), .bits = address.is_v4() ? kMappedBits + bits : bits};
}

}  // namespace nightpost::server
