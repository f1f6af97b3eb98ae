#include "dispatch/pacer_book.h"

#include <algorithm>
#include <utility>

namespace nightpost::dispatch {
namespace {

/// As the lanes share connections; a credential that names no signer shares with nobody.
std::string signer_key(const Route& route) {
  const std::string signer = route.authorizer ? route.authorizer->signer() : std::string();
  return signer.empty() ? "route " + std::to_string(route.id) : route.provider->origin() + ' ' + signer;
}

}  // namespace

PacerBook::PacerBook(const Options& options)
    : options_(options),
      pacers_(std::max<std::size_t>(options.routes_max, 1)),
      signers_(std::max<std::size_t>(options.routes_max, 1)) {}

Pacer& PacerBook::make(const Route& route, MonoTime now) {
  const std::string key = signer_key(route);
  std::shared_ptr<SignerPace> pace;
  if (const auto* const known = signers_.find(key)) {
    pace = *known;
  } else {
    pace = std::make_shared<SignerPace>(options_);
    signers_.put(key, pace, [now](const auto& each) { return each->is_idle(now); });
  }
  pacers_.put(route.id, Pacer(options_, std::move(pace)), [now](const Pacer& pacer) { return pacer.is_idle(now); });
  return *pacers_.find(route.id);
}

}  // namespace nightpost::dispatch
