#include "dispatch/sender.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/thrown_by.h"

namespace nightpost::dispatch {

bool Sender::begin_probe(Pacer& pacer, Probe& probe) {
  if (pacer.is_probe(probe) && pacer.may_send(probe)) return true;
  const Probe begun = pacer.begin_probe(now_.mono);
  if (begun != Probe::None || !pacer.is_probe(probe)) probe = begun;
  if (pacer.is_signer_probe(probe)) metrics_.signer_probes.add();
  return pacer.may_send(probe);
}

milliseconds Sender::deadline_of(const Pacer& pacer, Probe probe, const Options& options) noexcept {
  return pacer.is_signer_probe(probe) ? std::min(options.push_deadline, 2 * options.silence) : options.push_deadline;
}

void Sender::reserve(const Route& route) {
  slots_.reserve();
  pacer_of(route).reserve();
}

void Sender::unreserve(const Route& route) {
  slots_.unreserve();
  pacer_of(route).unreserve();
}

std::optional<std::string> Sender::send(Pacer& pacer, const std::shared_ptr<const Route>& route, HttpRequest&& request,
                                        MonoTime deadline, std::uint64_t tag, Probe probe) {
  slots_.take();
  pacer.sent(now_.mono);
  pacer.remember(route);
  if (const auto at = pacer.signer().arm(now_.mono)) timers_.add({*at, route->id, Timer::Of::Signer});
  unflushed_ = true;
  metrics_.requests[static_cast<std::size_t>(route->certificate.vendor)].add();
  auto thrown = thrown_by([&] { transport_.send(route, std::move(request), deadline, tag, handler_); });
  if (!thrown) return std::nullopt;
  slots_.give_back();
  pacer.answered();
  pacer.probe_lost(probe, now_.mono);
  return thrown;
}

void Sender::answered(const Route& route, MonoTime sent_at, const Reply& reply) {
  Pacer& pacer = pacer_of(route);
  const auto latency = std::chrono::duration_cast<milliseconds>(now_.mono - sent_at);
  if (reply.response || reply.response.error().code == Errc::Timeout) pacer.signer().measure(latency, now_.mono);
  slots_.give_back();
  pacer.answered(sent_at);
  metrics_.vendor_latency[static_cast<std::size_t>(route.certificate.vendor)].observe(latency.count());
}

void Sender::wake_signer(std::uint64_t route_id) {
  Pacer* const pacer = pacers_.find(route_id);
  if (pacer == nullptr) return;  // nothing is in the air, then
  SignerPace& signer = pacer->signer();
  const SignerPace::Look look = signer.look(now_.mono);
  if (look.again) timers_.add({*look.again, route_id, Timer::Of::Signer});
  if (!look.fell) return;
  metrics_.signers_fell.add();
  if (watcher_ != nullptr)
    if (const auto route = pacer->last_route()) watcher_->signer_fell(*route, Rule::SignerSilent, *look.fell);
  take_back(signer);
}

void Sender::flush() {
  if (std::exchange(unflushed_, false)) transport_.flush();
}

void Sender::drain_connection(const Route& route, std::uint64_t connection) {
  if (thrown_by([&] { transport_.drain_connection(route, connection); })) metrics_.internal_errors.add();
}

void Sender::carry_out(const Route& route, const Pacer::Decision& decision, const VendorReason& complaint,
                       const VendorReason& refusal) {
  if (decision.pause) {
    if (watcher_ != nullptr) watcher_->credential_throttled(route, complaint.code, complaint.meaning, *decision.pause);
    take_back(pacer_of(route).signer());
  }
  if (decision.fell) {
    metrics_.signers_fell.add();
    if (watcher_ != nullptr) watcher_->signer_fell(route, Rule::SignerFailing, *decision.fell);
    take_back(pacer_of(route).signer());
  }
  if (decision.recovered && watcher_ != nullptr) watcher_->signer_recovered(route);
  if (decision.open) {
    metrics_.breakers_opened.add();
    if (watcher_ != nullptr) watcher_->breaker_opened(route, refusal.code, refusal.meaning, *decision.open);
    take_back(route);
  }
  if (decision.closed && watcher_ != nullptr) watcher_->breaker_closed(route);
}

void Sender::refuse(const Route& route, Probe probe, const VendorReason& why) {
  carry_out(route, pacer_of(route).refuse(probe, why.code, why.meaning, now_.mono), {}, why);
}

/// Of all its certificates: each would meet the same.
void Sender::take_back(const SignerPace& signer) {
  std::vector<std::shared_ptr<const Route>> routes;
  pacers_.for_each_of(signer, [&](Pacer& pacer) {
    if (auto route = pacer.last_route()) routes.push_back(std::move(route));
  });
  for (const auto& route : routes) take_back(*route);
}

void Sender::take_back(const Route& route) {
  if (thrown_by([&] { transport_.withdraw_queued(route); })) metrics_.internal_errors.add();
}

}  // namespace nightpost::dispatch
