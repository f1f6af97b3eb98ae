// The events that are open: their memory from accept() to release() or hand_back(), what they count for, and their last
// words.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

#include "core/slab.h"
#include "dispatch/metrics.h"
#include "dispatch/now.h"
#include "dispatch/open_event.h"
#include "dispatch/outcome_writer.h"
#include "dispatch/ports.h"

namespace nightpost::dispatch {

/// An event is closed once all of it is planned and no push of it is open: then what was put off of it goes to the
/// delay topics, its dead letter goes, if it has one, and its record is released; or, with something unsent, its record
/// is handed back and none of these goes. Either comes exactly once and last. The counts are those of what is open.
class OpenEvents {
 public:
  /// Borrowed; all must outlive it. `watcher`, `tracer` null: nobody.
  OpenEvents(const Now& now, Settler& settler, Metrics& metrics, Watcher* watcher, Tracer* tracer = nullptr)
      : now_(now), writer_(settler, metrics, watcher, tracer) {}

  /// A new one, of which only the record is known. Valid until it is closed.
  OpenEvent& begin(const Record& record);
  /// Its value was decoded, or cannot be: from now on it counts.
  void decoded(OpenEvent& open) noexcept;
  /// It is bulk, and nobody looks for its receivers yet, so they are not counted; until looked_up(). Once is enough.
  void set_aside_as_bulk(OpenEvent& open) noexcept;
  void looked_up(OpenEvent& open) noexcept;
  /// Null: closed since.
  OpenEvent* find(std::uint64_t tag) noexcept { return events_.find(tag); }

  /// Nothing could be read of it: a dead letter, and closed.
  void unreadable(OpenEvent& open, Rule rule, std::string_view detail, std::string_view remainder = {});
  /// The same end for every receiver, devices unseen, and closed.
  void end_receivers(OpenEvent& open, Ending ending, const VendorReason& reason = {});
  /// One receiver's end, its devices unseen.
  void end_receiver(OpenEvent& open, std::size_t index, Ending ending) {
    writer_.receiver(open, index, ending, now_.wall);
  }
  /// One device's, without a push. `left`: how far it had come.
  void end_device(OpenEvent& open, std::size_t index, const Device& device, Ending ending,
                  const DeviceLeft* left = nullptr) {
    writer_.device(open, index, device, ending, now_.wall, left);
  }
  /// One that only the remainder knows.
  void end_device(OpenEvent& open, std::size_t index, const DeviceLeft& left, Ending ending) {
    writer_.device(open, index, left, ending, now_.wall);
  }
  void end_stranger(OpenEvent& open, std::string_view user_id, Ending ending) {
    writer_.stranger(open, user_id, ending, now_.wall);
  }
  /// All of it is put off, its devices unseen, and closed.
  void put_off_receivers(OpenEvent& open, Rule rule, WallTime not_before, const VendorReason& reason = {});
  /// It came too early: all of it goes on as it is, and is closed.
  void pass_on(OpenEvent& open);
  /// Likewise one device of it.
  void pass_on(OpenEvent& open, std::size_t index, const DeviceLeft& left) {
    writer_.pass_on(open, index, &left, left.not_before);
  }
  void end_push(Push& push, Ending ending, const VendorReason& reason) {
    writer_.push(push, ending, now_.wall, reason);
  }
  void put_off(Push& push, Rule rule, WallTime not_before, const VendorReason& reason) {
    writer_.put_off(push, rule, not_before, now_.wall, reason);
  }

  /// Its receivers' devices are known.
  void resolved(OpenEvent& open) { writer_.resolved(open, now_.wall); }
  /// It is not over: `reason` was heard, and it is tried again at `at`.
  void will_retry(Push& push, const VendorReason& reason, MonoTime at) {
    const auto wait = std::chrono::ceil<milliseconds>(at - now_.mono);
    writer_.will_retry(push, reason, now_.wall + std::max(wait, milliseconds(0)), now_.wall);
  }

  void push_begun(OpenEvent& open) noexcept { ++open.pushes_open; }
  /// Ended or dropped, and gone. May close the event.
  void push_gone(OpenEvent& open);
  /// Nothing more of it is planned; it ends with its last push, or now.
  void all_planned(OpenEvent& open);
  /// Those that `which` names are leaving: what is not planned will not be, and they end handed back unless all of it
  /// was finished. Closes those without pushes.
  void hand_back(const std::function<bool(RecordId)>& which);
  /// All that is open; the dispatcher goes.
  void hand_back_all();

  std::size_t open() const noexcept { return events_.used(); }
  std::size_t open_bytes() const noexcept { return open_bytes_; }  // twice their records
  /// Receivers of events that are not planned through, but for those set aside.
  std::size_t receivers_unplanned(Audience whose) const noexcept { return unplanned_[index_of(whose)]; }
  /// By what is not in use.
  std::size_t kept_bytes() const noexcept { return kept_bytes_ + events_.spare_bytes(); }

 private:
  static std::size_t bytes_of(const OpenEvent& open) noexcept { return open.event.buffer.bytes().size() * 2; }
  static std::size_t index_of(Audience whose) noexcept { return static_cast<std::size_t>(whose); }
  void uncount(OpenEvent& open) noexcept;
  void planned(OpenEvent& open) noexcept;
  void close_if_done(OpenEvent& open);
  void free(OpenEvent& open);

  const Now& now_;
  OutcomeWriter writer_;
  Slab<OpenEvent> events_;
  std::size_t open_bytes_ = 0;
  std::size_t kept_bytes_ = 0;
  std::array<std::size_t, 2> unplanned_{};  // by audience
};

}  // namespace nightpost::dispatch
