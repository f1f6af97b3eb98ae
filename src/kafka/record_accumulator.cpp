#include "kafka/record_accumulator.h"

#include <algorithm>
#include <utility>

namespace nightpost::kafka {

bool RecordAccumulator::is_full(const ProducerBatch& batch) const {
  return batch.messages.size() >= limits_.messages ||
         batch.bytes.size() + batch.messages.size() * kOverhead >= limits_.bytes;
}

std::unique_ptr<ProducerBatch> RecordAccumulator::empty_parcel() {
  if (spare_.empty()) return std::make_unique<ProducerBatch>();
  std::unique_ptr<ProducerBatch> batch = std::move(spare_.back());
  spare_.pop_back();
  return batch;
}

bool RecordAccumulator::add(std::uint32_t hash, PendingRecord* pending, std::string_view key, std::string_view value,
                            MonoTime now) {
  const std::size_t number = hash % queues_.size();
  PartitionQueue& queue = queues_[number];
  const bool first = queue.waiting.empty();
  const auto fits = [&](const ProducerBatch& batch) {
    return batch.messages.size() < limits_.messages &&
           batch.bytes.size() + key.size() + value.size() + (batch.messages.size() + 1) * kOverhead <= limits_.bytes;
  };
  const bool fresh = first || !fits(*queue.waiting.back());
  if (fresh) {
    queue.waiting.push_back(empty_parcel());
    queue.waiting.back()->queue = number;
    queue.waiting.back()->since = now;
  }
  ProducerBatch& batch = *queue.waiting.back();
  batch.messages.push_back({.in = &batch,
                            .pending = pending,
                            .at = static_cast<std::uint32_t>(batch.bytes.size()),
                            .key_size = static_cast<std::uint32_t>(key.size()),
                            .value_size = static_cast<std::uint32_t>(value.size()),
                            .hash = hash});
  batch.bytes.append(key);
  batch.bytes.append(value);
  return !queue.out && (fresh || (queue.waiting.size() == 1 && is_full(batch)));
}

void RecordAccumulator::spread(std::size_t queues) {
  std::vector<PartitionQueue> before = std::exchange(queues_, std::vector<PartitionQueue>(queues));
  for (std::size_t i = 0; i < std::min(before.size(), queues); ++i) queues_[i].out = before[i].out;
  for (PartitionQueue& queue : before)
    for (std::unique_ptr<ProducerBatch>& batch : queue.waiting) {
      for (const ProducerBatch::Message& message : batch->messages)
        add(message.hash, message.pending, batch->key(message), batch->value(message), batch->since);
      recycle(std::move(batch));
    }
}

std::unique_ptr<ProducerBatch> RecordAccumulator::next(MonoTime now, bool hurry) {
  for (PartitionQueue& queue : queues_) {
    if (queue.out || queue.waiting.empty()) continue;
    const ProducerBatch& first = *queue.waiting.front();
    if (queue.waiting.size() == 1 && !hurry && !is_full(first) && now - first.since < limits_.linger) continue;
    queue.out = true;
    std::unique_ptr<ProducerBatch> batch = std::move(queue.waiting.front());
    queue.waiting.pop_front();
    return batch;
  }
  return nullptr;
}

void RecordAccumulator::done(std::unique_ptr<ProducerBatch> batch) {
  if (batch->queue < queues_.size()) queues_[batch->queue].out = false;
  recycle(std::move(batch));
}

void RecordAccumulator::recycle(std::unique_ptr<ProducerBatch> batch) {
  // One message far beyond the limit shall not keep its memory for ever.
  if (batch->bytes.capacity() > 4 * limits_.bytes || spare_.size() >= queues_.size()) return;
  batch->messages.clear();
  batch->bytes.clear();
  spare_.push_back(std::move(batch));
}

std::optional<MonoTime> RecordAccumulator::due() const {
  std::optional<MonoTime> first;
  for (const PartitionQueue& queue : queues_) {
    if (queue.out || queue.waiting.empty()) continue;
    const MonoTime at = queue.waiting.front()->since + limits_.linger;
    if (!first || at < *first) first = at;
  }
  return first;
}

}  // namespace nightpost::kafka
