#include "dispatch/dispatcher.h"

#include <algorithm>
#include <random>
#include <utility>

#include "dispatch/attempts.h"
#include "dispatch/batcher.h"
#include "dispatch/bulk_turn.h"
#include "dispatch/capacity.h"
#include "dispatch/fair_share.h"
#include "dispatch/intake.h"
#include "dispatch/language.h"
#include "dispatch/now.h"
#include "dispatch/open_events.h"
#include "dispatch/open_pushes.h"
#include "dispatch/pacer_book.h"
#include "dispatch/planner.h"
#include "dispatch/policy.h"
#include "dispatch/push_queues.h"
#include "dispatch/replies.h"
#include "dispatch/sender.h"
#include "dispatch/shipping.h"
#include "dispatch/slots.h"
#include "dispatch/timer_heap.h"

namespace nightpost::dispatch {

/// The wiring: members in the order in which they know each other. What it decides itself is when slots are filled.
struct Dispatcher::Impl final : Intake::Answered, Replies::Answered {
  Impl(ReplyHandler& handler, const Options& given, Directory& directory, Credentials& credentials,
       Transport& transport, Settler& settler, const Clock& clock, Metrics& metrics, Watcher* watcher, Tracer* tracer,
       SignerLedger* ledger, RecallBook* recalls);

