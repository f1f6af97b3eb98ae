#include "dispatch/batcher.h"

#include <functional>

namespace nightpost::dispatch {

bool Batcher::gather(Push& push, const Rendered& rendered, const Batching& batching, WallTime now) {
  GatheringKey key{.event = push.event->tag, .route = push.route->id, .variant = rendered.variant};
  if (batching.badge && rendered.notification.badge) key.badge = *rendered.notification.badge;
  if (batching.sound) key.sound = rendered.notification.sound;
  if (push.alone) key.alone = push.tag;
  const auto [found, is_new] = gathering_of_.try_emplace(key, gatherings_.size());
  if (is_new) {
    gatherings_.push_back({.key = key, .route = push.route, .notification = rendered.notification});
    gatherings_.back().notification.push_id = push.push_id;
    gatherings_.back().notification.repeat = true;
  }
  Gathering& into = gatherings_[found->second];
  into.grant = std::move(push.grant);
  into.notification.sent_at = now;
  into.notification.repeat = into.notification.repeat && push.progress.unheard > 0;  // of all of them, or of none
  into.pushes.push_back(push.tag);
  push.state = Push::State::Gathered;
  return is_new;
}

Batcher::Dropped Batcher::drop_in(const Push& push, const std::shared_ptr<const Route>& route,
                                  const std::shared_ptr<const Grant>& grant, const Notification& notification,
                                  std::size_t letters_max, MonoTime leaves_at) {
  MixedBin& bin = bins_[route->id];
  const bool is_first = bin.entries.empty();
  if (is_first) {
    bin.route = route;
    bin.leaves_at = leaves_at;
  }
  bin.grant = grant;
  bin.entries.push_back({push.tag, notification});
  bin.entries.back().notification.push_id = push.push_id;
  bin.entries.back().notification.repeat = push.progress.unheard > 0;
  // A push whose time is over before the bin leaves cannot wait for it.
  return {.is_first = is_first, .is_full = bin.entries.size() >= letters_max || push.window.end() <= bin.leaves_at};
}

std::optional<MixedBin> Batcher::take_bin(std::uint64_t route_id) {
  const auto found = bins_.find(route_id);
  if (found == bins_.end()) return std::nullopt;
  std::optional<MixedBin> bin = std::move(found->second);
  bins_.erase(found);
  return bin;
}

bool Batcher::is_due(std::uint64_t route_id, MonoTime now) const noexcept {
  const auto found = bins_.find(route_id);
  return found != bins_.end() && now >= found->second.leaves_at;
}

std::size_t GatheringKeyHash::operator()(const GatheringKey& key) const noexcept {
  std::size_t hash = key.event;
  for (const std::size_t part :
       {std::size_t(key.route), std::size_t(key.alone), key.variant, std::size_t(key.badge.value_or(-1)),
        key.sound ? std::hash<std::string>{}(*key.sound) : 0})
    hash = (hash ^ part) * 0x9e3779b97f4a7c15ULL;
  return hash;
}

void Batcher::shrink() {
  gatherings_.shrink_to_fit();
  gathering_of_.rehash(0);
}

}  // namespace nightpost::dispatch
