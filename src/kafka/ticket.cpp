#include "kafka/ticket.h"

namespace nightpost::kafka {

Ticket* TicketPool::take(std::int32_t partition, std::int64_t offset, std::uint32_t epoch, std::uint32_t bytes) {
  if (free_ == nullptr) {
    slabs_.push_back(std::make_unique<Ticket[]>(kSlab));
    for (std::size_t i = 0; i < kSlab; ++i) {
      Ticket& fresh = slabs_.back()[i];
      fresh.pool_ = this;
      fresh.next_ = free_;
      free_ = &fresh;
    }
  }
  Ticket* const ticket = free_;
  free_ = ticket->next_;
  ++out_;
  ticket->partition_ = partition;
  ticket->offset_ = offset;
  ticket->epoch_ = epoch;
  ticket->bytes_ = bytes;
  ticket->holds_.store(1, std::memory_order_relaxed);  // published with the batch
  return ticket;
}

void TicketPool::push(Ticket* ticket) noexcept {
  Ticket* head = finished_.load(std::memory_order_acquire);
  do {
    if (head == &closed_) {
      if (orphans_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
      return;
    }
    ticket->next_ = head;
  } while (!finished_.compare_exchange_weak(head, ticket, std::memory_order_acq_rel, std::memory_order_acquire));
}

void TicketPool::close() noexcept {
  // One more than the tickets out there, so that nobody deletes the pool while this function still reads it.
  orphans_.store(out_ + 1, std::memory_order_relaxed);
  std::size_t settled = 1;
  for (const Ticket* t = finished_.exchange(&closed_, std::memory_order_acq_rel); t != nullptr; t = t->next_) ++settled;
  if (orphans_.fetch_sub(settled, std::memory_order_acq_rel) == settled) delete this;
}

}  // namespace nightpost::kafka
