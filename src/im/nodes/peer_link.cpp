#include "im/nodes/peer_link.h"

#include <algorithm>

namespace nightpost::im {
namespace {

constexpr std::size_t kLiveCountBytes = 32;  // more than a room and its users take in a message

}  // namespace

PeerLink::PeerLink(Parts parts, PeerOptions options)
    : parts_(std::move(parts)), options_(options), directory_(options.directory, parts_.self, parts_.metrics) {
  beat_timer_ = parts_.loop.make_timer([this] { beat(); });
  gather_timer_ = parts_.loop.make_timer([this] { flush(); });
  page_timer_ = parts_.loop.make_timer([this] { say_page(); });
}

PeerLink::~PeerLink() { parts_.channel.listen(nullptr); }

void PeerLink::start() {
  parts_.channel.listen(this);
  beat();
}

void PeerLink::inform(PresenceEvents* relays) {
  relays_ = relays;
  directory_.tell(relays);
}

void PeerLink::committed(const Committed& commit) { directory_.committed(commit, parts_.loop.now()); }

void PeerLink::leave() {
  if (left_) return;
  flush();
  say(peer::Farewell{});
  left_ = true;
}

// ---- Commits ----

void PeerLink::tell(const Committed& commit) {
  if (left_) return;
  const std::string bytes = encode_commit(parts_.self, seq_, commit);
  if (bytes.size() > options_.message_bytes_max) {
    // What has no number is not in the store, where the others could read it.
    if (commit.number == 0 && commit.deliveries.size() > 1) return tell_in_two(commit);
    parts_.metrics.too_large.add();
    return;
  }
  if (parts_.channel.publish(bytes)) parts_.metrics.commits_told.add();
}

/// Of a live group's messages, which have nothing beside their deliveries.
void PeerLink::tell_in_two(const Committed& commit) {
  const auto begin = commit.deliveries.begin(), end = commit.deliveries.end();
  const auto middle = begin + (end - begin) / 2;
  tell({.deliveries = {begin, middle}});
  tell({.deliveries = {middle, end}});
}

bool PeerLink::hears() const noexcept { return subscribed_ && parts_.loop.now() - echo_at_ < options_.directory.lease; }

// ---- Devices of this node ----

void PeerLink::acknowledged(const UserKey& user, const std::string& device, Ver ver) {
  if (const auto at = devices_.find({user, device}); at != devices_.end())
    at->second.acknowledged = std::max(at->second.acknowledged, ver);
  note({.kind = DeviceNews::Kind::Acknowledged, .user = user, .device = device, .ver = ver});
  if (relays_) relays_->acknowledged(user, device, ver);
}

void PeerLink::has_messages(const UserKey& user, const std::string& device, std::span<const MessageId> messages) {
  note({.kind = DeviceNews::Kind::Has, .user = user, .device = device, .messages = {messages.begin(), messages.end()}});
  if (relays_) relays_->has_messages(user, device, messages);
}

void PeerLink::has_all_messages(const UserKey& user, const std::string& device, std::span<const MessageId> but) {
  note({.kind = DeviceNews::Kind::HasAllBut,
        .user = user,
        .device = device,
        .messages = {but.begin(), but.end()},
        .told = parts_.ears.told_up_to()});
  if (relays_) relays_->has_all_messages(user, device, but);
}

void PeerLink::left_foreground(const UserKey& user, const std::string& device) {
  if (const auto at = devices_.find({user, device}); at != devices_.end()) at->second.foreground = false;
  note({.kind = DeviceNews::Kind::Left, .user = user, .device = device});
  if (relays_) relays_->left_foreground(user, device);
}

void PeerLink::came(const UserKey& user, const std::string& device) {
  Local& local = devices_[{user, device}];
  local.foreground = true;
  note({.kind = DeviceNews::Kind::Came, .user = user, .device = device, .ver = local.acknowledged});
  if (relays_) relays_->came(user, device);
}

void PeerLink::gone(const UserKey& user, const std::string& device) {
  if (devices_.erase({user, device}) == 0) return;  // its login failed
  note({.kind = DeviceNews::Kind::Gone, .user = user, .device = device});
  if (relays_) relays_->gone(user, device);
}

/// Acknowledgements of a device that follow one another become one.
void PeerLink::note(DeviceNews news) {
  if (left_) return;
  const auto [newest, is_first] = newest_.try_emplace({news.user, news.device}, news_.size());
  if (!is_first) {
    DeviceNews& before = news_[newest->second];
    if (before.kind == news.kind && news.kind == DeviceNews::Kind::Acknowledged) {
      before.ver = std::max(before.ver, news.ver);
      return;
    }
    newest->second = news_.size();
  }
  news_.push_back(std::move(news));
  if (news_.size() >= options_.batch_events_max) return flush();
  if (news_.size() == 1) gather_timer_->arm(parts_.loop.now() + options_.gather);
}

void PeerLink::flush() {
  if (news_.empty() || left_) return;
  newest_.clear();
  say_numbered(peer::News{std::exchange(news_, {})});
}

bool PeerLink::say(PeerBody body) {
  return !left_ && parts_.channel.publish(encode({.from = parts_.self, .seq = seq_, .body = std::move(body)}));
}

/// What is not said counts, too: the others see that they missed it.
bool PeerLink::say_numbered(PeerBody body) {
  ++seq_;
  return say(std::move(body));
}

// ---- This node's state ----

void PeerLink::want_state() {
  wanted_ = true;
  if (paging_ || left_) return;
  const MonoTime now = parts_.loop.now();
  const MonoTime earliest = state_at_ + options_.heartbeat;
  if (state_at_ != MonoTime{} && now < earliest) return page_timer_->arm(earliest);
  say_page();
}

void PeerLink::say_page() {
  if (left_ || (!paging_ && !wanted_)) return;
  flush();
  const MonoTime now = parts_.loop.now();
  peer::State page;
  page.first = !std::exchange(paging_, true);
  if (page.first) {
    wanted_ = false;
    paged_.reset();
    state_at_ = now;
  }
  auto at = paged_ ? devices_.upper_bound(*paged_) : devices_.begin();
  for (; at != devices_.end() && page.devices.size() < options_.page_devices_max; ++at) {
    page.devices.push_back({at->first.first, at->first.second, at->second.foreground, at->second.acknowledged});
    paged_ = at->first;
  }
  page.last = at == devices_.end();
  const bool last = page.last;
  if (!say_numbered(std::move(page)) || last) {  // not said: whoever missed it asks again
    paging_ = false;
    if (wanted_) page_timer_->arm(state_at_ + options_.heartbeat);
    return;
  }
  page_timer_->arm(now + options_.gather);
}

// ---- The channel ----

void PeerLink::subscribed(bool on) {
  subscribed_ = on;
  if (!on || left_) return;
  echo_at_ = parts_.loop.now();
  say(peer::Beat{parts_.name});
  say(peer::Ask{});
  parts_.ears.may_have_missed();
}

void PeerLink::message(std::string_view bytes) {
  if (left_) return;
  auto said = bytes.size() <= options_.message_bytes_max ? decode(bytes) : std::unexpected(PeerFault::Malformed);
  if (!said) {
    const bool unknown = said.error() == PeerFault::Unknown;
    (unknown ? parts_.metrics.unknown : parts_.metrics.malformed).add();
    if (parts_.log)
      parts_.log->warn("im.peer_message_refused", {observe::kv("why", unknown ? "another version" : "malformed"),
                                                   observe::kv("bytes", bytes.size())});
    return;
  }
  const MonoTime now = parts_.loop.now();
  if (said->from == parts_.self) {
    echo_at_ = now;
    return;
  }
  directory_.heard(*said, now);
  log_changes();
  if (const auto* const ask = std::get_if<peer::Ask>(&said->body)) {
    if (ask->of == 0 || ask->of == parts_.self) want_state();
  } else if (auto* const commit = std::get_if<Committed>(&said->body)) {
    parts_.metrics.commits_heard.add();
    parts_.ears.heard(std::move(*commit));
  }
  for (const PeerId node : directory_.take_asks(options_.heartbeat, now)) say(peer::Ask{node});
}

void PeerLink::beat() {
  if (left_) return;
  const MonoTime now = parts_.loop.now();
  directory_.pass(now);
  log_changes();
  say(peer::Beat{parts_.name});
  // A longer message would be refused by the others, and end their connection to Redis.
  const std::size_t most = std::min(options_.directory.live_rooms_max, options_.message_bytes_max / kLiveCountBytes);
  peer::Live live{parts_.ears.live_counts(most)};
  const bool any = !live.rooms.empty();
  if (std::exchange(told_live_, any) || any) say(std::move(live));
  for (const PeerId node : directory_.take_asks(options_.heartbeat, now)) say(peer::Ask{node});
  beat_timer_->arm(now + options_.heartbeat);
}

void PeerLink::log_changes() {
  for (const Directory::Change& change : directory_.take_changes()) {
    if (!parts_.log) continue;
    const auto line = [&](std::string_view event, bool warns) {
      const std::initializer_list<observe::Field> fields = {observe::kv("node", shown(change.node)),
                                                            observe::kv("name", change.name),
                                                            observe::kv("devices", change.devices)};
      warns ? parts_.log->warn(event, fields) : parts_.log->info(event, fields);
    };
    switch (change.what) {
      case Directory::Change::What::Came:
        line("im.node_came", false);
        break;
      case Directory::Change::What::Left:
        line("im.node_left", false);
        break;
      case Directory::Change::What::Silent:
        line("im.node_silent", true);
        break;
    }
  }
}

// ---- Presence ----

std::vector<Presence::Device> PeerLink::connected(const UserKey& user) const {
  std::vector<Device> devices = parts_.local.connected(user);
  directory_.add_connected(user, devices);
  return devices;
}

bool PeerLink::may_acknowledge(const UserKey& user, const std::string& device, MessageId message) const {
  if (parts_.local.may_acknowledge(user, device, message)) return true;
  for (const Device& here : parts_.local.connected(user))
    if (here.device == device && here.foreground) return false;  // it has it
  return directory_.may_acknowledge(user, device, message, parts_.loop.now());
}

}  // namespace nightpost::im
