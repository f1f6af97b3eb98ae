#include "app/sent_devices.h"

#include <algorithm>
#include <string>

namespace nightpost::app {

/// Empty names stand for all: ids are never empty.
SentDevices::Key SentDevices::key_of(const kafka::TailMessage& letter, std::string_view user_id,
                                     std::string_view device_id) {
  // Letters of one event share their key, so they stand in one partition, and offsets can be compared.
  const Hash128 hash = hash128({std::to_string(letter.partition), letter.header("source_topic"),
                                letter.header("source_partition"), letter.header("source_offset"), user_id, device_id});
  return {hash.high, hash.low};
}

void SentDevices::note(const Key& key, std::int64_t until) {
  const auto [known, added] = until_.try_emplace(key, until);
  known->second = std::max(known->second, until);
  if (!added) return;
  order_.push_back(key);
  if (order_.size() <= max_) return;
  until_.erase(order_.front());
  order_.pop_front();
}

bool SentDevices::knows(const Key& key, std::int64_t offset) const {
  const auto known = until_.find(key);
  return known != until_.end() && offset < known->second;
}

void SentDevices::note(const kafka::TailMessage& letter, const std::optional<dispatch::Remainder>& left,
                       std::int64_t until) {
  if (!source_of(letter)) return;
  if (!left) return note(key_of(letter, "", ""), until);
  for (const dispatch::ReceiverLeft& receiver : left->left) {
    if (receiver.devices.empty()) note(key_of(letter, receiver.user_id, ""), until);
    for (const dispatch::DeviceLeft& device : receiver.devices)
      note(key_of(letter, receiver.user_id, device.device_id), until);
  }
}

bool SentDevices::subtract(const kafka::TailMessage& letter, std::optional<dispatch::Remainder>& left) const {
  if (!source_of(letter)) return true;
  if (knows(key_of(letter, "", ""), letter.offset)) return false;
  if (!left) return true;
  std::erase_if(left->left, [&](dispatch::ReceiverLeft& receiver) {
    if (knows(key_of(letter, receiver.user_id, ""), letter.offset)) return true;
    const bool had_devices = !receiver.devices.empty();
    std::erase_if(receiver.devices, [&](const dispatch::DeviceLeft& device) {
      return knows(key_of(letter, receiver.user_id, device.device_id), letter.offset);
    });
    return had_devices && receiver.devices.empty();
  });
  return !left->left.empty();
}

}  // namespace nightpost::app
