// Requests that many pushes share: built, sent, and answered push by push.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/notification.h"
#include "core/slab.h"
#include "core/time.h"
#include "dispatch/attempts.h"
#include "dispatch/batcher.h"
#include "dispatch/metrics.h"
#include "dispatch/now.h"
#include "dispatch/open_pushes.h"
#include "dispatch/options.h"
#include "dispatch/ports.h"
#include "dispatch/replies.h"
#include "dispatch/sender.h"
#include "dispatch/timer_heap.h"

namespace nightpost::dispatch {

/// In a transport's tag: it names a shipment, not a push.
inline constexpr std::uint64_t kShipment = std::uint64_t{1} << 63;

/// Each push that was gathered is in exactly one request, in a bin, back with Attempts, or gone. A push whose part
/// fails ends alone; the others go on.
class Shipping {
 public:
  /// Borrowed; all must outlive it.
  Shipping(const Options& options, const Now& now, OpenPushes& pushes, Batcher& batcher, Attempts& attempts,
           Replies& replies, Sender& sender, TimerHeap& timers, Metrics& metrics)
      : options_(options),
        now_(now),
        pushes_(pushes),
        batcher_(batcher),
        attempts_(attempts),
        replies_(replies),
        sender_(sender),
        timers_(timers),
        metrics_(metrics) {}

  /// Sends all that is gathered. Planning has come as far as it can for now, so nothing would come of waiting on; but
  /// if it `goes_on`, what is gathered of a bulk event waits for those that are planned next.
  void ship(bool goes_on = false);
  /// A bin's timer has rung.
  void wake_bin(std::uint64_t route_id);
  /// To a request with kShipment in its tag, which is taken off here. One that is not in the air is ignored.
  void on_reply(std::uint64_t tag, Reply& reply);
  /// Memory of requests not in the air.
  std::size_t spare_bytes() const noexcept { return shipments_.spare_bytes(); }

 private:
  /// One request of several pushes. Reused: put back empty.
  struct Shipment {
    std::shared_ptr<const Route> route;
    std::shared_ptr<const Grant> grant;
    Notification notification;  // of a request that `prepares`: what address() will need
    std::vector<std::uint64_t> pushes;
    std::vector<DeviceToken> tokens;  // as pushes
    std::uint8_t kind = 0;
    bool prepares = false;
    Probe probe = Probe::None;
    MonoTime sent_at{};
    MonoTime deadline{};
  };

  bool waits_for_more(const Gathering& gathering);
  void ship(Gathering& gathering);
  bool still_gathered(std::uint64_t tag);
  void ship_equal(Shipment all);
  void drop_in(const Shipment& from, std::uint64_t tag, std::size_t letters_max);
  void empty_bin(std::uint64_t route_id);
  void launch(Shipment all, std::vector<Planned> planned, bool first);
  Shipment take_out(std::uint64_t tag);
  void follow_up(Shipment stored, std::vector<Planned> planned);
  void end_all(std::span<const std::uint64_t> pushes, Ending ending, std::string_view why);

  const Options& options_;
  const Now& now_;
  OpenPushes& pushes_;
  Batcher& batcher_;
  Attempts& attempts_;
  Replies& replies_;
  Sender& sender_;
  TimerHeap& timers_;
  Metrics& metrics_;
  Slab<Shipment> shipments_;
};

}  // namespace nightpost::dispatch
