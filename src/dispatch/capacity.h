// Whether more may be begun: the shard's limits on what is open, whoever asks for it.
#pragma once

#include <algorithm>
#include <cstddef>

#include "core/slab.h"
#include "dispatch/open_event.h"
#include "dispatch/options.h"
#include "dispatch/ports.h"
#include "dispatch/slots.h"

namespace nightpost::dispatch {

/// Decides nothing twice: all is counted by who owns it (slots, pushes) and compared here.
class Capacity {
 public:
  /// Borrowed; all must outlive it.
  Capacity(const Options& options, const Slots& slots, const Slab<Push>& pushes, const Settler& settler)
      : options_(options), slots_(slots), pushes_(pushes), settler_(settler) {}

  /// For one more request, or for a push into the last one that is being put together.
  bool has_slot() const noexcept { return slots_.fits(options_.pushes_in_flight_max); }
  /// Each open push has its outcome's place with the settler: another may come only if there is one more.
  bool has_room() noexcept {
    if (pushes_.used() < settler_.room()) return true;
    wants_room_ = true;
    return false;
  }
  /// Pushes open beyond one a request: those that wait, and the company of those in the air.
  std::size_t waiting() const noexcept { return pushes_.used() - std::min(pushes_.used(), slots_.in_flight()); }
  bool may_queue(Audience whose, std::size_t more) const noexcept {
    return waiting() == 0 || waiting() + more <= queue_of(whose);
  }
  /// For one more push.
  bool may_plan(Audience whose) noexcept { return has_slot() && waiting() < queue_of(whose) && has_room(); }

  /// Something was not begun because the settler has no room.
  bool wants_room() const noexcept { return wants_room_; }
  void room_came() noexcept { wants_room_ = false; }

 private:
  /// The last quarter of the queue is not for bulk.
  std::size_t queue_of(Audience whose) const noexcept {
    const std::size_t all = options_.pushes_queued_max;
    return whose == Audience::Few ? all : all - all / 4;
  }

  const Options& options_;
  const Slots& slots_;
  const Slab<Push>& pushes_;
  const Settler& settler_;
  bool wants_room_ = false;
};

}  // namespace nightpost::dispatch
