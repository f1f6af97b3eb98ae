#include "dispatch/open_events.h"

#include <algorithm>
#include <span>
#include <utility>

#include "core/traceparent.h"

namespace nightpost::dispatch {

OpenEvent& OpenEvents::begin(const Record& record) {
  const auto [tag, open] = events_.acquire();
  kept_bytes_ -= std::exchange(open->kept, 0);
  open->tag = tag;
  open->record_id = record.record_id;
  open->taken_at = now_.wall;
  open->accepted_at = now_.mono;
  open->key = record.key;
  if (is_traceparent(record.traceparent)) open->traceparent = record.traceparent;
  open->first_at = now_.wall;
  return *open;
}

void OpenEvents::decoded(OpenEvent& open) noexcept {
  open_bytes_ += bytes_of(open);
  looked_up(open);
}

void OpenEvents::looked_up(OpenEvent& open) noexcept {
  if (!std::exchange(open.counts_unplanned, true)) unplanned_[index_of(open.audience)] += open.event.to.size();
}

void OpenEvents::set_aside_as_bulk(OpenEvent& open) noexcept {
  uncount(open);
  open.audience = Audience::Many;
}

void OpenEvents::uncount(OpenEvent& open) noexcept {
  if (std::exchange(open.counts_unplanned, false)) unplanned_[index_of(open.audience)] -= open.event.to.size();
}

void OpenEvents::unreadable(OpenEvent& open, Rule rule, std::string_view detail, std::string_view remainder) {
  writer_.unreadable(open, rule, detail, remainder, now_.wall);
  writer_.close(open, now_);
  free(open);
}

void OpenEvents::end_receivers(OpenEvent& open, Ending ending, const VendorReason& reason) {
  for (std::size_t i = 0; i < open.event.to.size(); ++i) writer_.receiver(open, i, ending, now_.wall, reason);
  all_planned(open);
}

void OpenEvents::put_off_receivers(OpenEvent& open, Rule rule, WallTime not_before, const VendorReason& reason) {
  const Ending ending{OutcomeKind::Retrying, rule, Disposition::Defer};
  for (std::size_t i = 0; i < open.event.to.size(); ++i)
    writer_.receiver(open, i, ending, now_.wall, reason, not_before);
  all_planned(open);
}

void OpenEvents::pass_on(OpenEvent& open) {
  for (std::size_t i = 0; i < open.event.to.size(); ++i) {
    const std::span<const DeviceLeft> left = open.left_of(i);
    for (const DeviceLeft& each : left) writer_.pass_on(open, i, &each, std::max(each.not_before, open.not_before));
    if (left.empty()) writer_.pass_on(open, i, nullptr, open.not_before);
  }
  all_planned(open);
}

void OpenEvents::push_gone(OpenEvent& open) {
  --open.pushes_open;
  close_if_done(open);
}

void OpenEvents::all_planned(OpenEvent& open) {
  planned(open);
  close_if_done(open);
}

void OpenEvents::hand_back(const std::function<bool(RecordId)>& which) {
  events_.for_each([&](std::uint64_t, OpenEvent& open) {
    if (open.leaving || !which(open.record_id)) return;
    open.leaving = true;
    // Its record comes again whole: a remainder beside it would have its devices twice.
    if (open.unfinished && !open.unfinished->put_off.empty()) open.incomplete = true;
    if (open.state == OpenEvent::State::Sending) return;
    open.incomplete = true;
    all_planned(open);
  });
}

void OpenEvents::hand_back_all() {
  events_.for_each([this](std::uint64_t, const OpenEvent& open) { writer_.hand_back(open); });
}

void OpenEvents::planned(OpenEvent& open) noexcept {
  open.state = OpenEvent::State::Sending;
  uncount(open);
}

void OpenEvents::close_if_done(OpenEvent& open) {
  if (open.state != OpenEvent::State::Sending || open.pushes_open > 0) return;
  if (open.incomplete)
    writer_.hand_back(open);
  else
    writer_.close(open, now_);
  free(open);
}

void OpenEvents::free(OpenEvent& open) {
  const std::uint64_t tag = open.tag;
  planned(open);
  open_bytes_ -= bytes_of(open);
  open.reset();
  const std::size_t kept = open.kept_bytes();
  if (kept > kSlotKeptMax || kept_bytes_ + kept > kSlotsKeptMax)
    open = OpenEvent();
  else
    kept_bytes_ += open.kept = kept;
  events_.put_back(tag);
}

}  // namespace nightpost::dispatch
