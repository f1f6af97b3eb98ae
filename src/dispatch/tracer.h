// What becomes of an event, as it happens, for whoever asks later why a push did not arrive (`nightpost trace`).
// Plugged in by src/app.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/ids.h"
#include "core/time.h"
#include "dispatch/ports.h"

namespace nightpost::dispatch {

/// One thing that happened. Views live as long as the call. Holds no message text and no device token.
struct Hop {
  enum class What : std::uint8_t {
    Consumed,  // the record was accepted: what the event is. The first hop of its record
    Resolved,  // the receivers' devices are known
    Attempt,   // a try failed, or could not be made, and another follows
    Outcome,   // as on the results topic; with when its last request was handed over
    Settled,   // the record is done: how its devices ended, and its dead letter. The last hop of its record
  };
  What what = What::Outcome;
  RecordId record_id{};
  std::string_view event_id;
  AppId app;
  std::string_view user_id;    // empty: of the whole event
  std::string_view device_id;  // empty: of the whole receiver
  WallTime at{};
  std::string_view facts;  // a JSON object: hop_writer.h
};
std::string_view name_of(Hop::What what) noexcept;  // "consumed", …

/// On the shard's thread. REQUIRED: neither throws nor waits.
class Tracer {
 public:
  virtual ~Tracer() = default;
  /// Whether all hops of this event are kept, and not only of what failed of it. Asked once a record. `traceparent`
  /// empty: none.
  virtual bool in_sample(std::string_view event_id, std::string_view traceparent) const noexcept = 0;
  /// Hops of one record that are kept; of those that tell of nothing wrong, half as many.
  virtual std::size_t hops_per_event_max() const noexcept = 0;
  virtual void record(const Hop& hop) noexcept = 0;
};

}  // namespace nightpost::dispatch
