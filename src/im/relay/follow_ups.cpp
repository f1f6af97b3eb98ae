#include "im/relay/follow_ups.h"

#include <algorithm>
#include <utility>

#include "im/relay/offline_event.h"

namespace nightpost::im {
namespace {

constexpr milliseconds kReadAgain{1'000};                        // after the store could not be read
constexpr milliseconds kBadgeLifetime{300'000};                  // an older number may be older than a push's
constexpr std::uint64_t kTicketsFrom = std::uint64_t{1} << 62U;  // the relay's own are below

}  // namespace

FollowUps::FollowUps(const RelayOptions& options, IntentBook& book, const Presence& presence, EventSink& sink,
                     EventLoop& loop, RelayMetrics& metrics)
    : options_(options), book_(book), presence_(presence), sink_(sink), loop_(loop), metrics_(metrics) {
  timer_ = loop_.make_timer([this] { look(); });
}

FollowUps::~FollowUps() { *alive_ = false; }

void FollowUps::start() {
  read_after_ = 0;
  page_old_ = reading_;
  read_at_ = loop_.now() + options_.return_wait;
  arm();
}

void FollowUps::committed(const Committed& commit, const std::set<MessageId>& unpushed) {
  // The number is that of the moment when it goes out.
  if (!pending_.empty())
    for (const Delivery& delivery : commit.deliveries) {
      if (delivery.group.value != 0) {  // to many: it names who caused it, and nobody's total
        ++groups_moved_;
        continue;
      }
      if (const auto at = pending_.find(delivery.to); at != pending_.end() && at->second.badge)
        at->second.badge->unread_total = delivery.unread_total;
    }
  for (const Ended& ended : commit.ended)
    if (ended.why != Ended::Why::SameDevice) forget_device(ended.terminal.user, ended.terminal.device);
  for (const FollowUp& one : commit.follow_ups) {
    if (one.kind == FollowUp::Kind::Recalled && unpushed.contains(one.message)) {
      settle({one.id});
    } else if (held_.size() < options_.follow_ups_max) {
      take(one);
    } else {
      page_short_ = true;
      if (!read_after_) read_after_ = one.id - 1;
    }
  }
  ship();
  arm();
}

void FollowUps::take(const FollowUp& one) {
  if (done_.contains(one.id) || !held_.insert(one.id).second) return;
  metrics_.follow_ups_held.set(held_.size());
  if (one.kind == FollowUp::Kind::Recalled) {
    const std::vector<std::string> devices = without_message(one);
    if (devices.empty()) return settle({one.id});
    metrics_.cancels.add();
    return begin({one.id}, {{event_key(one), cancel_event(one, devices, options_.event_lifetime, options_.call_events),
                             nullptr}});
  }
  const auto [at, is_new] = pending_.try_emplace(one.to);
  Pending& pending = at->second;
  pending.rows.push_back(one.id);
  if (one.kind == FollowUp::Kind::Badge) {
    pending.badge = one;
    pending.moved = groups_moved_;
  } else {
    FollowUp& read = pending.read.try_emplace(one.message.conv, one).first->second;
    if (one.message.seq > read.message.seq) read = one;
  }
  if (is_new) due_.emplace_back(loop_.now() + options_.follow_up_wait, one.to);
}

/// It gets no push any more.
void FollowUps::forget_device(const UserKey& user, const std::string& device) {
  const auto at = pending_.find(user);
  if (at == pending_.end()) return;
  const auto forget = [&](FollowUp& one) {
    std::erase_if(one.targets, [&](const PushTarget& each) { return each.device == device; });
  };
  for (auto& [conv, read] : at->second.read) forget(read);
  if (at->second.badge) forget(*at->second.badge);
}

void FollowUps::publish(const UserKey& user) {
  const auto at = pending_.find(user);
  if (at == pending_.end()) return;
  Pending pending = std::move(at->second);
  pending_.erase(at);
  if (!pending.badge || pending.moved == groups_moved_) return publish(std::move(pending));
  const std::int64_t id = pending.badge->id;
  book_.follow_ups(id - 1, 1,
                   [this, id, pending = std::move(pending), alive = alive_](Answer<std::vector<FollowUp>> row) mutable {
                     if (!*alive) return;
                     if (row && !row->empty() && row->front().id == id)
                       pending.badge->unread_total = row->front().unread_total;
                     publish(std::move(pending));
                     ship();
                     arm();
                   });
}

void FollowUps::publish(Pending pending) {
  std::vector<Event> events;
  for (const auto& [conv, read] : pending.read) {
    const std::vector<std::string> devices = without_message(read);
    if (devices.empty()) continue;
    metrics_.cancels.add();
    events.push_back(
        {event_key(read), cancel_event(read, devices, options_.event_lifetime, options_.call_events), nullptr});
  }
  if (pending.badge) {
    const std::vector<std::string> devices = away(*pending.badge);
    if (!devices.empty()) {
      metrics_.badges.add();
      events.push_back({event_key(*pending.badge),
                        badge_event(*pending.badge, devices, std::min(options_.event_lifetime, kBadgeLifetime)),
                        nullptr});
    }
  }
  begin(std::move(pending.rows), std::move(events));
}

void FollowUps::begin(std::vector<std::int64_t> rows, std::vector<Event> events) {
  if (events.empty()) return settle(rows);
  const auto shared = std::make_shared<Rows>(Rows{std::move(rows), events.size()});
  for (Event& event : events) {
    event.rows = shared;
    ready_.push_back(std::move(event));
  }
}

void FollowUps::settle(const std::vector<std::int64_t>& rows) {
  for (const std::int64_t row : rows) {
    book_.follow_up_settled(row);
    held_.erase(row);
    if (read_after_) done_.insert(row);
  }
  metrics_.follow_ups_held.set(held_.size());
}

/// Phones whose app is not open here. Whoever brought it about knows it.
std::vector<std::string> FollowUps::away(const FollowUp& one) const {
  std::vector<std::string> devices;
  const std::vector<Presence::Device> here = presence_.connected(one.to);
  for (const PushTarget& target : one.targets) {
    const auto device = std::ranges::find(here, target.device, &Presence::Device::device);
    if ((device == here.end() || !device->foreground) && target.device != one.by_device)
      devices.push_back(target.device);
  }
  return devices;
}

/// Of those, the ones that have not acknowledged the message: only there a push of it was made.
std::vector<std::string> FollowUps::without_message(const FollowUp& one) const {
  std::vector<std::string> devices = away(one);
  const std::vector<Presence::Device> here = presence_.connected(one.to);
  std::erase_if(devices, [&](const std::string& name) {
    const auto device = std::ranges::find(here, name, &Presence::Device::device);
    const Ver saved = std::ranges::find(one.targets, name, &PushTarget::device)->acknowledged;
    return (device == here.end() ? saved : std::max(device->acknowledged, saved)) >= one.ver;
  });
  return devices;
}

void FollowUps::ship() {
  while (!ready_.empty() && flights_.size() < options_.in_flight_max && flight_bytes_ < options_.in_flight_bytes_max) {
    const std::uint64_t ticket = kTicketsFrom + ++tickets_;
    const Event& event = flights_.emplace(ticket, std::move(ready_.front())).first->second;
    ready_.pop_front();
    flight_bytes_ += event.text.size();
    sink_.publish(event.key, event.text, ticket);
  }
}

bool FollowUps::durable(std::uint64_t ticket) {
  if (ticket < kTicketsFrom) return false;
  const auto flight = flights_.find(ticket);
  if (flight == flights_.end()) return true;
  const Event done = std::move(flight->second);
  flights_.erase(flight);
  flight_bytes_ -= done.text.size();
  if (--done.rows->events == 0) settle(done.rows->ids);
  ship();
  arm();
  return true;
}

void FollowUps::look() {
  while (!due_.empty() && due_.front().first <= loop_.now()) {
    const UserKey user = std::move(due_.front().second);
    due_.pop_front();
    publish(user);
  }
  ship();
  read_more();
  arm();
}

void FollowUps::arm() {
  std::optional<MonoTime> at;
  if (!due_.empty()) at = due_.front().first;
  if (read_after_ && !reading_ && held_.size() <= options_.follow_ups_max / 2)
    at = std::min(at.value_or(read_at_), read_at_);
  if (at) timer_->arm(*at);
}

void FollowUps::read_more() {
  if (!read_after_ || reading_ || loop_.now() < read_at_ || held_.size() > options_.follow_ups_max / 2) return;
  reading_ = true;
  page_short_ = false;
  const std::int64_t after = *read_after_;
  const std::size_t limit = std::clamp<std::size_t>(options_.follow_ups_max - held_.size(), 1, options_.page);
  book_.follow_ups(after, limit, [this, after, limit, alive = alive_](Answer<std::vector<FollowUp>> page) {
    if (!*alive) return;
    reading_ = false;
    if (std::exchange(page_old_, false)) return arm();
    read_at_ = page ? loop_.now() : loop_.now() + kReadAgain;
    if (page) {
      std::optional<std::int64_t> next;
      if (page->size() >= limit || page_short_) next = page->empty() ? after : page->back().id;
      for (const FollowUp& one : *page) {
        if (held_.size() >= options_.follow_ups_max) {  // live ones have taken the room
          next = one.id - 1;
          break;
        }
        take(one);
      }
      read_after_ = next;
      done_.erase(done_.begin(), next ? done_.upper_bound(*next) : done_.end());
      ship();
    }
    arm();
  });
}

}  // namespace nightpost::im
