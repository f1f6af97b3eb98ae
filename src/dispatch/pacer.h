// What one certificate may have in the air: places for its requests and the breaker; and, shared by the certificates of
// its signer, what SignerPace says. Pure but for the ledger behind that: it is told what was sent,
// what was answered and when; what follows for others it returns.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/result.h"
#include "core/time.h"
#include "core/verdict.h"
#include "dispatch/breaker.h"
#include "dispatch/breaker_gauge.h"
#include "dispatch/options.h"
#include "dispatch/policy.h"
#include "dispatch/ports.h"
#include "dispatch/removal_book.h"
#include "dispatch/rule.h"
#include "dispatch/signer_pace.h"
#include "dispatch/slots.h"
#include "dispatch/suspect_book.h"
#include "providers/authorizer.h"
#include "providers/provider.h"

namespace nightpost::dispatch {

/// Never more in the air than allowed(), one request (the probe) while the breaker is not closed or the signer's vendor
/// does not answer, none during a pause; and once a pause, a rate's period, the breaker's time or the interval between
/// probes is over, something may go, unless it is in the air already. `now` never goes back between two calls.
class Pacer {
 public:
  /// Borrowed; must outlive it. `signer`: owned together by the pacers of its certificates, which come and go one by
  /// one. `suspects`, `removals`: of the certificate, owned together by the shards' pacers; null: nobody else's.
  /// `gauge`: shows the breaker; null: to nobody.
  Pacer(const Options& options, std::shared_ptr<SignerPace> signer, std::shared_ptr<SuspectBook> suspects = nullptr,
        std::shared_ptr<RemovalBook> removals = nullptr, std::shared_ptr<BreakerGauge> gauge = nullptr)
      : options_(&options),
        signer_(std::move(signer)),
        suspects_(suspects ? std::move(suspects) : std::make_shared<SuspectBook>(options)),
        removals_(removals ? std::move(removals) : std::make_shared<RemovalBook>(Certificate{}, options)),
        gauge_(gauge ? std::move(gauge) : std::make_shared<BreakerGauge>()),
        allowed_(options.credential_in_flight_first) {}

  // Before a request.

  enum class May : std::uint8_t {
    Go,
    WaitForTime,  // a pause or the rate's period is over at `at`
    WaitForRoom,  // as many requests are in the air as may be
    Defer,        // the vendor does not answer, as `rule` says; another try makes sense at `at`
    Stop,         // the breaker is open; refusal() says why
  };
  struct Admission {
    May may = May::Go;
    MonoTime at{};
    Rule rule = Rule::None;
  };
  /// Whether a push may go with one more request. `probe`: it is the probe already. `rate`: the
  /// vendor's.
  Admission admit(Probe probe, const RequestRate& rate, MonoTime now);
  bool breaker_admits(MonoTime now) const noexcept { return breaker_.admits(now); }
  /// A push to this token should not probe the breaker while another may: the token may be refused by itself.
  bool leaves_probe(const DeviceToken& token, Probe probe, MonoTime now) const {
    return !breaker_.admits_doubtful(now) && !is_probe(probe) && is_in_doubt(token);
  }
  MonoTime paused_until() const noexcept { return signer_->paused_until(); }
  /// The breaker is open, the vendor wants a pause or does not answer: what has not left yet should not.
  bool is_quiet(MonoTime now) const noexcept {
    return !breaker_.admits(now) || paused_until() > now || !signer_->is_healthy();
  }
  /// Why the breaker opened, in the vendor's words; empty while it is closed.
  const std::string& refusal() const noexcept { return refusal_; }
  std::size_t allowed() const noexcept;
  /// How many requests more may be begun.
  std::size_t room() const noexcept { return std::min(own_room(), signer_->room()); }
  /// Of them, as far as this certificate alone decides.
  std::size_t own_room() const noexcept { return slots_.room(own_limit()); }
  SignerPace& signer() const noexcept { return *signer_; }
  const std::shared_ptr<SignerPace>& shared_signer() const noexcept { return signer_; }

  // A request's way: reserve() and unreserve() while pushes gather for it, then sent(), then answered().

  void reserve() noexcept;
  void unreserve() noexcept;
  /// Handed to the transport; counts in the rate's present period.
  void sent(MonoTime now) noexcept;
  /// Answered, or the transport threw and no answer will come.
  void answered(MonoTime sent_at = MonoTime::max()) noexcept;

  /// Unless None, what is sent now is the probe, of the breaker, of a signer whose vendor does not answer, or of both.
  /// Its end must be told: by conclude() or refuse() with it, by content_stored() or by probe_lost(). Whatever is told
  /// of one that has ended already is as told of None.
  Probe begin_probe(MonoTime now);
  /// It is still the probe: nothing has ended it.
  bool is_probe(Probe probe) const;
  /// And it tries a vendor that does not answer.
  bool is_signer_probe(Probe probe) const;
  /// After begin_probe(): false where the vendor does not answer and somebody else probes, in this shard or another.
  bool may_send(Probe probe) const { return signer_->is_healthy() || is_signer_probe(probe); }
  /// When the push should be tried again, and the rule that says so. REQUIRED: may_send() was false.
  Admission deferral(MonoTime now) const;
  /// The probe ended without a word about the credential; the next one is let through after `breaker_first`, or after
  /// the interval of a signer's probes.
  void probe_lost(Probe probe, MonoTime now);

