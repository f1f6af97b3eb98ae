// Which pushes may share a request: gathered while planning goes on, or in a bin for a few milliseconds, where a vendor
// takes unequal contents in one request. Pure: nothing is sent or ended here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/notification.h"
#include "core/time.h"
#include "dispatch/content.h"
#include "dispatch/open_event.h"
#include "dispatch/ports.h"

namespace nightpost::dispatch {

/// Equal keys may share a request: one event, one credential, one rendered text, and the same of what each receiver
/// has of its own and the vendor shows.
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
  std::size_t operator()(const GatheringKey& key) const noexcept;
};

/// Pushes of equal content for one credential.
struct Gathering {
  GatheringKey key;
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

/// Each push that is gathered comes out once: by take_if(), and, if it was dropped into a bin then, by take_bin().
class Batcher {
 public:
  /// The push waits for others that say the same, until take_if(). True: it is the first of a request.
  bool gather(Push& push, const Rendered& rendered, const Batching& batching, WallTime now);
  /// Calls take(Gathering&) for each request that may_leave(const Gathering&), in the order they were begun. `take`
  /// gathers nothing.
  template <class MayLeave, class Take>
  void take_if(MayLeave may_leave, Take take) {
    if (gatherings_.empty()) return;
    gathering_of_.clear();
    std::size_t kept = 0;
    for (Gathering& each : gatherings_) {
      if (may_leave(std::as_const(each))) {
        take(each);
        continue;
      }
      gathering_of_.emplace(each.key, kept);
      if (&each != &gatherings_[kept]) gatherings_[kept] = std::move(each);
      ++kept;
    }
    gatherings_.erase(gatherings_.begin() + std::ptrdiff_t(kept), gatherings_.end());
    if (gatherings_.empty() && gatherings_.capacity() > kGatheringsKept) shrink();
  }

  struct Dropped {
    bool is_first = false;  // in its bin
    bool is_full = false;   // the bin should leave now
  };
  /// Into the bin of its credential, which leaves at `leaves_at` if it is new. At `letters_max` it is full; and where
  /// the push could not wait until the bin leaves.
  Dropped drop_in(const Push& push, const std::shared_ptr<const Route>& route,
                  const std::shared_ptr<const Grant>& grant, const Notification& notification, std::size_t letters_max,
                  MonoTime leaves_at);
  /// nullopt: there is none.
  std::optional<MixedBin> take_bin(std::uint64_t route_id);
  bool has_bin(std::uint64_t route_id) const noexcept { return bins_.contains(route_id); }
  /// Its company has waited long enough.
  bool is_due(std::uint64_t route_id, MonoTime now) const noexcept;

 private:
  static constexpr std::size_t kGatheringsKept = 1024;  // room for so many contents put together at once

  void shrink();

  std::vector<Gathering> gatherings_;
  std::unordered_map<GatheringKey, std::size_t, GatheringKeyHash> gathering_of_;  // index into gatherings_
  std::unordered_map<std::uint64_t, MixedBin> bins_;                              // by route id
};

}  // namespace nightpost::dispatch
