#include "dispatch/outcome_writer.h"

#include <algorithm>
#include <utility>

#include "dispatch/outcome_json.h"

namespace nightpost::dispatch {
namespace {

constexpr std::size_t kDetailMax = 1000;

/// Where the pipeline stopped: a dead letter's "stage".
std::string_view stage_of(Rule rule, bool tried, bool device_known) noexcept {
  if (rule == Rule::StoreUnavailable || rule == Rule::UnknownApp || !device_known) return "resolve";
  return tried || rule == Rule::BreakerOpen ? "deliver" : "plan";
}

}  // namespace

void OutcomeWriter::receiver(OpenEvent& open, std::size_t index, Ending ending, WallTime now,
                             const VendorReason& reason) {
  outcome_.user_id = open.event.to[index].user_id;
  outcome_.device_id.clear();
  outcome_.vendor.reset();
  outcome_.certificate.reset();
  outcome_.push_id.clear();
  outcome_.collapse_id.clear();
  outcome_.attempt = 0;
  write(open, ending, reason, now);
}

void OutcomeWriter::device(OpenEvent& open, std::size_t index, const Device& device, Ending ending, WallTime now) {
  outcome_.user_id = open.event.to[index].user_id;
  outcome_.device_id = device.device_id;
  outcome_.vendor.reset();
  outcome_.certificate.reset();
  if (device.certificate.value != 0) outcome_.certificate = device.certificate;
  outcome_.push_id.clear();
  outcome_.collapse_id.clear();
  outcome_.attempt = 0;
  write(open, ending, {}, now);
}

void OutcomeWriter::push(Push& push, Ending ending, WallTime now, const VendorReason& reason) {
  OpenEvent& open = *push.event;
  outcome_.user_id = open.event.to[push.receiver].user_id;
  outcome_.device_id = push.device->device_id;
  outcome_.vendor.reset();
  if (push.route) outcome_.vendor = push.route->certificate.vendor;
  outcome_.certificate = push.device->certificate;
  outcome_.push_id.clear();
  outcome_.collapse_id.clear();
  if (push.progress.sent > 0) {
    outcome_.push_id = push.push_id;
    if (open.collapse_id.empty()) open.collapse_id = collapse_id_of(open.event.message_id);
    outcome_.collapse_id = open.collapse_id;
  }
  outcome_.attempt = push.progress.sent;
  write(open, ending, reason, now, push.progress.attempts > 0);
}

void OutcomeWriter::write(OpenEvent& open, Ending ending, const VendorReason& reason, WallTime now, bool tried) {
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
  outcome_.latency = std::max(now - open.event.occurred_at, milliseconds(0));  // the producer's clock may be ahead
  metrics_.outcomes[static_cast<std::size_t>(ending.kind)].add();
  switch (ending.then) {
    case Disposition::Done:
      break;
    case Disposition::DeadLetter:
      dead(open, ending.rule, reason, tried);
      break;
  }
  json_.clear();
  append_json(json_, outcome_);
  settler_.outcome(open.record_id, open.event.event_id, json_);
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

void OutcomeWriter::unreadable(OpenEvent& open, Rule rule, std::string_view detail) {
  metrics_.events_malformed.add();
  open.letter = std::make_unique<DeadLetter>();
  open.letter->event_id = open.event.event_id;
  open.letter->stage = "decode";
  open.letter->reason = name_of(rule);
  open.letter->detail = detail;
}

void OutcomeWriter::close(OpenEvent& open, WallTime now) {
  if (open.letter) {
    metrics_.dead_letters.add();
    open.letter->key = open.key;
    open.letter->value = open.event.buffer.bytes();
    open.letter->traceparent = open.traceparent;
    if (watcher_ != nullptr) watcher_->dead_letter(*open.letter);
    settler_.dead(open.record_id, std::move(*open.letter));
  }
  metrics_.events_settled.add();
  if (open.event.occurred_at != WallTime{}) metrics_.settle_latency.observe((now - open.event.occurred_at).count());
  settler_.release(open.record_id);
}

}  // namespace nightpost::dispatch
