// Which hops of an open event are told to the tracer, and what stands in them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/outcome.h"
#include "core/time.h"
#include "dispatch/open_event.h"
#include "dispatch/rule.h"
#include "dispatch/tracer.h"

namespace nightpost::dispatch {

/// Whether the outcome is kept though its event is not in the sample: whatever went wrong or was given up. Not kept are
/// pushes that the vendor took, and those that the sender, the receiver or the state of the device ruled out.
bool is_always_traced(OutcomeKind kind, Rule rule) noexcept;

/// An event in the sample is told whole. Of another only what went wrong is, failed tries and how they ended included,
/// after a Consumed hop that says what it is of. In either case as far as Tracer::hops_per_event_max().
///
/// A hop's facts, where members that say nothing are left out:
/// Consumed: kind, from, to (where it is one), group, message_id, occurred_at, expires_at, receivers, traceparent.
/// Resolved: receivers, devices. Attempt: vendor, certificate_id, push_id, vendor_id, code, reason, attempt, sent_at,
/// retry_at. Outcome: config/schemas/outcome.schema.json, and sent_at.
/// Settled: outcomes (how many by name), left_out (hops), dead_letter: stage, reason.
class HopWriter {
 public:
  /// Borrowed; null: nobody hears.
  explicit HopWriter(Tracer* tracer) : tracer_(tracer), max_(tracer != nullptr ? tracer->hops_per_event_max() : 0) {}

  void resolved(OpenEvent& open, WallTime now);
  void attempt(Push& push, const VendorReason& reason, WallTime retry_at, WallTime now);
  /// `json`: the outcome as it was written. `sent_at`: when its last request was handed over; 0: never.
  void outcome(OpenEvent& open, const Outcome& outcome, Rule rule, std::string_view json, WallTime sent_at);
  /// Of a record that is no event. REQUIRED: open.letter.
  void unreadable(OpenEvent& open, Rule rule, WallTime now);
  void settled(OpenEvent& open, WallTime now);

 private:
  /// Whether one more hop of it is told; if so it is counted, and the Consumed hop has been told.
  bool admit(OpenEvent& open, bool always);
  void consumed(OpenEvent& open);
  void tell(Hop::What what, const OpenEvent& open, std::string_view user_id, std::string_view device_id, WallTime at);

  Tracer* const tracer_;
  const std::size_t max_;
  std::string facts_;  // reused
};

}  // namespace nightpost::dispatch
