#include "kafka/record_accumulator.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace nightpost::kafka {

using Fate = ProducerBatch::Fate;

bool RecordAccumulator::is_full(const ProducerBatch& batch) const {
  return batch.sealed || batch.messages.size() >= limits_.messages ||
         batch.bytes.size() + batch.messages.size() * kOverhead >= bytes_max_;
}

std::unique_ptr<ProducerBatch> RecordAccumulator::empty_batch(std::size_t queue, MonoTime now) {
  std::unique_ptr<ProducerBatch> batch;
  if (spare_.empty()) {
    batch = std::make_unique<ProducerBatch>();
  } else {
    batch = std::move(spare_.back());
    spare_.pop_back();
  }
  batch->queue = queue;
  batch->since = now;
  return batch;
}

std::size_t RecordAccumulator::bytes_of(std::string_view key, std::string_view value,
                                        const MessageExtras* extras) noexcept {
  std::size_t bytes = key.size() + value.size();
  if (extras != nullptr)
    for (const auto& [name, text] : extras->headers) bytes += name.size() + text.size();
  return bytes;
}

bool RecordAccumulator::add(std::uint32_t hash, PendingRecord* pending, std::string_view key, std::string_view value,
                            MonoTime now, ProduceCredit* credit, std::unique_ptr<MessageExtras> extras) {
  const std::size_t number = hash % queues_.size();
  PartitionQueue& queue = queues_[number];
  const auto fits = [&](const ProducerBatch& batch) {
    return !batch.sealed && batch.messages.size() < limits_.messages &&
           batch.bytes.size() + key.size() + value.size() + (batch.messages.size() + 1) * kOverhead <= bytes_max_;
  };
  const bool fresh = queue.waiting.empty() || !fits(*queue.waiting.back());
  if (fresh) queue.waiting.push_back(empty_batch(number, now));
  ProducerBatch& batch = *queue.waiting.back();
  const bool urgent = extras != nullptr;
  if (urgent) batch.since = std::min(batch.since, now - limits_.linger);
  batch.messages.push_back({.in = &batch,
                            .pending = pending,
                            .credit = credit,
                            .extras = std::move(extras),
                            .at = static_cast<std::uint32_t>(batch.bytes.size()),
                            .key_size = static_cast<std::uint32_t>(key.size()),
                            .value_size = static_cast<std::uint32_t>(value.size()),
                            .hash = hash,
                            .charged = 0,
                            .fate = Fate::Sent});
  ProducerBatch::Message& message = batch.messages.back();
  message.charged = static_cast<std::uint32_t>(bytes_of(key, value, message.extras.get()));
  batch.bytes.append(key);
  batch.bytes.append(value);
  return !queue.out && (fresh || urgent || (queue.waiting.size() == 1 && is_full(batch)));
}

void RecordAccumulator::move_message(const ProducerBatch& from, ProducerBatch::Message& message, ProducerBatch& to) {
  const std::string_view key = from.key(message), value = from.value(message);
  ProducerBatch::Message& moved = to.messages.emplace_back(std::move(message));
  moved.in = &to;
  moved.at = static_cast<std::uint32_t>(to.bytes.size());
  moved.fate = Fate::Sent;
  to.bytes.append(key);
  to.bytes.append(value);
}

void RecordAccumulator::spread(std::size_t queues) {
  std::vector<PartitionQueue> before = std::exchange(queues_, std::vector<PartitionQueue>(queues));
  for (std::size_t i = 0; i < std::min(before.size(), queues); ++i) queues_[i].out = before[i].out;
  // A refused message that is alone keeps its back-off; others are collected anew.
  for (PartitionQueue& queue : before)
    for (std::unique_ptr<ProducerBatch>& batch : queue.waiting)
      if (batch->refusals > 0) {
        batch->queue = batch->messages.front().hash % queues;
        queues_[batch->queue].waiting.push_back(std::move(batch));
      }
  for (PartitionQueue& queue : before)
    for (std::unique_ptr<ProducerBatch>& batch : queue.waiting) {
      if (!batch) continue;
      for (ProducerBatch::Message& message : batch->messages) {
        std::unique_ptr<MessageExtras> extras = std::move(message.extras);
        add(message.hash, message.pending, batch->key(message), batch->value(message), batch->since, message.credit,
            std::move(extras));
        queues_[message.hash % queues].waiting.back()->messages.back().charged = message.charged;
      }
      recycle(std::move(batch));
    }
}

/// Whether the batch may go, but for the topic's back-off.
bool RecordAccumulator::is_ripe(const PartitionQueue& queue, const ProducerBatch& batch, MonoTime now) const {
  if (batch.not_before > now) return false;
  return &batch != queue.waiting.back().get() || is_full(batch) || now - batch.since >= limits_.linger;
}

std::unique_ptr<ProducerBatch> RecordAccumulator::next(MonoTime now, bool hurry) {
  if (topic_refusals_ > 0 && (now < retry_at_ || out_ > 0)) return nullptr;
  for (PartitionQueue& queue : queues_) {
    if (queue.out) continue;
    const auto ripe = std::ranges::find_if(queue.waiting, [&](const auto& batch) {
      return is_ripe(queue, *batch, now) || (hurry && batch->not_before <= now);
    });
    if (ripe == queue.waiting.end()) continue;
    queue.out = true;
    ++out_;
    std::unique_ptr<ProducerBatch> batch = std::move(*ripe);
    queue.waiting.erase(ripe);
    return batch;
  }
  return nullptr;
}

