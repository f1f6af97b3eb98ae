#include "im/nodes/directory.h"

#include <algorithm>
#include <iterator>

namespace nightpost::im {
namespace {

constexpr std::size_t kNodeNameMax = 128;  // bytes

}  // namespace

// ---- Messages ----

bool Directory::heard(const PeerMessage& message, MonoTime now) {
  now_ = now;
  if (message.from == self_ || message.from == 0) return false;
  auto at = nodes_.find(message.from);
  const bool numbered =
      std::holds_alternative<peer::State>(message.body) || std::holds_alternative<peer::News>(message.body);
  if (at == nodes_.end()) {
    if (std::holds_alternative<peer::Farewell>(message.body)) return false;
    if (nodes_.size() >= options_.nodes_max) {
      metrics_.nodes_refused.add();
      return false;
    }
    at = nodes_.emplace(message.from, Node{}).first;
    at->second.seq = numbered ? message.seq - 1 : message.seq;
    at->second.unknown_since = now;
  }
  Node& node = at->second;
  node.heard_at = now;
  if (message.seq != (numbered ? node.seq + 1 : node.seq)) missed(message.from, node);
  node.seq = message.seq;
  if (const auto* const beat = std::get_if<peer::Beat>(&message.body)) {
    node.name = beat->name.substr(0, kNodeNameMax);
    if (!std::exchange(node.told, true)) changes_.push_back({Change::What::Came, message.from, node.name, 0});
  } else if (const auto* const page = std::get_if<peer::State>(&message.body)) {
    apply(message.from, node, *page);
  } else if (const auto* const news = std::get_if<peer::News>(&message.body)) {
    for (const DeviceNews& each : news->devices) apply(message.from, node.state, each);
  } else if (const auto* const live = std::get_if<peer::Live>(&message.body)) {
    node.live.clear();
    for (const LiveRooms::Count& each : live->rooms)
      if (node.live.size() < options_.live_rooms_max) node.live.insert_or_assign(each.room, each.users);
  } else if (std::holds_alternative<peer::Farewell>(message.body)) {
    forget(message.from, Change::What::Left);
  }
  measure();
  return true;
}

void Directory::missed(PeerId id, Node& node) {
  node.in_state = false;
  if (!std::exchange(node.known, false)) return;
  metrics_.gaps.add();
  node.unknown_since = now_;
  for (auto& [user, remotes] : by_user_)
    for (Remote& remote : remotes)
      if (remote.node == id) remote.unheard = true;
}

void Directory::apply(PeerId from, Node& node, const peer::State& page) {
  if (page.first) {
    ++node.state;
    node.in_state = true;
  }
  if (!node.in_state) return;
  node.unknown_since = now_;
  for (const DeviceNow& each : page.devices) {
    Remote* const remote = enter(from, each.user, each.device);
    if (remote == nullptr) continue;
    remote->state = node.state;
    acknowledge(each.user, *remote, each.acknowledged);
    if (std::exchange(remote->unheard, false)) set_foreground(each.user, *remote, false);
    set_foreground(each.user, *remote, each.foreground);
  }
  if (!page.last) return;
  node.in_state = false;
  node.known = true;
  drop([&](const Remote& remote) { return remote.node == from && remote.state != node.state; });
}

void Directory::apply(PeerId from, std::uint32_t state, DeviceNews news) {
  if (news.kind == DeviceNews::Kind::Came) {
    Remote* const remote = enter(from, news.user, news.device);
    if (remote == nullptr) return;
    remote->state = state;
    acknowledge(news.user, *remote, news.ver);
    return set_foreground(news.user, *remote, true);
  }
  Remote* const remote = find(from, news.user, news.device);
  switch (news.kind) {
    case DeviceNews::Kind::Left:
      if (remote != nullptr) set_foreground(news.user, *remote, false);
      return;
    case DeviceNews::Kind::Gone:
      if (remote != nullptr) drop_one(from, news.user, news.device);
      return;
    case DeviceNews::Kind::Acknowledged:
      if (remote != nullptr)
        acknowledge(news.user, *remote, news.ver);
      else if (events_ != nullptr)  // there was no room for the device
        events_->acknowledged(news.user, news.device, news.ver);
      return;
    case DeviceNews::Kind::Has:
    case DeviceNews::Kind::HasAllBut: {
      if (news.kind == DeviceNews::Kind::HasAllBut && !add_untold(news)) return;
      if (events_ != nullptr && news.kind == DeviceNews::Kind::Has)
        events_->has_messages(news.user, news.device, news.messages);
      else if (events_ != nullptr)
        events_->has_all_messages(news.user, news.device, news.messages);
      if (Remote* const same = find(from, news.user, news.device); same != nullptr) has(news.user, *same, news);
      return;
    }
    case DeviceNews::Kind::Came:
      return;
  }
}

// ---- Devices ----

Directory::Remote* Directory::find(PeerId node, const UserKey& user, const std::string& device) {
  const auto found = by_user_.find(user);
  if (found == by_user_.end()) return nullptr;
  const auto at = std::ranges::find_if(found->second,
                                       [&](const Remote& each) { return each.node == node && each.device == device; });
  return at == found->second.end() ? nullptr : &*at;
}

Directory::Remote* Directory::enter(PeerId node, const UserKey& user, const std::string& device) {
  if (Remote* const known = find(node, user, device); known != nullptr) return known;
  if (devices_ >= options_.remote_devices_max) {
    metrics_.devices_refused.add();
    return nullptr;
  }
  ++devices_;
  Remote& made = by_user_[user].emplace_back();
  made.node = node;
  made.device = device;
  return &made;
}

void Directory::set_foreground(const UserKey& user, Remote& remote, bool foreground) {
  const bool was = remote.present();
  remote.foreground = foreground;
  remote.overdue = false;
  if (foreground) {
    if (!was && events_ != nullptr) events_->came(user, remote.device);
    return;
  }
  const bool handed_over = was && hand_over(user, remote);
  remote.owes_ver = {};
  remote.owes_groups.clear();
  remote.owes_more = false;
  remote.owes_since.reset();
  if (was && !handed_over && events_ != nullptr) events_->left_foreground(user, remote.device);
}

/// The device has come to another node already: what it owed here is waited for there.
bool Directory::hand_over(const UserKey& user, const Remote& remote) {
  const auto found = by_user_.find(user);
  if (found == by_user_.end()) return false;
  const auto heir = std::ranges::find_if(found->second, [&](const Remote& each) {
    return each.node != remote.node && each.device == remote.device && each.present();
  });
  if (heir == found->second.end()) return false;
  if (remote.owes_ver > heir->acknowledged) heir->owes_ver = std::max(heir->owes_ver, remote.owes_ver);
  heir->owes_more = heir->owes_more || remote.owes_more || !remote.owes_groups.empty();
  if (heir->owes_ver.value != 0 || heir->owes_more) owe(user, *heir);
  return true;
}

/// Those for which it holds. The relays hear of them once none is here any more.
template <class Which>
std::size_t Directory::drop(Which which) {
  std::vector<std::pair<UserKey, std::string>> left;
  std::size_t dropped = 0;
  for (auto user = by_user_.begin(); user != by_user_.end();) {
    std::vector<Remote>& remotes = user->second;
    std::vector<Remote> gone;
    for (std::size_t i = 0; i < remotes.size();) {
      if (!which(std::as_const(remotes[i]))) {
        ++i;
        continue;
      }
      gone.push_back(std::move(remotes[i]));
      remotes.erase(remotes.begin() + static_cast<std::ptrdiff_t>(i));
    }
    for (const Remote& each : gone)
      if (each.present() && !hand_over(user->first, each)) left.emplace_back(user->first, each.device);
    dropped += gone.size();
    user = remotes.empty() ? by_user_.erase(user) : std::next(user);
  }
  devices_ -= dropped;
  if (events_ != nullptr)
    for (const auto& [user, device] : left) events_->left_foreground(user, device);
  return dropped;
}

void Directory::drop_one(PeerId node, const UserKey& user, const std::string& device) {
  const auto found = by_user_.find(user);
  const auto at = std::ranges::find_if(found->second,
                                       [&](const Remote& each) { return each.node == node && each.device == device; });
  const Remote gone = std::move(*at);
  found->second.erase(at);
  --devices_;
  const bool left = gone.present() && !hand_over(user, gone);
  if (found->second.empty()) by_user_.erase(found);
  if (left && events_ != nullptr) events_->left_foreground(user, gone.device);
}

void Directory::forget(PeerId id, Change::What why) {
  const auto at = nodes_.find(id);
  Change change{.what = why, .node = id, .name = at->second.name};
  nodes_.erase(at);
  change.devices = drop([&](const Remote& remote) { return remote.node == id; });
  changes_.push_back(std::move(change));
}

// ---- What a device owes ----

void Directory::committed(const Committed& commit, MonoTime now) {
  now_ = now;
  // This node's own numbers rise, unless the store was set back. One of another node may come late, and changes
  // nothing.
  if (!commit.group_intents.empty() && !group_commits_.empty() && commit.number < group_commits_.back().number) {
    group_commits_.clear();
    group_commits_from_ = commit.number - 1;
  }
  for (const GroupIntent& intent : commit.group_intents) {
    if (intent.message) group_commits_.push_back({commit.number, intent.message->id});
    if (group_commits_.size() <= options_.group_commits_max) continue;
    group_commits_from_ = group_commits_.front().number;
    group_commits_.pop_front();
  }
  for (const Intent& intent : commit.intents) {
    const auto found = by_user_.find(intent.to);
    if (found == by_user_.end()) continue;
    for (Remote& remote : found->second) {
      if (!remote.present() || remote.acknowledged >= intent.ver) continue;
      remote.owes_ver = std::max(remote.owes_ver, intent.ver);
      owe(intent.to, remote);
    }
  }
}

bool Directory::may_acknowledge(const UserKey& user, const std::string& device, MessageId message, MonoTime now) {
  now_ = now;
  const auto found = by_user_.find(user);
  if (found == by_user_.end()) return false;
  bool may = false;
  for (Remote& remote : found->second) {
    if (remote.device != device || !remote.present()) continue;
    may = true;
    if (remote.owes_groups.size() < options_.owed_messages_max)
      remote.owes_groups.push_back(message);
    else
      remote.owes_more = true;
    owe(user, remote);
  }
  return may;
}

void Directory::owe(const UserKey& user, Remote& remote) {
  if (!remote.owes_since) remote.owes_since = now_;
  if (std::exchange(remote.queued, true)) return;
  owing_.emplace(now_ + options_.ack_timeout + options_.ack_grace, Owing{user, remote.node, remote.device});
  metrics_.devices_owing.set(owing_.size());
}

void Directory::acknowledge(const UserKey& user, Remote& remote, Ver ver) {
  if (ver <= remote.acknowledged) return;
  remote.acknowledged = ver;
  if (remote.owes_ver <= ver) remote.owes_ver = {};
  if (events_ != nullptr) events_->acknowledged(user, remote.device, ver);
  owes_less(user, remote);
}

void Directory::has(const UserKey& user, Remote& remote, const DeviceNews& news) {
  const bool all_but = news.kind == DeviceNews::Kind::HasAllBut;
  std::erase_if(remote.owes_groups, [&](const MessageId id) {
    return (std::ranges::find(news.messages, id) != news.messages.end()) != all_but;
  });
  if (all_but) remote.owes_more = !news.messages.empty() && remote.owes_more;
  owes_less(user, remote);
}

/// What this node has committed since is on its way to the other: the device cannot have meant it. False: so much was
/// committed since that it is not known any more.
bool Directory::add_untold(DeviceNews& news) const {
  if (news.told < group_commits_from_) return false;
  for (auto at = group_commits_.rbegin(); at != group_commits_.rend() && at->number > news.told; ++at)
    news.messages.push_back(at->message);
  return true;
}

void Directory::owes_less(const UserKey& user, Remote& remote) {
  if (remote.overdue) {  // it acknowledges again, and what it owed then is due long since
    remote.owes_ver = {};
    remote.owes_groups.clear();
    remote.owes_more = false;
  }
  if (remote.owes_ver.value != 0 || !remote.owes_groups.empty() || remote.owes_more) {
    if (remote.owes_since) remote.owes_since = now_;  // it moves
    return;
  }
  remote.owes_since.reset();
  if (std::exchange(remote.overdue, false) && remote.present() && events_ != nullptr)
    events_->came(user, remote.device);
}

void Directory::pass(MonoTime now) {
  now_ = now;
  std::vector<PeerId> silent;
  for (auto& [id, node] : nodes_) {
    if (now - node.heard_at >= options_.lease) silent.push_back(id);
    if (node.known || now - node.unknown_since < options_.lease) continue;
    node.unknown_since = now;  // it is there, and does not say who is with it
    node.in_state = false;
    drop([&, node_id = id](const Remote& remote) { return remote.node == node_id; });
  }
  for (const PeerId id : silent) {
    metrics_.leases_ended.add();
    forget(id, Change::What::Silent);
  }
  const milliseconds limit = options_.ack_timeout + options_.ack_grace;
  while (!owing_.empty() && owing_.begin()->first <= now) {
    const Owing owing = std::move(owing_.extract(owing_.begin()).mapped());
    Remote* const remote = find(owing.node, owing.user, owing.device);
    if (remote == nullptr || !std::exchange(remote->queued, false) || !remote->owes_since) continue;
    if (*remote->owes_since + limit > now) {
      remote->queued = true;
      owing_.emplace(*remote->owes_since + limit, owing);
      continue;
    }
    metrics_.overdue.add();
    remote->owes_since.reset();
    remote->overdue = true;
    if (events_ != nullptr) events_->left_foreground(owing.user, owing.device);
  }
  measure();
}

// ---- Looks ----

void Directory::add_connected(const UserKey& user, std::vector<Presence::Device>& devices) const {
  const auto found = by_user_.find(user);
  if (found == by_user_.end()) return;
  for (const Remote& remote : found->second) {
    const auto same = std::ranges::find(devices, remote.device, &Presence::Device::device);
    if (same == devices.end()) {
      devices.push_back({remote.device, remote.present(), remote.acknowledged});
      continue;
    }
    same->foreground = same->foreground || remote.present();
    same->acknowledged = std::max(same->acknowledged, remote.acknowledged);
  }
}

std::int64_t Directory::live_users(ConvId room) const {
  std::int64_t out = 0;
  for (const auto& [id, node] : nodes_)
    if (const auto found = node.live.find(room); found != node.live.end()) out += found->second;
  return out;
}

std::vector<PeerId> Directory::take_asks(milliseconds every, MonoTime now) {
  std::vector<PeerId> asks;
  for (auto& [id, node] : nodes_) {
    if (node.known || node.in_state || (node.asked_at && now - *node.asked_at < every)) continue;
    node.asked_at = now;
    asks.push_back(id);
  }
  return asks;
}

void Directory::measure() {
  metrics_.nodes.set(nodes_.size());
  metrics_.nodes_unknown.set(
      static_cast<std::uint64_t>(std::ranges::count_if(nodes_, [](const auto& each) { return !each.second.known; })));
  metrics_.remote_devices.set(devices_);
  std::size_t rooms = 0;
  for (const auto& [id, node] : nodes_) rooms += node.live.size();
  metrics_.live_rooms.set(rooms);
  metrics_.devices_owing.set(owing_.size());
}

}  // namespace nightpost::im
