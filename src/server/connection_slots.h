// Who may have a connection: the limits of a listener, pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "core/time.h"
#include "server/address_range.h"
#include "server/metrics.h"

namespace nightpost::server {

/// Every connection holds a slot. Some slots are kept for the reserved addresses, so that a health check gets in while
/// strangers hold all others. Where there is no slot, the oldest connection without a whole request at work is closed
/// for the new one: half-sent requests first, then idle connections.
class ConnectionSlots {
 public:
  struct Limits {
    std::size_t connections_max = 1024;
    std::size_t connections_per_address_max = 1024;
    std::size_t connections_reserved = 0;  // of connections_max
    std::vector<AddressRange> reserved_addresses;
  };
  struct Holder {
    AddressBytes address{};  // counted_address()
    bool reserved = false;   // one of the reserved addresses
  };
  /// A connection as it stands when a slot is looked for.
  struct Candidate {
    std::uint64_t id = 0;
    Holder holder;
    bool serving = false;  // a whole request is at work, or its answer on the way: never closed for another
    bool idle = false;     // had an answer, and sent nothing since
    MonoTime since;        // accepted, or had its last request
  };
  struct Decision {
    std::optional<ServerRefusal> refused;  // nullopt: the slot is its own until release()
    std::optional<std::uint64_t> evict;    // to be closed, which releases its slot
  };

  explicit ConnectionSlots(Limits limits) : limits_(std::move(limits)) {}

  Holder holder_of(const boost::asio::ip::address& address) const;
  /// `candidates` is asked only when a slot must be made free.
  Decision admit(const Holder& holder, const std::function<std::vector<Candidate>()>& candidates);
  void release(const Holder& holder);
  std::size_t open() const noexcept { return open_; }

 private:
  Limits limits_;
  std::map<AddressBytes, std::size_t> by_address_;
  std::size_t open_ = 0;
  std::size_t strangers_ = 0;  // open ones of addresses that are not reserved
};

}  // namespace nightpost::server
