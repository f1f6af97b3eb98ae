#include "dispatch/dispatcher.h"

#include <algorithm>
#include <random>
#include <utility>

#include "dispatch/pipeline.h"

namespace nightpost::dispatch {

Dispatcher::Impl::Impl(ReplyHandler& handler, const Options& given, Directory& directory, Credentials& credentials,
                       Transport& transport, Settler& settler, const Clock& clock, Metrics& metrics, Watcher* watcher)
    : handler_(handler),
      options_(given),
      directory_(directory),
      credentials_(credentials),
      transport_(transport),
      clock_(clock),
      metrics_(metrics),
      watcher_(watcher),
      languages_(options_.language, options_.titles),
      rng_(options_.jitter_seed != 0 ? options_.jitter_seed : std::random_device()()),
      policy_(options_, rng_),
      events_(now_, settler, metrics, watcher),
      capacity_(options_, slots_, pushes_, settler),
      planner_(now_, events_, capacity_, timers_),
      intake_(options_, now_, directory, policy_, events_, planner_, timers_, metrics, *this),
      pacers_(options_),
      refill_(std::clamp<std::size_t>(options_.pushes_in_flight_max / 16, 1, 64)) {}

void Dispatcher::Impl::finish_entry() {
  bool fill = refill_all_ || slots_.in_flight() + refill_ <= options_.pushes_in_flight_max;
  if (fill) call_crowded();
  do {
    if (fill) pump();
    const bool full = !capacity_.may_plan();
    ship();
    // What was gathered may have become few requests, or none: then nobody's answer would ask for the next.
    fill = fill && (call_crowded() || (full && capacity_.may_plan()));
  } while (fill);
  planner_.set_timers();
  if (std::exchange(sent_, false)) transport_.flush();
  timers_.sweep(events_.open() + pushes_.used(), [this](const Timer& timer) { return stale(timer); });
  metrics_.kept_bytes.set(events_.kept_bytes() + pushes_.spare_bytes() + shipments_.spare_bytes());
  metrics_.events_open.set(events_.open());
  metrics_.pushes_in_flight.set(slots_.in_flight());
  metrics_.pushes_waiting.set(capacity_.waiting());
}

bool Dispatcher::Impl::stale(const Timer& timer) noexcept {
  switch (timer.of) {
    case Timer::Of::Event:
      return events_.find(timer.tag) == nullptr;
    case Timer::Of::Push:
      return pushes_.find(timer.tag) == nullptr;
    case Timer::Of::Bin:
      break;
  }
  return !bins_.contains(timer.tag);
}

void Dispatcher::Impl::fire(const Timer& timer) {
  if (timer.of == Timer::Of::Push) {
    Push* const push = pushes_.find(timer.tag);
    if (push == nullptr || push->state == Push::State::InFlight || push->state == Push::State::Gathered) return;
    if (push->state == Push::State::Parked && now_.mono < push->event->window.end()) return;
    // Over at the end of the window, whatever it was waiting for.
    if (capacity_.has_slot() || now_.mono >= push->event->window.end()) return attempt(*push);
    if (std::exchange(push->state, Push::State::Due) == Push::State::Due) return;
    due_.push_back(timer.tag);
    timers_.add({push->event->window.end(), timer.tag, Timer::Of::Push});
    return;
  }
  if (timer.of == Timer::Of::Bin) {
    const auto bin = bins_.find(timer.tag);
    if (bin != bins_.end() && now_.mono >= bin->second.leaves_at) empty_bin(timer.tag);
    return;
  }
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
  pushes_.for_each([&](std::uint64_t, Push& push) {
    if (push.event->leaving && push.state != Push::State::InFlight) drop(push);
  });
}

Dispatcher::Dispatcher(const Options& options, Directory& directory, Credentials& credentials, Transport& transport,
                       Settler& settler, const Clock& clock, Metrics& metrics, Watcher* watcher)
    : impl_(std::make_unique<Impl>(*this, options, directory, credentials, transport, settler, clock, metrics,
                                   watcher)) {}

Dispatcher::~Dispatcher() {
  impl_->events_.hand_back_all();
}

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
    for (TaggedReply& each : replies) {
      if ((each.tag & kShipment) != 0)
        impl_->on_shipment(each.tag & ~kShipment, std::move(each.reply));
      else
        impl_->on_push(each.tag, std::move(each.reply));
    }
  });
  impl_->refill_all_ = true;
}

void Dispatcher::on_grant(std::uint64_t route_id) {
  impl_->enter([&] { impl_->on_grant(route_id); });
}

std::optional<MonoTime> Dispatcher::next_wakeup() const { return impl_->timers_.next(); }

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
         events.receivers_unplanned() < options.receivers_unplanned_max;
}

bool Dispatcher::wants_room() const noexcept { return impl_->capacity_.wants_room(); }
std::size_t Dispatcher::pushes_open() const noexcept { return impl_->pushes_.used(); }

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
