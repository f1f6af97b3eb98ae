#include "dispatch/pacer_book.h"

#include <algorithm>
#include <utility>

namespace nightpost::dispatch {
namespace {

/// As the lanes share connections. A credential that names no signer shares with nobody.
std::string signer_key(const Route& route) {
  const std::string signer = route.authorizer ? route.authorizer->signer() : std::string();
  return signer.empty() ? "route " + std::to_string(route.id) : route.provider->origin() + ' ' + signer;
}

}  // namespace

PacerBook::PacerBook(const Options& options, const Slots* shard, SignerLedger* ledger)
    : options_(options),
      shard_(shard),
      ledger_(ledger != nullptr ? *ledger : own_ledger_),
      pacers_(std::max<std::size_t>(options.routes_max, 1)),
      signers_(std::max<std::size_t>(options.routes_max, 1)) {}

Pacer& PacerBook::make(const Route& route, MonoTime now) {
  const std::string key = signer_key(route);
  std::shared_ptr<SignerPace> pace;
  if (const auto* const known = signers_.find(key)) {
    pace = *known;
  } else {
    pace = std::make_shared<SignerPace>(options_, ledger_.open(key, route.certificate.vendor), shard_,
                                        ledger_.quotas_of(key, route.certificate.vendor, options_));
    // One that a pacer still has stays, however long it is not looked for.
    signers_.put(key, pace, [now](const auto& each) { return each.use_count() == 1 && each->is_idle(now); });
  }
  auto suspects = ledger_.suspects_of(route.certificate, options_);
  auto removals = ledger_.removals_of(route.certificate, options_);
  auto gauge = ledger_.breaker_of(route.certificate, ledger_.open(key, route.certificate.vendor));
  pacers_.put(route.id, Pacer(options_, std::move(pace), std::move(suspects), std::move(removals), std::move(gauge)),
              [now](const Pacer& pacer) { return pacer.is_idle(now); });
  return *pacers_.find(route.id);
}

std::size_t PacerBook::active_signers(MonoTime now) {
  if (now < count_at_) return active_;
  count_at_ = now + kCountEvery;
  active_ = 0;
  signers_.for_each([&](const std::shared_ptr<SignerPace>& each) { active_ += each->is_active(now) ? 1 : 0; });
  return active_;
}

}  // namespace nightpost::dispatch
