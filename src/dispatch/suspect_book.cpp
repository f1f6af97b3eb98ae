#include "dispatch/suspect_book.h"

#include <functional>
#include <iterator>

namespace nightpost::dispatch {
namespace {

std::size_t hash_of_token(std::string_view token) noexcept { return std::hash<std::string_view>{}(token); }

}  // namespace

bool SuspectBook::doubt(std::string_view token, MonoTime sent_at, MonoTime now) {
  const Hash hash = hash_of_token(token);
  const std::lock_guard lock(mutex_);
  forget_old(now);
  const auto found = places_.find(hash);
  if (found == places_.end()) {
    add(hash, true, now);
    return false;
  }
  const Suspect known = *found->second;
  if (!known.counts) {
    erase(found->second);
    add(hash, true, now);
    return false;
  }
  if (known.accepted == accepted_ || sent_at < known.since + apart_) return false;
  erase(found->second);
  return true;
}

void SuspectBook::keep(std::string_view token, MonoTime now) {
  const Hash hash = hash_of_token(token);
  const std::lock_guard lock(mutex_);
  if (places_.contains(hash) || suspects_.size() >= max_) return;
  add(hash, true, now);
  // Its first doubt is long enough ago, and something was accepted since.
  suspects_.back().since = now - apart_;
  suspects_.back().accepted = accepted_ - 1;
}

void SuspectBook::note(std::string_view token, MonoTime now) {
  const Hash hash = hash_of_token(token);
  const std::lock_guard lock(mutex_);
  forget_old(now);
  if (places_.contains(hash) || suspects_.size() >= max_) return;
  add(hash, false, now);
  noted_.fetch_add(1, std::memory_order_relaxed);
}

bool SuspectBook::is_in_doubt(std::string_view token) const {
  if (size() == 0) return false;
  const Hash hash = hash_of_token(token);
  const std::lock_guard lock(mutex_);
  return places_.contains(hash);
}

void SuspectBook::accepted(std::string_view token, MonoTime now) {
  const MonoTime told{MonoTime::duration(accepted_at_.load(std::memory_order_relaxed))};
  if (now - told >= kToldEvery) accepted_at_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  if (noted_.load(std::memory_order_relaxed) != 0) noted_.store(0, std::memory_order_relaxed);
  if (size() == 0) return;
  const Hash hash = hash_of_token(token);
  const std::lock_guard lock(mutex_);
  if (doubted_since_) ++accepted_;
  doubted_since_ = false;
  if (const auto found = places_.find(hash); found != places_.end()) erase(found->second);
}

bool SuspectBook::accepted_lately(MonoTime now) const noexcept {
  const MonoTime at{MonoTime::duration(accepted_at_.load(std::memory_order_relaxed))};
  return at != MonoTime{} && now - at <= lately_;
}

void SuspectBook::add(Hash token, bool counts, MonoTime now) {
  if (suspects_.size() >= max_) return;
  suspects_.push_back({token, now, accepted_, counts});
  places_.emplace(token, std::prev(suspects_.end()));
  doubted_since_ |= counts;
  size_.store(suspects_.size(), std::memory_order_relaxed);
}

void SuspectBook::erase(Place place) {
  places_.erase(place->token);
  suspects_.erase(place);
  size_.store(suspects_.size(), std::memory_order_relaxed);
}

void SuspectBook::forget_old(MonoTime now) {
  while (!suspects_.empty() && now - suspects_.front().since > kept_) erase(suspects_.begin());
}

}  // namespace nightpost::dispatch
