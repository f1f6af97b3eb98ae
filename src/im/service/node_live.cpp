// Live rooms among nodes: how many are in one, what passes its rate, and who was put out without this node's hearing.
#include <utility>

#include "im/service/live_check.h"
#include "im/service/store_service.h"

namespace nightpost::im {

std::int64_t StoreService::live_members(ConvId room) const {
  return rooms_.members(room) + (peers_ == nullptr ? 0 : peers_->live_elsewhere(room));
}

/// What its rate lets pass here is what all nodes' members hear; the rest is told when its time has come.
void StoreService::shape_for_peers(Committed& told) {
  if (rooms_.rooms() == 0) return;
  rooms_.shape(told.deliveries, around_.loop.now());
  arm_rooms();
}

/// What a room's rate held back is nobody's commit any more: others hear of it apart, as it goes out here.
void StoreService::tell_peers_of_rooms() {
  Committed said;
  said.deliveries = rooms_.take_for_peers();
  if (!said.deliveries.empty() && peers_ != nullptr) peers_->tell(said);
}

void StoreService::doubt_rooms(const Concerned& whom) {
  if (whom.all)
    for (const LiveRooms::Count& each : rooms_.counts(rooms_.rooms())) rooms_in_doubt_.insert(each.room);
  for (const UserKey& user : whom.users)
    if (const ConvId room = rooms_.room_of(user); room.value != 0) rooms_in_doubt_.insert(room);
  for (const ConvId group : whom.groups)
    if (rooms_.has(group)) rooms_in_doubt_.insert(group);
  check_rooms();
}

/// One after the other. A look that fails is made again at the lease's next renewal.
void StoreService::check_rooms() {
  if (stopped_ || checking_rooms_ || rooms_in_doubt_.empty()) return;
  checking_rooms_ = true;
  const ConvId room = *rooms_in_doubt_.begin();
  rooms_in_doubt_.erase(rooms_in_doubt_.begin());
  look<LiveCheck>([room](Work& work) { return check_live(work, room); },
                  [this, room](const Answer<LiveCheck>& check) {
                    checking_rooms_ = false;
                    if (stopped_) return;
                    if (!check) {
                      rooms_in_doubt_.insert(room);
                      return;
                    }
                    const MonoTime now = around_.loop.now();
                    Committed told;
                    if (check->over) told.deliveries = rooms_.end(room);
                    for (const std::string& user : check->banned)
                      for (Delivery& each : rooms_.put_out({check->app, user}, room, now))
                        told.deliveries.push_back(std::move(each));
                    tell_peers_of_rooms();
                    arm_rooms();
                    if (!told.deliveries.empty()) around_.listener.committed(std::move(told));
                    check_rooms();
                  });
}

}  // namespace nightpost::im
