#include "dispatch/pacer_book.h"

#include <algorithm>
#include <utility>

namespace nightpost::dispatch {
namespace {

/// As the lanes share connections; empty: a credential that names no signer shares with nobody.
std::string signer_key(const Route& route) {
  const std::string signer = route.authorizer ? route.authorizer->signer() : std::string();
  return signer.empty() ? signer : route.provider->origin() + ' ' + signer;
}

}  // namespace

PacerBook::PacerBook(const Options& options)
    : options_(options),
      pacers_(std::max<std::size_t>(options.routes_max, 1)),
      signers_(std::max<std::size_t>(options.routes_max, 1)) {}

Pacer& PacerBook::make(const Route& route, MonoTime now) {
  const std::string key = signer_key(route);
  const auto* const known = key.empty() ? nullptr : signers_.find(key);
  std::shared_ptr<SignerPace> pace = known != nullptr ? *known : std::make_shared<SignerPace>(options_);
  if (known == nullptr && !key.empty())  // one that a pacer still has stays, however long it is not looked for
    signers_.put(key, pace, [now](const auto& each) { return each.use_count() == 1 && each->is_idle(now); });
  pacers_.put(route.id, Pacer(options_, std::move(pace)), [now](const Pacer& pacer) { return pacer.is_idle(now); });
  return *pacers_.find(route.id);
}

}  // namespace nightpost::dispatch
