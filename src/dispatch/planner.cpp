#include "dispatch/planner.h"

#include <algorithm>
#include <span>
#include <utility>

#include "dispatch/decide.h"

namespace nightpost::dispatch {
namespace {

Rule decide_target(const OpenEvent& open, std::size_t at, const Device& device) noexcept {
  const EventReceiver& to = open.event.to[at];
  const Rule rule = decide_device(open.event, to, device);
  return rule != Rule::None ? rule : decide_row(open.event, to, *open.receivers[at], device);
}

}  // namespace

void Planner::add(OpenEvent& open) {
  open.state = OpenEvent::State::Ready;
  ready_.push_back(open.audience, open.tag);
  ++untimed_[static_cast<std::size_t>(open.audience)];
}

std::optional<Planner::Target> Planner::next() {
  bool no_more_bulk = false;
  for (;;) {
    OpenEvent* const few = first_of(Audience::Few);
    OpenEvent* many = no_more_bulk ? nullptr : first_of(Audience::Many);
    if (many != nullptr && turn_.is_over()) many = nullptr;
    if (few == nullptr && many == nullptr) return std::nullopt;
    OpenEvent* open = many == nullptr || (few != nullptr && ready_.turn() == Audience::Few) ? few : many;
    if (!may_begin(*open)) {  // the other one may be smaller, or begun
      open = open == few ? many : few;
      if (open == nullptr || !may_begin(*open)) return std::nullopt;
    }
    const Audience whose = open->audience;
    for (; open != nullptr && may_begin(*open); open = first_of(whose)) {  // a turn is a device
      Target target;
      const Step step = advance(*open, target);
      if (step == Step::Device) return target;
      if (step == Step::Done) continue;
      if (whose == Audience::Few) return std::nullopt;  // what is full for these is full for all
      no_more_bulk = true;
      break;
    }
  }
}

/// The oldest that is not planned yet; those before it go.
OpenEvent* Planner::first_of(Audience whose) {
  std::deque<std::uint64_t>& line = ready_.line(whose);
  for (; !line.empty(); line.pop_front()) {
    OpenEvent* const open = events_.find(line.front());
    if (open != nullptr && open->state == OpenEvent::State::Ready) return open;
  }
  return nullptr;
}

void Planner::end_late(OpenEvent& open) {
  Target none;  // a late event has no device to begin a push for
  advance(open, none);
}

void Planner::set_timers() {
  for (const Audience whose : {Audience::Few, Audience::Many}) {
    const std::deque<std::uint64_t>& line = ready_.line(whose);
    const std::size_t untimed = std::exchange(untimed_[static_cast<std::size_t>(whose)], 0);
    for (std::size_t i = line.size() - std::min(untimed, line.size()); i < line.size(); ++i)
      if (const OpenEvent* open = events_.find(line[i])) timers_.add({open->window.end(), line[i], Timer::Of::Event});
  }
}

/// Whether the event's receivers fit into the queue together. One that was begun in the rests of others' room would
/// leave in as many small requests, whose answers make small rests again.
bool Planner::may_begin(const OpenEvent& open) const noexcept {
  const bool begun = open.next_receiver > 0 || open.next_device > 0;
  return begun || capacity_.may_queue(open.audience, open.receivers.size());
}

/// To the next device that may be begun, or until the slots, bulk's turn or the settler's room are used up. What is
/// late needs no slot and no turn: it just ends, at the one call of its timer.
Planner::Step Planner::advance(OpenEvent& open, Target& target) {
  const bool late = now_.mono >= open.window.end();
  while (open.next_receiver < open.receivers.size()) {
    const std::size_t at = open.next_receiver;
    const Receiver& receiver = *open.receivers[at];
    const std::span<const DeviceLeft> left = open.left_of(at);
    const std::size_t devices = left.empty() ? receiver.devices.size() : left.size();
    const bool looked_at = open.next_device > 0 && open.next_device == devices;
    if (open.audience == Audience::Many && !looked_at && !late) {
      if (turn_.is_over()) return Step::Full;
      turn_.count();
    }
    if (open.next_device == 0) {
      const Rule rule = decide_receiver(open.event, open.event.to[at], receiver, now_.wall);
      if (rule != Rule::None) {
        if (!capacity_.has_room()) return Step::Full;  // what ends without a push has an outcome, too
        events_.end_receiver(open, at, {OutcomeKind::Suppressed, rule});
        ++open.next_receiver;
        continue;
      }
    }
    if (open.next_device == devices) {
      open.next_device = 0;
      ++open.next_receiver;
      continue;
    }
    if (left.empty() && is_passed_over(open.event, receiver.devices[open.next_device])) {
      ++open.next_device;
      continue;
    }
    if (!capacity_.has_room()) return Step::Full;
    const DeviceLeft* const progress = left.empty() ? nullptr : &left[open.next_device];
    const auto known = left.empty() ? receiver.devices.begin() + std::ptrdiff_t(open.next_device)
                                    : std::ranges::find(receiver.devices, progress->device_id, &Device::device_id);
    if (known == receiver.devices.end()) {
      events_.end_device(open, at, *progress, {OutcomeKind::Suppressed, Rule::DeviceUnknown});
    } else if (const Rule rule = decide_target(open, at, *known); rule != Rule::None) {
      events_.end_device(open, at, *known, {OutcomeKind::Suppressed, rule}, progress);
    } else if (late) {
      events_.end_device(open, at, *known, ending_of(open.window.rule_at_end()), progress);
    } else if (progress != nullptr && progress->not_before > now_.wall) {
      events_.pass_on(open, at, *progress);
    } else {
      if (!capacity_.may_plan(open.audience)) return Step::Full;
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
