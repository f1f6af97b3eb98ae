#include "dispatch/planner.h"

#include <algorithm>
#include <span>
#include <utility>

#include "dispatch/decide.h"

namespace nightpost::dispatch {

void Planner::add(OpenEvent& open) {
  open.state = OpenEvent::State::Ready;
  ready_.push_back(open.tag);
  ++untimed_;
}

std::optional<Planner::Target> Planner::next() {
  for (; !ready_.empty(); ready_.pop_front(), untimed_ = std::min(untimed_, ready_.size())) {
    OpenEvent* const open = events_.find(ready_.front());
    if (open == nullptr || open->state != OpenEvent::State::Ready) continue;
    if (!may_begin(*open)) return std::nullopt;
    Target target;
    switch (advance(*open, target)) {
      case Step::Device:
        return target;
      case Step::Full:
        return std::nullopt;
      case Step::Done:
        break;
    }
  }
  return std::nullopt;
}

void Planner::end_late(OpenEvent& open) {
  Target none;  // a late event has no device to begin a push for
  advance(open, none);
}

void Planner::set_timers() {
  for (std::size_t i = ready_.size() - std::min(untimed_, ready_.size()); i < ready_.size(); ++i)
    if (const OpenEvent* open = events_.find(ready_[i])) timers_.add({open->window.end(), ready_[i], Timer::Of::Event});
  untimed_ = 0;
}

/// Whether the event's receivers fit into the queue together. One that was begun in the rests of others' room would
/// leave in as many small requests, whose answers make small rests again.
bool Planner::may_begin(const OpenEvent& open) const noexcept {
  const bool begun = open.next_receiver > 0 || open.next_device > 0;
  return begun || capacity_.may_queue(open.receivers.size());
}

/// To the next device that may be begun, or until the slots or the settler's room are used up. What is late needs no
/// slot: it just ends.
Planner::Step Planner::advance(OpenEvent& open, Target& target) {
  const bool late = now_.mono >= open.window.end();
  while (open.next_receiver < open.receivers.size()) {
    const std::size_t at = open.next_receiver;
    const Receiver& receiver = *open.receivers[at];
    const std::span<const DeviceLeft> left = open.left_of(at);
    if (open.next_device == 0) {
      const Rule rule = decide_receiver(open.event, open.event.to[at], receiver, now_.wall);
      if (rule != Rule::None) {
        if (!capacity_.has_room()) return Step::Full;  // what ends without a push has an outcome, too
        events_.end_receiver(open, at, {OutcomeKind::Suppressed, rule});
        ++open.next_receiver;
        continue;
      }
    }
    if (open.next_device == (left.empty() ? receiver.devices.size() : left.size())) {
      open.next_device = 0;
      ++open.next_receiver;
      continue;
    }
    if (!capacity_.has_room()) return Step::Full;
    const DeviceLeft* const progress = left.empty() ? nullptr : &left[open.next_device];
    const auto known = left.empty() ? receiver.devices.begin() + std::ptrdiff_t(open.next_device)
                                    : std::ranges::find(receiver.devices, progress->device_id, &Device::device_id);
    if (known == receiver.devices.end()) {
      events_.end_device(open, at, *progress, {OutcomeKind::Suppressed, Rule::DeviceUnknown});
    } else if (const Rule rule = decide_device(open.event, *known); rule != Rule::None) {
      events_.end_device(open, at, *known, {OutcomeKind::Suppressed, rule}, progress);
    } else if (late) {
      events_.end_device(open, at, *known, ending_of(open.window.rule_at_end()), progress);
    } else if (progress != nullptr && progress->not_before > now_.wall) {
      events_.pass_on(open, at, *progress);
    } else {
      if (!capacity_.may_plan()) return Step::Full;
      target = {&open, at, &*known, progress};
      ++open.next_device;
      return Step::Device;
    }
    ++open.next_device;
  }
  events_.all_planned(open);
  return Step::Done;
}

}  // namespace nightpost::dispatch
