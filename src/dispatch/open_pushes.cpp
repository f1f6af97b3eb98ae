#include "dispatch/open_pushes.h"

#include <algorithm>
#include <utility>

#include "core/uuid.h"

namespace nightpost::dispatch {
namespace {

/// Late is late; but where a quota keeps it until then, that is what it says.
Ending late_for(Rule rule) noexcept {
  Ending ending = ending_of(Rule::Expired);
  if (rule == Rule::QuotaSpent) ending.rule = rule;
  return ending;
}

/// So long after the last push of bulk was answered, what others feel may still be of its making.
constexpr milliseconds kCalmsDown{500};

/// Rounded up.
constexpr std::size_t parts_of(std::size_t all, std::size_t part) noexcept { return (all + part - 1) / part; }

QuotaBook::Message counted_as(const Push& push) noexcept {
  return {.token = push.device->token.text(), .audience = push.event->audience, .counted_at = push.counted_before};
}

}  // namespace

Push& OpenPushes::begin(OpenEvent& event, std::size_t receiver, const Device& device, const DeviceLeft* left) {
  const auto [tag, push] = pushes_.acquire();
  push->tag = tag;
  push->event = &event;
  push->receiver = receiver;
  push->device = &device;
  push->push_id = uuid_of({event.event.event_id, event.event.to[receiver].user_id, device.device_id});
  push->window = event.window;
  push->window.quick_until = now_.mono + options_.quick_for;
  if (left != nullptr) push->progress = progress_of(*left);
  events_.push_begun(event);
  return *push;
}

void OpenPushes::limit_window(Push& push) const noexcept {
  const milliseconds limit = retry_rules_of(push.route->certificate.vendor).stop_after;
  if (limit == milliseconds(0) || push.progress.tried_since == WallTime{}) return;
  push.window.give_up_at =
      std::min(push.window.give_up_at, now_.mono + (push.progress.tried_since + limit - now_.wall));
}

void OpenPushes::takes_off(Push& push) noexcept {
  if (push.event->audience != Audience::Many || push.signer == nullptr || push.bulk_in_air != 0) return;
  push.bulk_in_air = bulk_weight(push);
  bulk_in_air_ += push.bulk_in_air;
  bulk_limit_.did(BulkLimit::Step::Begin, 1);
  push.signer->bulk_took_off(push.bulk_in_air);
}

void OpenPushes::landed(Push& push) noexcept {
  const std::uint8_t weight = std::exchange(push.bulk_in_air, std::uint8_t{0});
  if (weight == 0) return;
  bulk_in_air_ -= weight;
  push.signer->bulk_landed(weight);
  bulk_landed_at_ = now_.mono;
}

void OpenPushes::shares(Push& push, std::size_t company) noexcept {
  if (push.bulk_in_air == 0) return;
  const std::size_t before = push.bulk_in_air, weight = std::max<std::size_t>(kBulkAlone / company, 1);
  bulk_in_air_ = bulk_in_air_ - before + weight;
  push.signer->bulk_landed(before);
  push.signer->bulk_took_off(weight);
  push.bulk_in_air = static_cast<std::uint8_t>(weight);
}

void OpenPushes::heard(const Push& push) noexcept {
  const OpenEvent& event = *push.event;
  if (event.audience != Audience::Few || push.progress.attempts != 1 || event.hops > 0 || push.delayed ||
      push.signer == nullptr || event.not_before != WallTime{})
    return;
  const bool calm = bulk_in_air_ == 0 && now_.mono - bulk_landed_at_ > kCalmsDown;
  const std::chrono::duration<double, std::milli> took = now_.mono - event.accepted_at + event.waited;
  bulk_limit_.heard(push.signer->lateness(took.count(), calm, now_.mono), parts_of(bulk_in_air_, kBulkAlone),
                    now_.mono);
}

std::size_t OpenPushes::room_for_bulk(const SignerPace& signer, std::size_t weight,
                                      std::size_t promised) const noexcept {
  const std::size_t pushes = bulk_limit_.limit(now_.mono);
  if (pushes == BulkLimit::kNone) return BulkLimit::kNone;
  const std::size_t limit = pushes * kBulkAlone, used = bulk_in_air_ + promised;
  if (used >= limit || signer.bulk_in_air() >= limit - used) return 0;
  // Each takes its weight of the signer's, and of what is left.
  return parts_of(limit - used - signer.bulk_in_air(), 2 * weight);
}

void OpenPushes::count_attempt(Push& push) noexcept {
  takes_off(push);
  push.state = Push::State::InFlight;
  push.sent_at = now_.mono;
  push.sent_at_wall = now_.wall;
  push.reached_wire = false;
  ++push.progress.attempts;
  if (push.progress.tried_since != WallTime{}) return;
  push.progress.tried_since = now_.wall;
  limit_window(push);
}

void OpenPushes::end(Push& push, Ending ending, const VendorReason& reason) {
  events_.end_push(push, ending, reason);
  free(push);
}

void OpenPushes::defer(Push& push, WallTime not_before, Rule rule, const VendorReason& reason) {
  if (push.event->leaving) return drop(push);
  if (end_if_pointless(push)) return;
  if (push.event->event.kind == EventKind::Badge) return end(push, late_for(rule), reason);
  const Window& window = push.window;
  if (now_.mono + (not_before - now_.wall) >= window.end())
    return end(push, window.rule_at_end() == Rule::Expired ? late_for(rule) : ending_of(rule), reason);
  events_.put_off(push, rule, not_before, reason);
  free(push);
}

bool OpenPushes::end_if_pointless(Push& push) {
  const OfflineEvent& event = push.event->event;
  const std::string_view user = event.to[push.receiver].user_id;
  const std::string_view device = push.device->device_id;
  Rule rule = recalls_.rule_of(event, user, now_.wall);
  if (rule != Rule::None && push.progress.unheard == 0) recalls_.note_unsent(event, user, device, now_.wall);
  if (event.kind == EventKind::Cancel && recalls_.is_unsent(event, user, device, now_.wall)) rule = Rule::NothingSent;
  if (rule == Rule::None) return false;
  end(push, {OutcomeKind::Suppressed, rule});
  return true;
}

std::unordered_set<RecallBook::Key, RecallBook::KeyHash> OpenPushes::end_pointless() {
  std::unordered_set<RecallBook::Key, RecallBook::KeyHash> in_air;
  for_each([&](Push& push) {
    const OfflineEvent& event = push.event->event;
    const std::string_view user = event.to[push.receiver].user_id;
    if (push.state != Push::State::InFlight && push.state != Push::State::Removing)
      end_if_pointless(push);
    else if (recalls_.rule_of(event, user, now_.wall) == Rule::Recalled)
      in_air.insert(RecallBook::key_of(event, user));
  });
  return in_air;
}

void OpenPushes::drop(Push& push) {
  push.event->incomplete = true;
  free(push);
}

void OpenPushes::give_up_probe(Push& push) {
  pacers_.of(*push.route, now_.mono).probe_lost(std::exchange(push.probe, Probe::None), now_.mono);
}

void OpenPushes::count_with(Push& push, SignerPace& signer) {
  if (push.signer == &signer) return;
  if (push.signer != nullptr) {
    wait_ended(push, false);
    landed(push);
    push.signer->let_go(push.event->audience);
  }
  signer.hold(push.event->audience);
  push.signer = &signer;
}

std::optional<QuotaBook::Spent> OpenPushes::count_in(Push& push, std::span<const Quota> quotas) {
  const bool is_counted = push.counted_in.data() == quotas.data() && push.counted_in.size() == quotas.size() &&
                          std::ranges::all_of(quotas, [&](const Quota& each) {
                            return period_end(each, push.counted_at) == period_end(each, now_.wall);
                          });
  if (is_counted) return std::nullopt;
  uncount(push);
  // What may have been processed was counted when it was sent.
  push.counted_before = push.progress.unheard > 0 ? push.progress.tried_since : WallTime{};
  auto spent = push.signer->take(quotas, counted_as(push), now_);
  if (spent) return spent;
  push.counted_in = quotas;
  push.counted_at = now_.wall;
  return std::nullopt;
}

void OpenPushes::uncount(Push& push) const noexcept {
  const auto quotas = std::exchange(push.counted_in, {});
  if (!quotas.empty()) push.signer->give_back(quotas, counted_as(push), push.counted_at);
}

void OpenPushes::wait_began(Push& push, bool yields) {
  if (!std::exchange(push.waits_for_room, true)) push.signer->wait_began(push.event->audience, now_.mono);
  bulk_yields_ -= std::exchange(push.yields, std::uint8_t{0});
  if (yields) bulk_yields_ += push.yields = bulk_weight(push);
}

void OpenPushes::wait_ended(Push& push, bool called) {
  if (std::exchange(push.waits_for_room, false)) push.signer->wait_ended(push.event->audience, called, now_.mono);
  bulk_yields_ -= std::exchange(push.yields, std::uint8_t{0});
}

void OpenPushes::free(Push& push) {
  const std::uint64_t tag = push.tag;
  OpenEvent& event = *push.event;
  if (push.probe != Probe::None) give_up_probe(push);
  wait_ended(push, false);
  landed(push);
  uncount(push);
  if (push.signer != nullptr) push.signer->let_go(push.event->audience);
  push.reset();
  pushes_.put_back(tag);
  events_.push_gone(event);
}

}  // namespace nightpost::dispatch
