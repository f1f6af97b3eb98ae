// Who is in which live room: known here alone, without a row. On the loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/time.h"
#include "im/domain/group.h"
#include "im/domain/live_queue.h"
#include "im/service/service.h"

namespace nightpost::im {

/// A user is in one room at most, with the devices that joined it. A device that is gone keeps its place for a lease.
///
/// Where several nodes have members of a room, each lets its own members' messages pass at its share of the room's rate
/// before the others are told (shape), by how many of the users are with it. So what falls is heard nowhere, and what
/// had to wait is told to the others once it goes out here (take_for_peers).
class LiveRooms {
 public:
  /// Users in a room at other nodes.
  using Elsewhere = std::function<std::int64_t(ConvId)>;
  explicit LiveRooms(const GroupLimits& limits) : limits_(limits) {}

  void set_elsewhere(Elsewhere elsewhere) { elsewhere_ = std::move(elsewhere); }

  /// 0: none.
  ConvId room_of(const UserKey& user) const;
  ConvId room_of(const UserKey& user, const std::string& device) const;
  std::int64_t members(ConvId room) const;  // users
  std::size_t rooms() const noexcept { return rooms_.size(); }
  std::size_t users() const noexcept { return users_.size(); }
  std::size_t waiting() const;                                  // messages and news, for the rate of their room
  std::size_t away() const noexcept { return leases_.size(); }  // leases of devices that are gone, or were
  std::uint64_t dropped() const noexcept { return dropped_; }   // messages and news, for the rate

  enum class From : std::uint8_t {
    Here,    // a commit of this node's, which has not been shaped
    Shaped,  // it has
    Peer,    // another node's, where those are who joined by it; here they leave what they were in
  };
  /// Of a commit of this node's, before anybody is told: what is over a room's rate waits, and goes out by due().
  void shape(std::vector<Delivery>& deliveries, MonoTime now);
  /// What a commit told: memberships change as it says, and what a room is to hear passes its rate. `deliveries`
  /// becomes what is to be handed out now.
  void take(std::vector<Delivery>& deliveries, MonoTime now, From from = From::Here);
  /// Another node put the user out, or ended the room, as the store says: what is to be handed out for it. Whoever is
  /// concerned is told, as by the commit that was not heard, but not by whom.
  std::vector<Delivery> put_out(const UserKey& user, ConvId room, MonoTime now);
  std::vector<Delivery> end(ConvId room);
  struct Count {
    ConvId room;
    std::int64_t users = 0;
  };
  std::vector<Count> counts(std::size_t most) const;
  bool has(ConvId room) const { return rooms_.contains(room); }
  /// A login: the room that this device is back in; 0: none.
  ConvId came(const Terminal& who);
  /// Its connection is gone.
  void gone(const Terminal& who, MonoTime now);
  /// A device asks to join; to be held until it has its answer. A connection that ends in between has left a place
  /// that is not taken yet: it has a lease from the first. May outlive this.
  std::shared_ptr<const void> asked(const Terminal& who);
  /// What waited for its time: messages, and the ends of leases.
  std::vector<Delivery> due(MonoTime now);
  /// What was handed out since the last call, by anything but shape(), and other nodes' members are to hear, too. Empty
  /// where set_elsewhere() named nobody.
  std::vector<Delivery> take_for_peers() { return std::exchange(for_peers_, {}); }
  std::optional<MonoTime> next() const;

 private:
  struct Device {
    Epoch epoch;  // of the login
    bool here = true;
  };
  struct Asked {
    std::size_t open = 0;
    bool gone = false;
  };
  using Asking = std::map<std::tuple<UserKey, std::string, Epoch>, Asked>;  // by user, device, login
  struct User {
    ConvId room;
    std::map<std::string, Device> devices;
  };
  struct Room {
    std::string group;
    std::int64_t users = 0;
    LiveQueue<Delivery> queue;  // of this node's commits
    LiveQueue<Delivery> peers;  // of others', which have shaped it: a bound
  };
  struct Lease {
    MonoTime until{};
    UserKey user;
    std::string device;
    Epoch epoch;
  };
  using Out = std::vector<Delivery>;

  void join(const Delivery& delivery, const Subscribed& item, Out& out, MonoTime now);
  void leave(const UserKey& user, bool told, Out& out, MonoTime now);
  void dismiss(ConvId room);
  void say(ConvId id, Room& room, Priority priority, Delivery delivery, Out& out, MonoTime now);
  void pass_on(ConvId id, Room& room, Priority priority, Delivery delivery, Out& out, MonoTime now);
  /// What its rate allows: of this node's commits, and of others'. Never both in one `out` that others are told of:
  /// they would hear their own again.
  void release_own(ConvId id, Room& room, Out& out, MonoTime now);
  void release_peers(ConvId id, Room& room, Out& out, MonoTime now);
  void note_waiting(ConvId id, const Room& room);
  void keep_for_peers(const Out& out, std::size_t from);
  std::size_t share_of(ConvId id, const Room& room) const;
  void forget(std::unordered_map<ConvId, Room>::iterator room);

  const GroupLimits& limits_;
  std::unordered_map<UserKey, User> users_;
  std::unordered_map<ConvId, Room> rooms_;                             // with somebody in them
  const std::shared_ptr<Asking> asking_ = std::make_shared<Asking>();  // shared with who holds what asked() gave
  std::deque<Lease> leases_;                                           // oldest first
  std::set<ConvId> waiting_;                                           // rooms where something waits
  std::uint64_t dropped_ = 0;
  Elsewhere elsewhere_;              // empty: nobody is
  std::vector<Delivery> for_peers_;  // take_for_peers()
};

}  // namespace nightpost::im
