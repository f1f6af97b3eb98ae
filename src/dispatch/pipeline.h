// The inside of Dispatcher: deliver.cpp sends pushes and reads answers, batch.cpp does so where pushes share requests,
// dispatcher.cpp keeps the calls, the timers and the handing back.
#pragma once

#include <algorithm>
#include <deque>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/slab.h"
#include "dispatch/capacity.h"
#include "dispatch/dispatcher.h"
#include "dispatch/intake.h"
#include "dispatch/language.h"
#include "dispatch/now.h"
#include "dispatch/open_event.h"
#include "dispatch/open_events.h"
#include "dispatch/pacer_book.h"
#include "dispatch/planner.h"
#include "dispatch/policy.h"
#include "dispatch/shipment.h"
#include "dispatch/slots.h"
#include "dispatch/timer_heap.h"

namespace nightpost::dispatch {

struct Dispatcher::Impl final : Intake::Answered {
  Impl(ReplyHandler& handler, const Options& given, Directory& directory, Credentials& credentials,
       Transport& transport, Settler& settler, const Clock& clock, Metrics& metrics, Watcher* watcher);

  /// Every way in from outside: reads the clocks once, does `work`, then sends what may be sent and flushes once.
  /// Nested (a directory that answers at once) it is only the work.
  template <class Work>
  void enter(Work work) {
    if (depth_ == 0) {
      now_.mono = clock_.mono();
      now_.wall = clock_.wall();
    }
    const Depth inside(depth_);
    work();
    if (depth_ == 1) finish_entry();
  }
  /// Counts back when it goes, whatever is thrown through it.
  struct Depth {
    explicit Depth(int& depth) noexcept : depth_(depth) { ++depth_; }
    ~Depth() { --depth_; }
    Depth(const Depth&) = delete;
    Depth& operator=(const Depth&) = delete;

   private:
    int& depth_;
  };

  // dispatcher.cpp
  void finish_entry();
  void fire(const Timer& timer);
  void hand_back(const std::function<bool(RecordId)>& which);
  bool stale(const Timer& timer) noexcept;

  void on_found(std::span<const Intake::Asked> asked, Intake::Found found) override {
    enter([&] { intake_.on_found(asked, std::move(found)); });
  }

  // deliver.cpp
  void pump();
  void start(const Planner::Target& target);
  void attempt(Push& push, std::shared_ptr<const Grant> fresh = nullptr);
  void send_or_wait(Push& push, std::shared_ptr<const Grant> fresh);
  bool check_route(Push& push);
  bool check_grant(Push& push, std::shared_ptr<const Grant> fresh);
  void send_alone(Push& push, const Rendered& rendered);
  void on_push(std::uint64_t tag, Reply reply);
  void settle(std::span<Push* const> pushes, std::span<Answer> answers, Reply& reply, bool probe);
  void on_exception(std::span<const std::uint64_t> pushes, std::string what);
  static void count_sent(Push& push, const Reply& reply) noexcept;
  void hold_back(std::span<Push* const> pushes);
  void carry_out(Push& push, const Next& next, const VendorReason& reason);
  void remove_token(Push& push, const Answer& answer, bool held, const VendorReason& reason);
  void refresh(Push& push);
  void wait(Push& push, MonoTime at);
  void wait_or_end(Push& push, MonoTime at, Rule rule);
  void park(Push& push);
  void end(Push& push, Ending ending, const VendorReason& reason = {});
  void drop(Push& push);
  void free_push(Push& push);

  // credential.cpp
  void unsent(const Route& route, bool probe);
  void announce(const Route& route, const Pacer::Decision& decision, const VendorReason& complaint,
                const VendorReason& refusal);
  void give_up_probe(Push& push);
  void park_for_grant(Push& push);
  void sent_one(Pacer& pacer);
  void answered_one(const Route& route);
  bool call_crowded();
  void on_grant(std::uint64_t route_id);

  // batch.cpp
  void count_forming(std::uint64_t route_id, bool more);
  void gather(Push& push, const Rendered& rendered, const Batching& batching);
  void ship();
  void ship(Gathering& gathering);
  bool still_gathered(std::uint64_t tag);
  void ship_equal(Shipment all);
  void end_all(std::span<const std::uint64_t> pushes, Ending ending, const Error& why);
  void drop_in(const Shipment& from, std::uint64_t tag, std::size_t mixed_max);
  void empty_bin(std::uint64_t route_id);
  void launch(Shipment all, std::vector<Planned> planned, bool first);
  Shipment take_out(std::uint64_t tag);
  void on_shipment(std::uint64_t tag, Reply reply);
  void follow_up(Shipment stored, std::vector<Planned> planned);

  Pacer& pacer_of(const Route& route) { return pacers_.of(route.id, now_.mono); }

  ReplyHandler& handler_;
  const Options options_;
  Directory& directory_;
  Credentials& credentials_;
  Transport& transport_;
  const Clock& clock_;
  Metrics& metrics_;
  Watcher* const watcher_;  // null: nobody
  const Languages languages_;
  Rng rng_;
  Policy policy_;

  Now now_;
  TimerHeap timers_;
  OpenEvents events_;
  Slab<Push> pushes_;
  Slots slots_;  // those reserved: gatherings_ and bins_
  Capacity capacity_;
  Planner planner_;
  Intake intake_;
  Slab<Shipment> shipments_;
  std::vector<Gathering> gatherings_;
  std::unordered_map<GatheringKey, std::size_t, GatheringKeyHash> gathering_of_;  // index into gatherings_
  std::unordered_map<std::uint64_t, MixedBin> bins_;                              // by route id
  std::unordered_map<std::uint64_t, std::vector<std::uint64_t>> parked_;          // pushes by route id
  std::unordered_map<std::uint64_t, std::deque<std::uint64_t>> crowded_;          // likewise; some may be over
  std::vector<Next> nexts_;                                                       // of the replies being settled
  PacerBook pacers_;
  std::deque<std::uint64_t> due_;  // pushes whose back-off is over and that found no slot
  /// A reply frees one slot; slots are filled again this many at a time, so that requests leave in batches.
  const std::size_t refill_;

  int depth_ = 0;
  bool sent_ = false;  // something waits for flush()
  bool refill_all_ = true;
};

}  // namespace nightpost::dispatch
