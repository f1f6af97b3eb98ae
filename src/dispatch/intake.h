// From a record to an event whose devices are known, or to its end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/device.h"
#include "core/result.h"
#include "dispatch/bulk_limit.h"
#include "dispatch/bulk_turn.h"
#include "dispatch/decode.h"
#include "dispatch/metrics.h"
#include "dispatch/now.h"
#include "dispatch/open_events.h"
#include "dispatch/open_pushes.h"
#include "dispatch/options.h"
#include "dispatch/planner.h"
#include "dispatch/policy.h"
#include "dispatch/ports.h"
#include "dispatch/recall_book.h"
#include "dispatch/remainder.h"
#include "dispatch/timer_heap.h"

namespace nightpost::dispatch {

/// Each record that is accepted becomes known to the planner, goes on to a delay topic, or ends here; in either case by
/// the end of its quick window. Of an event that comes with a remainder only those left are looked at. The directory is
/// asked for a batch of events at a time, and again, after a back-off, where it fails. A cancel is noted at once and
/// ends what waits of its message; what is to take the message's place waits until none of it is in the air.
class Intake {
 public:
  /// An event in a question to the directory, and which of its receivers are among the keys.
  struct Asked {
    std::uint64_t event = 0;
    std::size_t first = 0;
    std::size_t receivers = 0;
    int lookup = 0;  // of the event, from 0
  };
  using Found = Result<std::vector<std::shared_ptr<const Receiver>>>;
  /// Hears the directory, maybe from inside ask(), and has on_found() called as (part of) a call into the dispatcher.
  class Answered {
   public:
    virtual void on_found(std::span<const Asked> asked, Found found) = 0;

   protected:
    ~Answered() = default;
  };

  /// Borrowed; all must outlive it.
  Intake(const Options& options, const Now& now, Directory& directory, const Policy& policy, OpenEvents& events,
         OpenPushes& pushes, RecallBook& recalls, Planner& planner, TimerHeap& timers, BulkTurn& turn, Metrics& metrics,
         Answered& answered)
      : options_(options),
        now_(now),
        directory_(directory),
        policy_(policy),
        events_(events),
        pushes_(pushes),
        recalls_(recalls),
        planner_(planner),
        timers_(timers),
        turn_(turn),
        metrics_(metrics),
        answered_(answered),
        decoder_(options.event_bytes_max, options.receivers_max) {}

  void accept(const Record& record);
  /// Asks the directory for all that was accepted, or wants to be asked again, since the last call; for the receivers
  /// of bulk events as far as their turn goes.
  void ask();
  /// Receivers of bulk events are still to be asked for, by the next ask().
  bool has_more_to_ask() const noexcept;
  void on_found(std::span<const Asked> asked, Found found);
  /// The time has come to ask (again) for the event, or to put it off. REQUIRED: its devices are not known.
  void wake(OpenEvent& open);

 private:
  bool may_wait_on(const OpenEvent& open) const noexcept;
  void ask(std::vector<Asked> asked);
  void ask_for_bulk();
  void take_back();
  /// Only those left of it are its receivers from here on; the users it knows nothing of are returned.
  std::vector<std::string> restrict_to(OpenEvent& open, Remainder&& remainder) const;
  static void add_voip_rows(OpenEvent& open);
  static void keep_to_due(OpenEvent& open);
  void hold(OpenEvent& open, milliseconds time);
  void resolved(OpenEvent& open);
  void lookup_failed(OpenEvent& open, const Error& error);
  void put_off(OpenEvent& open, MonoTime at, const VendorReason& reason, Rule why = Rule::StoreUnavailable);
  bool may_begin_bulk() const noexcept;
  void on_exception(std::uint64_t event, const std::string& what);

  const Options& options_;
  const Now& now_;
  Directory& directory_;
  const Policy& policy_;
  OpenEvents& events_;
  OpenPushes& pushes_;
  RecallBook& recalls_;
  Planner& planner_;
  TimerHeap& timers_;
  BulkTurn& turn_;
  Metrics& metrics_;
  Answered& answered_;
  Decoder decoder_;
  std::vector<std::uint64_t> lookups_;
  std::deque<std::uint64_t> bulk_lookups_;  // asked for a part a call
  std::vector<std::uint64_t> cancels_;      // to be looked up once what they take back is not in the air
  WayIn way_in_;
  bool takes_back_ = false;        // since the last ask() something was taken back
  std::vector<ReceiverKey> keys_;  // reused, so that user ids keep their memory
};

}  // namespace nightpost::dispatch
