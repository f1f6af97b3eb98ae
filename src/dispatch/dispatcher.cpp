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
      settler_(settler),
      clock_(clock),
      metrics_(metrics),
      watcher_(watcher),
      languages_(options_.language, options_.titles),
      rng_(options_.jitter_seed != 0 ? options_.jitter_seed : std::random_device()()),
      policy_(options_, rng_),
      decoder_(options_.event_bytes_max, options_.receivers_max),
      writer_(settler, metrics, watcher),
      pacers_(options_),
      refill_(std::clamp<std::size_t>(options_.pushes_in_flight_max / 16, 1, 64)) {}

void Dispatcher::Impl::finish_entry() {
  bool fill = refill_all_ || slots_.in_flight() + refill_ <= options_.pushes_in_flight_max;
  if (fill) call_crowded();
  do {
    if (fill) pump();
    const bool full = !may_plan();
    ship();
    // What was gathered may have become few requests, or none: then nobody's answer would ask for the next.
    fill = fill && (call_crowded() || (full && may_plan()));
  } while (fill);
  for (std::size_t i = ready_.size() - std::min(ready_untimed_, ready_.size()); i < ready_.size(); ++i)
    if (const OpenEvent* open = events_.find(ready_[i])) timers_.add({open->window.end(), ready_[i], Timer::Of::Event});
  ready_untimed_ = 0;
  if (std::exchange(sent_, false)) transport_.flush();
  timers_.sweep(events_.used() + pushes_.used(), [this](const Timer& timer) { return stale(timer); });
  metrics_.kept_bytes.set(kept_bytes_ + events_.spare_bytes() + pushes_.spare_bytes() + shipments_.spare_bytes());
  metrics_.events_open.set(events_.used());
  metrics_.pushes_in_flight.set(slots_.in_flight());
  metrics_.pushes_waiting.set(waiting());
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
    if (push->state == Push::State::Parked && mono_ < push->event->window.end()) return;
    // Over at the end of the window, whatever it was waiting for.
    if (has_slot() || mono_ >= push->event->window.end()) return attempt(*push);
    if (std::exchange(push->state, Push::State::Due) == Push::State::Due) return;
    due_.push_back(timer.tag);
    timers_.add({push->event->window.end(), timer.tag, Timer::Of::Push});
    return;
  }
  if (timer.of == Timer::Of::Bin) {
    const auto bin = bins_.find(timer.tag);
    if (bin != bins_.end() && mono_ >= bin->second.leaves_at) empty_bin(timer.tag);
    return;
  }
  OpenEvent* const open = events_.find(timer.tag);
  if (open == nullptr) return;
  const bool late = mono_ >= open->window.end();
  switch (open->state) {
    case OpenEvent::State::Looking:
    case OpenEvent::State::AskAgain:
      if (late) {
        const bool expired = open->window.rule_at_end() == Rule::Expired;
        return end_receivers(*open, ending_of(expired ? Rule::Expired : Rule::StoreUnavailable));
      }
      if (open->state == OpenEvent::State::AskAgain && mono_ >= open->lookup_at) {
        open->state = OpenEvent::State::Looking;
        lookups_.push_back(timer.tag);
      }
      return;
    case OpenEvent::State::Ready:
      if (late) advance(*open);
      return;
    case OpenEvent::State::Sending:
      return;
  }
}

void Dispatcher::Impl::hand_back(const std::function<bool(RecordId)>& which) {
  events_.for_each([&](std::uint64_t, OpenEvent& open) {
    if (open.leaving || !which(open.record_id)) return;
    open.leaving = true;
    if (open.state == OpenEvent::State::Sending) return;
    open.incomplete = true;
    planned(open);
    close_if_done(open);
  });
  pushes_.for_each([&](std::uint64_t, Push& push) {
    if (push.event->leaving && push.state != Push::State::InFlight) drop(push);
  });
}

Dispatcher::Dispatcher(const Options& options, Directory& directory, Credentials& credentials, Transport& transport,
                       Settler& settler, const Clock& clock, Metrics& metrics, Watcher* watcher)
    : impl_(std::make_unique<Impl>(*this, options, directory, credentials, transport, settler, clock, metrics,
                                   watcher)) {}

Dispatcher::~Dispatcher() {
  impl_->events_.for_each([this](std::uint64_t, const OpenEvent& open) { impl_->writer_.hand_back(open); });
}

void Dispatcher::accept(std::span<const Record> batch) {
  impl_->enter([&] {
    for (const Record& record : batch) impl_->accept_one(record);
    impl_->ask_directory(std::exchange(impl_->lookups_, {}));
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
    while (const std::optional<Timer> timer = impl_->timers_.pop(impl_->mono_)) impl_->fire(*timer);
    impl_->ask_directory(std::exchange(impl_->lookups_, {}));
  });
}

bool Dispatcher::has_capacity() const noexcept {
  const Options& options = impl_->options_;
  return impl_->has_room() && impl_->events_.used() < options.events_open_max &&
         impl_->waiting() < options.pushes_queued_max && impl_->open_bytes_ < options.events_open_bytes_max &&
         impl_->unplanned_ < options.receivers_unplanned_max;
}

bool Dispatcher::wants_room() const noexcept { return impl_->wants_room_; }
std::size_t Dispatcher::pushes_open() const noexcept { return impl_->pushes_.used(); }

void Dispatcher::on_room() {
  impl_->wants_room_ = false;
  impl_->enter([] {});  // which plans what may be planned now
}

std::size_t Dispatcher::events_open() const noexcept { return impl_->events_.used(); }
std::size_t Dispatcher::requests_in_flight() const noexcept { return impl_->slots_.in_flight(); }

void Dispatcher::hand_back(const std::function<bool(RecordId)>& which) {
  impl_->enter([&] { impl_->hand_back(which); });
}

}  // namespace nightpost::dispatch
