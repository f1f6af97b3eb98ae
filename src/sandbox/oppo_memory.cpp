#include "sandbox/oppo_memory.h"

namespace nightpost::sandbox::oppo {

std::string Memory::save(std::string id, Body body) {
  const std::pair key(body.app, body.app_message_id);
  if (!body.app_message_id.empty()) {
    if (const auto before = by_message_.find(key); before != by_message_.end()) return before->second;
    by_message_.emplace(key, id);
  }
  bodies_.emplace(id, std::move(body));
  bodies_order_.push_back(id);
  if (bodies_order_.size() > kBodiesMax) {
    const auto oldest = bodies_.find(bodies_order_.front());
    by_message_.erase({oldest->second.app, oldest->second.app_message_id});
    bodies_.erase(oldest);
    bodies_order_.pop_front();
  }
  return id;
}

Memory::Body* Memory::find(std::string_view id) {
  const auto found = bodies_.find(id);
  return found == bodies_.end() ? nullptr : &found->second;
}

void Memory::deliver(std::uint64_t delivery) {
  if (!delivered_.insert(delivery).second) return;
  delivered_order_.push_back(delivery);
  if (delivered_order_.size() > kDeliveriesMax) {
    delivered_.erase(delivered_order_.front());
    delivered_order_.pop_front();
  }
}

void Memory::clear() { *this = {}; }

}  // namespace nightpost::sandbox::oppo
