#include "server/connection_slots.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace nightpost::server {
namespace {

/// The one to close among those that `may` be; nullopt: all are at work.
template <class May>
std::optional<std::uint64_t> oldest(const std::vector<ConnectionSlots::Candidate>& candidates, May may) {
  const ConnectionSlots::Candidate* found = nullptr;
  const auto order = [](const ConnectionSlots::Candidate& one) { return std::tuple(one.idle, one.since, one.id); };
  for (const auto& one : candidates)
    if (!one.serving && may(one) && (!found || order(one) < order(*found))) found = &one;
  return found ? std::optional(found->id) : std::nullopt;
}

}  // namespace

ConnectionSlots::Holder ConnectionSlots::holder_of(const boost::asio::ip::address& address) const {
  const AddressBytes bytes = bytes_of(address);
  const bool reserved =
      std::ranges::any_of(limits_.reserved_addresses, [&](const AddressRange& range) { return range.contains(bytes); });
  return {.address = counted_address(address), .reserved = reserved};
}

ConnectionSlots::Decision ConnectionSlots::admit(const Holder& holder,
                                                 const std::function<std::vector<Candidate>()>& candidates) {
  Decision decision;
  const auto share = by_address_.find(holder.address);
  const std::size_t kept = std::min(limits_.connections_reserved, limits_.connections_max);
  if (share != by_address_.end() && share->second >= limits_.connections_per_address_max) {
    decision.evict = oldest(candidates(), [&](const Candidate& one) { return one.holder.address == holder.address; });
    if (!decision.evict) decision.refused = ServerRefusal::AddressFull;
  } else if (open_ >= limits_.connections_max || (!holder.reserved && strangers_ >= limits_.connections_max - kept)) {
    const auto all = candidates();
    decision.evict = oldest(all, [](const Candidate& one) { return !one.holder.reserved; });
    if (!decision.evict && holder.reserved) decision.evict = oldest(all, [](const Candidate&) { return true; });
    if (!decision.evict) decision.refused = ServerRefusal::Full;
  }
  if (decision.refused) return decision;
  ++by_address_[holder.address];
  ++open_;
  if (!holder.reserved) ++strangers_;
  return decision;
}

void ConnectionSlots::release(const Holder& holder) {
  const auto share = by_address_.find(holder.address);
  if (share == by_address_.end()) return;
  if (--share->second == 0) by_address_.erase(share);
  --open_;
  if (!holder.reserved) --strangers_;
}

}  // namespace nightpost::server
