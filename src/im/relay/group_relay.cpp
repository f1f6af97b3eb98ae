#include "im/relay/group_relay.h"

#include <algorithm>

#include "im/domain/group_rules.h"

namespace nightpost::im {
namespace {

constexpr milliseconds kAgain{1'000};  // after the store could not be read

std::int64_t range_of_user(const GroupIntent& intent, const std::string& user) {
  return range_of(member_slot(user), intent.ranges);
}

}  // namespace

GroupRelay::GroupRelay(RelayOptions relay, GroupRelayOptions options, GroupIntentBook& book, const Presence& presence,
                       EventSink& sink, EventLoop& loop, GroupRelayMetrics& metrics)
    : relay_(relay), options_(options), book_(book), presence_(presence), sink_(sink), loop_(loop), metrics_(metrics) {
  timer_ = loop_.make_timer([this] { read_more(); });
  withdrawn_timer_ = loop_.make_timer([this] { look_for_withdrawn(); });
  again_ = loop_.make_timer([this] { look_up(); });
  sink_.on_durable([this](std::uint64_t ticket) { durable(ticket); });
}

GroupRelay::~GroupRelay() {
  *alive_ = false;
  sink_.on_durable({});
}

void GroupRelay::start() {
  read_after_ = 0;
  page_old_ = reading_;
  read_at_ = loop_.now() + relay_.return_wait;
  timer_->arm(read_at_);
}

void GroupRelay::committed(const Committed& commit) {
  for (const MessageId recalled : commit.recalled)
    if (const auto at = of_message_.find(recalled); at != of_message_.end()) withdraw(at->second);
  for (const GroupIntent& intent : commit.group_intents) {
    if (held_.size() < options_.held_max) {
      take(intent);
    } else {
      page_short_ = true;
      if (!read_after_) read_after_ = intent.id - 1;
    }
  }
  for (const auto& [user, upto] : commit.read) drop_user(user, upto);
  for (const Delivery& delivery : commit.deliveries) {
    const auto* const subscribed = std::get_if<Subscribed>(&delivery.item);
    if (!subscribed || subscribed->on || !delivery.to.user.empty()) continue;
    std::vector<std::int64_t> dismissed;  // with the whole group
    for (const auto& [id, held] : held_)
      if (held.intent.message->id.conv == delivery.group) dismissed.push_back(id);
    for (const std::int64_t id : dismissed) withdraw(id);
  }
  for (const Ended& ended : commit.ended) {
    if (ended.why == Ended::Why::SameDevice) continue;
    const auto mine = of_user_.find(ended.terminal.user);
    if (mine == of_user_.end()) continue;
    for (const std::int64_t id : std::vector(mine->second.begin(), mine->second.end())) {
      const auto at = held_.find(id);
      drop(at->second, range_of_user(at->second.intent, ended.terminal.user.user), ended.terminal.user.user,
           &ended.terminal.device);
      look(at);
    }
  }
  look_up();
  measure();
}

bool GroupRelay::take(const GroupIntent& intent) {
  if (!intent.message) {  // recalled, erased or its group dismissed meanwhile
    book_.group_intent_settled(intent.id);
    return false;
  }
  const auto [at, is_new] = held_.try_emplace(intent.id);
  if (!is_new) return false;
  metrics_.intents.add();
  Held& held = at->second;
  held.intent = intent;
  held.next = held.told_done = intent.done;
  of_message_.emplace(intent.message->id, intent.id);
  if (held.looked_up())
    look(at);
  else
    unread_.insert(intent.id);
  return true;
}

bool GroupRelay::has_room() const {
  return flights_.size() < relay_.in_flight_max && flight_bytes_ < relay_.in_flight_bytes_max;
}

void GroupRelay::look_up() {
  while (!late_.empty() && has_room()) {
    const auto [user, device] = std::move(late_.extract(late_.begin()).value());
    const auto here = presence_.connected(user);
    const auto at = std::ranges::find(here, device, &Presence::Device::device);
    if (at == here.end() || !at->foreground) make_due(user, device);  // else it is back, and may still acknowledge
  }
  if (looking_ != 0 || unread_.empty() || waiting_ >= options_.waits_max || !has_room()) return;
  looking_ = *unread_.begin();
  const Held& held = held_.at(looking_);
  book_.group_receivers(held.intent.message->id, held.next, held.intent.ranges,
                        [this, id = looking_, alive = alive_](Answer<std::vector<GroupReceiver>> members) {
                          if (*alive) looked_up(id, std::move(members));
                        });
}

void GroupRelay::looked_up(std::int64_t id, Answer<std::vector<GroupReceiver>> members) {
  looking_ = 0;
  if (!members) return again_->arm(loop_.now() + kAgain);
  const auto at = held_.find(id);
  if (at != held_.end() && !at->second.ended) {  // else withdrawn meanwhile, with events on their way
    metrics_.ranges.add();
    Held& held = at->second;
    const std::int64_t range = held.next++;
    if (held.looked_up()) unread_.erase(id);
    sort(held, range, *members);
    held.gone.clear();
    if (held.looked_up()) forget_has(held);
    look(at);
  }
  look_up();
  measure();
}

/// Devices of a range: those that have the message, those that may still acknowledge it, those that are due.
void GroupRelay::sort(Held& held, std::int64_t range, const std::vector<GroupReceiver>& members) {
  Range& open = held.open[range];
  std::vector<DueMember> due;
  for (const GroupReceiver& member : members) {
    if (held.gone.contains(member.user)) continue;
    const UserKey user{held.intent.app, member.user};
    const std::vector<Presence::Device> here = presence_.connected(user);
    DueMember now{.user = member.user, .unread_total = member.unread_total, .mentioned = member.mentioned};
    Wait wait{.unread_total = member.unread_total, .mentioned = member.mentioned};
    for (const PushTarget& target : member.targets) {
      if (held.has.contains({member.user, target.device})) {
        metrics_.acknowledged.add();
        continue;
      }
      const auto device = std::ranges::find(here, target.device, &Presence::Device::device);
      if (device == here.end() || !device->foreground)
        now.devices.push_back(target.device);
      else if (presence_.may_acknowledge(user, target.device, held.intent.message->id))
        wait.devices.insert(target.device);
      else
        metrics_.acknowledged.add();  // while the message was in the store alone
    }
    if (!now.devices.empty()) due.push_back(std::move(now));
    if (wait.devices.empty()) continue;
    waiting_ += wait.devices.size();
    open.waits.emplace(member.user, std::move(wait));
    of_user_[user].insert(held.intent.id);
  }
  publish(held, range, std::move(due), false);
}

void GroupRelay::publish(Held& held, std::int64_t range, std::vector<DueMember> due, bool late) {
  while (!due.empty()) {
    const auto end = due.begin() + static_cast<std::ptrdiff_t>(std::min(due.size(), kEventMembersMax));
    const std::vector<DueMember> part(std::make_move_iterator(due.begin()), std::make_move_iterator(end));
    due.erase(due.begin(), end);
    const std::string event = group_event(held.intent, range, part, relay_.event_lifetime, relay_.call_events);
    const std::uint64_t ticket = ++tickets_;
    flights_.emplace(ticket, Flight{held.intent.id, range, event.size()});
    flight_bytes_ += event.size();
    ++held.open[range].in_flight;
    metrics_.events.add();
    metrics_.members.add(part.size());
    if (late) metrics_.late_events.add();
    sink_.publish(group_event_key(held.intent, range), event, ticket);
  }
}

void GroupRelay::durable(std::uint64_t ticket) {
  const auto flight = flights_.find(ticket);
  if (flight == flights_.end()) return;
  const Flight done = flight->second;
  flights_.erase(flight);
  flight_bytes_ -= done.bytes;
  if (const auto at = held_.find(done.intent); at != held_.end()) {
    --at->second.open[done.range].in_flight;
    look(at);
  }
  look_up();
  measure();
}

/// A member's wait, or one device of it, is over. The caller looks.
void GroupRelay::drop(Held& held, std::int64_t range, const std::string& user, const std::string* device) {
  const auto open = held.open.find(range);
  if (open == held.open.end()) return;
  const auto wait = open->second.waits.find(user);
  if (wait == open->second.waits.end()) return;
  if (device != nullptr) {
    waiting_ -= wait->second.devices.erase(*device);
    if (!wait->second.devices.empty()) return;
  } else {
    waiting_ -= wait->second.devices.size();
  }
  open->second.waits.erase(wait);
  const auto mine = of_user_.find({held.intent.app, user});
  if (mine == of_user_.end()) return;
  mine->second.erase(held.intent.id);
  if (mine->second.empty()) of_user_.erase(mine);
}

bool GroupRelay::is_of(const Held& held, const UserKey& user) const { return held.intent.app == user.app; }

/// Read, or not his any more.
void GroupRelay::drop_user(const UserKey& user, MessageId upto) {
  const auto concerned = [&](const Held& held) {
    const MessageId message = held.intent.message->id;
    return is_of(held, user) && message.conv == upto.conv && message.seq <= upto.seq;
  };
  // A look that has begun may be from before; a later one finds it in the store.
  if (const auto at = held_.find(looking_); at != held_.end() && concerned(at->second))
    at->second.gone.insert(user.user);
  const auto mine = of_user_.find(user);
  if (mine == of_user_.end()) return;
  for (const std::int64_t id : std::vector(mine->second.begin(), mine->second.end())) {
    const auto at = held_.find(id);
    if (!concerned(at->second)) continue;
    drop(at->second, range_of_user(at->second.intent, user.user), user.user, nullptr);
    look(at);
  }
}

void GroupRelay::has_messages(const UserKey& user, const std::string& device, std::span<const MessageId> messages) {
  for (const MessageId message : messages) {
    const auto known = of_message_.find(message);
    if (known == of_message_.end()) continue;
    const auto at = held_.find(known->second);
    Held& held = at->second;
    const std::int64_t range = range_of_user(held.intent, user.user);
    if (range >= held.next) {
      // Beyond the limit it is forgotten: pushed twice beats never.
      if (has_ < options_.waits_max && held.has.emplace(user.user, device).second) ++has_;
      continue;
    }
    const std::size_t before = waiting_;
    drop(held, range, user.user, &device);
    metrics_.acknowledged.add(before - waiting_);
    look(at);
  }
  look_up();
  measure();
}

void GroupRelay::has_all_messages(const UserKey& user, const std::string& device, std::span<const MessageId> but) {
  const auto all_but = [&](const Held& held) {
    return is_of(held, user) && std::ranges::find(but, held.intent.message->id) == but.end();
  };
  std::vector<MessageId> has;
  for (const std::int64_t id : unread_)
    if (const Held& held = held_.at(id); all_but(held)) has.push_back(held.intent.message->id);
  if (const auto mine = of_user_.find(user); mine != of_user_.end())
    for (const std::int64_t id : mine->second)
      if (const Held& held = held_.at(id); all_but(held) && !unread_.contains(id))
        has.push_back(held.intent.message->id);
  has_messages(user, device, has);
}

void GroupRelay::left_foreground(const UserKey& user, const std::string& device) {
  make_due(user, device);
  look_up();
  measure();
}

/// Where there is no room for its events, what waits goes on waiting, and may still be acknowledged or read.
void GroupRelay::make_due(const UserKey& user, const std::string& device) {
  const auto mine = of_user_.find(user);
  if (mine == of_user_.end()) return;
  for (const std::int64_t id : std::vector(mine->second.begin(), mine->second.end())) {
    if (!has_room()) {
      late_.emplace(user, device);
      return;
    }
    const auto at = held_.find(id);
    Held& held = at->second;
    const std::int64_t range = range_of_user(held.intent, user.user);
    const Wait& wait = held.open.at(range).waits.at(user.user);
    if (!wait.devices.contains(device)) continue;
    DueMember due{
        .user = user.user, .unread_total = wait.unread_total, .mentioned = wait.mentioned, .devices = {device}};
    drop(held, range, user.user, &device);
    publish(held, range, {std::move(due)}, true);
    look(at);
  }
}

void GroupRelay::forget_has(Held& held) {
  has_ -= held.has.size();
  held.has.clear();
}

void GroupRelay::withdraw(std::int64_t id) {
  const auto at = held_.find(id);
  if (at == held_.end()) return;
  Held& held = at->second;
  if (!std::exchange(held.ended, true)) metrics_.withdrawn.add();
  held.next = held.intent.ranges;
  unread_.erase(id);
  for (const auto& [range, open] : std::map(held.open))
    for (const auto& [user, wait] : open.waits) drop(held, range, user, nullptr);
  look(at);
}

void GroupRelay::look(Ids::iterator at) {
  Held& held = at->second;
  std::erase_if(held.open, [](const auto& range) { return range.second.over(); });
  const std::int64_t done = held.open.empty() ? held.next : std::min(held.open.begin()->first, held.next);
  if (!held.looked_up() || !held.open.empty()) {
    if (!held.ended && done > held.told_done) book_.group_intent_done(at->first, held.told_done = done);
    return;
  }
  if (!held.ended) book_.group_intent_settled(at->first);
  of_message_.erase(held.intent.message->id);
  if (read_after_) done_.insert(at->first);
  forget_has(held);
  held_.erase(at);
  if (read_after_ && !reading_ && held_.size() <= options_.held_max / 2) timer_->arm(loop_.now());
}

void GroupRelay::missed(const Concerned& whom) {
  // A group's end withdraws what was said in it, too.
  const auto is_of = [&](const auto& held) {
    return held.second.intent.message && std::ranges::binary_search(whom.groups, held.second.intent.message->id.conv);
  };
  if (!whom.all && !whom.withdrew && std::ranges::none_of(held_, is_of)) return;
  look_after_ = 0;
  look_to_ = held_.empty() ? 0 : held_.rbegin()->first;  // what is written from now on is not concerned
  look_again_ = looking_for_withdrawn_;
  if (!looking_for_withdrawn_) look_for_withdrawn();
}

/// A row goes when it is settled here, and then it is not held; or when the message was recalled or read.
void GroupRelay::look_for_withdrawn() {
  const auto first = held_.upper_bound(look_after_);
  if (looking_for_withdrawn_ || first == held_.end() || first->first > look_to_) return;
  looking_for_withdrawn_ = true;
  const std::int64_t after = first->first - 1;
  book_.group_intents(after, relay_.page, [this, after, alive = alive_](const Answer<std::vector<GroupIntent>>& page) {
    if (!*alive) return;
    looking_for_withdrawn_ = false;
    if (!page) return withdrawn_timer_->arm(loop_.now() + kAgain);
    if (!std::exchange(look_again_, false)) {
      const bool is_last = page->size() < relay_.page;
      look_after_ = is_last ? look_to_ : std::min(look_to_, page->back().id);
      std::vector<std::int64_t> gone;
      for (auto at = held_.upper_bound(after); at != held_.end() && at->first <= look_after_; ++at)
        if (std::ranges::find(*page, at->first, &GroupIntent::id) == page->end()) gone.push_back(at->first);
      for (const std::int64_t id : gone) withdraw(id);
      look_up();
    }
    look_for_withdrawn();
  });
}

void GroupRelay::read_more() {
  if (!read_after_ || reading_ || held_.size() > options_.held_max / 2) return;
  if (loop_.now() < read_at_) return timer_->arm(read_at_);
  reading_ = true;
  page_short_ = false;
  const std::int64_t after = *read_after_;
  const std::size_t limit = std::clamp<std::size_t>(options_.held_max - held_.size(), 1, relay_.page);
  book_.group_intents(after, limit, [this, after, limit, alive = alive_](Answer<std::vector<GroupIntent>> page) {
    if (!*alive) return;
    reading_ = false;
    if (std::exchange(page_old_, false)) return timer_->arm(read_at_);
    if (!page) return timer_->arm(loop_.now() + kAgain);
    take_page(after, limit, *page);
    look_up();
    measure();
    if (read_after_ && held_.size() <= options_.held_max / 2) timer_->arm(loop_.now());
  });
}

void GroupRelay::take_page(std::int64_t after, std::size_t limit, const std::vector<GroupIntent>& page) {
  std::optional<std::int64_t> next;
  if (page.size() >= limit || page_short_) next = page.empty() ? after : page.back().id;
  for (const GroupIntent& intent : page) {
    if (held_.contains(intent.id) || done_.contains(intent.id)) continue;
    if (held_.size() >= options_.held_max) {  // live ones have taken the room
      next = intent.id - 1;
      break;
    }
    take(intent);
  }
  read_after_ = next;
  done_.erase(done_.begin(), next ? done_.upper_bound(*next) : done_.end());
}

void GroupRelay::measure() {
  metrics_.held.set(held_.size());
  metrics_.waiting.set(waiting_);
  metrics_.in_flight.set(flights_.size());
}

}  // namespace nightpost::im
