#include "app/lane_transport.h"

#include "core/uuid.h"
#include "net/lane_connection.h"

namespace nightpost::app {
namespace {
constexpr std::size_t kRepliesKept = 4096;  // room for the answers of a turn
}

LaneSettings lane_settings(const Config& config, const SharedByLanes& shared) {
  LaneSettings lanes{config.apns, config.fcm, config.http};
  const auto share = [&](auto& options) {
    options.trust_stores = &shared.trust_stores;
    options.proxy = shared.proxy;
  };
  lanes.apns.names = lanes.fcm.names = &shared.names;
  share(lanes.apns);
  share(lanes.fcm);
  share(lanes.http);
  return lanes;
}

LaneTransport::LaneTransport(boost::asio::io_context& loop, LaneSettings settings, net::LaneMetrics& metrics,
                             net::CurlMetrics& curl_metrics, const Clock& clock, LoopMonitor& monitor,
                             std::function<void()> after_reply)
    : loop_(loop),
      settings_(std::move(settings)),
      metrics_(metrics),
      curl_metrics_(curl_metrics),
      clock_(clock),
      monitor_(monitor),
      after_reply_(std::move(after_reply)) {}

LaneTransport::Slot& LaneTransport::slot_for(const std::shared_ptr<const dispatch::Route>& of) {
  const dispatch::Route& route = *of;
  if (Slot* const* const known = by_route_.find(route.id)) return **known;
  // Certificates of one signer share connections (APNs: one team and key a connection); others stand alone.
  const std::string signer = route.authorizer->signer();
  const std::string& ca = route.certificate.ca_pem;
  const std::string key = route.provider->origin() + ' ' + (signer.empty() ? std::to_string(route.id) : signer) + ' ' +
                          (ca.empty() ? "" : hex_of({ca}));
  Slot& slot = lanes_.try_emplace(key, *this).first->second;
  if (slot.h2 == nullptr && slot.any == nullptr) open(slot, of);
  by_route_.put(route.id, &slot);
  return slot;
}

void LaneTransport::open(Slot& slot, const std::shared_ptr<const dispatch::Route>& of) {
  const dispatch::Route& route = *of;
  slot.opener = of;
  net::LaneWatch watch;
  if (settings_.watch) watch = [this, of](const net::LaneEvent& event) { settings_.watch(*of, event); };
  if (route.provider->wire() == Wire::Any) {
    net::CurlLaneOptions options = settings_.http;
    options.origin = route.provider->origin();
    options.ca_pem = route.certificate.ca_pem;
    options.watch = std::move(watch);
    slot.idle_close = options.idle_close;
    slot.any = std::make_unique<net::CurlLane>(loop_, std::move(options), curl_metrics_);
    return;
  }
  net::LaneOptions options = route.certificate.vendor == Vendor::Fcm ? settings_.fcm : settings_.apns;
  options.origin = route.provider->origin();
  options.ca_pem = route.certificate.ca_pem;
  if (auto identity = route.authorizer->identity())
    options.identity = net::TlsIdentity{std::move(identity->certificate_pem), std::move(identity->private_key_pem)};
  options.goodbye_names_credential = [provider = route.provider](std::string_view debug) {
    return provider->goodbye_names_credential(debug);
  };
  options.watch = std::move(watch);
  slot.idle_close = options.idle_close;
  slot.h2 = settings_.ground ? std::make_unique<net::Lane>(settings_.ground(route), std::move(options), metrics_)
                             : std::make_unique<net::Lane>(loop_, std::move(options), metrics_);
}

void LaneTransport::send(const std::shared_ptr<const dispatch::Route>& route, HttpRequest request, MonoTime deadline,
                         std::uint64_t tag, dispatch::ReplyHandler& handler) {
  handler_ = &handler;
  Slot& slot = slot_for(route);
  if (slot.probe.wanted()) slot.probe.begin(tag, clock_.wall());
  if (slot.h2)
    slot.h2->send(std::move(request), deadline, tag, slot, route->id);
  else
    slot.any->send(std::move(request), deadline, tag, slot, route->id);
  if (!slot.dirty) {
    slot.dirty = true;
    dirty_.push_back(&slot);
  }
}

void LaneTransport::drain_connection(const dispatch::Route& route, std::uint64_t connection) {
  Slot* const* const slot = by_route_.find(route.id);
  if (slot == nullptr) return;
  if ((*slot)->h2) (*slot)->h2->drain_connection(connection);  // libcurl's connections have no names
}

void LaneTransport::withdraw(std::uint64_t route, const std::string& why) {
  Slot* const* const slot = by_route_.find(route);
  if (slot == nullptr) return;  // nothing of it was ever sent
  if ((*slot)->h2)
    (*slot)->h2->withdraw_queued(route, why);
  else
    (*slot)->any->withdraw_queued(route, why);
}

void LaneTransport::flush() {
  if (dirty_.empty()) return;
  const LoopMonitor::Working working(monitor_, LoopPart::Flush);
  const MonoTime now = clock_.mono();
  for (Slot* slot : dirty_) {
    slot->dirty = false;
    slot->used = now;
    slot->probe.on_time(now);
    if (slot->h2)
      slot->h2->flush();
    else
      slot->any->flush();
  }
  dirty_.clear();
}

void LaneTransport::sweep() {
  const MonoTime now = clock_.mono();
  for (auto at = lanes_.begin(); at != lanes_.end();) {
    Slot& slot = at->second;
    if (slot.dirty || slot.open_requests() > 0 || now - slot.used < slot.idle_close) {
      ++at;
      continue;
    }
    by_route_.erase_if([&](const Slot* known) { return known == &slot; });
    at = lanes_.erase(at);
  }
}

void LaneTransport::look_at_clock(Slot& slot, std::uint64_t tag, const net::LaneReply& reply) {
  if (!slot.probe.awaits(tag)) return;
  slot.probe.end(reply.response.has_value(), clock_.mono());
  if (!reply.response || !settings_.skew) return;
  if (const auto skew = clock_skew(slot.probe.sent(), clock_.wall(), *reply.response))
    settings_.skew(slot.opener->certificate, slot.opener->provider->origin(), *skew);
}

void LaneTransport::Slot::on_lane_reply(std::uint64_t tag, net::LaneReply reply) {
  const LoopMonitor::Working working(transport.monitor_, LoopPart::Answers);
  transport.monitor_.count_answers(1);
  transport.look_at_clock(*this, tag, reply);
  transport.handler_->on_reply(tag, {std::move(reply.response), reply.maybe_sent, reply.connection, reply.written});
  transport.after_reply_();
}

bool LaneTransport::Slot::on_lane_replies(std::span<net::LaneAnswer> answers) {
  const LoopMonitor::Working working(transport.monitor_, LoopPart::Answers);
  transport.monitor_.count_answers(answers.size());
  if (probe.under_way())
    for (const net::LaneAnswer& each : answers) transport.look_at_clock(*this, each.tag, each.reply);
  probe.on_connection(answers.front().reply.connection);
  std::vector<dispatch::TaggedReply>& replies = transport.replies_;
  for (net::LaneAnswer& each : answers)
    replies.push_back(
        {each.tag, {std::move(each.reply.response), each.reply.maybe_sent, each.reply.connection, each.reply.written}});
  transport.handler_->on_replies(replies);
  replies.clear();
  if (replies.capacity() > kRepliesKept) replies.shrink_to_fit();
  transport.after_reply_();
  return true;
}

}  // namespace nightpost::app
