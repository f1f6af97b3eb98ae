// Pushes that wait for something that is not a time: a slot, a grant, a place among their credential's requests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <unordered_map>
#include <vector>

#include "dispatch/bulk_turn.h"
#include "dispatch/now.h"
#include "dispatch/open_pushes.h"
#include "dispatch/pacer_book.h"
#include "dispatch/timer_heap.h"
#include "dispatch/two_lines.h"

namespace nightpost::dispatch {

/// Whoever waits here has a timer for the end of its quick window, so nothing waits for longer. First come, first
/// called, but for pushes of bulk events, which take turns with the others; of those who wait for room, signers take
/// turns, and the certificates of one signer. Some in the queues may
/// be gone; they are passed over.
class PushQueues {
 public:
  /// Borrowed; all must outlive it.
  PushQueues(const Options& options, const Now& now, OpenPushes& pushes, PacerBook& pacers, TimerHeap& timers,
             BulkTurn& turn)
      : options_(options),
        now_(now),
        pushes_(pushes),
        pacers_(pacers),
        timers_(timers),
        turn_(turn),
        due_(options.bulk_share) {}

  /// Its back-off is over, and there is no slot. Once is enough.
  void wait_for_slot(Push& push);
  /// Until on_grant() for its route.
  void park_for_grant(Push& push);
  /// Until its signer has fewer requests. REQUIRED: its signer counts it.
  void park_for_room(Push& push, bool yields = false);

  void on_grant(std::uint64_t route_id);
  /// Those parked for room are due as far as there is some; all of them, where the vendor does not answer and they must
  /// go elsewhere. False: nobody was called.
  bool call_for_room();
  bool has_due() const noexcept { return !due_.empty(); }
  /// The next that is due, no longer in the queue; null: it is gone, or sent meanwhile.
  Push* take_due();

 private:
  struct Due {
    std::uint64_t tag = 0;
    std::uint8_t bulk_weight = 0;  // of bulk
  };
  struct Waiting {  // of one certificate
    std::shared_ptr<const Route> route;
    TwoLines<std::uint64_t> pushes;
    std::size_t called = 0;  // requests, in this round
  };
  struct ForRoom {  // of one signer
    std::shared_ptr<SignerPace> signer;
    std::deque<Waiting> routes;  // the first is the next to be called
  };
  ForRoom& for_room_of(const Push& push);
  void park(Push& push, Rule waits_for);
  void call(Push& push);
  void make_due(const Push& push);
  void call_for_room(ForRoom& waiting, std::size_t& promised);
  bool call_company(Waiting& waiting, const SignerPace& signer);
  std::size_t callable_bulk(const SignerPace& signer);
  std::size_t call_company(std::deque<std::uint64_t>& line, std::size_t bulk_room);

  const Options& options_;
  const Now& now_;
  OpenPushes& pushes_;
  PacerBook& pacers_;
  TimerHeap& timers_;
  BulkTurn& turn_;
  TwoLines<Due> due_;
  std::size_t due_bulk_ = 0;                                                 // by weight
  std::unordered_map<std::uint64_t, std::vector<std::uint64_t>> for_grant_;  // by route id
  std::list<ForRoom> for_room_;  // signers take turns: the first is the first to be called
  std::unordered_map<const SignerPace*, std::list<ForRoom>::iterator> for_room_of_;
};

}  // namespace nightpost::dispatch
