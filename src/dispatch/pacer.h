// What one credential may have in the air: places for its requests, the breaker, the removal guard, and, shared by the
// certificates of its signer, the vendor's quota and pauses. Pure: it is told what was sent, what was answered and
// when; what follows for others it returns.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/time.h"
#include "core/verdict.h"
#include "dispatch/breaker.h"
#include "dispatch/options.h"
#include "dispatch/policy.h"
#include "dispatch/removal_guard.h"
#include "dispatch/signer_pace.h"
#include "dispatch/slots.h"
#include "providers/authorizer.h"
#include "providers/provider.h"

namespace nightpost::dispatch {

/// Never more in the air than allowed(), one request (the probe) while the breaker is not closed, none during a pause;
/// and once a pause, a quota's minute or the breaker's time is over, something may go, unless it is in the air already.
/// `now` never goes back between two calls.
class Pacer {
 public:
  /// Borrowed; must outlive it. `signer`: owned together by the pacers of its certificates, which come and go one by
  /// one.
  Pacer(const Options& options, std::shared_ptr<SignerPace> signer)
      : options_(&options), signer_(std::move(signer)), allowed_(options.credential_in_flight_first) {}

  // Before a request.

  enum class May : std::uint8_t {
    Go,
    WaitForTime,  // a pause or the quota's minute is over at `at`
    WaitForRoom,  // as many requests are in the air as may be
    Stop,         // the breaker is open; refusal() says why
  };
  struct Admission {
    May may = May::Go;
    MonoTime at{};
  };
  /// Whether a push may go with one more request. `probe`: it is the breaker's already. `requests_per_minute`: the
  /// vendor's quota; 0: there is none.
  Admission admit(Probe probe, std::size_t requests_per_minute, MonoTime now) noexcept;
  bool breaker_admits(MonoTime now) const noexcept { return breaker_.admits(now); }
  MonoTime paused_until() const noexcept { return signer_->paused_until(); }
  /// The breaker is open or the vendor wants a pause: what has not left yet should not.
  bool is_quiet(MonoTime now) const noexcept { return !breaker_.admits(now) || paused_until() > now; }
  /// Why the breaker opened, in the vendor's words; empty while it is closed.
  const std::string& refusal() const noexcept { return refusal_; }
  std::size_t allowed() const noexcept;
  /// How many requests more may be begun.
  std::size_t room() const noexcept { return std::min(slots_.room(own_limit()), signer_->room()); }

  // A request's way: reserve() and unreserve() while pushes gather for it, then sent(), then answered().

  void reserve() noexcept;
  void unreserve() noexcept;
  /// Handed to the transport; counts in the quota's present minute.
  void sent() noexcept;
  /// Answered, or the transport threw and no answer will come.
  void answered() noexcept;

  /// Unless None, what is sent now is the breaker's probe. Its end must be told: by conclude() or refuse() with it, by
  /// content_stored() or by probe_lost(). Whatever is told of one that has ended already is as told of None.
  Probe begin_probe(MonoTime now) noexcept;
  /// It is still the probe: nothing has ended it.
  bool is_probe(Probe probe) const noexcept;
  /// The probe ended without a word about the credential; the next one is let through after `breaker_first`.
  void probe_lost(Probe probe, MonoTime now) noexcept;

  // What the vendor said.

  /// The answers to one request, as far as they tell of the credential. The pointers are into what hear() was given.
  struct Heard {
    const Answer* refusal = nullptr;    // the first that opens the breaker
    const Answer* complaint = nullptr;  // the last of too many requests
    MonoTime throttled_until{};
    bool proven = false;
    bool dead = false;
    bool removals_held = false;
    bool refreshes = false;
  };
  /// What others have to do because of it.
  struct Decision {
    std::optional<milliseconds> pause;  // newly paused for so long, as Heard::complaint says: take back what waits
    std::optional<milliseconds> open;   // the breaker opened for so long: take back what waits
    bool closed = false;                // the breaker
  };
  /// One push's answer, and what follows for that push. `with`: the grant it was sent with.
  void hear(Heard& heard, const Answer& answer, const Next& next, const Grant* with, MonoTime now);
  /// The request failed, so `told` is not the vendor's.
  static void hear_failure(Heard& heard, const Answer& told, const Next& next) noexcept;
  /// All of the request's pushes were heard. `probe`: it was the breaker's. `first`: the first push's answer, the
  /// refusal where no single one is to blame.
  Decision conclude(Heard& heard, Probe probe, const Answer& first, std::uint64_t connection, MonoTime sent_at,
                    MonoTime now);
  /// The credential is refused though nothing was sent: no grant is to be had for it.
  Decision refuse(Probe probe, std::string_view code, std::string_view meaning, MonoTime now);
  /// The vendor took the content of a request that stores first, so the credential is good.
  Decision content_stored(Probe probe) noexcept;
  /// No token is removed for now: too many died.
  bool holds_removals(MonoTime now) const noexcept { return guard_.holds(now); }

  /// Nothing hangs on it, so it may be forgotten.
  bool is_idle(MonoTime now) const noexcept;

 private:
  std::size_t own_limit() const noexcept { return std::min(options_->credential_in_flight_max, allowed_); }
  std::optional<milliseconds> trip(Probe probe, std::string_view code, std::string_view meaning, MonoTime now);
  bool close() noexcept;

  const Options* options_;
  std::shared_ptr<SignerPace> signer_;
  Breaker breaker_;
  Probe probe_ = Probe::None;  // the last one
  RemovalGuard guard_;
  Slots slots_;
  /// Few until an answer proved this very certificate, and after a trip; doubled by each proof.
  std::size_t allowed_;
  std::string refusal_;
};

}  // namespace nightpost::dispatch
