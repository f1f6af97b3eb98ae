#include "im/relay/relay.h"

#include <algorithm>
#include <utility>

#include "im/relay/offline_event.h"

namespace nightpost::im {
namespace {

constexpr milliseconds kIntentsReadAgain{1'000};  // after the store could not be read

}  // namespace

Relay::Relay(RelayOptions options, IntentBook& book, const Presence& presence, EventSink& sink, EventLoop& loop,
             RelayMetrics& metrics)
    : options_(options),
      book_(book),
      presence_(presence),
      sink_(sink),
      loop_(loop),
      metrics_(metrics),
      follow_ups_(options_, book, presence, sink, loop, metrics) {
  timer_ = loop_.make_timer([this] { read_more(); });
  withdrawn_timer_ = loop_.make_timer([this] { look_for_withdrawn(); });
  sink_.on_durable([this](std::uint64_t ticket) { durable(ticket); });
}

Relay::~Relay() {
  *alive_ = false;
  sink_.on_durable({});
}

void Relay::start() {
  read_after_ = 0;
  page_old_ = reading_;
  read_at_ = loop_.now() + options_.return_wait;
  timer_->arm(read_at_);
  follow_ups_.start();
}

void Relay::committed(const Committed& commit) {
  if (reading_ && (!commit.recalled.empty() || !commit.read.empty())) page_stale_ = true;
  std::set<MessageId> unpushed;
  for (const MessageId recalled : commit.recalled)
    if (const auto at = of_message_.find(recalled); at != of_message_.end() && withdraw(at->second))
      unpushed.insert(recalled);
  for (const auto& [user, upto] : commit.read)
    if (const auto mine = of_user_.find(user); mine != of_user_.end())
      for (const std::int64_t id : std::vector(mine->second.begin(), mine->second.end())) {
        const MessageId message = held_.at(id).intent.message->id;
        if (message.conv == upto.conv && message.seq <= upto.seq) withdraw(id);
      }
  for (const Ended& ended : commit.ended)
    if (ended.why != Ended::Why::SameDevice) forget_device(ended.terminal.user, ended.terminal.device);
  for (const Intent& intent : commit.intents) {
    if (held_.size() < options_.held_max) {
      take(intent);
    } else {
      page_short_ = true;
      if (!read_after_) read_after_ = intent.id - 1;
    }
  }
  ship();
  follow_ups_.committed(commit, unpushed);
}

void Relay::take(const Intent& intent) {
  const auto [at, is_new] = held_.try_emplace(intent.id);
  if (!is_new) return;
  metrics_.intents.add();
  Held& held = at->second;
  held.intent = intent;
  of_user_[intent.to].insert(intent.id);
  of_message_.emplace(intent.message->id, intent.id);
  const std::vector<Presence::Device> here = presence_.connected(intent.to);
  for (const PushTarget& target : intent.targets) {
    if (std::ranges::find(intent.pushed, target.device) != intent.pushed.end()) continue;
    const auto device = std::ranges::find(here, target.device, &Presence::Device::device);
    const Ver has = device == here.end() ? target.acknowledged : std::max(device->acknowledged, target.acknowledged);
    if (has >= intent.ver) continue;
    const bool may_acknowledge = device != here.end() && device->foreground;
    (may_acknowledge ? held.waiting : held.due).insert(target.device);
  }
  metrics_.held.set(held_.size());
  look(at);
}

void Relay::look(Ids::iterator at) {
  Held& held = at->second;
  if (!held.due.empty()) {
    if (!std::exchange(held.queued, true)) ready_.push_back(at->first);
    return;
  }
  if (!held.waiting.empty() || held.in_flight > 0) return;
  if (!held.ended) {
    if (held.intent.events == 0) metrics_.acknowledged.add();
    book_.intent_settled(at->first);
  }
  erase(at);
}

void Relay::erase(Ids::iterator at) {
  if (const auto user = of_user_.find(at->second.intent.to); user != of_user_.end()) {
    user->second.erase(at->first);
    if (user->second.empty()) of_user_.erase(user);
  }
  of_message_.erase(at->second.intent.message->id);
  if (read_after_) done_.insert(at->first);
  held_.erase(at);
  metrics_.held.set(held_.size());
  if (read_after_ && !reading_ && held_.size() <= options_.held_max / 2) timer_->arm(loop_.now());
}

void Relay::ship() {
  while (!ready_.empty() && flights_.size() < options_.in_flight_max && flight_bytes_ < options_.in_flight_bytes_max) {
    const auto at = held_.find(ready_.front());
    ready_.pop_front();
    if (at == held_.end()) continue;
    Held& held = at->second;
    held.queued = false;
    if (held.due.empty()) {  // it was withdrawn meanwhile
      look(at);
      continue;
    }
    const std::int32_t number = ++held.intent.events;
    std::vector<std::string> devices(held.due.begin(), held.due.end());
    held.due.clear();
    ++held.in_flight;
    const std::string event = offline_event(held.intent, devices, options_.event_lifetime, options_.call_events);
    const std::uint64_t ticket = ++tickets_;
    flights_.emplace(ticket, Flight{at->first, number, std::move(devices), loop_.now(), event.size()});
    flight_bytes_ += event.size();
    metrics_.events.add();
    if (held.late) metrics_.late_events.add();
    sink_.publish(event_key(held.intent), event, ticket);
  }
  measure();
}

void Relay::durable(std::uint64_t ticket) {
  if (follow_ups_.durable(ticket)) return;
  const auto flight = flights_.find(ticket);
  if (flight == flights_.end()) return;
  const Flight done = std::move(flight->second);
  flights_.erase(flight);
  flight_bytes_ -= done.bytes;
  if (const auto at = held_.find(done.intent); at != held_.end()) {
    Held& held = at->second;
    --held.in_flight;
    const bool more = !held.waiting.empty() || !held.due.empty() || held.in_flight > 0;
    if (more && !held.ended) book_.intent_published(done.intent, done.number, done.devices);
    look(at);
  }
  ship();
}

/// Its row is gone with the commit that withdrew it.
bool Relay::withdraw(std::int64_t id) {
  const auto at = held_.find(id);
  if (at == held_.end()) return false;
  Held& held = at->second;
  const bool unpushed = held.intent.events == 0;
  if (!std::exchange(held.ended, true)) metrics_.withdrawn.add();
  held.waiting.clear();
  held.due.clear();
  look(at);
  return unpushed;
}

void Relay::acknowledged(const UserKey& user, const std::string& device, Ver ver) {
  const auto mine = of_user_.find(user);
  if (mine == of_user_.end()) return;
  for (const std::int64_t id : std::vector(mine->second.begin(), mine->second.end())) {
    const auto at = held_.find(id);
    if (at == held_.end() || at->second.intent.ver > ver) continue;
    at->second.waiting.erase(device);
    at->second.due.erase(device);
    look(at);
  }
}

void Relay::left_foreground(const UserKey& user, const std::string& device) {
  const auto mine = of_user_.find(user);
  if (mine == of_user_.end()) return;
  for (const std::int64_t id : std::vector(mine->second.begin(), mine->second.end())) {
    const auto at = held_.find(id);
    if (at == held_.end() || at->second.waiting.erase(device) == 0) continue;
    at->second.due.insert(device);
    at->second.late = true;
    look(at);
  }
  ship();
}

/// What was due stays due: it may be on its way already, and the device has not said that it has the message.
void Relay::came(const UserKey&, const std::string&) {}

/// The device gets no push any more: it logged out, or another took its place.
void Relay::forget_device(const UserKey& user, const std::string& device) {
  const auto mine = of_user_.find(user);
  if (mine == of_user_.end()) return;
  for (const std::int64_t id : std::vector(mine->second.begin(), mine->second.end())) {
    const auto at = held_.find(id);
    if (at == held_.end()) continue;
    at->second.waiting.erase(device);
    at->second.due.erase(device);
    look(at);
  }
}

void Relay::missed(const Concerned& whom) {
  // An account's end withdraws what was for it, too.
  const bool concerned = whom.all || whom.withdrew || std::ranges::any_of(whom.users, [this](const UserKey& user) {
                           return of_user_.contains(user);
                         });
  if (!concerned) return;
  if (reading_) page_stale_ = true;
  look_after_ = 0;
  look_to_ = held_.empty() ? 0 : held_.rbegin()->first;  // what is written from now on is not concerned
  look_again_ = looking_for_withdrawn_;
  if (!looking_for_withdrawn_) look_for_withdrawn();
}

/// A row goes when it is settled here, and then it is not held; or when the message was recalled or read.
void Relay::look_for_withdrawn() {
  const auto first = held_.upper_bound(look_after_);
  if (looking_for_withdrawn_ || first == held_.end() || first->first > look_to_) return;
  looking_for_withdrawn_ = true;
  const std::int64_t after = first->first - 1;
  book_.intents(after, options_.page, [this, after, alive = alive_](const Answer<std::vector<Intent>>& page) {
    if (!*alive) return;
    looking_for_withdrawn_ = false;
    if (!page) return withdrawn_timer_->arm(loop_.now() + kIntentsReadAgain);
    if (!std::exchange(look_again_, false)) {
      const bool is_last = page->size() < options_.page;
      look_after_ = is_last ? look_to_ : std::min(look_to_, page->back().id);
      std::vector<std::int64_t> gone;
      for (auto at = held_.upper_bound(after); at != held_.end() && at->first <= look_after_; ++at)
        if (std::ranges::find(*page, at->first, &Intent::id) == page->end()) gone.push_back(at->first);
      for (const std::int64_t id : gone) withdraw(id);
      ship();
    }
    look_for_withdrawn();
  });
}

void Relay::read_more() {
  if (!read_after_ || reading_ || held_.size() > options_.held_max / 2) return;
  if (loop_.now() < read_at_) return timer_->arm(read_at_);
  reading_ = true;
  const std::int64_t after = *read_after_;
  const std::size_t limit = std::clamp<std::size_t>(options_.held_max - held_.size(), 1, options_.page);
  page_stale_ = page_short_ = false;
  book_.intents(after, limit, [this, after, limit, alive = alive_](Answer<std::vector<Intent>> page) {
    if (!*alive) return;
    reading_ = false;
    if (std::exchange(page_old_, false)) return timer_->arm(read_at_);
    if (!page) return timer_->arm(loop_.now() + kIntentsReadAgain);
    if (page_stale_) return timer_->arm(loop_.now());
    take_page(after, limit, *page);
    ship();
    if (read_after_ && held_.size() <= options_.held_max / 2) timer_->arm(loop_.now());
  });
}

void Relay::take_page(std::int64_t after, std::size_t limit, const std::vector<Intent>& page) {
  std::optional<std::int64_t> next;
  if (page.size() >= limit || page_short_) next = page.empty() ? after : page.back().id;
  for (const Intent& intent : page) {
    if (held_.contains(intent.id) || done_.contains(intent.id)) continue;
    if (held_.size() >= options_.held_max) {  // live ones have taken the room
      next = intent.id - 1;
      break;
    }
    metrics_.repeated.add();
    take(intent);
  }
  read_after_ = next;
  done_.erase(done_.begin(), next ? done_.upper_bound(*next) : done_.end());
}

void Relay::measure() {
  metrics_.in_flight.set(flights_.size());
  const milliseconds age = flights_.empty()
                               ? milliseconds(0)
                               : std::chrono::floor<milliseconds>(loop_.now() - flights_.begin()->second.since);
  metrics_.oldest_ms.set(static_cast<std::uint64_t>(std::max<std::int64_t>(age.count(), 0)));
}

}  // namespace nightpost::im
