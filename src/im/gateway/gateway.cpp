#include "im/gateway/gateway.h"

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/address_v4.hpp>
#include <boost/asio/ip/address_v6.hpp>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>

#include "im/gateway/handshake.h"
#include "im/gateway/login_gate.h"
#include "im/gateway/session.h"
#include "server/upgraded_stream.h"

namespace nightpost::im {
namespace {

constexpr std::size_t kReadBytes = 2'048;              // held by each connection
constexpr std::size_t kWriteBytes = 65'536;            // about as much goes out at once
constexpr std::size_t kKeptBytes = 512;                // of a buffer between writes
constexpr milliseconds kTimeGrain = milliseconds(50);  // of wake-ups
constexpr milliseconds kDoubtedAgain{1'000};           // after the store could not be asked

struct Connection {
  Connection(server::UpgradedStream stream_in, server::AddressBytes address_in, SessionWorld& world)
      : stream(std::move(stream_in)), address(address_in), session(std::make_shared<Session>(world)) {}

  server::UpgradedStream stream;
  const server::AddressBytes address;
  const std::shared_ptr<Session> session;
  std::array<char, kReadBytes> room{};
  std::string_view input;  // of `room`: not taken yet
  std::string writing;
  std::size_t written = 0;
  bool read_waits = false;
  bool write_waits = false;
  bool flush_waits = false;
  bool online = false;
  bool heir = false;  // an older connection of this device left the foreground while this one logs in
  MonoTime wake_at = MonoTime::max();
  std::vector<ConvId> groups;                      // whose messages it is handed, once online
  std::vector<std::pair<ConvId, bool>> regrouped;  // until then: what changed after its login
};

}  // namespace

class Gateway::Impl final : public SessionHost, public std::enable_shared_from_this<Gateway::Impl> {
 public:
  Impl(Parts parts, GatewayOptions options)
      : parts_(parts),
        options_(std::move(options)),
        world_{options_, parts.clock, parts.service, parts.groups, parts.calls, *this, parser_, parts.metrics},
        gate_(options_),
        random_(parts.seed) {}

  void start() {
    timer_ = parts_.loop.make_timer([this] { wake(); });
    doubt_timer_ = parts_.loop.make_timer([this] { look_up_doubted(); });
  }
  void stop() {
    stopped_ = true;
    timer_.reset();
    doubt_timer_.reset();
    for (auto& [session, connection] : connections_) {
      session->abandon();
      connection->stream.close();
    }
    connections_.clear();
    parts_.metrics.connections.set(0);
    parts_.metrics.online.set(0);
  }
  void tell(PresenceEvents* events) { events_ = events; }
  std::size_t connections() const noexcept { return connections_.size(); }

  void serve(const server::ServerRequest& request, server::Responder responder) {
    const std::string_view path = std::string_view(request.target).substr(0, request.target.find('?'));
    if (path != "/ws") return responder.respond({.status = 404});
    if (stopped_ || draining_) return responder.respond({.status = 503, .headers = {{"retry-after", "5"}}});
    const auto accept = ws_accept(request);
    if (!accept) return responder.respond(accept.error());
    const server::AddressBytes address = client_address(request, options_);
    if (connections_.size() >= options_.connections_max)
      return responder.respond({.status = 503, .headers = {{"retry-after", "5"}}});
    std::size_t& of_address = by_address_[address];
    if (of_address >= options_.connections_per_address_max) return responder.respond({.status = 429});
    auto stream = responder.upgrade("websocket", {{"sec-websocket-accept", *accept}});
    if (!stream) {
      if (of_address == 0) by_address_.erase(address);
      return responder.respond({.status = 426, .headers = {{"upgrade", "websocket"}}, .body = stream.error().detail});
    }
    ++of_address;
    auto connection = std::make_shared<Connection>(*std::move(stream), address, world_);
    connections_.emplace(connection->session.get(), connection);
    parts_.metrics.connections.set(connections_.size());
    pump(connection);
  }

  void committed(const Committed& committed) {
    const Message* encoded = nullptr;
    SharedText text;
    for (const Delivery& delivery : committed.deliveries) {
      if (const auto* const subscribed = std::get_if<Subscribed>(&delivery.item)) {
        subscribe(delivery, *subscribed);
        continue;
      }
      const std::vector<Connection*>* const audience = audience_of(delivery);
      if (!audience) continue;
      if (const Message* const message = message_of(delivery.item); message && message != encoded) {
        encoded = message;
        text = std::make_shared<const std::string>(message_json(*encoded));
      }
      for (Connection* const each : *audience) {
        if (delivery.only && !is_named(delivery, each->session->user())) continue;
        each->session->deliver(delivery, text);
        wake_in_time(*each);
      }
    }
    for (const Ended& ended : committed.ended) {
      const auto found = by_user_.find(ended.terminal.user);
      if (found == by_user_.end()) continue;
      const std::vector<Connection*> those = found->second;  // which leave
      for (Connection* const each : those) each->session->ended(ended);
    }
  }

