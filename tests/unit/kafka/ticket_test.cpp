#include "kafka/ticket.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <cstdint>
#include <set>
#include <thread>
#include <vector>

namespace nightpost::kafka {
namespace {

TEST_CASE("ticket: finishes when the last hold goes, not before", "[kafka][ticket]") {
  const TicketPool::Owner pool = TicketPool::make();
  int finished = 0;
  const auto drain = [&] { pool->drain([&](const Ticket&) { ++finished; }); };
  Ticket* const ticket = pool->take(3, 77, 5, 100);
  CHECK(ticket->partition() == 3);
  CHECK(ticket->offset() == 77);
  CHECK(ticket->epoch() == 5);
  CHECK(ticket->bytes() == 100);
  ticket->hold();
  ticket->hold();
  ticket->drop();
  ticket->drop();
  drain();
  CHECK(finished == 0);
  ticket->drop();
  drain();
  CHECK(finished == 1);
  drain();
  CHECK(finished == 1);
  Ticket* const again = pool->take(1, 2, 3, 4);
  CHECK(again == ticket);
  again->drop();
}

TEST_CASE("ticket: dropped from many threads, each finishes once", "[kafka][ticket]") {
  constexpr int kTickets = 20'000, kThreads = 4;
  const TicketPool::Owner pool = TicketPool::make();
  std::vector<Ticket*> tickets;
  for (int i = 0; i < kTickets; ++i) {
    tickets.push_back(pool->take(0, i, 1, 0));
    for (int t = 1; t < kThreads; ++t) tickets.back()->hold();
  }
  std::set<std::int64_t> finished;
  std::vector<std::jthread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&] {
      for (Ticket* ticket : tickets) ticket->drop();
    });
  while (finished.size() < kTickets)
    pool->drain([&](const Ticket& ticket) { CHECK(finished.insert(ticket.offset()).second); });
  CHECK(finished.size() == kTickets);
}

// ASan and LeakSanitizer are the judges here: the pool outlives its owner exactly until the last ticket.
TEST_CASE("ticket: may outlive the pool's owner", "[kafka][ticket]") {
  const int dropped_before = GENERATE(0, 1, 3, 4);
  std::vector<Ticket*> tickets;
  {
    const TicketPool::Owner pool = TicketPool::make();
    for (int i = 0; i < 4; ++i) tickets.push_back(pool->take(0, i, 1, 0));
    for (int i = 0; i < dropped_before; ++i) tickets[static_cast<std::size_t>(i)]->drop();
  }
  std::vector<std::jthread> threads;
  for (std::size_t i = static_cast<std::size_t>(dropped_before); i < tickets.size(); ++i)
    threads.emplace_back([ticket = tickets[i]] { ticket->drop(); });
}

TEST_CASE("ticket: the owner may go while others drop", "[kafka][ticket]") {
  for (int round = 0; round < 200; ++round) {
    TicketPool::Owner pool = TicketPool::make();
    std::vector<Ticket*> tickets;
    for (int i = 0; i < 50; ++i) tickets.push_back(pool->take(0, i, 1, 0));
    std::jthread dropper([&] {
      for (Ticket* ticket : tickets) ticket->drop();
    });
    pool.reset();
  }
}

}  // namespace
}  // namespace nightpost::kafka
