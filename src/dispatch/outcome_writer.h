// The last word: writes outcomes and dead letters of an open event and counts them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/outcome.h"
#include "core/time.h"
#include "core/verdict.h"
#include "dispatch/metrics.h"
#include "dispatch/open_event.h"
#include "dispatch/policy.h"
#include "dispatch/ports.h"
#include "dispatch/rule.h"

namespace nightpost::dispatch {

class OutcomeWriter {
 public:
  /// Borrowed; all must outlive it. `watcher` null: nobody.
  OutcomeWriter(Settler& settler, Metrics& metrics, Watcher* watcher)
      : settler_(settler), metrics_(metrics), watcher_(watcher) {}

  /// A receiver ended before its devices were looked at.
  void receiver(OpenEvent& open, std::size_t index, Ending ending, WallTime now, const VendorReason& reason = {});
  /// A device ended before a push was planned for it.
  void device(OpenEvent& open, std::size_t index, const Device& device, Ending ending, WallTime now);
  void push(Push& push, Ending ending, WallTime now, const VendorReason& reason = {});
  /// Nothing could be read of the event.
  void unreadable(OpenEvent& open, Rule rule, std::string_view detail);
  /// The dead letter, if there is one, and release(). After this the record is not named again.
  void close(OpenEvent& open, WallTime now);
  /// The other end: the event stays unfinished. After this the record is not named again.
  void hand_back(const OpenEvent& open) { settler_.hand_back(open.record_id); }

 private:
  /// `tried`: a request was handed to the transport, whether or not anything of it went out.
  void write(OpenEvent& open, Ending ending, const VendorReason& reason, WallTime now, bool tried = false);
  void dead(OpenEvent& open, Rule rule, const VendorReason& reason, bool tried);

  Settler& settler_;
  Metrics& metrics_;
  Watcher* const watcher_;
  // Reused, so that they keep their memory.
  Outcome outcome_;
  std::string json_;
};

}  // namespace nightpost::dispatch
