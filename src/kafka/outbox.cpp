#include "kafka/outbox.h"

#include <algorithm>
#include <utility>

namespace nightpost::kafka {

bool Outbox::is_full(const Parcel& parcel) const {
  return parcel.messages.size() >= limits_.messages ||
         parcel.bytes.size() + parcel.messages.size() * kOverhead >= limits_.bytes;
}

std::unique_ptr<Parcel> Outbox::empty_parcel() {
  if (spare_.empty()) return std::make_unique<Parcel>();
  std::unique_ptr<Parcel> parcel = std::move(spare_.back());
  spare_.pop_back();
  return parcel;
}

bool Outbox::add(std::uint32_t hash, Ticket* ticket, std::string_view key, std::string_view value, MonoTime now) {
  const std::size_t number = hash % lanes_.size();
  Lane& lane = lanes_[number];
  const bool first = lane.waiting.empty();
  const auto fits = [&](const Parcel& parcel) {
    return parcel.messages.size() < limits_.messages &&
           parcel.bytes.size() + key.size() + value.size() + (parcel.messages.size() + 1) * kOverhead <= limits_.bytes;
  };
  const bool fresh = first || !fits(*lane.waiting.back());
  if (fresh) {
    lane.waiting.push_back(empty_parcel());
    lane.waiting.back()->lane = number;
    lane.waiting.back()->since = now;
  }
  Parcel& parcel = *lane.waiting.back();
  parcel.messages.push_back({.in = &parcel,
                             .ticket = ticket,
                             .at = static_cast<std::uint32_t>(parcel.bytes.size()),
                             .key_size = static_cast<std::uint32_t>(key.size()),
                             .value_size = static_cast<std::uint32_t>(value.size()),
                             .hash = hash});
  parcel.bytes.append(key);
  parcel.bytes.append(value);
  return !lane.out && (fresh || (lane.waiting.size() == 1 && is_full(parcel)));
}

void Outbox::spread(std::size_t lanes) {
  std::vector<Lane> before = std::exchange(lanes_, std::vector<Lane>(lanes));
  for (std::size_t i = 0; i < std::min(before.size(), lanes); ++i) lanes_[i].out = before[i].out;
  for (Lane& lane : before)
    for (std::unique_ptr<Parcel>& parcel : lane.waiting) {
      for (const Parcel::Message& message : parcel->messages)
        add(message.hash, message.ticket, parcel->key(message), parcel->value(message), parcel->since);
      recycle(std::move(parcel));
    }
}

std::unique_ptr<Parcel> Outbox::next(MonoTime now, bool hurry) {
  for (Lane& lane : lanes_) {
    if (lane.out || lane.waiting.empty()) continue;
    const Parcel& first = *lane.waiting.front();
    if (lane.waiting.size() == 1 && !hurry && !is_full(first) && now - first.since < limits_.linger) continue;
    lane.out = true;
    std::unique_ptr<Parcel> parcel = std::move(lane.waiting.front());
    lane.waiting.pop_front();
    return parcel;
  }
  return nullptr;
}

void Outbox::done(std::unique_ptr<Parcel> parcel) {
  if (parcel->lane < lanes_.size()) lanes_[parcel->lane].out = false;
  recycle(std::move(parcel));
}

void Outbox::recycle(std::unique_ptr<Parcel> parcel) {
  // One message far beyond the limit shall not keep its memory for ever.
  if (parcel->bytes.capacity() > 4 * limits_.bytes || spare_.size() >= lanes_.size()) return;
  parcel->messages.clear();
  parcel->bytes.clear();
  spare_.push_back(std::move(parcel));
}

std::optional<MonoTime> Outbox::due() const {
  std::optional<MonoTime> first;
  for (const Lane& lane : lanes_) {
    if (lane.out || lane.waiting.empty()) continue;
    const MonoTime at = lane.waiting.front()->since + limits_.linger;
    if (!first || at < *first) first = at;
  }
  return first;
}

}  // namespace nightpost::kafka
