#include "kafka/produce_credit.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

namespace nightpost::kafka {
namespace {

TEST_CASE("credit: room ends at either limit and comes back with the reports", "[kafka][credit]") {
  struct Row {
    const char* name;
    std::size_t messages, bytes_each, want;
  };
  const Row row = GENERATE(values<Row>({
      {"nothing on its way", 0, 0, 10},
      {"some", 4, 10, 6},
      {"all messages", 10, 1, 0},
      {"all bytes", 2, 50, 0},
      {"one byte is left", 3, 33, 7},
      {"overdrawn", 25, 1, 0},
      {"one message larger than everything", 1, 1'000'000, 0},
  }));
  CAPTURE(row.name);
  ProduceCredit credit({.messages = 10, .bytes = 100});
  for (std::size_t i = 0; i < row.messages; ++i) credit.charge(1, row.bytes_each);
  CHECK(credit.room() == row.want);
  CHECK(credit.queued() == row.messages);
  credit.refund(row.messages, row.messages * row.bytes_each);
  CHECK(credit.room() == 10);
  CHECK(credit.bytes() == 0);
}

TEST_CASE("credit: whoever waits is called once, and never too late", "[kafka][credit]") {
  int calls = 0;
  ProduceCredit credit({.messages = 2, .bytes = 100}, [&] { ++calls; });
  credit.charge(1, 1);
  credit.charge(1, 1);
  credit.refund(1, 1);
  CHECK(calls == 0);  // nobody waits
  credit.charge(1, 1);
  CHECK(credit.await(credit.room()));
  credit.refund(1, 1);
  credit.refund(1, 1);
  CHECK(calls == 1);
  CHECK_FALSE(credit.await(0));  // there is room meanwhile: no call, look again
  credit.charge(1, 1);
  credit.refund(1, 1);
  CHECK(calls == 1);
  credit.charge(1, 1);
  CHECK(credit.await(credit.room()));
  credit.disconnect();
  credit.refund(1, 1);
  CHECK(calls == 1);
}

TEST_CASE("credit: no wake-up is lost between two threads", "[kafka][credit]") {
  constexpr int kRounds = 20'000;
  std::atomic<int> calls{0};
  ProduceCredit credit({.messages = 1, .bytes = 100}, [&] { ++calls; });
  std::atomic<bool> over{false};
  std::jthread reports([&] {
    while (!over)
      if (credit.queued() > 0) credit.refund(1, 1);
  });
  for (int i = 0; i < kRounds; ++i) {
    const int before = calls;
    credit.charge(1, 1);
    if (credit.await(0))
      while (calls == before) std::this_thread::yield();
  }
  over = true;
  CHECK(credit.room() == 1);
}

}  // namespace
}  // namespace nightpost::kafka
