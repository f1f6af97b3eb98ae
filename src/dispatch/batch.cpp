// Requests that many pushes share: who may go together, what is asked in which order, and whose answer is whose.
#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <utility>

#include "core/thrown_by.h"
#include "dispatch/pipeline.h"

namespace nightpost::dispatch {
namespace {
constexpr std::size_t kGatheringsKept = 1024;  // room for so many contents put together at once
}

/// Counts requests that are not in the air yet and will take a slot each (or several, by the vendor's limits).
void Dispatcher::Impl::count_forming(std::uint64_t route_id, bool more) {
  Pacer& pacer = pacers_.of(route_id, now_.mono);
  more ? slots_.reserve() : slots_.unreserve();
  more ? pacer.reserve() : pacer.unreserve();
}

/// The push waits for others that say the same; ship() sends them once all is planned that may be.
void Dispatcher::Impl::gather(Push& push, const Rendered& rendered, const Batching& batching) {
  GatheringKey key{.event = push.event->tag, .route = push.route->id, .variant = rendered.variant};
  if (batching.badge && rendered.notification.badge) key.badge = *rendered.notification.badge;
  if (batching.sound) key.sound = rendered.notification.sound;
  if (push.alone) key.alone = push.tag;
  const auto [found, is_new] = gathering_of_.try_emplace(key, gatherings_.size());
  if (is_new) {
    count_forming(key.route, true);
    gatherings_.push_back({.route = push.route, .notification = rendered.notification});
    gatherings_.back().notification.push_id = push.push_id;
  }
  Gathering& into = gatherings_[found->second];
  into.grant = std::move(push.grant);
  into.notification.sent_at = now_.wall;
  into.pushes.push_back(push.tag);
  push.state = Push::State::Gathered;
}

/// Sends all that is gathered. Planning has come as far as it can for now, so nothing would come of waiting on.
void Dispatcher::Impl::ship() {
  if (gatherings_.empty()) return;
  gathering_of_.clear();
  for (Gathering& gathering : gatherings_) ship(gathering);
  gatherings_.clear();
  if (gatherings_.capacity() <= kGatheringsKept) return;
  gatherings_.shrink_to_fit();
  gathering_of_.rehash(0);
}

void Dispatcher::Impl::ship(Gathering& gathering) {
  Shipment all{.route = std::move(gathering.route),
               .grant = std::move(gathering.grant),
               .notification = std::move(gathering.notification)};
  const Batching batching = all.route->provider->batching();
  all.pushes = std::move(gathering.pushes);
  count_forming(all.route->id, false);
  if (batching.mixed_max > 0 && (!batching.tokens || all.pushes.size() < batching.tokens_min)) {
    for (const std::uint64_t tag : all.pushes) drop_in(all, tag, batching.mixed_max);
    return;
  }
  ship_equal(std::move(all));
}

/// False: dropped meanwhile, or over by now, and then it ends here.
bool Dispatcher::Impl::still_gathered(std::uint64_t tag) {
  Push* const push = pushes_.find(tag);
  if (push == nullptr || push->state != Push::State::Gathered) return false;
  const Window& window = push->event->window;
  if (now_.mono < window.end()) return true;
  end(*push, ending_of(window.rule_at_end()));
  return false;
}

void Dispatcher::Impl::ship_equal(Shipment all) {
  all.tokens.reserve(all.pushes.size());
  for (const std::uint64_t tag : all.pushes) all.tokens.push_back(pushes_.find(tag)->device->token);
  Result<std::vector<Planned>> planned;
  if (auto thrown = thrown_by([&] { planned = all.route->provider->build(all.notification, all.tokens, *all.grant); }))
    return on_exception(all.pushes, std::move(*thrown));
  if (!planned)
    return end_all(all.pushes, {OutcomeKind::Rejected, Rule::PayloadUnbuildable, Disposition::DeadLetter},
                   planned.error());
  launch(std::move(all), std::move(*planned), true);
}

void Dispatcher::Impl::end_all(std::span<const std::uint64_t> pushes, Ending ending, const Error& why) {
  for (const std::uint64_t tag : pushes)
    if (Push* const push = pushes_.find(tag)) end(*push, ending, {.meaning = why.detail});
}

/// Into the bin of its credential, which leaves when it is full or has waited long enough.
void Dispatcher::Impl::drop_in(const Shipment& from, std::uint64_t tag, std::size_t mixed_max) {
  MixedBin& bin = bins_[from.route->id];
  if (bin.entries.empty()) {
    count_forming(from.route->id, true);
    bin.route = from.route;
    bin.leaves_at = now_.mono + options_.mixed_linger;
    timers_.add({bin.leaves_at, from.route->id, Timer::Of::Bin});
  }
  bin.grant = from.grant;
  bin.entries.push_back({tag, from.notification});
  bin.entries.back().notification.push_id = pushes_.find(tag)->push_id;
  // A push whose time is over before the bin leaves cannot wait for it.
  if (bin.entries.size() >= mixed_max || pushes_.find(tag)->event->window.end() <= bin.leaves_at)
    empty_bin(from.route->id);
}

void Dispatcher::Impl::empty_bin(std::uint64_t route_id) {
  const auto found = bins_.find(route_id);
  if (found == bins_.end()) return;
  MixedBin bin = std::move(found->second);
  bins_.erase(found);
  count_forming(route_id, false);
  std::erase_if(bin.entries, [this](const MixedBin::Entry& entry) { return !still_gathered(entry.push); });
  if (bin.entries.empty()) return;
  // Throttled while they waited for company.
  if (const MonoTime until = pacers_.of(route_id, now_.mono).paused_until(); until > now_.mono) {
    for (const MixedBin::Entry& entry : bin.entries)
      wait_or_end(*pushes_.find(entry.push), until, Rule::VendorThrottled);
    return;
  }
  if (bin.entries.size() > 1) {
    Shipment all{.route = bin.route, .grant = bin.grant};
    std::vector<Letter> letters;
    all.tokens.reserve(bin.entries.size());
    for (const MixedBin::Entry& entry : bin.entries) {
      all.pushes.push_back(entry.push);
      all.tokens.push_back(pushes_.find(entry.push)->device->token);
      letters.push_back({&entry.notification, &all.tokens.back()});
    }
    Result<std::vector<Planned>> planned;
    const auto thrown = thrown_by([&] { planned = bin.route->provider->build_mixed(letters, *bin.grant); });
    if (thrown) metrics_.internal_errors.add();
    if (!thrown && planned) return launch(std::move(all), std::move(*planned), true);
  }
  // Alone, or one of them can never be sent (or makes its room throw) and must not take the others with it.
  for (MixedBin::Entry& entry : bin.entries) {
    Shipment one{.route = bin.route, .grant = bin.grant, .notification = std::move(entry.notification)};
    one.pushes = {entry.push};
    ship_equal(std::move(one));
  }
}

/// Hands the requests of one build() or address() to the transport. `first`: this is what counts as the attempt.
void Dispatcher::Impl::launch(Shipment all, std::vector<Planned> planned, bool first) {
  std::size_t reached = 0;
  for (Planned& each : planned) {
    const std::size_t from = std::min(each.first, all.pushes.size());
    const std::size_t count = std::min(each.count, all.pushes.size() - from);
    if (from != reached || count == 0) break;
    reached += count;
    const std::span pushes = std::span(all.pushes).subspan(from, count);
    Pacer& pacer = pacer_of(*all.route);
    bool probe = false;  // a replay that is still the breaker's probe
    for (const std::uint64_t one : pushes) probe |= std::exchange(pushes_.find(one)->probe, false);
    if (first && !probe && !pacer.breaker_admits(now_.mono)) {
      for (const std::uint64_t tag : pushes)
        end(*pushes_.find(tag), ending_of(Rule::BreakerOpen), {.meaning = pacer.refusal()});
      continue;
    }
    const auto [tag, shipment] = shipments_.acquire();
    shipment->route = all.route;
    shipment->grant = all.grant;
    if (each.prepares) shipment->notification = all.notification;
    shipment->pushes.assign(pushes.begin(), pushes.end());
    const auto token = std::make_move_iterator(all.tokens.begin()) + std::ptrdiff_t(from);
    shipment->tokens.assign(token, token + std::ptrdiff_t(count));
    shipment->kind = each.kind;
    shipment->prepares = each.prepares;
    shipment->probe = probe || (first && pacer.begin_probe(now_.mono));
    shipment->sent_at = now_.mono;
    shipment->deadline = first ? now_.mono + options_.push_deadline : all.deadline;
    for (const std::uint64_t one : pushes) {
      Push& push = *pushes_.find(one);
      shipment->deadline = std::min(shipment->deadline, push.event->window.end());
      push.state = Push::State::InFlight;
      push.grant = all.grant;
      if (!first) continue;
      push.sent_at = now_.mono;
      push.sent_at_wall = now_.wall;
      push.reached_wire = false;
      ++push.progress.attempts;
    }
    sent_one(pacer);
    metrics_.requests[static_cast<std::size_t>(all.route->certificate.vendor)].add();
    auto thrown = thrown_by(
        [&] { transport_.send(all.route, std::move(each.http), shipment->deadline, tag | kShipment, handler_); });
    if (!thrown) continue;
    const Shipment failed = take_out(tag);
    unsent(*failed.route, failed.probe);
    on_exception(failed.pushes, std::move(*thrown));
  }
  // A room that forgets a token would leave its push open for ever.
  if (reached < all.pushes.size())
    end_all(std::span(all.pushes).subspan(reached),
            {OutcomeKind::Rejected, Rule::PayloadUnbuildable, Disposition::DeadLetter},
            {Errc::Malformed, "the vendor's room planned no request for this token"});
}

/// REQUIRED: the tag of one in the air.
Shipment Dispatcher::Impl::take_out(std::uint64_t tag) {
  Shipment shipment = std::exchange(*shipments_.find(tag), {});
  shipments_.put_back(tag);
  return shipment;
}

void Dispatcher::Impl::on_shipment(std::uint64_t tag, Reply reply) {
  if (shipments_.find(tag) == nullptr) return;
  Shipment shipment = take_out(tag);
  answered_one(*shipment.route);
  const Provider& provider = *shipment.route->provider;
  metrics_.vendor_latency[static_cast<std::size_t>(shipment.route->certificate.vendor)].observe(
      std::chrono::duration_cast<milliseconds>(now_.mono - shipment.sent_at).count());

  const auto fail_all = [&](std::string what) {
    if (shipment.probe) pacer_of(*shipment.route).probe_lost(now_.mono);
    for (const std::uint64_t one : shipment.pushes)
      if (Push* const push = pushes_.find(one)) count_sent(*push, reply);
    on_exception(shipment.pushes, std::move(what));
  };
  if (reply.response && shipment.prepares) {
    std::optional<std::vector<Planned>> planned;
    auto thrown = thrown_by(
        [&] { planned = provider.address(shipment.notification, shipment.tokens, *reply.response, *shipment.grant); });
    if (thrown) return fail_all(std::move(*thrown));
    if (planned && now_.mono < shipment.deadline) return follow_up(std::move(shipment), std::move(*planned));
    if (planned) reply.response = fail(Errc::Timeout, "the content was stored when the time for it was over");
  }
  std::vector<Push*> pushes;
  pushes.reserve(shipment.pushes.size());
  for (const std::uint64_t one : shipment.pushes) pushes.push_back(pushes_.find(one));  // in flight, so still there
  std::vector<Answer> answers;
  if (reply.response)
    if (auto thrown = thrown_by([&] { answers = provider.classify(shipment.kind, shipment.tokens, *reply.response); }))
      return fail_all(std::move(*thrown));
  answers.resize(pushes.size());
  // Content that was only stored has reached nobody, so a repeat cannot duplicate.
  if (shipment.prepares) reply.maybe_sent = false;
  settle(pushes, answers, reply, shipment.probe);
}

/// The vendor has the content, so the credential is good; now for whom it is, unless they were handed back meanwhile.
void Dispatcher::Impl::follow_up(Shipment stored, std::vector<Planned> planned) {
  announce(*stored.route, pacer_of(*stored.route).content_stored(stored.probe), {}, {});
  for (const std::uint64_t tag : stored.pushes) count_sent(*pushes_.find(tag), {.response = HttpResponse{}});
  if (!pushes_.find(stored.pushes.front())->event->leaving) return launch(std::move(stored), std::move(planned), false);
  for (const std::uint64_t tag : stored.pushes) drop(*pushes_.find(tag));
}

}  // namespace nightpost::dispatch
