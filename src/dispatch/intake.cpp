// From a record to an event whose devices are known, or to its end.
#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <utility>

#include "core/thrown_by.h"
#include "dispatch/decide.h"
#include "dispatch/pipeline.h"

namespace nightpost::dispatch {
namespace {
constexpr std::size_t kKeysMax = 8192;   // receivers asked for in one call: bounds the keys' memory
constexpr std::size_t kKeysKept = 2048;  // keys that keep their text's memory
}  // namespace

void Dispatcher::Impl::accept_one(const Record& record) {
  metrics_.events_taken.add();
  const auto [tag, taken] = events_.acquire();
  OpenEvent& open = *taken;
  kept_bytes_ -= std::exchange(open.kept, 0);
  open.tag = tag;
  open.record_id = record.record_id;
  open.key = record.key;
  open.traceparent = record.traceparent;
  Result<void> decoded;
  const auto thrown = thrown_by([&] { decoded = decoder_.decode(record.value, open.event); });
  open_bytes_ += open.event.buffer.bytes().size() * 2;
  unplanned_ += open.event.to.size();
  if (thrown) {
    metrics_.internal_errors.add();
    writer_.unreadable(open, Rule::InternalError, *thrown);
    writer_.close(open, wall_);
    free_event(open);
    return;
  }
  if (!decoded) {
    const bool too_big = record.value.size() > options_.event_bytes_max;
    writer_.unreadable(open, too_big ? Rule::TooBig : Rule::Malformed, decoded.error().detail);
    writer_.close(open, wall_);
    free_event(open);
    return;
  }
  // An expiry years away would overflow the clock; beyond the time we try, it makes no difference.
  const milliseconds lasts = std::min(open.event.expires_at - wall_, options_.retry_for + milliseconds(1));
  open.window = {mono_ + lasts, mono_ + options_.retry_for};
  if (const Rule rule = decide_event(open.event, wall_, options_.age_max); rule != Rule::None) {
    const bool late = rule == Rule::Expired || rule == Rule::TooOld;
    end_receivers(open, late ? ending_of(rule) : Ending{OutcomeKind::Suppressed, rule});
    return;
  }
  lookups_.push_back(tag);
}

void Dispatcher::Impl::ask_directory(std::span<const std::uint64_t> events) {
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

void Dispatcher::Impl::ask(std::vector<Asked> asked) {
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
    directory_.find(std::span(keys_.data(), count), [this, asked = std::move(asked)](auto found) {
      enter([&] { on_found(asked, std::move(found)); });
    });
  });
  if (keys_.size() > kKeysKept) std::vector<ReceiverKey>().swap(keys_);
  if (thrown)
    for (const Asked& each : waits) on_exception(each.event, *thrown);
  for (const Asked& each : waits)
    if (const OpenEvent* open = events_.find(each.event); open != nullptr && open->state == OpenEvent::State::Looking)
      timers_.add({open->window.end(), each.event, Timer::Of::Event});
}

void Dispatcher::Impl::on_found(std::span<const Asked> asked,
                                Result<std::vector<std::shared_ptr<const Receiver>>> found) {
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

/// What was to name the event's devices has thrown: the event ends here, unless it had come further.
void Dispatcher::Impl::on_exception(std::uint64_t event, const std::string& what) {
  OpenEvent* const open = events_.find(event);
  if (open == nullptr || open->state != OpenEvent::State::Looking) return;
  metrics_.internal_errors.add();
  end_receivers(*open, ending_of(Rule::InternalError), {.meaning = what});
}

void Dispatcher::Impl::resolved(OpenEvent& open) {
  const bool nobody = std::ranges::all_of(open.receivers, [](const auto& each) { return each->devices.empty(); });
  if (nobody) {
    const Result<bool> known = directory_.knows(open.event.app);
    if (!known) {
      open.receivers.clear();
      return lookup_failed(open, known.error());
    }
    if (!*known) return end_receivers(open, ending_of(Rule::UnknownApp));
  }
  open.state = OpenEvent::State::Ready;
  ready_.push_back(open.tag);
  ++ready_untimed_;
}

void Dispatcher::Impl::lookup_failed(OpenEvent& open, const Error& error) {
  const Next next = policy_.postpone({}, ++open.lookups_failed, mono_, open.window);
  if (next.what != Next::Do::Retry) {
    const Rule rule = next.ending.rule == Rule::Expired ? Rule::Expired : Rule::StoreUnavailable;
    return end_receivers(open, ending_of(rule), {.meaning = error.detail});
  }
  metrics_.retries.add();
  open.state = OpenEvent::State::AskAgain;
  open.lookup_at = next.at;
  timers_.add({next.at, open.tag, Timer::Of::Event});
}

/// The same end for every receiver, devices unseen; then the event is closed.
void Dispatcher::Impl::end_receivers(OpenEvent& open, Ending ending, const VendorReason& reason) {
  for (std::size_t i = 0; i < open.event.to.size(); ++i) writer_.receiver(open, i, ending, wall_, reason);
  planned(open);
  close_if_done(open);
}

/// Nothing more of the event is planned; it ends with its last push.
void Dispatcher::Impl::planned(OpenEvent& open) noexcept {
  if (std::exchange(open.state, OpenEvent::State::Sending) != OpenEvent::State::Sending)
    unplanned_ -= open.event.to.size();
}

void Dispatcher::Impl::close_if_done(OpenEvent& open) {
  if (open.state != OpenEvent::State::Sending || open.pushes_open > 0) return;
  if (open.incomplete)
    writer_.hand_back(open);
  else
    writer_.close(open, wall_);
  free_event(open);
}

void Dispatcher::Impl::free_event(OpenEvent& open) {
  const std::uint64_t tag = open.tag;
  planned(open);
  open_bytes_ -= open.event.buffer.bytes().size() * 2;
  open.reset();
  const std::size_t kept = open.kept_bytes();
  if (kept > kSlotKeptMax || kept_bytes_ + kept > kSlotsKeptMax)
    open = OpenEvent();
  else
    kept_bytes_ += open.kept = kept;
  events_.put_back(tag);
}

}  // namespace nightpost::dispatch