  std::vector<Presence::Device> connected(const UserKey& user) const {
    std::vector<Presence::Device> devices;
    const auto found = by_user_.find(user);
    if (found == by_user_.end()) return devices;
    for (const Connection* const each : found->second) {
      const Session& session = *each->session;
      if (session.is_online()) devices.push_back({session.device(), session.foreground(), session.acknowledged()});
    }
    return devices;
  }

  bool may_acknowledge(const UserKey& user, const std::string& device, MessageId message) const {
    const auto found = by_user_.find(user);
    return found != by_user_.end() && std::ranges::any_of(found->second, [&](const Connection* each) {
             return each->session->device() == device && each->session->may_acknowledge(message);
           });
  }

  void missed(WallTime since, const Concerned& whom) {
    if (whom.all) {
      for (const auto& [user, connections] : by_user_) doubt(user, connections);
    } else {
      for (const UserKey& user : whom.users)
        if (const auto found = by_user_.find(user); found != by_user_.end()) doubt(user, found->second);
      for (const ConvId group : whom.groups)
        if (const auto found = by_group_.find(group); found != by_group_.end())
          for (const Connection* const member : found->second) {
            const UserKey& user = member->session->user();
            doubt(user, by_user_.at(user));
          }
    }
    if (doubted_.empty() && asked_about_.empty()) return;
    doubted_since_ = std::min(doubted_since_, since);
    look_up_doubted();
  }

  void drain() {
    draining_ = true;
    std::vector<std::shared_ptr<Session>> all;
    for (const auto& [session, connection] : connections_) all.push_back(connection->session);
    if (parts_.log) parts_.log->info("im.draining", {observe::kv("connections", all.size())});
    for (const auto& session : all) session->drain(spread(options_.drain_spread));
  }

  // ---- SessionHost ----

  void output_ready(Session& session) override {
    Connection* const connection = find(session);
    if (!connection || std::exchange(connection->flush_waits, true)) return;
    flushes_.push_back(connection->session);
    if (std::exchange(flush_posted_, true)) return;
    parts_.loop.post([self = weak_from_this()] {
      if (const auto gateway = self.lock()) gateway->flush_all();
    });
  }
  std::string address(Session& session) override {
    const Connection* const own = find(session);
    if (!own) return {};
    const boost::asio::ip::address_v6 address(own->address);
    if (!address.is_v4_mapped()) return address.to_string();
    return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address).to_string();
  }
  void joining(Session& session) override {
    if (Connection* const own = find(session)) by_user_[session.user()].push_back(own);
  }
  void online(Session& session, std::span<const ConvId> groups) override {
    Connection* const own = find(session);
    if (!own) return;
    own->online = true;
    for (const ConvId group : groups) enter_group(*own, group);
    for (const auto& [group, on] : std::exchange(own->regrouped, {})) {
      if (on)
        enter_group(*own, group);
      else
        leave_group(*own, group);
    }
    own->heir = false;
    parts_.metrics.online.set(++online_);
    const std::vector<Connection*> those = by_user_[session.user()];  // some of which leave
    for (Connection* const each : those)
      if (each->online && each->session->device() == session.device() && each->session->epoch() < session.epoch())
        each->session->replaced();
    if (events_) events_->came(session.user(), session.device());
  }
  void left(Session& session, bool was_foreground) override {
    Connection* const own = find(session);
    if (!own) return;
    if (std::exchange(own->online, false)) parts_.metrics.online.set(--online_);
    while (!own->groups.empty()) leave_group(*own, own->groups.back());
    const UserKey user = session.user();
    const std::string device = session.device();
    Connection* next = nullptr;
    if (const auto found = by_user_.find(user); found != by_user_.end()) {
      std::erase(found->second, own);
      for (Connection* const each : found->second)
        if (each->session->device() == device) next = each;
      if (found->second.empty()) by_user_.erase(found);
    }
    const bool was_here = was_foreground || own->heir;
    if (next) {
      if (was_here) next->heir = !next->online;  // else it was told of as the device that came
    } else if (events_) {
      if (was_here) events_->left_foreground(user, device);
      events_->gone(user, device);
    }
  }
  void foreground_changed(Session& session) override {
    if (!events_) return;
    if (session.foreground()) {
      events_->came(session.user(), session.device());
    } else {
      events_->left_foreground(session.user(), session.device());
    }
  }
  void acknowledged(Session& session, Ver ver) override {
    if (events_) events_->acknowledged(session.user(), session.device(), ver);
  }
  void acknowledged(Session& session, std::span<const MessageId> messages) override {
    if (events_) events_->has_messages(session.user(), session.device(), messages);
  }
  void caught_up(Session& session, std::span<const MessageId> but) override {
    if (events_) events_->has_all_messages(session.user(), session.device(), but);
  }
  std::shared_ptr<const void> login_slot() override { return gate_.enter(); }
  milliseconds login_retry() override { return spread(options_.login_retry); }
  milliseconds login_failed(Session& session, const Refusal& refusal) override {
    const Connection* const own = find(session);
    if (!own) return milliseconds(0);
    const milliseconds wait = gate_.failed(own->address, parts_.loop.now());
    if (parts_.log) {
      const std::string address = boost::asio::ip::address_v6(own->address).to_string();
      const auto code = static_cast<std::int32_t>(refusal.code);
      parts_.log->debug("im.login_failed", {observe::kv("address", address), observe::kv("code", code)});
      if (wait > milliseconds(0)) parts_.log->warn("im.logins_held", {observe::kv("address", address)});
    }
    return wait;
  }

