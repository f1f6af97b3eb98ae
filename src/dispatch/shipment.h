// Pushes that share requests: gathered while planning goes on (or for a few milliseconds, where a vendor takes
// unequal contents in one request), then in the air until the vendor has answered for each of them.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/ids.h"
#include "core/notification.h"
#include "core/time.h"
#include "dispatch/ports.h"

namespace nightpost::dispatch {

/// Equal keys may share a request: one event, one credential, one rendered text, and the same of what each receiver has
/// of its own and the vendor shows.
struct GatheringKey {
  std::uint64_t event = 0;
  std::uint64_t route = 0;
  std::uint64_t alone = 0;            // a push that may have no company; 0: all others
  std::size_t variant = 0;            // of the event's ContentCache
  std::optional<std::int64_t> badge;  // nullopt: left alone, or not on this vendor's wire
  std::optional<std::string> sound;   // likewise; nullopt: silent
  bool operator==(const GatheringKey&) const = default;
};

struct GatheringKeyHash {
  std::size_t operator()(const GatheringKey& key) const noexcept {
    std::size_t hash = key.event;
    for (const std::size_t part :
         {std::size_t(key.route), std::size_t(key.alone), key.variant, std::size_t(key.badge.value_or(-1)),
          key.sound ? std::hash<std::string>{}(*key.sound) : 0})
      hash = (hash ^ part) * 0x9e3779b97f4a7c15ULL;
    return hash;
  }
};

struct Gathering {
  std::shared_ptr<const Route> route;
  std::shared_ptr<const Grant> grant;  // the newest that any of the pushes came with
  Notification notification;
  std::vector<std::uint64_t> pushes;
};

/// Pushes of unequal content for one credential, waiting for company.
struct MixedBin {
  struct Entry {
    std::uint64_t push = 0;
    Notification notification;
  };
  std::shared_ptr<const Route> route;
  std::shared_ptr<const Grant> grant;
  std::vector<Entry> entries;
  MonoTime leaves_at{};
};

/// In a transport's tag: it names a shipment, not a push.
inline constexpr std::uint64_t kShipment = std::uint64_t{1} << 63;

/// One request of several pushes. Reused: put back empty.
struct Shipment {
  std::shared_ptr<const Route> route;
  std::shared_ptr<const Grant> grant;
  Notification notification;  // of a request that `prepares`: what address() will need
  std::vector<std::uint64_t> pushes;
  std::vector<DeviceToken> tokens;  // as pushes
  std::uint8_t kind = 0;
  bool prepares = false;
  bool probe = false;
  MonoTime sent_at{};
  MonoTime deadline{};
};

}  // namespace nightpost::dispatch
