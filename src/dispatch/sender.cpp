#include "dispatch/sender.h"

#include <utility>

#include "core/thrown_by.h"

namespace nightpost::dispatch {

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
  pacer.sent();
  unflushed_ = true;
  metrics_.requests[static_cast<std::size_t>(route->certificate.vendor)].add();
  auto thrown = thrown_by([&] { transport_.send(route, std::move(request), deadline, tag, handler_); });
  if (!thrown) return std::nullopt;
  slots_.give_back();
  pacer.answered();
  pacer.probe_lost(probe, now_.mono);
  return thrown;
}

void Sender::answered(const Route& route, MonoTime sent_at) {
  slots_.give_back();
  pacer_of(route).answered();
  metrics_.vendor_latency[static_cast<std::size_t>(route.certificate.vendor)].observe(
      std::chrono::duration_cast<milliseconds>(now_.mono - sent_at).count());
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
    take_back(route);
  }
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

void Sender::take_back(const Route& route) {
  if (thrown_by([&] { transport_.withdraw_queued(route); })) metrics_.internal_errors.add();
}

}  // namespace nightpost::dispatch