 private:
  using Shared = std::shared_ptr<Connection>;

  Connection* find(Session& session) const {
    const auto found = connections_.find(&session);
    return found == connections_.end() ? nullptr : found->second.get();
  }
  milliseconds spread(milliseconds most) {
    return milliseconds(std::uniform_int_distribution<std::int64_t>(most.count() / 8, most.count())(random_));
  }

  // ---- Groups ----

  /// Whom a delivery may concern; null: nobody.
  const std::vector<Connection*>* audience_of(const Delivery& delivery) const {
    if (delivery.group.value != 0) {
      const auto found = by_group_.find(delivery.group);
      return found == by_group_.end() ? nullptr : &found->second;
    }
    const auto found = by_user_.find(delivery.to);
    return found == by_user_.end() ? nullptr : &found->second;
  }
  /// What is written once for all of them; null: nothing.
  static const Message* message_of(const Item& item) {
    if (const auto* const said = std::get_if<NewMessage>(&item)) return said->message.get();
    const auto* const edited = std::get_if<MessageEdited>(&item);
    return edited ? edited->message.get() : nullptr;
  }
  static bool is_named(const Delivery& delivery, const UserKey& user) {
    return user == delivery.to || std::ranges::find(*delivery.only, user.user) != delivery.only->end();
  }
  void enter_group(Connection& connection, ConvId group) {
    if (std::ranges::find(connection.groups, group) != connection.groups.end()) return;
    connection.groups.push_back(group);
    by_group_[group].push_back(&connection);
  }
  void leave_group(Connection& connection, ConvId group) {
    std::erase(connection.groups, group);
    const auto found = by_group_.find(group);
    if (found == by_group_.end()) return;
    std::erase(found->second, &connection);
    if (found->second.empty()) by_group_.erase(found);
  }
  // ---- What was missed ----

