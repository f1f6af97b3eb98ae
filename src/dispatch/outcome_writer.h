// The last word: writes outcomes and dead letters of an open event, counts them and has them traced.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/outcome.h"
#include "core/time.h"
#include "core/verdict.h"
#include "dispatch/hop_writer.h"
#include "dispatch/metrics.h"
#include "dispatch/open_event.h"
#include "dispatch/policy.h"
#include "dispatch/ports.h"
#include "dispatch/rule.h"
#include "dispatch/tracer.h"

namespace nightpost::dispatch {

class OutcomeWriter {
 public:
  /// Borrowed; all must outlive it. `watcher`, `tracer` null: nobody.
  OutcomeWriter(Settler& settler, Metrics& metrics, Watcher* watcher, Tracer* tracer = nullptr)
      : settler_(settler), metrics_(metrics), watcher_(watcher), hops_(tracer) {}

  /// A receiver ended before its devices were looked at.
  void receiver(OpenEvent& open, std::size_t index, Ending ending, WallTime now, const VendorReason& reason = {});
  /// A device ended before a push was planned for it.
  void device(OpenEvent& open, std::size_t index, const Device& device, Ending ending, WallTime now);
  void push(Push& push, Ending ending, WallTime now, const VendorReason& reason = {});
  /// The push is for a later hop: nothing of it is sent before `not_before`.
  void put_off(Push& push, Rule rule, WallTime not_before, WallTime now, const VendorReason& reason = {});
  /// Nothing could be read of the event.
  void unreadable(OpenEvent& open, Rule rule, std::string_view detail, WallTime now);
  /// Hops on the way, which write nothing but the trace.
  void resolved(OpenEvent& open, WallTime now) { hops_.resolved(open, now); }
  void will_retry(Push& push, const VendorReason& reason, WallTime retry_at, WallTime now) {
    hops_.attempt(push, reason, retry_at, now);
  }
  /// The remainders for the delay topics, at most one a tier, the dead letter, if there is one, and release(). After
  /// this the record is not named again.
  void close(OpenEvent& open, WallTime now);
  /// The other end: the event stays unfinished. After this the record is not named again.
  void hand_back(const OpenEvent& open) { settler_.hand_back(open.record_id); }

 private:
  /// What outcome_ says of the push's device.
  void name(Push& push);
  /// `progress`: of the push that ends; null: there was none.
  void write(OpenEvent& open, std::size_t index, Ending ending, const VendorReason& reason, WallTime now,
             const Progress* progress = nullptr);
  void dead(OpenEvent& open, Rule rule, const VendorReason& reason, bool tried);
  /// Whom the outcome just written is about, as a part of the event that is not finished.
  Unfinished::Part part(std::size_t index, const Progress* progress) const;
  void defer(OpenEvent& open, WallTime now);

  Settler& settler_;
  Metrics& metrics_;
  Watcher* const watcher_;
  HopWriter hops_;
  WallTime sent_at_{};  // of the outcome in hand
  // Reused, so that they keep their memory.
  Outcome outcome_;
  std::string json_;
};

}  // namespace nightpost::dispatch
