// What ties a record to everything written because of it. A Ticket counts holds: one of the shard that works on the
// record, one of each message on its way to the broker. When the last is dropped the consumer's thread hears of it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace nightpost::kafka {

class TicketPool;

/// hold() and drop() are for any thread; who drops the last hold must not touch the ticket again.
class Ticket {
 public:
  void hold() noexcept { holds_.fetch_add(1, std::memory_order_relaxed); }
  inline void drop() noexcept;

  std::int32_t partition() const noexcept { return partition_; }
  std::int64_t offset() const noexcept { return offset_; }
  /// Names one stay of a partition with us; never reused in the process of one consumer.
  std::uint32_t epoch() const noexcept { return epoch_; }
  std::uint32_t bytes() const noexcept { return bytes_; }

 private:
  friend class TicketPool;
  std::atomic<std::uint32_t> holds_{0};
  std::int32_t partition_ = 0;
  std::int64_t offset_ = 0;
  std::uint32_t epoch_ = 0;
  std::uint32_t bytes_ = 0;
  TicketPool* pool_ = nullptr;
  Ticket* next_ = nullptr;  // on the finished list, then on the free list
};

/// Owns the tickets of one consumer. take() and drain() are the consumer thread's, the last drop() of a ticket is
/// anybody's: it costs one compare-and-swap and no malloc. Outlives its owner until the last ticket is dropped, so a
/// producer that still waits for the broker may do so longer than the consumer lives.
class TicketPool {
 public:
  struct Close {
    void operator()(TicketPool* pool) const noexcept { pool->close(); }
  };
  using Owner = std::unique_ptr<TicketPool, Close>;
  static Owner make() { return Owner(new TicketPool); }

  /// A ticket with one hold.
  Ticket* take(std::int32_t partition, std::int64_t offset, std::uint32_t epoch, std::uint32_t bytes);

  /// Calls `finished(const Ticket&)` for every ticket whose last hold went since the last drain, and reuses them.
  template <class Finished>
  void drain(Finished&& finished) {
    if (finished_.load(std::memory_order_relaxed) == nullptr) return;
    Ticket* ticket = finished_.exchange(nullptr, std::memory_order_acquire);
    while (ticket != nullptr) {
      Ticket* const next = ticket->next_;
      finished(static_cast<const Ticket&>(*ticket));
      recycle(ticket);
      ticket = next;
    }
  }

 private:
  friend class Ticket;
  static constexpr std::size_t kSlab = 1024;

  TicketPool() = default;
  ~TicketPool() = default;
  void close() noexcept;
  void push(Ticket* ticket) noexcept;
  void recycle(Ticket* ticket) noexcept {
    ticket->next_ = free_;
    free_ = ticket;
    --out_;
  }

  std::vector<std::unique_ptr<Ticket[]>> slabs_;
  Ticket* free_ = nullptr;
  std::size_t out_ = 0;                     // taken and not yet recycled
  std::atomic<Ticket*> finished_{nullptr};  // newest first; closed_ once the owner is gone
  std::atomic<std::size_t> orphans_{0};     // after close(): tickets that are still held
  Ticket closed_;                           // its address marks a closed list
};

void Ticket::drop() noexcept {
  if (holds_.fetch_sub(1, std::memory_order_acq_rel) == 1) pool_->push(this);
}

}  // namespace nightpost::kafka