  // What the vendor said.

  /// The answers to one request, as far as they tell of the credential. The pointers are into what count_answer() was
  /// given.
  struct Feedback {
    const Answer* refusal = nullptr;    // the first that opens the breaker
    const Answer* complaint = nullptr;  // the last of too many requests
    MonoTime throttled_until{};
    bool proven = false;
    bool answered = false;  // by the vendor, whatever it said
    bool good = false;      // of the answers, one at least is no failure of the vendor's
    bool lost = false;      // the way or the vendor failed before an answer
    bool refreshes = false;
    RemovalGuard::Said said;  // of tokens
  };
  /// What others have to do because of it.
  struct Decision {
    std::optional<milliseconds> pause;  // newly paused for so long, as Feedback::complaint says: take back what waits
    std::optional<milliseconds> open;   // the breaker opened for so long: take back what waits
    std::optional<milliseconds> fell;   // the signer fails everything; a probe goes after so long: take back what waits
    bool closed = false;                // the breaker
    bool recovered = false;             // the signer
    RemovalGuard::Change removals = RemovalGuard::Change::None;
  };
  enum class Weighed : std::uint8_t {
    AsItIs,              // it may be another answer now
    DoubtedTwice,        // the token is gone by that
    DoubtedTwiceSurely,  // likewise, and it says nothing of the credential
    GoneAgain,           // its removal was held before: it says nothing of the credential either
    DoubtedBefore,       // a refusal that may blame the token alone, of one known for it: opens no breaker
  };
  /// What this credential's other answers make of one, before anything else is done with it: a token that is doubted
  /// again is gone; a refusal that may blame the token alone does so where the credential was taken lately. `sent_at`:
  /// its request.
  Weighed weigh(Answer& answer, const DeviceToken& token, MonoTime sent_at, MonoTime now);
  /// A dead token is not removed for now; `doubted`: for it was doubted twice.
  void hold_token(const DeviceToken& token, bool doubted, MonoTime now) {
    doubted ? suspects_->keep(token.text(), now) : suspects_->hold(token.text(), now);
  }
  /// The vendor has put the token in doubt, so it shares no request with others.
  bool is_in_doubt(const DeviceToken& token) const { return suspects_->is_in_doubt(token.text()); }
  /// One push's answer, and what follows for that push. `with`: the grant it was sent with.
  void count_answer(Feedback& feedback, const Answer& answer, const Next& next, const Grant* with, MonoTime now,
                    Weighed weighed = Weighed::AsItIs);
  /// The request failed with `code`, so `told` is not the vendor's.
  static void count_failure(Feedback& feedback, Errc code, const Answer& told, const Next& next) noexcept;
  /// All of the request's pushes were counted. `probe`: it was the probe.
  Decision conclude(const Feedback& feedback, Probe probe, std::uint64_t connection, MonoTime sent_at, MonoTime now);
  /// The credential is refused though nothing was sent: no grant is to be had for it.
  Decision refuse(Probe probe, std::string_view code, std::string_view meaning, MonoTime now);
  /// The vendor took the content of a request that stores first, so the credential is good.
  Decision content_stored(Probe probe, MonoTime now);
  /// No token is removed for now: too many died.
  bool holds_removals(MonoTime now) const noexcept { return removals_->holds(now); }
  /// One of those, with the vendor's word.
  void keep_removal(HeldRemoval removal, std::string_view code, WallTime now) {
    removals_->keep(std::move(removal), RemovalBook::Heard::Answers, code, now);
  }

  /// The certificate whose requests are in the air or were last; null: none, or nobody holds it any more.
  std::shared_ptr<const Route> last_route() const noexcept { return last_route_.lock(); }
  void remember(const std::shared_ptr<const Route>& route) noexcept {
    if (route.get() != last_route_seen_ || last_route_.expired()) last_route_ = route;
    last_route_seen_ = route.get();
  }

  /// Nothing hangs on it, so it may be forgotten.
  bool is_idle(MonoTime now) const noexcept;

 private:
  std::size_t own_limit() const noexcept { return std::min(options_->credential_in_flight_max, allowed_); }
  void signer_probe_ended(bool heard, MonoTime now);
  std::optional<milliseconds> trip(Probe probe, std::string_view code, std::string_view meaning, MonoTime now);
  bool close() noexcept;
  void probe_unclear(MonoTime now) noexcept;

  const Options* options_;
  std::shared_ptr<SignerPace> signer_;
  std::shared_ptr<SuspectBook> suspects_;
  std::shared_ptr<RemovalBook> removals_;
  std::shared_ptr<BreakerGauge> gauge_;  // of breaker_, told of each change
  Breaker breaker_;
  Probe probe_ = Probe::None;       // the last one
  std::uint32_t signer_probe_ = 0;  // its number among the signer's probes; 0: it is none, or has ended as one
  Slots slots_;
  /// Few until an answer proved this very certificate, and after a trip; doubled by each proof.
  std::size_t allowed_;
  std::string refusal_;
  std::weak_ptr<const Route> last_route_;
  const Route* last_route_seen_ = nullptr;  // compared, never followed
};

}  // namespace nightpost::dispatch
