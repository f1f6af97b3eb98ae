// The pushes that are open, from their planning to their outcome.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <unordered_set>

#include "core/slab.h"
#include "dispatch/bulk_limit.h"
#include "dispatch/now.h"
#include "dispatch/open_event.h"
#include "dispatch/open_events.h"
#include "dispatch/options.h"
#include "dispatch/pacer_book.h"
#include "dispatch/recall_book.h"

namespace nightpost::dispatch {

/// Each push is gone exactly once: ended or put off, with its outcome, or dropped, without one, because its event was
/// handed back.
/// With it goes what it held: its place in its event, its signer's count, its count in quotas unless the vendor took
/// it, and its credential's probe.
class OpenPushes {
 public:
  /// Borrowed; all must outlive it.
  OpenPushes(const Options& options, const Now& now, OpenEvents& events, PacerBook& pacers, RecallBook& recalls)
      : options_(options),
        now_(now),
        events_(events),
        pacers_(pacers),
        recalls_(recalls),
        bulk_limit_(options.bulk_in_flight_first, options.pushes_queued_max, options.bulk_per_second_first) {}

  /// `left`: how far the device had come; null: it was not tried yet.
  Push& begin(OpenEvent& event, std::size_t receiver, const Device& device, const DeviceLeft* left = nullptr);
  /// Its route is known: how long its vendor may be asked at all.
  void limit_window(Push& push) const noexcept;
  /// It goes into the air now.
  void count_attempt(Push& push) noexcept;
  /// It goes into the air, or is gathered for a request: of bulk, only so many are. Once is enough.
  void takes_off(Push& push) noexcept;
  /// It was answered, or waits again. Once is enough.
  void landed(Push& push) noexcept;
  /// Its request goes to so many, itself included: together they count as one that is alone, or as 1 each if that is
  /// more.
  void shares(Push& push, std::size_t company) noexcept;
  /// The vendor has answered its first request: others than bulk tell by that how much bulk is too much.
  void heard(const Push& push) noexcept;
  /// How many pushes more of bulk, of that weight, may go with that signer, beside those of `promised` together that
  /// will. A signer may have as many as others could, so that one that hangs leaves half.
  std::size_t room_for_bulk(const SignerPace& signer, std::size_t weight = kBulkAlone,
                            std::size_t promised = 0) const noexcept;
  /// What a push counts as in the air, until its request is built (shares()).
  static std::uint8_t bulk_weight(const Push& push) noexcept {
    const Batching batching = push.route->provider->batching();
    if (push.alone || !batching.tokens) return kBulkAlone;
    return batching.badge && batching.mixed_max == 0 ? push.event->badge_weight : std::uint8_t{1};
  }
  /// As much of bulk as may be in the air at once waits for others alone: more need not be planned yet.
  bool has_bulk_at_hand() const noexcept {
    return is_bulk_limited() && bulk_yields_ >= bulk_limit_.limit(now_.mono) * kBulkAlone;
  }
  /// How much of bulk may be done now, by how late the others are.
  BulkLimit& bulk_limit() noexcept { return bulk_limit_; }
  /// Others than bulk are sent to.
  bool is_bulk_limited() const noexcept { return bulk_limit_.limit(now_.mono) != BulkLimit::kNone; }
  /// Null: gone since.
  Push* find(std::uint64_t tag) noexcept { return pushes_.find(tag); }
  /// May close its event.
  void end(Push& push, Ending ending, const VendorReason& reason = {});
  /// For a later hop, nothing of it sent before `not_before`; or its end, with `rule` as the reason, where its window
  /// is over by then; a badge expires, for a later one would be wrong. Of an event that was handed back it is dropped.
  /// May close its event.
  void defer(Push& push, WallTime not_before, Rule rule, const VendorReason& reason = {});
  /// It goes on: `reason` was heard, and it is tried again at `at`.
  void will_retry(Push& push, const VendorReason& reason, MonoTime at) { events_.will_retry(push, reason, at); }
  /// Ends a push that is of no use any more: its message was taken back, or, of a cancel, never left. May close its
  /// event. False: it goes on.
  bool end_if_pointless(Push& push);
  /// The same for all that wait. Which messages that were recalled are in the air.
  std::unordered_set<RecallBook::Key, RecallBook::KeyHash> end_pointless();
  /// Unsent. May close its event.
  void drop(Push& push);
  /// Counts it in each of the quotas, which are its route's; or in none, where one is used up. It is counted until it
  /// is gone; for good once keep_counted() was called.
  std::optional<QuotaBook::Spent> count_in(Push& push, std::span<const Quota> quotas);
  void keep_counted(Push& push) const noexcept { push.counted_in = {}; }
  void uncount(Push& push) const noexcept;
  /// Ends or waits without a word about the credential, so the next push is the probe.
  void give_up_probe(Push& push);

  /// The signer counts it from here on, instead of the one that did.
  void count_with(Push& push, SignerPace& signer);
  /// It waits for room among its signer's requests, or, of bulk, only until others do not feel it (`yields`); or does
  /// so no longer, `called` to be sent. Once is enough.
  void wait_began(Push& push, bool yields = false);
  void wait_ended(Push& push, bool called);

  /// `visit` may end or drop the one it is given.
  template <class Visit>
  void for_each(Visit visit) {
    pushes_.for_each([&](std::uint64_t, Push& push) { visit(push); });
  }
  const Slab<Push>& slab() const noexcept { return pushes_; }
  std::size_t open() const noexcept { return pushes_.used(); }

 private:
  void free(Push& push);

  const Options& options_;
  const Now& now_;
  OpenEvents& events_;
  PacerBook& pacers_;
  RecallBook& recalls_;
  Slab<Push> pushes_;
  BulkLimit bulk_limit_;
  std::size_t bulk_in_air_ = 0, bulk_yields_ = 0;  // by weight
  MonoTime bulk_landed_at_{};
};

}  // namespace nightpost::dispatch
