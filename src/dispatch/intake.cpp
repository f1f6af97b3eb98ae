#include "dispatch/intake.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "core/thrown_by.h"
#include "dispatch/decide.h"

namespace nightpost::dispatch {
namespace {
constexpr std::size_t kKeysMax = 8192;   // receivers asked for in one call: bounds the keys' memory
constexpr std::size_t kKeysKept = 2048;  // keys that keep their text's memory
}  // namespace

void Intake::accept(const Record& record) {
  metrics_.events_taken.add();
  OpenEvent& open = events_.begin(record);
  Result<void> decoded;
  const auto thrown = thrown_by([&] { decoded = decoder_.decode(record.value, open.event); });
  events_.decoded(open);
  if (thrown) {
    metrics_.internal_errors.add();
    return events_.unreadable(open, Rule::InternalError, *thrown);
  }
  if (!decoded) {
    const bool too_big = record.value.size() > options_.event_bytes_max;
    return events_.unreadable(open, too_big ? Rule::TooBig : Rule::Malformed, decoded.error().detail);
  }
  // An expiry years away would overflow the clock; beyond the time we try, it makes no difference.
  const milliseconds lasts = std::min(open.event.expires_at - now_.wall, options_.retry_for + milliseconds(1));
  open.window = {now_.mono + lasts, now_.mono + options_.retry_for};
  if (const Rule rule = decide_event(open.event, now_.wall, options_.age_max); rule != Rule::None) {
    const bool late = rule == Rule::Expired || rule == Rule::TooOld;
    events_.end_receivers(open, late ? ending_of(rule) : Ending{OutcomeKind::Suppressed, rule});
    return;
  }
  lookups_.push_back(open.tag);
}

void Intake::ask() {
  const std::vector<std::uint64_t> events = std::exchange(lookups_, {});
  std::vector<Asked> asked;
  asked.reserve(events.size());
  std::size_t keys = 0;
  for (const std::uint64_t tag : events) {
    const OpenEvent* const open = events_.find(tag);
    if (open == nullptr) continue;
    const std::size_t receivers = open->event.to.size();
    if (keys > 0 && keys + receivers > kKeysMax) {
      ask(std::exchange(asked, {}));
      keys = 0;
    }
    asked.push_back({tag, receivers});
    keys += receivers;
  }
  if (!asked.empty()) ask(std::move(asked));
}

void Intake::ask(std::vector<Asked> asked) {
  std::size_t count = 0;
  for (const Asked& each : asked) {
    OpenEvent& open = *events_.find(each.event);
    open.state = OpenEvent::State::Looking;
    for (const EventReceiver& to : open.event.to) {
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
    if (const OpenEvent* open = events_.find(each.event); open != nullptr && open->state == OpenEvent::State::Looking)
      timers_.add({open->window.end(), each.event, Timer::Of::Event});
}

void Intake::on_found(std::span<const Asked> asked, Found found) {
  std::size_t wanted = 0;
  for (const Asked& each : asked) wanted += each.receivers;
  if (found && found->size() != wanted)
    found = fail(Errc::Io, "the directory answered for " + std::to_string(found->size()) + " receivers of " +
                               std::to_string(wanted));
  static const auto kNobody = std::make_shared<const Receiver>();
  std::size_t next = 0;
  for (const Asked& each : asked) {
    const std::size_t first = std::exchange(next, next + each.receivers);
    OpenEvent* const open = events_.find(each.event);
    if (open == nullptr || open->state != OpenEvent::State::Looking) continue;
    if (!found) {
      lookup_failed(*open, found.error());
      continue;
    }
    for (std::size_t i = first; i < next; ++i) {
      std::shared_ptr<const Receiver>& receiver = (*found)[i];
      if (!receiver) receiver = kNobody;
      open->receivers.push_back(std::move(receiver));
    }
    if (const auto thrown = thrown_by([&] { resolved(*open); })) on_exception(each.event, *thrown);
  }
}

void Intake::wake(OpenEvent& open) {
  if (now_.mono >= open.window.end()) {
    const bool expired = open.window.rule_at_end() == Rule::Expired;
    return events_.end_receivers(open, ending_of(expired ? Rule::Expired : Rule::StoreUnavailable));
  }
  if (open.state != OpenEvent::State::AskAgain || now_.mono < open.lookup_at) return;
  open.state = OpenEvent::State::Looking;
  lookups_.push_back(open.tag);
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
  events_.resolved(open);
  planner_.add(open);
}

void Intake::lookup_failed(OpenEvent& open, const Error& error) {
  const Next next = policy_.postpone({}, ++open.lookups_failed, now_.mono, open.window);
  if (next.what != Next::Do::Retry) {
    const Rule rule = next.ending.rule == Rule::Expired ? Rule::Expired : Rule::StoreUnavailable;
    return events_.end_receivers(open, ending_of(rule), {.meaning = error.detail});
  }
  metrics_.retries.add();
  open.state = OpenEvent::State::AskAgain;
  open.lookup_at = next.at;
  timers_.add({next.at, open.tag, Timer::Of::Event});
}

}  // namespace nightpost::dispatch
