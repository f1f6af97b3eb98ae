#include "kafka/pending_record.h"

namespace nightpost::kafka {

PendingRecord* PendingRecordPool::acquire(Stay stay, std::int64_t offset, std::uint32_t bytes, const Origin& origin) {
  if (free_ == nullptr) {
    slabs_.push_back(std::make_unique<PendingRecord[]>(kSlab));
    for (std::size_t i = 0; i < kSlab; ++i) {
      PendingRecord& fresh = slabs_.back()[i];
      fresh.pool_ = this;
      fresh.next_ = free_;
      free_ = &fresh;
    }
  }
  PendingRecord* const pending = free_;
  free_ = pending->next_;
  ++out_;
  pending->stay_ = stay;
  pending->offset_ = offset;
  pending->bytes_ = bytes;
  pending->origin_topic_.assign(origin.topic);  // keeps its memory
  pending->origin_partition_ = origin.partition;
  pending->origin_offset_ = origin.offset;
  pending->given_back_ = false;
  pending->holds_.store(1, std::memory_order_relaxed);  // published with the batch
  return pending;
}

void PendingRecordPool::push(PendingRecord* pending) noexcept {
  PendingRecord* head = finished_.load(std::memory_order_acquire);
  do {
    if (head == &closed_) {
      if (orphans_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
      return;
    }
    pending->next_ = head;
  } while (!finished_.compare_exchange_weak(head, pending, std::memory_order_acq_rel, std::memory_order_acquire));
}

void PendingRecordPool::close() noexcept {
  // One more than the records out there, so that nobody deletes the pool while this function still reads it.
  orphans_.store(out_ + 1, std::memory_order_relaxed);
  std::size_t settled = 1;
  for (const PendingRecord* t = finished_.exchange(&closed_, std::memory_order_acq_rel); t != nullptr; t = t->next_)
    ++settled;
  if (orphans_.fetch_sub(settled, std::memory_order_acq_rel) == settled) delete this;
}

}  // namespace nightpost::kafka
