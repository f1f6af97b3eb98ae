// Names to addresses by c-ares, on the shard's loop: any number of look-ups side by side, so that a name whose servers
// are silent holds up no other.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/time.h"

namespace nightpost::net {

struct NameResolverOptions {
  milliseconds lookup_timeout{5'000};  // then whoever asked hears Timeout
  milliseconds resolution_delay{50};   // RFC 8305 §3: one family's answer waits this long for the other's
  milliseconds ttl_min{1'000};         // an answer is used at least this long, whatever its TTL
  milliseconds ttl_max{60'000};        // and at most this long
  milliseconds failure_ttl{1'000};     // "no such name" likewise
  milliseconds server_timeout{1'500};  // the first try of a name server; doubles with each further one
  int server_tries = 3;                // of each server
  std::size_t names_max = 256;         // kept; the one unused for longest goes first
  std::string servers;                 // "127.0.0.1:5353,…"; empty: what /etc/resolv.conf says
};

/// Shared by the lanes of a shard: one look-up a name at a time, its answer kept for its TTL within bounds. Follows
/// /etc/hosts, /etc/resolv.conf (read anew for the first look-up after a pause) and, within a family, the order of
/// RFC 6724. Single-threaded, on `loop`, which outlives it.
class NameResolver {
 public:
  using Addresses = std::vector<boost::asio::ip::address>;  // never empty; IPv6 first
  /// Must not call the resolver back.
  using Found = std::function<void(const Result<Addresses>&)>;

  NameResolver(boost::asio::io_context& loop, NameResolverOptions options);
  ~NameResolver();  // calls nobody back any more
  NameResolver(const NameResolver&) = delete;
  NameResolver& operator=(const NameResolver&) = delete;

  /// Calls `found` exactly once: at once if the answer is known, else from the loop, within lookup_timeout. Errors:
  /// Timeout, ConnectionLost (no such name, or its servers refuse), Overloaded (names_max look-ups are under way).
  void resolve(const std::string& host, Found found);
  std::size_t names_known() const noexcept;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  // shared with its waits in the loop, which then find it stopped
};

}  // namespace nightpost::net
