// What ties a record to everything written because of it. A PendingRecord counts holds: one of the shard that works on
// the record, one of each message on its way to the broker. When the last is dropped the consumer's thread hears of it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kafka/consumer.h"
#include "kafka/record_headers.h"

namespace nightpost::kafka {

class PendingRecordPool;

/// hold() and drop() are for any thread; who drops the last hold must not touch the record again.
class PendingRecord {
 public:
  void hold() noexcept { holds_.fetch_add(1, std::memory_order_relaxed); }
  inline void drop() noexcept;
  /// Instead of the drop() of the shard's hold: the record is not done, so the ledger must not hear that it is.
  void give_back() noexcept {
    given_back_ = true;  // published by the drop
    drop();
  }

  Stay stay() const noexcept { return stay_; }
  std::int64_t offset() const noexcept { return offset_; }
  /// Where the event's first record stood. Its topic is empty where that is this one.
  Origin origin() const noexcept { return {origin_topic_, origin_partition_, origin_offset_}; }
  std::uint32_t bytes() const noexcept { return bytes_; }
  /// REQUIRED: the last hold is gone.
  bool given_back() const noexcept { return given_back_; }

 private:
  friend class PendingRecordPool;
  std::atomic<std::uint32_t> holds_{0};
  Stay stay_;
  std::int64_t offset_ = 0;
  std::string origin_topic_;
  std::int32_t origin_partition_ = 0;
  std::int64_t origin_offset_ = 0;
  std::uint32_t bytes_ = 0;
  bool given_back_ = false;
  PendingRecordPool* pool_ = nullptr;
  PendingRecord* next_ = nullptr;  // on the finished list, then on the free list
};

/// Owns the pending records of one consumer. acquire(), out() and drain() are the consumer thread's, the last drop() of
/// a record is anybody's: it costs one compare-and-swap and no malloc. Outlives its owner until the last pending is
/// dropped, so a producer that still waits for the broker may do so longer than the consumer lives.
class PendingRecordPool {
 public:
  struct Close {
    void operator()(PendingRecordPool* pool) const noexcept { pool->close(); }
  };
  using Owner = std::unique_ptr<PendingRecordPool, Close>;
  static Owner make() { return Owner(new PendingRecordPool); }

  /// A pending with one hold.
  PendingRecord* acquire(Stay stay, std::int64_t offset, std::uint32_t bytes, const Origin& origin = {});
  /// Acquired and not yet drained.
  std::size_t out() const noexcept { return out_; }

  /// Calls `finished(const PendingRecord&)` for every pending whose last hold went since the last drain, and reuses
  /// them.
  template <class Finished>
  void drain(Finished&& finished) {
    if (finished_.load(std::memory_order_relaxed) == nullptr) return;
    PendingRecord* pending = finished_.exchange(nullptr, std::memory_order_acquire);
    while (pending != nullptr) {
      PendingRecord* const next = pending->next_;
      finished(static_cast<const PendingRecord&>(*pending));
      recycle(pending);
      pending = next;
    }
  }

 private:
  friend class PendingRecord;
  static constexpr std::size_t kSlab = 1024;

  PendingRecordPool() = default;
  ~PendingRecordPool() = default;
  void close() noexcept;
  void push(PendingRecord* pending) noexcept;
  void recycle(PendingRecord* pending) noexcept {
    pending->next_ = free_;
    free_ = pending;
    --out_;
  }

  std::vector<std::unique_ptr<PendingRecord[]>> slabs_;
  PendingRecord* free_ = nullptr;
  std::size_t out_ = 0;                            // taken and not yet recycled
  std::atomic<PendingRecord*> finished_{nullptr};  // newest first; closed_ once the owner is gone
  std::atomic<std::size_t> orphans_{0};            // after close(): records that are still held
  PendingRecord closed_;                           // its address marks a closed list
};

void PendingRecord::drop() noexcept {
  if (holds_.fetch_sub(1, std::memory_order_acq_rel) == 1) pool_->push(this);
}

}  // namespace nightpost::kafka
