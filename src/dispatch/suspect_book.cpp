#include "dispatch/suspect_book.h"

#include <functional>
#include <iterator>

namespace nightpost::dispatch {
namespace {

std::size_t hash_of_token(std::string_view token) noexcept { return std::hash<std::string_view>{}(token); }

}  // namespace

SuspectBook::Proof SuspectBook::doubt(std::string_view token, MonoTime sent_at, MonoTime now) {
  const Hash hash = hash_of_token(token);
  const std::lock_guard lock(mutex_);
  forget_old(now);
  const auto found = doubts_.places.find(hash);
  if (found == doubts_.places.end()) {
    if (add(doubts_, hash, now) == nullptr) return Proof::None;
    doubted_since_ = true;
    erase(notes_, hash);
    return Proof::None;
  }
  const Suspect& known = *found->second;
  if (known.accepted == accepted_ || sent_at < known.since + apart_) return Proof::None;
  const Proof proof = is_sure(doubts_, known) ? Proof::Surely : Proof::Likely;
  erase(doubts_, hash);
  return proof;
}

void SuspectBook::keep(std::string_view token, MonoTime now) {
  const Hash hash = hash_of_token(token);
  const std::lock_guard lock(mutex_);
  if (doubts_.places.contains(hash)) return;
  Suspect* const kept = add(doubts_, hash, now);
  if (kept == nullptr) return;
  doubted_since_ = true;
  erase(notes_, hash);
  // Its first doubt is long enough ago, and something was accepted since.
  kept->since = now - apart_;
  kept->accepted = accepted_ - 1;
}

void SuspectBook::hold(std::string_view token, MonoTime now) {
  const Hash hash = hash_of_token(token);
  const std::lock_guard lock(mutex_);
  forget_old(now);
  if (!held_.places.contains(hash)) add(held_, hash, now);
}

bool SuspectBook::is_gone_again(std::string_view token, MonoTime now) {
  if (empty_.load(std::memory_order_relaxed)) return false;
  const Hash hash = hash_of_token(token);
  const std::lock_guard lock(mutex_);
  forget_old(now);
  const auto found = held_.places.find(hash);
  if (found == held_.places.end() || !is_sure(held_, *found->second)) return false;
  erase(held_, hash);
  return true;
}

void SuspectBook::note(std::string_view token, MonoTime now) {
  const Hash hash = hash_of_token(token);
  const std::lock_guard lock(mutex_);
  forget_old(now);
  if (doubts_.places.contains(hash) || notes_.places.contains(hash)) return;
  if (add(notes_, hash, now) != nullptr) noted_.fetch_add(1, std::memory_order_relaxed);
}

bool SuspectBook::is_in_doubt(std::string_view token) const {
  if (size() == 0) return false;
  const Hash hash = hash_of_token(token);
  const std::lock_guard lock(mutex_);
  return doubts_.places.contains(hash) || notes_.places.contains(hash);
}

void SuspectBook::accepted(std::string_view token, MonoTime now) {
  const MonoTime told{MonoTime::duration(accepted_at_.load(std::memory_order_relaxed))};
  if (now - told >= kToldEvery) accepted_at_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  if (noted_.load(std::memory_order_relaxed) != 0) noted_.store(0, std::memory_order_relaxed);
  if (empty_.load(std::memory_order_relaxed)) return;
  const Hash hash = hash_of_token(token);
  const std::lock_guard lock(mutex_);
  ++live_;
  if (doubted_since_) ++accepted_;
  doubted_since_ = false;
  erase(doubts_, hash);
  erase(notes_, hash);
  erase(held_, hash);
}

bool SuspectBook::accepted_lately(MonoTime now) const noexcept {
  const MonoTime at{MonoTime::duration(accepted_at_.load(std::memory_order_relaxed))};
  return at != MonoTime{} && now - at <= lately_;
}

SuspectBook::Suspect* SuspectBook::add(Shelf& shelf, Hash token, MonoTime now) {
  if (shelf.suspects.size() >= shelf.max) return nullptr;
  shelf.suspects.push_back({token, now, accepted_, live_});
  shelf.places.emplace(token, std::prev(shelf.suspects.end()));
  count();
  return &shelf.suspects.back();
}

void SuspectBook::erase(Shelf& shelf, Hash token) {
  const auto found = shelf.places.find(token);
  if (found == shelf.places.end()) return;
  shelf.suspects.erase(found->second);
  shelf.places.erase(found);
  count();
}

void SuspectBook::forget_old(MonoTime now) {
  for (Shelf* const shelf : {&doubts_, &notes_, &held_})
    while (!shelf->suspects.empty() && now - shelf->suspects.front().since > kept_)
      erase(*shelf, shelf->suspects.front().token);
}

void SuspectBook::count() noexcept {
  const std::size_t in_doubt = doubts_.suspects.size() + notes_.suspects.size();
  size_.store(in_doubt, std::memory_order_relaxed);
  empty_.store(in_doubt + held_.suspects.size() == 0, std::memory_order_relaxed);
}

bool SuspectBook::is_sure(const Shelf& shelf, const Suspect& known) const noexcept {
  const auto live = static_cast<double>(live_ - known.live);
  return live > 0 && live >= live_share_ * (live + static_cast<double>(shelf.suspects.size()));
}

}  // namespace nightpost::dispatch
