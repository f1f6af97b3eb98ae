// Who is in which live room: known here alone, without a row. On the loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "core/time.h"
#include "im/domain/group.h"
#include "im/domain/live_queue.h"
#include "im/service/service.h"

namespace nightpost::im {

/// A user is in one room at most, with the devices that joined it. A device that is gone keeps its place for a lease.
class LiveRooms {
 public:
  explicit LiveRooms(const GroupLimits& limits) : limits_(limits) {}

  /// 0: none.
  ConvId room_of(const UserKey& user) const;
  ConvId room_of(const UserKey& user, const std::string& device) const;
  std::int64_t members(ConvId room) const;  // users
  std::size_t rooms() const noexcept { return rooms_.size(); }
  std::size_t users() const noexcept { return users_.size(); }
  std::size_t waiting() const;                                  // messages and news, for the rate of their room
  std::size_t away() const noexcept { return leases_.size(); }  // leases of devices that are gone, or were
  std::uint64_t dropped() const noexcept { return dropped_; }   // messages and news, for the rate

  /// What a commit told: memberships change as it says, and what a room is to hear passes its rate. `deliveries`
  /// becomes what is to be handed out now. `of_peer`: another node's, where those are who joined by it; here they leave
  /// what they were in.
  void take(std::vector<Delivery>& deliveries, MonoTime now, bool of_peer = false);
  /// A login: the room that this device is back in; 0: none.
  ConvId came(const Terminal& who);
  /// Its connection is gone.
  void gone(const Terminal& who, MonoTime now);
  /// A device asks to join; to be held until it has its answer. A connection that ends in between has left a place
  /// that is not taken yet: it has a lease from the first. May outlive this.
  std::shared_ptr<const void> asked(const Terminal& who);
  /// What waited for its time: messages, and the ends of leases.
  std::vector<Delivery> due(MonoTime now);
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
    LiveQueue<Delivery> queue;
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
  void release(ConvId id, Room& room, Out& out, MonoTime now);  // what its rate allows
  void forget(std::unordered_map<ConvId, Room>::iterator room);

  const GroupLimits& limits_;
  std::unordered_map<UserKey, User> users_;
  std::unordered_map<ConvId, Room> rooms_;                             // with somebody in them
  const std::shared_ptr<Asking> asking_ = std::make_shared<Asking>();  // shared with who holds what asked() gave
  std::deque<Lease> leases_;                                           // oldest first
  std::set<ConvId> waiting_;                                           // rooms where something waits
  std::uint64_t dropped_ = 0;
};

}  // namespace nightpost::im