  /// Every way in from outside: reads the clocks once, does `work`, then sends what may be sent and flushes once.
  /// Nested (a directory that answers at once) it is only the work.
  template <class Work>
  void enter(Work work) {
    if (depth_ == 0) {
      now_.mono = clock_.mono();
      now_.wall = clock_.wall();
      BulkLimit& limit = pushes_.bulk_limit();
      turn_.begin(pushes_.is_bulk_limited(), limit.may(BulkLimit::Step::Begin, now_.mono));
      lookup_turn_.begin(pushes_.is_bulk_limited(), limit.may(BulkLimit::Step::LookUp, now_.mono));
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

  void on_found(std::span<const Intake::Asked> asked, Intake::Found found) override {
    enter([&] { intake_.on_found(asked, std::move(found)); });
  }
  void on_removed(std::uint64_t tag, Result<bool> removed, const VendorReason& reason) override {
    enter([&] { replies_.on_removed(tag, removed, reason); });
  }
  void on_reply(TaggedReply& reply);
  void finish_entry();
  bool call_for_room() { return capacity_.has_slot() && queues_.call_for_room(); }
  bool may_plan() { return capacity_.may_plan(Audience::Few); }
  void pump();
  void fire(const Timer& timer);
  bool is_stale(const Timer& timer) noexcept;
  void hand_back(const std::function<bool(RecordId)>& which);

  const Options options_;
  const Clock& clock_;
  Metrics& metrics_;
  const Languages languages_;
  Rng rng_;
  const Policy policy_;

  Now now_;
  TimerHeap timers_;
  Slots slots_;  // those reserved: gathered, or in bins
  PacerBook pacers_;
  BulkTurn turn_, lookup_turn_;
  OpenEvents events_;
  RecallBook own_recalls_;
  RecallBook& recalls_;
  OpenPushes pushes_;
  Capacity capacity_;
  FairShare shares_;
  Planner planner_;
  Intake intake_;
  PushQueues queues_;
  Batcher batcher_;
  Sender sender_;
  Attempts attempts_;
  Replies replies_;
  Shipping shipping_;

  /// A reply frees one slot; slots are filled again this many at a time, so that requests leave in batches.
  const std::size_t refill_;
  bool refill_all_ = true;
  bool goes_on_ = false;                   // bulk has had its turn, and more to do
  MonoTime goes_on_at_ = MonoTime::max();  // some of it may be done
  int depth_ = 0;                          // of calls
};

Dispatcher::Impl::Impl(ReplyHandler& handler, const Options& given, Directory& directory, Credentials& credentials,
                       Transport& transport, Settler& settler, const Clock& clock, Metrics& metrics, Watcher* watcher,
                       Tracer* tracer, SignerLedger* ledger, RecallBook* recalls)
    : options_(given),
      clock_(clock),
      metrics_(metrics),
      languages_(options_.language, options_.titles),
      rng_(options_.jitter_seed != 0 ? options_.jitter_seed : std::random_device()()),
      policy_(options_, rng_),
      pacers_(options_, &slots_, ledger),
      turn_(options_.bulk_turn_max),
      lookup_turn_(options_.bulk_turn_max),
      events_(now_, settler, metrics, watcher, tracer),
      own_recalls_(options_.recalls_max, options_.recalls_kept),
      recalls_(recalls != nullptr ? *recalls : own_recalls_),
      pushes_(options_, now_, events_, pacers_, recalls_),
      capacity_(options_, slots_, pushes_.slab(), settler),
      shares_(options_, events_, capacity_, pacers_),
      planner_(options_, now_, events_, capacity_, timers_, turn_),
      intake_(options_, now_, directory, policy_, events_, pushes_, recalls_, planner_, timers_, lookup_turn_, metrics,
              *this),
      queues_(options_, now_, pushes_, pacers_, timers_, turn_),
      sender_(now_, transport, handler, pacers_, slots_, timers_, metrics, watcher),
      attempts_(options_, now_, credentials, policy_, rng_, languages_, capacity_, shares_, pushes_, queues_, batcher_,
                sender_, timers_, metrics),
      replies_(options_, now_, directory, policy_, pushes_, attempts_, sender_, metrics, watcher, *this),
      shipping_(options_, now_, pushes_, batcher_, attempts_, replies_, sender_, timers_, metrics),
      refill_(std::clamp<std::size_t>(options_.pushes_in_flight_max / 16, 1, 64)) {}

void Dispatcher::Impl::on_reply(TaggedReply& reply) {
  if ((reply.tag & kShipment) != 0)
    shipping_.on_reply(reply.tag, reply.reply);
  else
    replies_.on_push(reply.tag, reply.reply);
}

/// As much as the limits allow: those that are due, then devices not yet planned.
void Dispatcher::Impl::pump() {
  while (queues_.has_due() && capacity_.has_slot())
    if (Push* const push = queues_.take_due()) attempts_.attempt(*push);
  while (const std::optional<Planner::Target> target = planner_.next())
    attempts_.attempt(pushes_.begin(*target->event, target->receiver, *target->device, target->left));
}

void Dispatcher::Impl::finish_entry() {
  bool fill = refill_all_ || slots_.in_flight() + refill_ <= options_.pushes_in_flight_max;
  if (fill) call_for_room();
  do {
    if (fill) pump();
    if (fill) goes_on_ = turn_.was_cut();
    const bool full = !may_plan();
    const std::size_t open = pushes_.open();
    shipping_.ship(goes_on_);
    // If gathering produced few requests, or none, no reply may come to start the next round, so start it here.
    fill = fill && (call_for_room() || ((full || pushes_.open() < open) && may_plan()));
  } while (fill);
  // Not lookup_turn_.was_cut(): a reply before the next wake() begins a turn of its own, and asks for nothing.
  const bool asks = intake_.has_more_to_ask();
  goes_on_ |= turn_.was_cut() || asks;
  BulkLimit& limit = pushes_.bulk_limit();
  goes_on_at_ = MonoTime::max();  // where nothing was filled, replies are to come
  if (turn_.was_cut()) goes_on_at_ = limit.goes_on_at(BulkLimit::Step::Begin, now_.mono);
  if (asks) goes_on_at_ = std::min(goes_on_at_, limit.goes_on_at(BulkLimit::Step::LookUp, now_.mono));
  planner_.set_timers();
  sender_.flush();
  timers_.sweep(events_.open() + pushes_.open(), [this](const Timer& timer) { return is_stale(timer); });
  metrics_.kept_bytes.set(events_.kept_bytes() + pushes_.slab().spare_bytes() + shipping_.spare_bytes());
  metrics_.events_open.set(events_.open());
  metrics_.events_open_bytes.set(events_.open_bytes());
  metrics_.receivers_unplanned.set(events_.receivers_unplanned(Audience::Few));
  metrics_.bulk_receivers_unplanned.set(events_.receivers_unplanned(Audience::Many));
  metrics_.pushes_in_flight.set(slots_.in_flight());
  metrics_.pushes_waiting.set(capacity_.waiting());
  metrics_.removals_waiting.set(replies_.removals_waiting());
}

bool Dispatcher::Impl::is_stale(const Timer& timer) noexcept {
  switch (timer.of) {
    case Timer::Of::Event:
      return events_.find(timer.tag) == nullptr;
    case Timer::Of::Push:
      return pushes_.find(timer.tag) == nullptr;
    case Timer::Of::Signer:
      return false;  // one a signer
    case Timer::Of::Bin:
      break;
  }
  return !batcher_.has_bin(timer.tag);
}

void Dispatcher::Impl::fire(const Timer& timer) {
  if (timer.of == Timer::Of::Push) {
    if (Push* const push = pushes_.find(timer.tag)) attempts_.wake(*push);
    return;
  }
  if (timer.of == Timer::Of::Bin) return shipping_.wake_bin(timer.tag);
  if (timer.of == Timer::Of::Signer) return sender_.wake_signer(timer.tag);
  OpenEvent* const open = events_.find(timer.tag);
  if (open == nullptr) return;
  switch (open->state) {
    case OpenEvent::State::Looking:
    case OpenEvent::State::AskAgain:
      return intake_.wake(*open);
    case OpenEvent::State::Ready:
      if (now_.mono >= open->window.end()) planner_.end_late(*open);
      return;
    case OpenEvent::State::Sending:
      return;
  }
}

void Dispatcher::Impl::hand_back(const std::function<bool(RecordId)>& which) {
  events_.hand_back(which);
  pushes_.for_each([&](Push& push) {
    const bool is_elsewhere = push.state == Push::State::InFlight || push.state == Push::State::Removing;
    if (push.event->leaving && !is_elsewhere) pushes_.drop(push);
  });
}

Dispatcher::Dispatcher(const Options& options, Directory& directory, Credentials& credentials, Transport& transport,
                       Settler& settler, const Clock& clock, Metrics& metrics, Watcher* watcher, Tracer* tracer,
                       SignerLedger* ledger, RecallBook* recalls)
    : impl_(std::make_unique<Impl>(*this, options, directory, credentials, transport, settler, clock, metrics, watcher,
                                   tracer, ledger, recalls)) {}

Dispatcher::~Dispatcher() { impl_->events_.hand_back_all(); }

void Dispatcher::accept(std::span<const Record> batch) {
  impl_->enter([&] {
    for (const Record& record : batch) impl_->intake_.accept(record);
    impl_->intake_.ask();
  });
}

void Dispatcher::on_reply(std::uint64_t tag, Reply reply) {
  TaggedReply one{tag, std::move(reply)};
  on_replies(std::span(&one, 1));
}

void Dispatcher::on_replies(std::span<TaggedReply> replies) {
  impl_->refill_all_ = false;
  impl_->enter([&] {
    for (TaggedReply& each : replies) impl_->on_reply(each);
  });
  impl_->refill_all_ = true;
}

void Dispatcher::on_grant(std::uint64_t route_id) {
  impl_->enter([&] { impl_->queues_.on_grant(route_id); });
}

std::optional<MonoTime> Dispatcher::next_wakeup() const {
  const std::optional<MonoTime> timer = impl_->timers_.next();
  if (impl_->goes_on_at_ == MonoTime::max()) return timer;
  return timer ? std::min(impl_->goes_on_at_, *timer) : impl_->goes_on_at_;
}

void Dispatcher::wake() {
  impl_->enter([this] {
    while (const std::optional<Timer> timer = impl_->timers_.pop(impl_->now_.mono)) impl_->fire(*timer);
    impl_->intake_.ask();
  });
}

bool Dispatcher::has_capacity() const noexcept {
  const Options& options = impl_->options_;
  const OpenEvents& events = impl_->events_;
  return impl_->capacity_.has_room() && events.open() < options.events_open_max &&
         impl_->capacity_.waiting() < options.pushes_queued_max &&
         events.open_bytes() < options.events_open_bytes_max &&
         events.receivers_unplanned(Audience::Few) < options.receivers_unplanned_max;
}

bool Dispatcher::wants_room() const noexcept { return impl_->capacity_.wants_room(); }
std::size_t Dispatcher::pushes_open() const noexcept { return impl_->pushes_.open(); }

void Dispatcher::on_room() {
  impl_->capacity_.room_came();
  impl_->enter([] {});  // which plans what may be planned now
}

std::size_t Dispatcher::events_open() const noexcept { return impl_->events_.open(); }
std::size_t Dispatcher::requests_in_flight() const noexcept { return impl_->slots_.in_flight(); }

void Dispatcher::hand_back(const std::function<bool(RecordId)>& which) {
  impl_->enter([&] { impl_->hand_back(which); });
}

}  // namespace nightpost::dispatch