void RecordAccumulator::put_back(std::unique_ptr<ProducerBatch> batch) {
  batch->sealed = true;
  batch->queue = batch->messages.front().hash % queues_.size();
  queues_[batch->queue].waiting.push_front(std::move(batch));
}

/// By bytes, so that the request gets smaller whatever the messages' sizes; each half has at least one message.
void RecordAccumulator::split(ProducerBatch& batch, std::vector<std::unique_ptr<ProducerBatch>>& halves) {
  std::vector<ProducerBatch::Message>& all = batch.messages;
  std::size_t total = 0, moved = 0;
  for (const ProducerBatch::Message& message : all) total += message.key_size + message.value_size + kOverhead;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::size_t size = all[i].key_size + all[i].value_size + kOverhead;
    const bool second = halves.size() == 1 && (moved + size > total / 2 || i + 1 == all.size());
    if (halves.empty() || second) halves.push_back(empty_batch(batch.queue, batch.since));
    move_message(batch, all[i], *halves.back());
    moved += size;
  }
}

/// True: it was shortened.
bool RecordAccumulator::too_large_alone(ProducerBatch& batch, MonoTime now) {
  if (std::exchange(batch.refusals, batch.refusals + 1) > 0 && !batch.shortened) {
    ProducerBatch::Message& message = batch.messages.front();
    if (message.extras && message.extras->may_shorten) {
      const ShortMessage made = shortened(batch.key(message), batch.value(message), message.extras->headers);
      message.extras->headers = made.headers;
      message.at = 0;
      message.key_size = static_cast<std::uint32_t>(made.key.size());
      message.value_size = static_cast<std::uint32_t>(made.value.size());
      batch.bytes = made.key + made.value;
      batch.bytes.shrink_to_fit();
      batch.shortened = true;
      batch.not_before = {};
      return true;
    }
  }
  batch.stuck = batch.refusals > 1;
  if (batch.stuck) ++stuck_;
  batch.not_before = now + refusal_backoff(batch.refusals, limits_.backoff_first, limits_.backoff_max, rng_);
  return false;
}

bool RecordAccumulator::done(std::unique_ptr<ProducerBatch> batch, MonoTime now) {
  if (batch->queue < queues_.size()) queues_[batch->queue].out = false;
  --out_;
  const auto has = [&](Fate fate) {
    return std::ranges::find(batch->messages, fate, &ProducerBatch::Message::fate) != batch->messages.end();
  };
  const bool taken = has(Fate::Written), refused = has(Fate::Refused);
  const std::size_t sent = batch->messages.size();
  if (taken) topic_refusals_ = 0;
  if (std::exchange(batch->stuck, false)) --stuck_;
  std::erase_if(batch->messages, [](const ProducerBatch::Message& message) {
    return message.fate == Fate::Written || message.fate == Fate::Dropped;
  });
  if (batch->messages.empty()) {
    recycle(std::move(batch));
    return false;
  }
  if (refused) {
    if (taken) {  // so it is not the topic: these alone wait
      batch->not_before = now + refusal_backoff(1, limits_.backoff_first, limits_.backoff_max, rng_);
    } else {
      batch->not_before = {};
      // However many requests fail at once, it is one refusal of the topic's.
      if (topic_refusals_ == 0 || now >= retry_at_)
        retry_at_ = now + refusal_backoff(++topic_refusals_, limits_.backoff_first, limits_.backoff_max, rng_);
    }
    put_back(std::move(batch));
    return false;
  }
  if (sent == 1) {
    const bool was_shortened = too_large_alone(*batch, now);
    put_back(std::move(batch));
    return was_shortened;
  }
  if (!taken) bytes_max_ = std::max(std::min(bytes_max_, batch->bytes.size() + sent * kOverhead) / 2, kBatchBytesMin);
  std::vector<std::unique_ptr<ProducerBatch>> halves;
  split(*batch, halves);
  recycle(std::move(batch));
  for (auto half = halves.rbegin(); half != halves.rend(); ++half) put_back(std::move(*half));
  return false;
}

void RecordAccumulator::retry_now(MonoTime now) {
  if (topic_refusals_ > 0) retry_at_ = std::min(retry_at_, now);
}

void RecordAccumulator::recycle(std::unique_ptr<ProducerBatch> batch) {
  // One message far beyond the limit shall not keep its memory for ever.
  if (batch->bytes.capacity() > 4 * limits_.bytes || spare_.size() >= queues_.size()) return;
  batch->messages.clear();
  batch->bytes.clear();
  batch->not_before = {};
  batch->sealed = batch->shortened = false;
  batch->refusals = 0;
  spare_.push_back(std::move(batch));
}

std::optional<MonoTime> RecordAccumulator::due() const {
  if (topic_refusals_ > 0 && out_ > 0) return std::nullopt;
  std::optional<MonoTime> first;
  for (const PartitionQueue& queue : queues_) {
    if (queue.out) continue;
    for (const std::unique_ptr<ProducerBatch>& batch : queue.waiting) {
      MonoTime at = batch->sealed ? batch->not_before : batch->since + limits_.linger;
      if (topic_refusals_ > 0) at = std::max(at, retry_at_);
      if (!first || at < *first) first = at;
      if (batch->not_before == MonoTime{}) break;  // those behind it are no earlier
    }
  }
  return first;
}

}  // namespace nightpost::kafka
