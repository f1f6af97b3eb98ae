#include "im/service/live_rooms.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "im/domain/group_tip.h"

namespace nightpost::im {
namespace {

/// How urgent it is to a room; nothing: it passes.
std::optional<Priority> priority_in_room(const Item& item) {
  if (const auto* const said = std::get_if<NewMessage>(&item)) return said->message->priority;
  const auto* const news = std::get_if<GroupNews>(&item);
  if (news == nullptr || news->stored) return std::nullopt;  // its end is heard by all
  return news->passing ? Priority::Lowest : Priority::High;
}

GroupNews news_of(const std::string& group, const GroupTip& tip) {
  return {.group = group, .tip = std::make_shared<const std::string>(tip_element(tip))};
}

}  // namespace

ConvId LiveRooms::room_of(const UserKey& user) const {
  const auto found = users_.find(user);
  return found == users_.end() ? ConvId{} : found->second.room;
}

ConvId LiveRooms::room_of(const UserKey& user, const std::string& device) const {
  const auto found = users_.find(user);
  return found == users_.end() || !found->second.devices.contains(device) ? ConvId{} : found->second.room;
}

std::int64_t LiveRooms::members(ConvId room) const {
  const auto found = rooms_.find(room);
  return found == rooms_.end() ? 0 : found->second.users;
}

std::size_t LiveRooms::waiting() const {
  std::size_t out = 0;
  for (const ConvId id : waiting_) out += rooms_.at(id).queue.waiting() + rooms_.at(id).peers.waiting();
  return out;
}

std::vector<LiveRooms::Count> LiveRooms::counts(std::size_t most) const {
  std::vector<Count> out;
  for (const auto& [id, room] : rooms_) {
    if (out.size() >= most) break;
    out.push_back({id, room.users});
  }
  return out;
}

void LiveRooms::shape(std::vector<Delivery>& deliveries, MonoTime now) {
  const auto is_of_room = [&](const Delivery& each) {
    return each.group.value != 0 && rooms_.contains(each.group) && priority_in_room(each.item);
  };
  if (std::ranges::none_of(deliveries, is_of_room)) return;
  Out out;
  for (Delivery& delivery : deliveries) {
    if (is_of_room(delivery)) {
      Room& room = rooms_.at(delivery.group);
      const Priority priority = *priority_in_room(delivery.item);
      say(delivery.group, room, priority, std::move(delivery), out, now);
    } else {
      out.push_back(std::move(delivery));
    }
  }
  deliveries = std::move(out);
}

void LiveRooms::take(std::vector<Delivery>& deliveries, MonoTime now, From from) {
  const bool concerned = std::ranges::any_of(deliveries, [&](const Delivery& each) {
    const auto* const item = std::get_if<Subscribed>(&each.item);
    return (item != nullptr && !item->live.empty()) || (each.group.value != 0 && rooms_.contains(each.group));
  });
  if (!concerned) return;
  Out out;
  std::vector<ConvId> begun;  // here, by these deliveries: shape() did not know them yet
  for (Delivery& delivery : deliveries) {
    if (const auto* const item = std::get_if<Subscribed>(&delivery.item)) {
      if (item->on && !item->live.empty()) {
        if (from != From::Peer) {
          if (!rooms_.contains(delivery.group)) begun.push_back(delivery.group);
          join(delivery, *item, out, now);
        } else if (const ConvId last = room_of(delivery.to); last.value != 0 && last != delivery.group) {
          leave(delivery.to, false, out, now);
        }
      } else if (delivery.to.user.empty()) {
        dismiss(delivery.group);
      } else if (!item->live.empty() && room_of(delivery.to) == delivery.group) {
        leave(delivery.to, true, out, now);
      }
      out.push_back(std::move(delivery));
      continue;
    }
    const auto room = delivery.group.value == 0 ? rooms_.end() : rooms_.find(delivery.group);
    const auto priority = room == rooms_.end() ? std::nullopt : priority_in_room(delivery.item);
    if (priority && from == From::Shaped && std::ranges::find(begun, room->first) != begun.end())
      room->second.queue.count_one(now);
    if (!priority || from == From::Shaped)
      out.push_back(std::move(delivery));
    else if (from == From::Peer)
      pass_on(room->first, room->second, *priority, std::move(delivery), out, now);
    else
      say(room->first, room->second, *priority, std::move(delivery), out, now);
  }
  deliveries = std::move(out);
}

/// Whoever does not tell `out` to other nodes keeps it for them (keep_for_peers).
void LiveRooms::say(ConvId id, Room& room, Priority priority, Delivery delivery, Out& out, MonoTime now) {
  room.queue.add(priority, std::move(delivery));
  release_own(id, room, out, now);
}

void LiveRooms::pass_on(ConvId id, Room& room, Priority priority, Delivery delivery, Out& out, MonoTime now) {
  room.peers.add(priority, std::move(delivery));
  release_peers(id, room, out, now);
}

std::size_t LiveRooms::share_of(ConvId id, const Room& room) const {
  const std::int64_t elsewhere = elsewhere_ ? std::max<std::int64_t>(elsewhere_(id), 0) : 0;
  if (elsewhere == 0) return limits_.live_per_second;
  const double share = static_cast<double>(room.users) / static_cast<double>(room.users + elsewhere);
  return std::max<std::size_t>(
      static_cast<std::size_t>(std::lround(static_cast<double>(limits_.live_per_second) * share)), 1);
}

void LiveRooms::release_own(ConvId id, Room& room, Out& out, MonoTime now) {
  const std::uint64_t dropped = room.queue.dropped();
  room.queue.set_per_second(share_of(id, room));
  for (Delivery& each : room.queue.take(now)) out.push_back(std::move(each));
  dropped_ += room.queue.dropped() - dropped;
  note_waiting(id, room);
}

void LiveRooms::release_peers(ConvId id, Room& room, Out& out, MonoTime now) {
  const std::uint64_t dropped = room.peers.dropped();
  for (Delivery& each : room.peers.take(now)) out.push_back(std::move(each));
  dropped_ += room.peers.dropped() - dropped;
  note_waiting(id, room);
}

void LiveRooms::note_waiting(ConvId id, const Room& room) {
  if (room.queue.next() || room.peers.next())
    waiting_.insert(id);
  else
    waiting_.erase(id);
}

void LiveRooms::keep_for_peers(const Out& out, std::size_t from) {
  if (elsewhere_) for_peers_.insert(for_peers_.end(), out.begin() + static_cast<std::ptrdiff_t>(from), out.end());
}

void LiveRooms::forget(std::unordered_map<ConvId, Room>::iterator room) {
  waiting_.erase(room->first);
  rooms_.erase(room);
}

void LiveRooms::join(const Delivery& delivery, const Subscribed& item, Out& out, MonoTime now) {
  if (const ConvId last = room_of(delivery.to); last.value != 0 && last != delivery.group)
    leave(delivery.to, false, out, now);
  User& user = users_[delivery.to];
  if (user.room.value == 0) {
    user.room = delivery.group;
    const auto [room, is_new] =
        rooms_.try_emplace(delivery.group, Room{.group = item.live,
                                                .queue = {limits_.live_per_second, limits_.live_waiting_max},
                                                .peers = {limits_.live_per_second, limits_.live_waiting_max}});
    ++room->second.users;
  }
  Device& device = user.devices[item.device];
  if (device.epoch > item.epoch) return;  // of a later login
  const auto asked = asking_->find({delivery.to, item.device, item.epoch});
  const bool here = asked == asking_->end() || !asked->second.gone;
  device = {item.epoch, here};
  if (!here) leases_.push_back({now + limits_.live_lease, delivery.to, item.device, item.epoch});
}

/// `told`: the members have heard of it.
void LiveRooms::leave(const UserKey& user, bool told, Out& out, MonoTime now) {
  const auto found = users_.find(user);
  if (found == users_.end()) return;
  const ConvId id = found->second.room;
  users_.erase(found);
  const auto room = rooms_.find(id);
  if (room == rooms_.end()) return;
  if (!told) {
    out.push_back({.to = user, .item = Subscribed{.on = false, .live = room->second.group}, .group = id});
    const GroupTip tip{.kind = GroupTip::Kind::Quit, .by = user.user, .users = {user.user}};
    const std::size_t before = out.size();
    say(id, room->second, Priority::Lowest, {.to = user, .item = news_of(room->second.group, tip), .group = id}, out,
        now);
    keep_for_peers(out, before);
  }
  if (--room->second.users > 0) return;
  // Nobody here waits for it any more. The members of other nodes do, and its senders were told of success.
  if (elsewhere_)
    for (Delivery& each : room->second.queue.drain()) for_peers_.push_back(std::move(each));
  forget(room);
}

void LiveRooms::dismiss(ConvId id) {
  const auto room = rooms_.find(id);
  if (room == rooms_.end()) return;
  std::erase_if(users_, [&](const auto& each) { return each.second.room == id; });
  forget(room);
}

std::vector<Delivery> LiveRooms::put_out(const UserKey& user, ConvId room, MonoTime now) {
  Out out;
  const auto found = rooms_.find(room);
  if (found == rooms_.end() || room_of(user) != room) return out;
  // To this user alone, and while his devices still are among those that hear the room.
  out.push_back({.to = user,
                 .item = news_of(found->second.group, {.kind = GroupTip::Kind::Kick, .users = {user.user}}),
                 .group = room,
                 .only = std::make_shared<const std::vector<std::string>>()});
  leave(user, false, out, now);
  return out;
}

std::vector<Delivery> LiveRooms::end(ConvId id) {
  const auto room = rooms_.find(id);
  if (room == rooms_.end()) return {};
  Out out;
  out.push_back({.item = news_of(room->second.group, {.kind = GroupTip::Kind::Dismiss}), .group = id});
  out.push_back({.item = Subscribed{.on = false, .live = room->second.group}, .group = id});
  dismiss(id);
  return out;
}

ConvId LiveRooms::came(const Terminal& who) {
  const auto found = users_.find(who.user);
  if (found == users_.end()) return {};
  const auto device = found->second.devices.find(who.device);
  if (device == found->second.devices.end()) return {};
  device->second = {who.epoch, true};
  return found->second.room;
}

std::shared_ptr<const void> LiveRooms::asked(const Terminal& who) {
  const auto at = asking_->try_emplace({who.user, who.device, who.epoch}).first;
  ++at->second.open;
  return {nullptr, [all = asking_, at](const void*) {
            if (--at->second.open == 0) all->erase(at);
          }};
}

void LiveRooms::gone(const Terminal& who, MonoTime now) {
  if (const auto asked = asking_->find({who.user, who.device, who.epoch}); asked != asking_->end())
    asked->second.gone = true;
  const auto found = users_.find(who.user);
  if (found == users_.end()) return;
  const auto device = found->second.devices.find(who.device);
  if (device == found->second.devices.end() || device->second.epoch > who.epoch) return;  // a later one is here
  device->second.here = false;
  leases_.push_back({now + limits_.live_lease, who.user, who.device, device->second.epoch});
}

std::vector<Delivery> LiveRooms::due(MonoTime now) {
  Out out;
  while (!leases_.empty() && leases_.front().until <= now) {
    const Lease lease = std::move(leases_.front());
    leases_.pop_front();
    const auto found = users_.find(lease.user);
    if (found == users_.end()) continue;
    const auto device = found->second.devices.find(lease.device);
    if (device == found->second.devices.end() || device->second.here || device->second.epoch != lease.epoch) continue;
    found->second.devices.erase(device);
    if (found->second.devices.empty()) leave(lease.user, false, out, now);
  }
  for (const ConvId id : std::vector(waiting_.begin(), waiting_.end())) {
    const std::size_t before = out.size();
    release_own(id, rooms_.at(id), out, now);
    keep_for_peers(out, before);
    release_peers(id, rooms_.at(id), out, now);
  }
  return out;
}

std::optional<MonoTime> LiveRooms::next() const {
  std::optional<MonoTime> at;
  if (!leases_.empty()) at = leases_.front().until;
  for (const ConvId id : waiting_)
    for (const auto* const queue : {&rooms_.at(id).queue, &rooms_.at(id).peers})
      if (const auto next = queue->next()) at = std::min(at.value_or(*next), *next);
  return at;
}

}  // namespace nightpost::im
