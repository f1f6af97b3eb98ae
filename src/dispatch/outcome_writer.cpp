#include "dispatch/outcome_writer.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <span>
#include <utility>
#include <vector>

#include "core/uuid.h"
#include "dispatch/outcome_json.h"
#include "dispatch/remainder.h"
#include "dispatch/tier.h"

namespace nightpost::dispatch {
namespace {

constexpr std::size_t kDetailMax = 1000;

/// Where the pipeline stopped: a dead letter's "stage".
std::string_view stage_of(Rule rule, bool tried, bool device_known) noexcept {
  if (rule == Rule::StoreUnavailable || rule == Rule::UnknownApp || !device_known) return "resolve";
  return tried || rule == Rule::BreakerOpen ? "deliver" : "plan";
}

/// The parts of one event that leave together. REQUIRED: there is one.
Remainder remainder_of(const OpenEvent& open, std::span<const Unfinished::Part* const> parts) {
  Remainder out;
  std::vector<std::size_t> place(open.event.to.size(), std::string::npos);  // in out.left
  for (const Unfinished::Part* const part : parts) {
    std::size_t& at = place[part->receiver];
    if (at == std::string::npos) {
      at = out.left.size();
      out.left.push_back({.user_id = std::string(open.event.to[part->receiver].user_id), .devices = {}});
    }
    if (part->device) out.left[at].devices.push_back(*part->device);
  }
  return out;
}

PutOff put_off_for(Rule rule) noexcept {
  switch (rule) {
    case Rule::VendorFailing:
    case Rule::Unanswered:
    case Rule::SignerSilent:
    case Rule::SignerFailing:
      return PutOff::Failure;
    case Rule::VendorThrottled:
    case Rule::ClassThrottled:
      return PutOff::Throttle;
    case Rule::QuotaSpent:
      return PutOff::Quota;
    case Rule::VendorClosed:
      return PutOff::Closed;
    case Rule::BreakerOpen:
      return PutOff::Breaker;
    case Rule::GrantUnavailable:
      return PutOff::Grant;
    case Rule::StoreUnavailable:
      return PutOff::Store;
    default:
      return PutOff::Capacity;
  }
}

}  // namespace

void OutcomeWriter::receiver(OpenEvent& open, std::size_t index, Ending ending, WallTime now,
                             const VendorReason& reason, WallTime not_before) {
  outcome_.not_before = not_before;
  const std::span<const DeviceLeft> left = open.left_of(index);
  for (const DeviceLeft& each : left) device(open, index, each, ending, now, reason);
  if (left.empty()) {
    name(open, index);
    write(open, index, ending, reason, now);
  }
  outcome_.not_before = {};
}

void OutcomeWriter::device(OpenEvent& open, std::size_t index, const Device& device, Ending ending, WallTime now,
                           const DeviceLeft* left) {
  name(open, index);
  outcome_.device_id = device.device_id;
  if (device.certificate.value != 0) outcome_.certificate = device.certificate;
  if (left == nullptr) return write(open, index, ending, {}, now);
  const Progress progress = progress_of(*left);
  if (progress.sent > 0)
    name_sent(open, uuid_of({open.event.event_id, outcome_.user_id, outcome_.device_id}), progress.sent);
  write(open, index, ending, {}, now, &progress);
}

void OutcomeWriter::device(OpenEvent& open, std::size_t index, const DeviceLeft& left, Ending ending, WallTime now,
                           const VendorReason& reason) {
  name(open, index);
  outcome_.device_id = left.device_id;
  outcome_.vendor = vendor_from(left.vendor);
  Progress progress = progress_of(left);
  if (progress.sent > 0)
    name_sent(open, uuid_of({open.event.event_id, outcome_.user_id, outcome_.device_id}), progress.sent);
  if (ending.then == Disposition::Defer) ++progress.hops;
  // What its vendor said last explains its failure better than nothing.
  const bool failed = ending.kind == OutcomeKind::Dead || ending.kind == OutcomeKind::Expired;
  const bool known = !failed || !reason.code.empty() || !reason.meaning.empty();
  write(open, index, ending, known ? reason : VendorReason{.code = left.code}, now, &progress);
}

void OutcomeWriter::stranger(OpenEvent& open, std::string_view user_id, Ending ending, WallTime now) {
  name(open, 0);
  outcome_.user_id = user_id;
  write(open, 0, ending, {}, now);
}

void OutcomeWriter::pass_on(OpenEvent& open, std::size_t index, const DeviceLeft* left, WallTime not_before) {
  Unfinished::Part& part = unfinished(open).put_off.emplace_back(
      Unfinished::Part{.receiver = index, .device = std::nullopt, .not_before = not_before});
  if (left == nullptr) return;
  part.device = *left;
  part.device->not_before = not_before;
}

void OutcomeWriter::push(Push& push, Ending ending, WallTime now, const VendorReason& reason) {
  name(push);
  write(*push.event, push.receiver, ending, reason, now, &push.progress);
}

void OutcomeWriter::put_off(Push& push, Rule rule, WallTime not_before, WallTime now, const VendorReason& reason) {
  name(push);
  ++push.progress.hops;
  outcome_.not_before = not_before;
  write(*push.event, push.receiver, {OutcomeKind::Retrying, rule, Disposition::Defer}, reason, now, &push.progress);
  outcome_.not_before = {};
}

void OutcomeWriter::name(OpenEvent& open, std::size_t index) {
  if (index < open.event.to.size()) outcome_.user_id = open.event.to[index].user_id;
  outcome_.device_id.clear();
  outcome_.vendor.reset();
  outcome_.certificate.reset();
  outcome_.push_id.clear();
  outcome_.collapse_id.clear();
  outcome_.attempt = 0;
  sent_at_ = {};
}

void OutcomeWriter::name(Push& push) {
  OpenEvent& open = *push.event;
  name(open, push.receiver);
  outcome_.device_id = push.device->device_id;
  if (push.route) outcome_.vendor = push.route->certificate.vendor;
  outcome_.certificate = push.device->certificate;
  if (push.progress.sent > 0) name_sent(open, push.push_id, push.progress.sent);
  if (push.progress.sent > 0 && push.progress.attempts > 0) sent_at_ = push.sent_at_wall;  // else an earlier hop's
}

void OutcomeWriter::name_sent(OpenEvent& open, std::string_view push_id, int sent) {
  outcome_.push_id = push_id;
  if (open.collapse_id.empty()) open.collapse_id = collapse_id_of(open.event.message_id);
  outcome_.collapse_id = open.collapse_id;
  outcome_.attempt = sent;
}

void OutcomeWriter::write(OpenEvent& open, std::size_t index, Ending ending, const VendorReason& reason, WallTime now,
                          const Progress* progress) {
  outcome_.kind = ending.kind;
  outcome_.rule = name_of(ending.rule);
  outcome_.event_id = open.event.event_id;
  outcome_.app = open.event.app;
  // A vendor's words are cut, so that an outcome fits into any topic.
  outcome_.vendor_id = reason.vendor_id.substr(0, kDetailMax);
  outcome_.code = reason.code.substr(0, kDetailMax);
  outcome_.reason = sentence_of(ending.rule);
  if (!reason.meaning.empty()) outcome_.reason.append(": ").append(reason.meaning.substr(0, kDetailMax));
  outcome_.at = now;
  outcome_.traceparent = open.traceparent;
  outcome_.latency = std::max(now - open.event.occurred_at, milliseconds(0));  // the producer's clock may be ahead
  metrics_.outcomes[static_cast<std::size_t>(ending.kind)].add();
  const bool taken_back = ending.rule == Rule::Recalled || ending.rule == Rule::ReadElsewhere;
  if (taken_back && (open.event.is_message() || open.event.is_call())) metrics_.recalled.add();
  // A number that is replayed is an old one, and a call is over by then.
  const bool kept = ending.then != Disposition::DeadLetter || !open.event.is_fleeting();
  switch (kept ? ending.then : Disposition::Done) {
    case Disposition::Done:
      break;
    case Disposition::Defer:
      metrics_.put_off[static_cast<std::size_t>(put_off_for(ending.rule))].add();
      unfinished(open).put_off.push_back(part(index, progress));
      break;
    case Disposition::DeadLetter:
      dead(open, ending.rule, reason, progress != nullptr && progress->attempts > 0);
      unfinished(open).dead.push_back(part(index, progress));
      break;
  }
  json_.clear();
  append_json(json_, outcome_);
  settler_.outcome(open.record_id, open.event.event_id, json_);
  hops_.outcome(open, outcome_, ending.rule, json_, sent_at_);
}

Unfinished& OutcomeWriter::unfinished(OpenEvent& open) {
  if (!open.unfinished) open.unfinished = std::make_unique<Unfinished>();
  return *open.unfinished;
}

Unfinished::Part OutcomeWriter::part(std::size_t index, const Progress* progress) const {
  Unfinished::Part part{.receiver = index, .device = std::nullopt, .not_before = outcome_.not_before};
  if (outcome_.device_id.empty()) return part;
  DeviceLeft& device = part.device.emplace();
  device.device_id = outcome_.device_id;
  device.not_before = outcome_.not_before;
  if (progress != nullptr) {
    device.sent = progress->sent;
    device.unheard = progress->unheard;
    device.hops = progress->hops;
    device.tried_since = progress->tried_since;
  }
  device.rule = outcome_.rule;
  if (outcome_.vendor) device.vendor = name_of(*outcome_.vendor);
  device.code = outcome_.code.substr(0, kCodeBytesMax);
  return part;
}

/// The first reason names the letter; who else did not get it follows in the detail.
void OutcomeWriter::dead(OpenEvent& open, Rule rule, const VendorReason& reason, bool tried) {
  if (!open.letter) {
    open.letter = std::make_unique<DeadLetter>();
    open.letter->event_id = open.event.event_id;
    open.letter->stage = stage_of(rule, tried, !outcome_.device_id.empty());
    open.letter->reason = name_of(rule);
    if (outcome_.vendor) open.letter->vendor = name_of(*outcome_.vendor);
    open.letter->code = reason.code.substr(0, kDetailMax);
    open.letter->attempts = outcome_.attempt;
  }
  std::string& detail = open.letter->detail;
  if (detail.size() >= kDetailMax) return;
  if (!detail.empty()) detail += "; ";
  detail.append("user ").append(outcome_.user_id);
  if (!outcome_.device_id.empty()) detail.append(" device ").append(outcome_.device_id);
  detail.append(": ").append(outcome_.reason);
  if (detail.size() >= kDetailMax) detail += " …";
}

void OutcomeWriter::unreadable(OpenEvent& open, Rule rule, std::string_view detail, std::string_view remainder,
                               WallTime now) {
  metrics_.events_malformed.add();
  open.letter = std::make_unique<DeadLetter>();
  open.letter->event_id = open.event.event_id;
  open.letter->stage = "decode";
  open.letter->reason = name_of(rule);
  open.letter->detail = detail;
  open.letter->remainder = remainder;
  hops_.unreadable(open, rule, now);
}

/// By tier, so that each comes back about when it may go on; of those in one, nothing is sent before the first may be.
void OutcomeWriter::defer(OpenEvent& open, const Now& now) {
  const milliseconds left = std::chrono::floor<milliseconds>(open.window.end() - now.mono);
  std::array<std::vector<const Unfinished::Part*>, kTiers> tiers;
  for (const Unfinished::Part& part : open.unfinished->put_off)
    tiers[static_cast<std::size_t>(tier_for(part.not_before - now.wall, left))].push_back(&part);
  for (std::size_t i = 0; i < kTiers; ++i) {
    if (tiers[i].empty()) continue;
    const auto tier = static_cast<Tier>(i);
    Remainder remainder = remainder_of(open, tiers[i]);
    remainder.first_at = open.first_at;
    remainder.hops = open.hops + 1;
    remainder.not_before = std::ranges::min(tiers[i], {}, &Unfinished::Part::not_before)->not_before;
    for (ReceiverLeft& receiver : remainder.left)
      for (DeviceLeft& device : receiver.devices)
        if (device.not_before <= remainder.not_before) device.not_before = {};
    settler_.defer(open.record_id, {.key = open.key,
                                    .value = std::string(open.event.buffer.bytes()),
                                    .traceparent = open.traceparent,
                                    .remainder = to_json(remainder),
                                    .tier = tier,
                                    .due_at = now.wall + delay_of(tier)});
    metrics_.deferrals[i].add();
  }
}

void OutcomeWriter::close(OpenEvent& open, const Now& now) {
  hops_.settled(open, now.wall);
  const bool deferred = open.unfinished && !open.unfinished->put_off.empty();
  if (deferred) defer(open, now);
  if (open.letter) {
    metrics_.dead_letters.add();
    open.letter->key = open.key;
    open.letter->value = open.event.buffer.bytes();
    open.letter->traceparent = open.traceparent;
    if (open.unfinished && !open.unfinished->dead.empty()) {
      std::vector<const Unfinished::Part*> parts;
      for (const Unfinished::Part& part : open.unfinished->dead) parts.push_back(&part);
      open.letter->remainder = to_json(remainder_of(open, parts));
    }
    if (watcher_ != nullptr) watcher_->dead_letter(*open.letter);
    settler_.dead(open.record_id, std::move(*open.letter));
  }
  metrics_.events_settled.add();
  if (open.event.occurred_at != WallTime{} && !deferred)
    metrics_.settle_latency.observe((now.wall - open.event.occurred_at).count());
  settler_.release(open.record_id);
}

}  // namespace nightpost::dispatch
