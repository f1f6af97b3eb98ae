#include "dispatch/signer_pace.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

namespace nightpost::dispatch {
namespace {

/// Of a vendor's requests a period, ours. At least one.
std::size_t share_of_requests(std::size_t requests, double share) noexcept {
  return std::max<std::size_t>(static_cast<std::size_t>(static_cast<double>(requests) * share), 1);
}

}  // namespace

SignerPace::SignerPace(const Options& options, std::shared_ptr<SharedSigner> shared, const Slots* shard,
                       std::shared_ptr<QuotaBook> quotas)
    : options_(&options),
      shared_(std::move(shared)),
      quotas_(quotas ? std::move(quotas) : std::make_shared<QuotaBook>()),
      shard_(shard),
      concurrency_(options.credential_in_flight_first, options.credential_in_flight_max),
      epoch_(shared_->epoch()) {}

std::optional<MonoTime> SignerPace::quota_spent_until(const RequestRate& rate, MonoTime now) {
  if (rate.requests == 0) return std::nullopt;
  if (now >= lease_ends_) {
    leased_ = 0;
    spent_ = false;
  }
  while (leased_ <= static_cast<std::ptrdiff_t>(slots_.reserved()) && !spent_) {
    const auto lease = shared_->lease(share_of_requests(rate.requests, options_->quota_share), now, rate.per);
    if (lease.ends != lease_ends_) leased_ = 0;
    lease_ends_ = lease.ends;
    leased_ += static_cast<std::ptrdiff_t>(lease.requests);
    spent_ = lease.requests == 0;
  }
  if (leased_ > static_cast<std::ptrdiff_t>(slots_.reserved())) return std::nullopt;
  return lease_ends_;
}

std::optional<QuotaBook::Spent> SignerPace::take(std::span<const Quota> quotas, const QuotaBook::Message& message,
                                                 const Now& now) {
  auto spent = quotas_->take(quotas, message, now.wall, *options_);
  for (const Quota& quota : quotas)
    if (!spent && quota.of == Quota::Of::App)
      counting_until_ = std::max(counting_until_, now.mono + (period_end(quota, now.wall) - now.wall));
  return spent;
}

std::size_t SignerPace::limit(std::size_t promised) const noexcept {
  const std::size_t few = allowed_ == kUnbounded ? kUnbounded : allowed_ + old_;
  const std::size_t most = std::min({options_->credential_in_flight_max, concurrency_.limit(), few});
  if (shard_ == nullptr) return most;
  const std::size_t mine = slots_.in_flight() + slots_.reserved();
  const std::size_t places = shard_->room(options_->pushes_in_flight_max);
  const std::size_t free = places - std::min(places, promised);
  const double alpha = options_->slots_alpha;
  const double more = std::ceil((alpha * static_cast<double>(free) - static_cast<double>(mine)) / (1 + alpha));
  return std::min(most, mine + static_cast<std::size_t>(std::max(more, 0.0)));
}

void SignerPace::catch_up(MonoTime now) noexcept {
  const std::uint32_t epoch = shared_->epoch();
  if (epoch == epoch_) return;
  epoch_ = epoch;
  allowed_ = std::min(allowed_, few());
  few_since_ = now;
  old_ = slots_.in_flight();
  failures_ = 0;
  heard_at_ = std::max(heard_at_, now);  // what is in the air gets another `silence`
}

void SignerPace::sent(MonoTime now) noexcept {
  if (lease_ends_ != MonoTime{}) --leased_;
  if (slots_.in_flight() == 0) in_air_since_ = now;
  slots_.take();
}

void SignerPace::answered(MonoTime sent_at) noexcept {
  slots_.give_back();
  if (old_ > 0 && sent_at < few_since_) --old_;
  old_ = std::min(old_, slots_.in_flight());
}

void SignerPace::heard(MonoTime now) noexcept {
  heard_at_ = now;
  if (now - told_heard_at_ < SharedSigner::kToldEvery) return;
  told_heard_at_ = now;
  shared_->heard(now);
}

bool SignerPace::good(MonoTime now) {
  failures_ = 0;
  if (now - told_good_at_ >= SharedSigner::kToldEvery) {
    told_good_at_ = now;
    shared_->good(now);
  }
  if (shared_->is_healthy() || !shared_->recover()) return false;
  catch_up(now);
  return true;
}

std::optional<milliseconds> SignerPace::failed(bool answered, MonoTime now) {
  if (!answered && std::exchange(lost_at_, now) == now) return std::nullopt;
  if (failures_ > 0 && shared_->good_at() > failing_since_) failures_ = 0;  // another shard fares better
  if (failures_++ == 0) failing_since_ = now;
  if (failures_ < options_->failures_max || !shared_->is_healthy()) return std::nullopt;
  failures_ = 0;
  return shared_->fall(SignerHealth::State::Failing, now, *options_);
}

void SignerPace::proven(bool doubles) {
  shared_->forget_complaints();
  if (!doubles || allowed_ == kUnbounded) return;
  allowed_ = allowed_ * 2 < options_->credential_in_flight_max ? allowed_ * 2 : kUnbounded;
  if (allowed_ == kUnbounded) shared_->settle();
}

void SignerPace::stale(const Grant* grant) noexcept {
  if (grant == stale_) return;
  stale_ = grant;
  allowed_ = std::min(allowed_, options_->credential_in_flight_first);
}

std::optional<milliseconds> SignerPace::throttle(const Answer& answer, MonoTime until, std::uint64_t connection,
                                                 MonoTime sent_at, MonoTime now) noexcept {
  const bool of_credential = answer.scope == Scope::Credential;
  const bool paused = now < paused_until();
  // What was in the air together is one complaint.
  const bool is_new = of_credential ? !paused : connection != throttled_connection_ || sent_at >= throttled_at_;
  const int in_a_row = is_new ? shared_->add_complaint() : shared_->complaints();
  throttled_connection_ = connection;
  throttled_at_ = now;
  allowed_ = few();
  // A connection that is throttled gives way to another; where the next one is too, it is the credential.
  if (!of_credential && in_a_row < 2) return std::nullopt;
  milliseconds pause = options_->backoff_first;
  for (int i = 1; i < in_a_row && pause < options_->backoff_max; ++i) pause *= 2;
  shared_->pause_until(std::max(until, now + std::min(pause, options_->backoff_max)));
  epoch_ = shared_->epoch();  // allowed_ is few already
  if (paused) return std::nullopt;
  return std::chrono::ceil<milliseconds>(paused_until() - now);
}

MonoTime SignerPace::quiet_since() const noexcept { return std::max({in_air_since_, heard_at_, shared_->heard_at()}); }

/// A call that is much too late does not come any more: the certificate whose timer it was is forgotten.
std::optional<MonoTime> SignerPace::arm(MonoTime now) noexcept {
  if (now <= look_at_ + kLookLate) return std::nullopt;
  return look_at_ = now + options_->silence;
}

SignerPace::Look SignerPace::look(MonoTime now) {
  if (now < look_at_) return {};
  look_at_ = {};
  if (slots_.in_flight() == 0) return {};
  Look look;
  const MonoTime since = quiet_since();
  look_at_ = now + options_->silence;
  if (is_healthy()) {
    if (now - since < options_->silence)
      look_at_ = since + options_->silence;
    else if (std::exchange(suspected_, since) != since)
      look_at_ = now + kSecondLook;
    else
      look.fell = shared_->fall(SignerHealth::State::Silent, now, *options_);
  }
  look.again = look_at_;
  return look;
}

void SignerPace::wait_began(Audience whose, MonoTime now) noexcept {
  Line& of = line(whose);
  if (of.waiting++ == 0) of.drain.begin(now);
}

void SignerPace::wait_ended(Audience whose, bool called, MonoTime now) noexcept {
  Line& of = line(whose);
  --of.waiting;
  if (called) of.drain.left(1, now);
}

std::optional<milliseconds> SignerPace::expected_wait(Audience whose, MonoTime now) noexcept {
  Line& of = line(whose);
  if (of.waiting == 0) return milliseconds(0);
  return of.drain.wait_of(of.waiting + 1, now);
}

bool SignerPace::is_idle(MonoTime now) const noexcept {
  return slots_.empty() && held() == 0 && paused_until() <= now && !shared_->any_class_rests(now) &&
         !shared_->in_period(now) && counting_until_ <= now && !shared_->retry_at(now).has_value();
}

}  // namespace nightpost::dispatch