  void doubt(const UserKey& user, const std::vector<Connection*>& connections) {
    bool concerns = false;
    for (Connection* const each : connections) {
      if (!each->online) continue;
      each->session->doubt();
      concerns = true;
    }
    if (!concerns) return;
    doubted_.insert(user);
    asked_about_.erase(user);  // the look under way is of before
  }
  void look_up_doubted() {
    if (looking_up_) return;
    if (doubted_.empty()) {
      doubted_since_ = WallTime::max();
      asked_up_to_ = {};
      return;
    }
    // From where the last look ended: where gaps follow one another, each user has a turn all the same.
    std::vector<UserKey> users;
    auto next = doubted_.upper_bound(asked_up_to_);
    while (!doubted_.empty() && users.size() < kStandingsMax) {
      if (next == doubted_.end()) next = doubted_.begin();
      users.push_back(*next);
      next = doubted_.erase(next);
    }
    asked_up_to_ = users.back();
    asked_about_ = std::set<UserKey>(users.begin(), users.end());
    looking_up_ = true;
    parts_.service.standings(users, doubted_since_,
                             [gateway = weak_from_this(), users](const Answer<std::vector<Standing>>& all) {
                               if (const auto self = gateway.lock(); self && !self->stopped_)
                                 self->looked_up(users, all);
                             });
  }
  void looked_up(const std::vector<UserKey>& users, const Answer<std::vector<Standing>>& all) {
    looking_up_ = false;
    if (!all) {
      doubted_.insert(users.begin(), users.end());
      return doubt_timer_->arm(parts_.loop.now() + kDoubtedAgain);
    }
    for (const Standing& standing : *all) {
      if (asked_about_.contains(standing.user))
        settle_doubt(standing);
      else
        doubted_.insert(standing.user);  // something came meanwhile, or was missed
    }
    asked_about_.clear();
    look_up_doubted();
  }
  void settle_doubt(const Standing& standing) {
    const auto found = by_user_.find(standing.user);
    if (found == by_user_.end()) return;
    const std::vector<Connection*> those = found->second;  // some of which leave
    for (Connection* const each : those) {
      if (!each->online || !each->session->in_doubt()) continue;
      const auto login = std::ranges::find(standing.logins, each->session->device(), &Standing::Login::device);
      const bool is_there = login != standing.logins.end();
      std::optional<Ended::Why> why;
      if (standing.removed)
        why = Ended::Why::AccountRemoved;
      else if (!is_there || login->state == TerminalState::LoggedOut)
        why = Ended::Why::LoggedOut;
      else if (login->state == TerminalState::Displaced)
        why = Ended::Why::Displaced;
      else if (login->epoch > each->session->epoch())
        why = Ended::Why::SameDevice;
      if (why) {
        Terminal terminal{.user = standing.user, .device = each->session->device(), .epoch = each->session->epoch()};
        each->session->ended({std::move(terminal), *why});
        continue;
      }
      for (const ConvId group : std::vector(each->groups))
        if (group != login->live && std::ranges::find(standing.groups, group) == standing.groups.end())
          leave_group(*each, group);
      for (const ConvId group : standing.groups) enter_group(*each, group);
      if (each->session->was_shown_more(standing.ver)) {  // the store forgot it: the client begins anew
        each->session->start_over(spread(options_.drain_spread));
        continue;
      }
      each->session->settle_doubt(standing.ver, standing.groups_moved);
      wake_in_time(*each);
    }
  }

  /// `delivery.to` without a name: everybody.
  void subscribe(const Delivery& delivery, const Subscribed& item) {
    asked_about_.erase(delivery.to);  // it may be of before or after the look
    const bool on = item.on;
    if (delivery.to.user.empty()) {
      asked_about_.clear();
      const auto found = by_group_.find(delivery.group);
      if (found == by_group_.end()) return;
      for (Connection* const each : found->second) std::erase(each->groups, delivery.group);
      by_group_.erase(found);
      return;
    }
    const auto found = by_user_.find(delivery.to);
    if (found == by_user_.end()) return;
    for (Connection* const each : found->second) {
      if (!item.device.empty() && each->session->device() != item.device) continue;
      if (!each->online) {
        each->regrouped.emplace_back(delivery.group, on);
      } else if (on) {
        enter_group(*each, delivery.group);
      } else {
        leave_group(*each, delivery.group);
      }
    }
  }

  // ---- Bytes ----

  /// Gives the session what was read, and reads on unless it has enough.
  void pump(const Shared& connection) {
    connection->session->feed(connection->input);
    wake_in_time(*connection);
    if (connection->read_waits || !connection->input.empty() || connection->session->congested()) return;
    connection->read_waits = true;
    connection->stream.async_read_some(
        boost::asio::buffer(connection->room),
        [gateway = weak_from_this(), connection](boost::system::error_code error, std::size_t size) {
          connection->read_waits = false;
          const auto self = gateway.lock();
          if (!self || !self->find(*connection->session)) return;
          if (error == boost::asio::error::eof) {
            connection->session->input_ended();
            return self->output_ready(*connection->session);
          }
          if (error) return self->remove(connection);
          connection->input = std::string_view(connection->room.data(), size);
          self->pump(connection);
        });
  }
  void flush_all() {
    flush_posted_ = false;
    for (const std::weak_ptr<Session>& each : std::exchange(flushes_, {})) {
      const auto session = each.lock();
      const auto found = session ? connections_.find(session.get()) : connections_.end();
      if (found == connections_.end()) continue;
      const Shared connection = found->second;
      connection->flush_waits = false;
      flush(connection);
    }
  }
  void flush(const Shared& connection) {
    wake_in_time(*connection);
    if (connection->write_waits) return;
    if (connection->session->finished()) return remove(connection);
    if (connection->session->has_output()) {
      connection->session->pull_output(connection->writing, kWriteBytes);
      write(connection);
    }
    if (!connection->read_waits) pump(connection);
  }
  void write(const Shared& connection) {
    connection->write_waits = true;
    connection->stream.async_write_some(
        boost::asio::buffer(connection->writing) + connection->written,
        [gateway = weak_from_this(), connection](boost::system::error_code error, std::size_t size) {
          connection->write_waits = false;
          const auto self = gateway.lock();
          if (!self || !self->find(*connection->session)) return;
          if (error) return self->remove(connection);
          connection->written += size;
          if (connection->written < connection->writing.size()) return self->write(connection);
          connection->written = 0;
          if (connection->writing.capacity() > kKeptBytes) {
            std::string().swap(connection->writing);
          } else {
            connection->writing.clear();
          }
          self->flush(connection);
        });
  }
  void remove(const Shared& connection) {
    Session& session = *connection->session;
    session.input_ended();
    wakes_.erase({connection->wake_at, &session});
    if (const auto of_address = by_address_.find(connection->address); --of_address->second == 0)
      by_address_.erase(of_address);
    connection->stream.close();
    connections_.erase(&session);
    parts_.metrics.connections.set(connections_.size());
  }

