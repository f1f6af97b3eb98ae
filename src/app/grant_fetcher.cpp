#include "app/grant_fetcher.h"

#include <utility>

#include "core/uuid.h"

namespace nightpost::app {

GrantFetcher::GrantFetcher(boost::asio::io_context& loop, net::CurlLaneOptions lanes, milliseconds deadline,
                           resolve::GrantBook& book, const Clock& clock, net::CurlMetrics& lane_metrics,
                           GrantMetrics& metrics, Watch watch, SkewWatch skew)
    : loop_(loop),
      options_(std::move(lanes)),
      deadline_(deadline),
      book_(book),
      clock_(clock),
      lane_metrics_(lane_metrics),
      metrics_(metrics),
      watch_(std::move(watch)),
      skew_(std::move(skew)) {}

void GrantFetcher::fetch(resolve::GrantOrder order, std::shared_ptr<const resolve::ReadyCertificate> certificate) {
  metrics_.fetches.add();
  const std::string& ca = certificate->certificate.ca_pem;
  Slot& slot = lanes_[order.request.origin + ' ' + (ca.empty() ? "" : hex_of({ca}))];
  if (slot.lane == nullptr) {
    net::CurlLaneOptions options = options_;
    options.origin = order.request.origin;
    options.ca_pem = ca;
    if (watch_)
      options.watch = [this, certificate](const net::LaneEvent& event) { watch_(certificate->certificate, event); };
    slot.lane = std::make_unique<net::CurlLane>(loop_, std::move(options), lane_metrics_);
  }
  slot.used = clock_.mono();
  HttpRequest request = std::move(order.request.http);
  const std::uint64_t tag = ++last_tag_;
  flights_.emplace(tag, Flight{std::move(order), std::move(certificate), clock_.wall()});
  slot.lane->send(std::move(request), slot.used + deadline_, tag, *this);
  slot.lane->flush();
}

void GrantFetcher::on_lane_reply(std::uint64_t tag, net::LaneReply reply) {
  const auto flight = flights_.extract(tag);
  const Flight& of = flight.mapped();
  const WallTime now = clock_.wall();
  if (reply.response && skew_)
    if (const auto skew = clock_skew(of.sent, now, *reply.response))
      skew_(of.certificate->certificate, of.order.request.origin, *skew);
  const resolve::GrantBook::Settled settled =
      book_.settle(of.order, *of.certificate->parts.authorizer, reply.response, now);
  if (settled.failed) metrics_.failures[std::size_t(settled.failed->code)].add();
  for (resolve::GrantWaiter* waiter : settled.waiters) waiter->on_grant_settled(of.order.key);
}

void GrantFetcher::sweep() {
  const MonoTime now = clock_.mono();
  std::erase_if(lanes_, [&](const auto& entry) {
    return entry.second.lane->open_requests() == 0 && now - entry.second.used >= options_.idle_close;
  });
}

}  // namespace nightpost::app
