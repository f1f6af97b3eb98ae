// What the certificates of one signer (team and key, service account, app secret) share: the vendor's pauses and its
// quota, and how few requests may try after a pause or a stale grant. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>

#include "core/time.h"
#include "dispatch/options.h"
#include "dispatch/slots.h"
#include "providers/authorizer.h"
#include "providers/provider.h"

namespace nightpost::dispatch {

/// During a pause nothing goes, in a quota's minute no more than the quota, and until proofs have doubled it often
/// enough no more at once than allowed(). `now` never goes back between two calls.
class SignerPace {
 public:
  static constexpr std::size_t kUnbounded = std::numeric_limits<std::size_t>::max();

  /// Borrowed; must outlive it.
  explicit SignerPace(const Options& options) : options_(&options) {}

  MonoTime paused_until() const noexcept { return paused_until_; }
  /// Until when the quota is used up, requests being put together included; nullopt: it is not.
  std::optional<MonoTime> quota_spent_until(std::size_t requests_per_minute, MonoTime now) noexcept;
  bool fits() const noexcept { return slots_.fits(allowed_); }
  std::size_t room() const noexcept { return slots_.room(allowed_); }
  /// kUnbounded: each certificate as it may.
  std::size_t allowed() const noexcept { return allowed_; }

  void reserve() noexcept { slots_.reserve(); }
  void unreserve() noexcept { slots_.unreserve(); }
  void sent() noexcept;
  void answered() noexcept { slots_.give_back(); }

  /// An answer about a push itself. `doubles`: it may let more go, too.
  void proven(bool doubles) noexcept;
  /// The vendor calls the grant stale. A new one may be refused as well, so only a few try it. Each counts once.
  void stale(const Grant* grant) noexcept;
  /// The vendor takes nothing of the signer before `until`, or nothing on this connection. Without a proof in between
  /// each pause is twice as long as the one before, and only one request tries. Returns how long a new pause is.
  std::optional<milliseconds> throttle(const Answer& answer, MonoTime until, std::uint64_t connection, MonoTime sent_at,
                                       MonoTime now) noexcept;

  /// Nothing hangs on it, so it may be forgotten.
  bool is_idle(MonoTime now) const noexcept { return slots_.empty() && paused_until_ <= now && minute_ends_ <= now; }

 private:
  const Options* options_;
  Slots slots_;
  std::size_t allowed_ = kUnbounded;
  MonoTime paused_until_{};
  int throttled_in_a_row_ = 0;              // pauses, and connections called throttled, since the last proof
  std::uint64_t throttled_connection_ = 0;  // the last connection that was
  MonoTime throttled_at_{};                 // when it said so
  const Grant* stale_ = nullptr;            // the last grant called stale; compared, never followed
  std::size_t spent_ = 0;                   // requests of the vendor's quota, until minute_ends_
  MonoTime minute_ends_{};
};

}  // namespace nightpost::dispatch
