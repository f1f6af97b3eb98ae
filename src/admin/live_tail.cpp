#include "admin/live_tail.h"

#include <algorithm>
#include <utility>

namespace nightpost::admin {

bool LiveFilter::matches(const LiveRow& row) const {
  const auto fits = [](const std::string& wanted, const std::string& has) { return wanted.empty() || wanted == has; };
  return (!app || *app == row.app) && fits(vendor, row.vendor) && fits(outcome, row.outcome) && fits(rule, row.rule) &&
         fits(user, row.user) && fits(event, row.event);
}

bool LiveTail::has_room(MonoTime now) {
  const std::scoped_lock lock(mutex_);
  if (now - second_ >= seconds(1)) {
    second_ = now;
    in_this_second_ = 0;
  }
  if (++in_this_second_ <= per_second_max_) return true;
  ++left_out_;
  return false;
}

void LiveTail::add(LiveRow row) {
  const std::scoped_lock lock(mutex_);
  row.number = ++last_;
  rows_.push_back(std::move(row));
  if (rows_.size() > rows_max_) rows_.pop_front();
}

void LiveTail::leave_out() {
  const std::scoped_lock lock(mutex_);
  ++left_out_;
}

void LiveTail::set_trouble(std::string why) {
  const std::scoped_lock lock(mutex_);
  trouble_ = std::move(why);
}

bool LiveTail::is_watched(MonoTime now) const {
  const std::scoped_lock lock(mutex_);
  return watched_at_ && now - *watched_at_ < kLiveIdle;
}

LiveTail::Page LiveTail::look(std::optional<std::uint64_t> after, const LiveFilter& filter,
                              const std::function<bool(AppId)>& may_see, std::size_t limit, MonoTime now) {
  const std::scoped_lock lock(mutex_);
  watched_at_ = now;
  Page page{.next = last_, .left_out = left_out_, .trouble = trouble_};
  const auto shown = [&](const LiveRow& row) { return may_see(row.app) && filter.matches(row); };
  if (!after) {  // from the newest back
    for (auto row = rows_.rbegin(); row != rows_.rend() && page.rows.size() < limit; ++row)
      if (shown(*row)) page.rows.push_back(*row);
    std::ranges::reverse(page.rows);
    return page;
  }
  if (*after > last_) after = 0;  // of a process before this one
  const std::uint64_t forgotten = last_ - rows_.size();
  if (*after < forgotten) page.missed = forgotten - *after;
  for (const LiveRow& row : rows_) {
    if (row.number <= *after || !shown(row)) continue;
    if (page.rows.size() >= limit) {
      page.next = page.rows.back().number;
      break;
    }
    page.rows.push_back(row);
  }
  return page;
}

}  // namespace nightpost::admin
