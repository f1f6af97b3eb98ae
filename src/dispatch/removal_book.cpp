#include "dispatch/removal_book.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace nightpost::dispatch {

RemovalGuard::Change RemovalBook::count(Heard where, const RemovalGuard::Said& said, MonoTime now) {
  using Change = RemovalGuard::Change;
  const auto at = static_cast<std::size_t>(where);
  if (said.dead == 0 && calm_[at].load(std::memory_order_relaxed)) return Change::None;
  if (now.time_since_epoch().count() < approved_until_.load(std::memory_order_relaxed)) return Change::None;
  const std::lock_guard lock(mutex_);
  const Change change = guards_[at].count(said, now, limits_);
  publish();
  // While the other guard is undecided nothing is over.
  if (change == Change::Released && std::ranges::none_of(guards_, &RemovalGuard::is_undecided)) {
    news_ = {.released = true};
    told_.store(false, std::memory_order_release);
  }
  return change;
}

void RemovalBook::keep(HeldRemoval removal, Heard where, std::string_view code, WallTime now) {
  const std::lock_guard lock(mutex_);
  if (news_.kept.size() < limits_.kept_max)
    news_.kept.push_back(std::move(removal));
  else
    ++news_.unkept;
  news_.where = where;
  news_.code.assign(code);
  news_.last = now;
  told_.store(false, std::memory_order_release);
}

void RemovalBook::approve(MonoTime until) {
  const std::lock_guard lock(mutex_);
  for (RemovalGuard& guard : guards_) guard.reset();
  publish();
  approved_until_.store(until.time_since_epoch().count(), std::memory_order_relaxed);
}

void RemovalBook::resume(Heard where) {
  const std::lock_guard lock(mutex_);
  guards_[static_cast<std::size_t>(where)].resume(limits_);
  publish();
}

RemovalBook::News RemovalBook::take() {
  const std::lock_guard lock(mutex_);
  told_.store(true, std::memory_order_release);
  return std::exchange(news_, {});
}

void RemovalBook::put_back(News news) {
  const std::lock_guard lock(mutex_);
  if (news_.released) return;  // it is over meanwhile
  const std::size_t room = limits_.kept_max - std::min(limits_.kept_max, news_.kept.size());
  const std::size_t fits = std::min(room, news.kept.size());
  news_.unkept += news.unkept + news.kept.size() - fits;
  news_.kept.insert(news_.kept.begin(), std::make_move_iterator(news.kept.begin()),
                    std::make_move_iterator(news.kept.begin() + std::ptrdiff_t(fits)));
  news_.released = news.released;
  if (news_.last < news.last) {
    news_.last = news.last;
    news_.where = news.where;
    news_.code = std::move(news.code);
  }
  told_.store(news_.empty(), std::memory_order_release);
}

/// What the guards say, for those who take no lock.
void RemovalBook::publish() noexcept {
  MonoTime until{};
  for (std::size_t i = 0; i < guards_.size(); ++i) {
    until = std::max(until, guards_[i].held_until());
    calm_[i].store(guards_[i].is_calm(), std::memory_order_relaxed);
  }
  held_until_.store(until.time_since_epoch().count(), std::memory_order_relaxed);
}

}  // namespace nightpost::dispatch
