#include "dispatch/hop_writer.h"

#include <array>

#include "core/text.h"

namespace nightpost::dispatch {
namespace {

constexpr std::size_t kWordsMax = 1000;  // of a vendor's words

constexpr std::array<std::string_view, 5> kHopNames = {"consumed", "resolved", "attempt", "outcome", "settled"};

void member_text(std::string& out, std::string_view key, std::string_view value) {
  if (value.empty()) return;
  value = value.substr(0, kWordsMax);
  if (is_valid_utf8(value))
    append_json_member(out, key, value);
  else
    append_json_member(out, key, utf8_repaired(value));
}

void time(std::string& out, std::string_view key, WallTime at) {
  if (at != WallTime{}) append_json_member(out, key, to_ms(at));
}

void count(std::string& out, std::string_view key, std::size_t n) {
  append_json_member(out, key, static_cast<std::int64_t>(n));
}

}  // namespace

std::string_view name_of(Hop::What what) noexcept { return kHopNames[static_cast<std::size_t>(what)]; }

bool is_always_traced(OutcomeKind kind, Rule rule) noexcept {
  switch (kind) {
    case OutcomeKind::Accepted:
    case OutcomeKind::Delivered:
    case OutcomeKind::Clicked:
      return false;
    case OutcomeKind::Suppressed:  // the sender's, the user's or the device's wish; these three are not
      return rule == Rule::CertificateDisabled || rule == Rule::VendorSuppressed || rule == Rule::VendorClosed;
    default:
      return true;
  }
}

bool HopWriter::admit(OpenEvent& open, bool always) {
  if (tracer_ == nullptr) return false;
  if (open.trace == OpenEvent::Trace::Undecided)
    open.trace = tracer_->in_sample(open.event.event_id, open.traceparent) ? OpenEvent::Trace::Whole
                                                                           : OpenEvent::Trace::Failures;
  if (open.trace == OpenEvent::Trace::Failures && !always) return false;
  if (open.hops_told >= (always ? max_ : max_ / 2)) {
    ++open.hops_left_out;
    return false;
  }
  if (open.hops_told++ == 0) consumed(open);
  return true;
}

void HopWriter::tell(Hop::What what, const OpenEvent& open, std::string_view user_id, std::string_view device_id,
                     WallTime at) {
  tracer_->record({.what = what,
                   .record_id = open.record_id,
                   .event_id = open.event.event_id,
                   .app = open.event.app,
                   .user_id = user_id,
                   .device_id = device_id,
                   .at = at,
                   .facts = facts_});
}

void HopWriter::consumed(OpenEvent& open) {
  const OfflineEvent& event = open.event;
  facts_ = '{';
  member_text(facts_, "kind", name_of(event.kind));
  member_text(facts_, "from", event.from_user);
  member_text(facts_, "group", event.group_id);
  member_text(facts_, "message_id", event.message_id);
  time(facts_, "occurred_at", event.occurred_at);
  time(facts_, "expires_at", event.expires_at);
  count(facts_, "receivers", event.to.size());
  if (event.to.size() == 1) member_text(facts_, "to", event.to.front().user_id);
  member_text(facts_, "traceparent", open.traceparent);
  facts_ += '}';
  tell(Hop::What::Consumed, open, {}, {}, open.taken_at);
}

void HopWriter::resolved(OpenEvent& open, WallTime now) {
  if (!admit(open, false)) return;
  std::size_t devices = 0;
  for (const auto& receiver : open.receivers) devices += receiver->devices.size();
  facts_ = '{';
  count(facts_, "receivers", open.receivers.size());
  count(facts_, "devices", devices);
  facts_ += '}';
  tell(Hop::What::Resolved, open, {}, {}, now);
}

void HopWriter::attempt(Push& push, const VendorReason& reason, WallTime retry_at, WallTime now) {
  OpenEvent& open = *push.event;
  if (!admit(open, true)) return;
  facts_ = '{';
  if (push.route) member_text(facts_, "vendor", name_of(push.route->certificate.vendor));
  append_json_member(facts_, "certificate_id", push.device->certificate.value);
  member_text(facts_, "push_id", push.push_id);
  member_text(facts_, "vendor_id", reason.vendor_id);
  member_text(facts_, "code", reason.code);
  member_text(facts_, "reason", reason.meaning);
  append_json_member(facts_, "attempt", static_cast<std::int64_t>(push.progress.sent));
  if (push.progress.attempts > 0) time(facts_, "sent_at", push.sent_at_wall);
  time(facts_, "retry_at", retry_at);
  facts_ += '}';
  tell(Hop::What::Attempt, open, open.event.to[push.receiver].user_id, push.device->device_id, now);
}

void HopWriter::outcome(OpenEvent& open, const Outcome& outcome, Rule rule, std::string_view json, WallTime sent_at) {
  if (tracer_ == nullptr) return;
  ++open.ended[static_cast<std::size_t>(outcome.kind)];
  const bool tried_again = outcome.attempt > 1;  // then the failed tries were told
  if (!admit(open, tried_again || is_always_traced(outcome.kind, rule))) return;
  facts_ = json;
  if (sent_at != WallTime{}) {
    facts_.pop_back();
    time(facts_, "sent_at", sent_at);
    facts_ += '}';
  }
  tell(Hop::What::Outcome, open, outcome.user_id, outcome.device_id, outcome.at);
}

void HopWriter::unreadable(OpenEvent& open, Rule rule, WallTime now) {
  if (open.event.event_id.empty() || !admit(open, true)) return;
  facts_ = '{';
  member_text(facts_, "outcome", name_of(OutcomeKind::Dead));
  member_text(facts_, "rule", name_of(rule));
  // An exception's words may quote the record.
  if (rule != Rule::InternalError) member_text(facts_, "code", open.letter->detail);
  member_text(facts_, "reason", sentence_of(rule));
  facts_ += '}';
  tell(Hop::What::Outcome, open, {}, {}, now);
}

void HopWriter::settled(OpenEvent& open, WallTime now) {
  if (open.hops_told == 0) return;  // nothing of it is kept
  facts_ = R"({"outcomes":{)";
  for (std::size_t i = 0; i < open.ended.size(); ++i)
    if (open.ended[i] > 0) count(facts_, name_of(static_cast<OutcomeKind>(i)), open.ended[i]);
  facts_ += '}';
  if (open.hops_left_out > 0) count(facts_, "left_out", open.hops_left_out);
  if (open.letter) {
    facts_ += R"(,"dead_letter":{)";
    member_text(facts_, "stage", open.letter->stage);
    member_text(facts_, "reason", open.letter->reason);
    facts_ += '}';
  }
  facts_ += '}';
  tell(Hop::What::Settled, open, {}, {}, now);
}

}  // namespace nightpost::dispatch
