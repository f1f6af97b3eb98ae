// The last word: writes outcomes and dead letters of an open event and counts them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/outcome.h"
#include "core/time.h"
#include "core/verdict.h"
#include "dispatch/metrics.h"
#include "dispatch/now.h"
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

  /// A receiver ended before its devices were looked at; or each of its devices, where the remainder names them.
  /// `not_before`: of one that is put off.
  void receiver(OpenEvent& open, std::size_t index, Ending ending, WallTime now, const VendorReason& reason = {},
                WallTime not_before = {});
  /// A device ended before a push was planned for it. `left`: how far it had come; null: it was not tried yet.
  void device(OpenEvent& open, std::size_t index, const Device& device, Ending ending, WallTime now,
              const DeviceLeft* left = nullptr);
  /// One that is known from the remainder only.
  void device(OpenEvent& open, std::size_t index, const DeviceLeft& left, Ending ending, WallTime now,
              const VendorReason& reason = {});
  /// A user whom the remainder names, and who is no receiver.
  void stranger(OpenEvent& open, std::string_view user_id, Ending ending, WallTime now);
  void push(Push& push, Ending ending, WallTime now, const VendorReason& reason = {});
  /// The push is for a later hop: nothing of it is sent before `not_before`.
  void put_off(Push& push, Rule rule, WallTime not_before, WallTime now, const VendorReason& reason = {});
  /// Goes on to a delay topic as it came, for it came too early: no outcome. `left` null: all of the receiver.
  void pass_on(OpenEvent& open, std::size_t index, const DeviceLeft* left, WallTime not_before);
  /// Nothing could be read of the event, or of its remainder, which goes with it as it is.
  void unreadable(OpenEvent& open, Rule rule, std::string_view detail, std::string_view remainder);
  /// The remainders for the delay topics, at most one a tier, the dead letter, if there is one, and release(). After
  /// this the record is not named again.
  void close(OpenEvent& open, const Now& now);
  /// The other end: the event stays unfinished. After this the record is not named again.
  void hand_back(const OpenEvent& open) { settler_.hand_back(open.record_id); }

 private:
  /// What outcome_ says of a receiver; of a push's device.
  void name(OpenEvent& open, std::size_t index);
  void name(Push& push);
  /// Of a device that something was sent to.
  void name_sent(OpenEvent& open, std::string_view push_id, int sent);
  /// `progress`: of the push that ends; null: there was none.
  void write(OpenEvent& open, std::size_t index, Ending ending, const VendorReason& reason, WallTime now,
             const Progress* progress = nullptr);
  void dead(OpenEvent& open, Rule rule, const VendorReason& reason, bool tried);
  /// Whom the outcome just written is about, as a part of the event that is not finished.
  Unfinished::Part part(std::size_t index, const Progress* progress) const;
  static Unfinished& unfinished(OpenEvent& open);
  void defer(OpenEvent& open, const Now& now);

  Settler& settler_;
  Metrics& metrics_;
  Watcher* const watcher_;
  // Reused, so that they keep their memory.
  Outcome outcome_;
  std::string json_;
};

}  // namespace nightpost::dispatch
