#include "dispatch/shipping.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <utility>

#include "core/thrown_by.h"

namespace nightpost::dispatch {

void Shipping::ship(bool goes_on) {
  batcher_.take_if([&](const Gathering& gathering) { return !goes_on || !waits_for_more(gathering); },
                   [this](Gathering& gathering) { ship(gathering); });
}

/// Its event is not planned through. However large it is by then: cut now, its last request would be a small one.
bool Shipping::waits_for_more(const Gathering& gathering) {
  const Push* const first = pushes_.find(gathering.pushes.front());
  return first != nullptr && first->event->audience == Audience::Many && first->event->state == OpenEvent::State::Ready;
}

void Shipping::ship(Gathering& gathering) {
  Shipment all{.route = std::move(gathering.route),
               .grant = std::move(gathering.grant),
               .notification = std::move(gathering.notification)};
  const Batching batching = all.route->provider->batching();
  all.pushes = std::move(gathering.pushes);
  sender_.unreserve(*all.route);
  // Another shard may have noted a recall since they were gathered.
  std::erase_if(all.pushes, [this](std::uint64_t tag) { return !still_gathered(tag); });
  if (all.pushes.empty()) return;
  if (batching.mixed_max > 0 && (!batching.tokens || all.pushes.size() < batching.tokens_min)) {
    for (const std::uint64_t tag : all.pushes) drop_in(all, tag, batching.mixed_max);
    return;
  }
  ship_equal(std::move(all));
}

/// False: dropped meanwhile; or over by now, and then it ends here; or its kind of message began to rest, and then it
/// waits. Asked before the request is built, for nothing can be taken out of it later.
bool Shipping::still_gathered(std::uint64_t tag) {
  Push* const push = pushes_.find(tag);
  if (push == nullptr || push->state != Push::State::Gathered) return false;
  const Window& window = push->window;
  if (now_.mono < window.end()) return attempts_.class_still_goes(*push);
  pushes_.end(*push, ending_of(window.rule_at_end()));
  return false;
}

void Shipping::ship_equal(Shipment all) {
  all.tokens.reserve(all.pushes.size());
  for (const std::uint64_t tag : all.pushes) all.tokens.push_back(pushes_.find(tag)->device->token);
  Result<std::vector<Planned>> planned;
  if (auto thrown = thrown_by([&] { planned = all.route->provider->build(all.notification, all.tokens, *all.grant); }))
    return attempts_.on_exception(all.pushes, std::move(*thrown));
  if (!planned)
    return end_all(all.pushes, {OutcomeKind::Rejected, Rule::PayloadUnbuildable, Disposition::DeadLetter},
                   planned.error().detail);
  launch(std::move(all), std::move(*planned), true);
}

void Shipping::end_all(std::span<const std::uint64_t> pushes, Ending ending, std::string_view why) {
  for (const std::uint64_t tag : pushes)
    if (Push* const push = pushes_.find(tag)) pushes_.end(*push, ending, {.meaning = why});
}

/// Into the bin of its credential, which leaves when it is full or has waited long enough.
void Shipping::drop_in(const Shipment& from, std::uint64_t tag, std::size_t letters_max) {
  const std::uint64_t route_id = from.route->id;
  const MonoTime leaves_at = now_.mono + options_.mixed_linger;
  const Batcher::Dropped dropped =
      batcher_.drop_in(*pushes_.find(tag), from.route, from.grant, from.notification, letters_max, leaves_at);
  if (dropped.is_first) {
    sender_.reserve(*from.route);
    timers_.add({leaves_at, route_id, Timer::Of::Bin});
  }
  if (dropped.is_full) empty_bin(route_id);
}

void Shipping::wake_bin(std::uint64_t route_id) {
  if (batcher_.is_due(route_id, now_.mono)) empty_bin(route_id);
}

void Shipping::empty_bin(std::uint64_t route_id) {
  std::optional<MixedBin> taken = batcher_.take_bin(route_id);
  if (!taken) return;
  MixedBin& bin = *taken;
  sender_.unreserve(*bin.route);
  std::erase_if(bin.entries, [this](const MixedBin::Entry& entry) { return !still_gathered(entry.push); });
  if (bin.entries.empty()) return;
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
  // Alone, or one of them can never be sent (or makes its provider throw) and must not take the others with it.
  for (MixedBin::Entry& entry : bin.entries) {
    Shipment one{.route = bin.route, .grant = bin.grant, .notification = std::move(entry.notification)};
    one.pushes = {entry.push};
    ship_equal(std::move(one));
  }
}

/// Hands the requests of one build() or address() to the transport. `first`: this is what counts as the attempt.
void Shipping::launch(Shipment all, std::vector<Planned> planned, bool first) {
  std::size_t reached = 0;
  for (Planned& each : planned) {
    const std::size_t from = std::min(each.first, all.pushes.size());
    const std::size_t count = std::min(each.count, all.pushes.size() - from);
    if (from != reached || count == 0) break;
    reached += count;
    const std::span pushes = std::span(all.pushes).subspan(from, count);
    Pacer& pacer = sender_.pacer_of(*all.route);
    Probe probe = Probe::None;  // a replay that is still the breaker's
    for (const std::uint64_t one : pushes)
      if (const Probe held = std::exchange(pushes_.find(one)->probe, Probe::None); pacer.is_probe(held)) probe = held;
    // Throttled while they waited for company, or by another answer of this turn.
    if (const MonoTime until = pacer.paused_until(); first && probe == Probe::None && until > now_.mono) {
      for (const std::uint64_t one : pushes) attempts_.wait_or_defer(*pushes_.find(one), until, Rule::VendorThrottled);
      continue;
    }
    if (first && probe == Probe::None && !pacer.breaker_admits(now_.mono)) {
      for (const std::uint64_t one : pushes)
        attempts_.put_off(*pushes_.find(one), Rule::BreakerOpen, {.meaning = pacer.refusal()});
      continue;
    }
    if (first && !sender_.begin_probe(pacer, probe)) {
      const Pacer::Admission later = pacer.deferral(now_.mono);
      pacer.probe_lost(probe, now_.mono);
      for (const std::uint64_t one : pushes) attempts_.defer(*pushes_.find(one), later.at, later.rule);
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
    shipment->probe = probe;
    shipment->sent_at = now_.mono;
    shipment->deadline = first ? now_.mono + Sender::deadline_of(pacer, probe, options_) : all.deadline;
    for (const std::uint64_t one : pushes) {
      Push& push = *pushes_.find(one);
      push.state = Push::State::InFlight;
      push.grant = all.grant;
      if (first) pushes_.count_attempt(push);
      pushes_.shares(push, count);
      shipment->deadline = std::min(shipment->deadline, push.window.end());
    }
    const std::optional<std::string> thrown =
        sender_.send(pacer, all.route, std::move(each.http), shipment->deadline, tag | kShipment, shipment->probe);
    if (thrown) attempts_.on_exception(take_out(tag).pushes, *thrown);
  }
  // A provider that forgets a token would leave its push open for ever.
  if (reached < all.pushes.size())
    end_all(std::span(all.pushes).subspan(reached),
            {OutcomeKind::Rejected, Rule::PayloadUnbuildable, Disposition::DeadLetter},
            "the provider planned no request for this token");
}

/// REQUIRED: the tag of one in the air.
Shipping::Shipment Shipping::take_out(std::uint64_t tag) {
  Shipment shipment = std::exchange(*shipments_.find(tag), {});
  shipments_.put_back(tag);
  return shipment;
}

void Shipping::on_reply(std::uint64_t tag, Reply& reply) {
  tag &= ~kShipment;
  if (shipments_.find(tag) == nullptr) return;
  Shipment shipment = take_out(tag);
  sender_.answered(*shipment.route, shipment.sent_at, reply);
  const Provider& provider = *shipment.route->provider;

  const auto fail_all = [&](std::string what) {
    sender_.pacer_of(*shipment.route).probe_lost(shipment.probe, now_.mono);
    for (const std::uint64_t one : shipment.pushes)
      if (Push* const push = pushes_.find(one)) Replies::count_sent(*push, reply);
    attempts_.on_exception(shipment.pushes, std::move(what));
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
  replies_.settle(pushes, answers, reply, shipment.probe);
}

/// The vendor has the content, so the credential is good; now for whom it is, unless they were handed back meanwhile.
void Shipping::follow_up(Shipment stored, std::vector<Planned> planned) {
  sender_.carry_out(*stored.route, sender_.pacer_of(*stored.route).content_stored(stored.probe, now_.mono), {}, {});
  for (const std::uint64_t tag : stored.pushes) Replies::count_sent(*pushes_.find(tag), {.response = HttpResponse{}});
  if (!pushes_.find(stored.pushes.front())->event->leaving) return launch(std::move(stored), std::move(planned), false);
  for (const std::uint64_t tag : stored.pushes) pushes_.drop(*pushes_.find(tag));
}

}  // namespace nightpost::dispatch