  // ---- Time ----

  void wake_in_time(Connection& connection, MonoTime earliest = MonoTime::min()) {
    const MonoTime due = connection.session->due();
    if (due == MonoTime::max()) return;
    const MonoTime at = std::max(earliest, due);
    if (at + kTimeGrain > connection.wake_at) return;  // then is early enough
    wakes_.erase({connection.wake_at, connection.session.get()});
    connection.wake_at = at;
    if (wakes_.emplace(at, connection.session.get()).first == wakes_.begin()) timer_->arm(at);
  }
  void wake() {
    const MonoTime now = parts_.loop.now();
    std::vector<Shared> due;
    while (!wakes_.empty() && wakes_.begin()->first <= now) {
      due.push_back(connections_.at(wakes_.begin()->second));
      due.back()->wake_at = MonoTime::max();
      wakes_.erase(wakes_.begin());
    }
    for (const Shared& connection : due) connection->session->tick();
    for (const Shared& connection : due)
      if (find(*connection->session)) wake_in_time(*connection, now + kTimeGrain);
    if (!wakes_.empty()) timer_->arm(wakes_.begin()->first);
  }

  const Parts parts_;
  const GatewayOptions options_;
  FrameParser parser_;
  SessionWorld world_;
  LoginGate gate_;
  std::minstd_rand random_;
  PresenceEvents* events_ = nullptr;
  bool stopped_ = false;
  bool draining_ = false;
  std::uint64_t online_ = 0;
  std::unordered_map<Session*, Shared> connections_;
  std::unordered_map<UserKey, std::vector<Connection*>> by_user_;  // from joining to left
  std::unordered_map<ConvId, std::vector<Connection*>> by_group_;  // online
  std::map<server::AddressBytes, std::size_t> by_address_;
  // Users of whom something may not have been told: to be looked up, and those that a look on its way is for.
  std::set<UserKey> doubted_, asked_about_;
  UserKey asked_up_to_{};
  WallTime doubted_since_ = WallTime::max();
  bool looking_up_ = false;
  std::unique_ptr<LoopTimer> doubt_timer_;
  std::vector<std::weak_ptr<Session>> flushes_;
  bool flush_posted_ = false;
  std::set<std::pair<MonoTime, Session*>> wakes_;
  std::unique_ptr<LoopTimer> timer_;
};

Gateway::Gateway(Parts parts, GatewayOptions options) : impl_(std::make_shared<Impl>(parts, std::move(options))) {
  impl_->start();
}
Gateway::~Gateway() { impl_->stop(); }

void Gateway::tell(PresenceEvents* events) { impl_->tell(events); }
server::ServerHandler Gateway::handler() {
  return [impl = std::weak_ptr(impl_)](const server::ServerRequest& request, server::Responder responder) {
    if (const auto gateway = impl.lock()) return gateway->serve(request, std::move(responder));
    responder.respond({.status = 503});
  };
}
void Gateway::committed(const Committed& committed) { impl_->committed(committed); }
void Gateway::missed(WallTime since, const Concerned& whom) { impl_->missed(since, whom); }
std::vector<Presence::Device> Gateway::connected(const UserKey& user) const { return impl_->connected(user); }
bool Gateway::may_acknowledge(const UserKey& user, const std::string& device, MessageId message) const {
  return impl_->may_acknowledge(user, device, message);
}
void Gateway::drain() { impl_->drain(); }
std::size_t Gateway::connections() const noexcept { return impl_->connections(); }

}  // namespace nightpost::im
