#include "dispatch/intake.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "core/thrown_by.h"
#include "dispatch/decide.h"

namespace nightpost::dispatch {
namespace {
constexpr std::size_t kKeysMax = 8192;   // receivers asked for in one call: bounds the keys' memory
constexpr std::size_t kKeysKept = 2048;  // keys that keep their text's memory
// A remainder that comes so much too early is waited for; a longer wait is a delay topic's.
constexpr milliseconds kHoldMax = delay_of(Tier::TenSeconds) / 2;
// A cancel whose message is in the air looks so often whether it was answered.
constexpr milliseconds kCancelLooksEvery{250};
constexpr milliseconds kWaitingLooksEvery{1'000};  // whether an event for many may wait on
constexpr milliseconds kBadgeLasts{10'000};

/// As many requests as there are numbers, spread over all receivers.
std::uint8_t badge_weight_of(const OfflineEvent& event) {
  std::unordered_set<std::int32_t> numbers;
  for (const EventReceiver& to : event.to) numbers.insert(to.unread);
  const std::size_t weight = kBulkAlone * numbers.size() / event.to.size();
  return static_cast<std::uint8_t>(std::max<std::size_t>(weight, 1));
}
}  // namespace

void Intake::accept(const Record& record) {
  metrics_.events_taken.add();
  OpenEvent& open = events_.begin(record);
  open.waited = way_in_.waited(record.written_at, now_.wall, now_.mono);
  Result<void> decoded;
  std::vector<std::string> strangers;
  const auto thrown = thrown_by([&] {
    decoded = decoder_.decode(record.value, open.event);
    if (!decoded || record.remainder.empty()) return;
    metrics_.remainders_taken.add();
    Result<Remainder> remainder = read_remainder(record.remainder);
    if (remainder)
      strangers = restrict_to(open, *std::move(remainder));
    else
      decoded = fail(Errc::Malformed, "header remainder: " + remainder.error().detail);
  });
  events_.decoded(open);
  if (thrown) {
    metrics_.internal_errors.add();
    return events_.unreadable(open, Rule::InternalError, *thrown, record.remainder);
  }
  if (!decoded) {
    const bool too_big = record.value.size() > options_.event_bytes_max;
    return events_.unreadable(open, too_big ? Rule::TooBig : Rule::Malformed, decoded.error().detail, record.remainder);
  }
  for (const std::string& user_id : strangers)
    events_.end_stranger(open, user_id, {OutcomeKind::Suppressed, Rule::ReceiverUnknown});
  if (open.event.to.empty()) return events_.all_planned(open);
  keep_to_due(open);
  // Nobody waits on the line for as long as a producer's expiry for messages may be away.
  if (open.event.is_call())
    open.event.expires_at = std::min<WallTime>(open.event.expires_at, open.event.occurred_at + options_.call_lasts_max);
  if (open.event.to.size() >= options_.bulk_receivers_min) {
    events_.set_aside_as_bulk(open);
    open.badge_weight = badge_weight_of(open.event);
  }
  // An expiry years away would overflow the clock; beyond the time we try, it makes no difference.
  const milliseconds tried_for = open.first_at + options_.retry_for - now_.wall;
  const milliseconds lasts = std::min(open.event.expires_at - now_.wall, options_.retry_for + milliseconds(1));
  open.window = {now_.mono + lasts, now_.mono + tried_for, now_.mono + options_.quick_for};
  // A number that comes late may be an old one.
  if (open.event.kind == EventKind::Badge)
    open.window.expires_at = std::min<MonoTime>(open.window.expires_at, now_.mono + kBadgeLasts);
  if (open.event.kind == EventKind::Cancel) {
    recalls_.note(open.event, now_.wall);
    takes_back_ = true;
  }
  if (const Rule rule = decide_event(open.event, now_.wall, options_.age_max); rule != Rule::None) {
    const bool late = rule == Rule::Expired || rule == Rule::TooOld;
    events_.end_receivers(open, late ? ending_of(rule) : Ending{OutcomeKind::Suppressed, rule});
    return;
  }
  if (open.hops > 0 && tried_for <= milliseconds(0))
    return events_.end_receivers(open, ending_of(Rule::RetriesExhausted));
  if (const milliseconds early = open.not_before - now_.wall; early > kHoldMax)
    events_.pass_on(open);
  else if (early > milliseconds(0))
    hold(open, early);
  else
    (open.event.kind == EventKind::Cancel ? cancels_ : lookups_).push_back(open.tag);
}

/// Once for all that came together, for each push that is open is looked at.
void Intake::take_back() {
  if (!std::exchange(takes_back_, false)) return;
  const auto in_air = pushes_.end_pointless();
  for (const std::uint64_t tag : std::exchange(cancels_, {})) {
    OpenEvent* const open = events_.find(tag);
    if (open == nullptr) continue;
    const auto waits = [&](const EventReceiver& to) {
      return in_air.contains(RecallBook::key_of(open->event, to.user_id));
    };
    if (std::ranges::any_of(open->event.to, waits))
      hold(*open, kCancelLooksEvery);
    else
      lookups_.push_back(tag);
  }
}

std::vector<std::string> Intake::restrict_to(OpenEvent& open, Remainder&& remainder) const {
  if (remainder.first_at != WallTime{}) open.first_at = std::min(remainder.first_at, now_.wall);
  open.not_before = remainder.not_before;
  open.hops = remainder.hops;
  if (remainder.hops == 0)  // replayed, it begins anew
    for (ReceiverLeft& receiver : remainder.left)
      for (DeviceLeft& device : receiver.devices) {
        device.hops = 0;
        device.tried_since = {};
      }
  std::unordered_map<std::string_view, std::size_t> place;
  for (std::size_t i = 0; i < remainder.left.size(); ++i) place.emplace(remainder.left[i].user_id, i);
  std::vector<bool> found(remainder.left.size());
  std::vector<std::size_t> order;
  std::erase_if(open.event.to, [&](const EventReceiver& to) {
    const auto at = place.find(to.user_id);
    if (at == place.end()) return true;
    found[at->second] = true;
    order.push_back(at->second);
    return false;
  });
  std::vector<std::string> strangers;
  for (std::size_t i = 0; i < found.size(); ++i)
    if (!found[i]) strangers.push_back(remainder.left[i].user_id);
  for (const std::size_t i : order) open.left.push_back(std::move(remainder.left[i]));
  return strangers;
}

/// Where the event names the devices that are due, no other is looked at. A remainder that names devices knows better.
void Intake::keep_to_due(OpenEvent& open) {
  const OfflineEvent& event = open.event;
  if (event.due_devices.empty()) return;
  if (open.left.empty())
    for (const EventReceiver& to : event.to) open.left.push_back({.user_id = std::string(to.user_id), .devices = {}});
  for (std::size_t i = 0; i < event.to.size(); ++i) {
    if (!open.left[i].devices.empty()) continue;
    for (const std::string_view device : event.due_of(event.to[i]))
      open.left[i].devices.push_back({.device_id = std::string(device)});
  }
}

/// Producers name phones, not the rows of their tokens: a call that is due on a phone is due on its VoIP row, too.
void Intake::add_voip_rows(OpenEvent& open) {
  if (!open.event.is_call() || open.left.empty()) return;
  for (std::size_t i = 0; i < open.receivers.size(); ++i) {
    std::vector<DeviceLeft>& left = open.left[i].devices;
    for (std::size_t named = left.size(), at = 0; at < named; ++at) {
      const Device* const voip = voip_row_of(*open.receivers[i], left[at].device_id);
      if (voip != nullptr && std::ranges::find(left, voip->device_id, &DeviceLeft::device_id) == left.end())
        left.push_back({.device_id = voip->device_id});
    }
  }
}

/// Its devices are asked for once it may be sent.
void Intake::hold(OpenEvent& open, milliseconds time) {
  open.state = OpenEvent::State::AskAgain;
  open.lookup_at = now_.mono + time;
  open.window.quick_until = open.lookup_at + options_.quick_for;
  timers_.add({std::min(open.lookup_at, open.window.end()), open.tag, Timer::Of::Event});
}

void Intake::ask() {
  take_back();
  const std::vector<std::uint64_t> events = std::exchange(lookups_, {});
  std::vector<Asked> asked;
  asked.reserve(events.size());
  std::size_t keys = 0;
  for (const std::uint64_t tag : events) {
    OpenEvent* const open = events_.find(tag);
    if (open == nullptr) continue;
    if (open->audience == Audience::Many) {
      bulk_lookups_.push_back(tag);
      timers_.add({open->window.quick_end(), tag, Timer::Of::Event});
      continue;
    }
    const std::size_t receivers = open->event.to.size();
    if (keys > 0 && keys + receivers > kKeysMax) {
      ask(std::exchange(asked, {}));
      keys = 0;
    }
    asked.push_back({.event = tag, .receivers = receivers, .lookup = open->lookups_failed});
    keys += receivers;
  }
  if (!asked.empty()) ask(std::move(asked));
  ask_for_bulk();
}

/// Where bulk yields to others, the next event is begun when the one before is planned through and little of it waits
/// for them: planned ahead it would take this thread from them, and then wait in memory.
bool Intake::may_begin_bulk() const noexcept {
  const std::size_t unplanned = events_.receivers_unplanned(Audience::Many);
  if (pushes_.is_bulk_limited()) return unplanned == 0 && !pushes_.has_bulk_at_hand();
  return unplanned < options_.receivers_unplanned_max;
}

/// Of a bulk event that waits to be begun: to leave is not free, each receiver's outcome is written at once.
bool Intake::may_wait_on(const OpenEvent& open) const noexcept {
  return now_.mono < open.accepted_at + options_.bulk_wait &&
         events_.open_bytes() <= options_.events_open_bytes_max / 4;
}

/// A bulk event that waits to be begun holds up nobody that comes behind it, for it is known by its record alone.
bool Intake::has_more_to_ask() const noexcept {
  if (bulk_lookups_.empty()) return false;
  const OpenEvent* const next = events_.find(bulk_lookups_.front());
  const bool waits = next != nullptr && next->state == OpenEvent::State::Looking && next->receivers_asked == 0;
  return !waits || may_begin_bulk();
}

/// The oldest first. What fails meanwhile is asked for anew, from its first receiver on.
void Intake::ask_for_bulk() {
  while (!bulk_lookups_.empty()) {
    OpenEvent* const open = events_.find(bulk_lookups_.front());
    const bool waits = open != nullptr && open->state == OpenEvent::State::Looking;
    if (!waits || open->receivers_asked == open->event.to.size()) {
      bulk_lookups_.pop_front();
      continue;
    }
    const std::size_t first = open->receivers_asked;
    if (first == 0 && !may_begin_bulk()) return;
    const std::size_t count = turn_.take(std::min(open->event.to.size() - first, kKeysMax));
    if (count == 0) return;
    pushes_.bulk_limit().did(BulkLimit::Step::LookUp, count);
    events_.looked_up(*open);
    if (first == 0 && open->lookups_failed == 0) open->window.quick_until = now_.mono + options_.quick_for;
    ask({{.event = open->tag, .first = first, .receivers = count, .lookup = open->lookups_failed}});
  }
}

void Intake::ask(std::vector<Asked> asked) {
  std::size_t count = 0;
  for (const Asked& each : asked) {
    OpenEvent& open = *events_.find(each.event);
    open.state = OpenEvent::State::Looking;
    open.receivers_asked = each.first + each.receivers;
    for (const EventReceiver& to : std::span(open.event.to).subspan(each.first, each.receivers)) {
      if (count == keys_.size()) keys_.emplace_back();
      keys_[count].app = open.event.app;
      keys_[count].user_id = to.user_id;
      ++count;
    }
  }
  const std::vector<Asked> waits = asked;  // the other one goes with the question
  const auto thrown = thrown_by([&] {
    directory_.find(std::span(keys_.data(), count),
                    [this, asked = std::move(asked)](auto found) { answered_.on_found(asked, std::move(found)); });
  });
  if (keys_.size() > kKeysKept) std::vector<ReceiverKey>().swap(keys_);
  if (thrown)
    for (const Asked& each : waits) on_exception(each.event, *thrown);
  for (const Asked& each : waits)
    if (const OpenEvent* open = each.first > 0 ? nullptr : events_.find(each.event);
        open != nullptr && open->state == OpenEvent::State::Looking)
      timers_.add({open->window.quick_end(), each.event, Timer::Of::Event});
}

void Intake::on_found(std::span<const Asked> asked, Found found) {
  std::size_t wanted = 0;
  for (const Asked& each : asked) wanted += each.receivers;
  if (found && found->size() != wanted)
    found = fail(Errc::Io, "the directory answered for " + std::to_string(found->size()) + " receivers of " +
                               std::to_string(wanted));
  std::size_t next = 0;
  for (const Asked& each : asked) {
    const std::size_t first = std::exchange(next, next + each.receivers);
    OpenEvent* const open = events_.find(each.event);
    if (open == nullptr || open->state != OpenEvent::State::Looking || each.lookup != open->lookups_failed) continue;
    if (!found) {
      lookup_failed(*open, found.error());
      continue;
    }
    const std::span receivers = std::span(*found).subspan(first, each.receivers);
    if (std::ranges::find(receivers, nullptr) != receivers.end()) {
      lookup_failed(*open, {Errc::Io, "the directory could not read all receivers"});
      continue;
    }
    open->receivers.resize(open->event.to.size());
    std::ranges::move(receivers, open->receivers.begin() + std::ptrdiff_t(each.first));
    open->receivers_found += each.receivers;
    if (open->receivers_found < open->receivers.size()) continue;
    if (const auto thrown = thrown_by([&] { resolved(*open); })) on_exception(each.event, *thrown);
  }
}

void Intake::wake(OpenEvent& open) {
  const bool asked = open.audience == Audience::Few || open.receivers_asked > 0 || open.lookups_failed > 0;
  const Rule why = asked ? Rule::StoreUnavailable : Rule::NotInTime;
  if (now_.mono >= open.window.end()) {
    const bool expired = open.window.rule_at_end() == Rule::Expired;
    return events_.end_receivers(open, ending_of(expired ? Rule::Expired : why));
  }
  if (now_.mono >= open.window.quick_until && !asked && may_wait_on(open)) {
    open.window.quick_until = now_.mono + kWaitingLooksEvery;
    return timers_.add({open.window.quick_end(), open.tag, Timer::Of::Event});
  }
  if (now_.mono >= open.window.quick_until) {
    const MonoTime at = policy_.later(open.hops, now_.mono, open.window);
    if (at >= open.window.end()) return events_.end_receivers(open, ending_of(why));
    return put_off(open, at, {.meaning = asked ? "the directory does not answer" : ""}, why);
  }
  if (open.state != OpenEvent::State::AskAgain || now_.mono < open.lookup_at) return;
  open.state = OpenEvent::State::Looking;
  const bool cancel = open.event.kind == EventKind::Cancel;
  takes_back_ = takes_back_ || cancel;
  (cancel ? cancels_ : lookups_).push_back(open.tag);
}

/// What was to name the event's devices has thrown: the event ends here, unless it had come further.
void Intake::on_exception(std::uint64_t event, const std::string& what) {
  OpenEvent* const open = events_.find(event);
  if (open == nullptr || open->state != OpenEvent::State::Looking) return;
  metrics_.internal_errors.add();
  events_.end_receivers(*open, ending_of(Rule::InternalError), {.meaning = what});
}

void Intake::resolved(OpenEvent& open) {
  const bool nobody = std::ranges::all_of(open.receivers, [](const auto& each) { return each->devices.empty(); });
  if (nobody) {
    const Result<bool> known = directory_.knows(open.event.app);
    if (!known) {
      open.receivers.clear();
      return lookup_failed(open, known.error());
    }
    if (!*known) return events_.end_receivers(open, ending_of(Rule::UnknownApp));
  }
  add_voip_rows(open);
  events_.resolved(open);
  planner_.add(open);
}

void Intake::lookup_failed(OpenEvent& open, const Error& error) {
  const Next next =
      policy_.postpone({.hops = open.hops}, ++open.lookups_failed, Rule::StoreUnavailable, now_.mono, open.window);
  if (next.what == Next::Do::Defer) return put_off(open, next.at, {.meaning = error.detail});
  if (next.what != Next::Do::Retry) {
    const Rule rule = next.ending.rule == Rule::Expired ? Rule::Expired : Rule::StoreUnavailable;
    return events_.end_receivers(open, ending_of(rule), {.meaning = error.detail});
  }
  metrics_.retries.add();
  // While it counts as begun, nothing of bulk may be begun beside others, itself included.
  if (open.audience == Audience::Many) events_.set_aside_as_bulk(open);
  open.receivers_asked = open.receivers_found = 0;
  open.state = OpenEvent::State::AskAgain;
  open.lookup_at = next.at;
  timers_.add({next.at, open.tag, Timer::Of::Event});
}

/// Its devices could not be read for now, or it was not its turn yet.
void Intake::put_off(OpenEvent& open, MonoTime at, const VendorReason& reason, Rule why) {
  if (open.event.kind == EventKind::Badge) return events_.end_receivers(open, ending_of(Rule::Expired), reason);
  const WallTime not_before = now_.wall + std::chrono::ceil<milliseconds>(at - now_.mono);
  events_.put_off_receivers(open, why, not_before, reason);
}

}  // namespace nightpost::dispatch
