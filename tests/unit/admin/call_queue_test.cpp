// The queue of calls, and the threads that take from it.
#include "admin/call_queue.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <thread>

namespace nightpost::admin {
namespace {

using Queue = CallQueue<std::unique_ptr<int>>;
const MonoTime kPast = std::chrono::steady_clock::now() - std::chrono::hours(1);
MonoTime soon() { return std::chrono::steady_clock::now() + std::chrono::seconds(20); }

TEST_CASE("call queue: in order, bounded, and a call that finds no place is whole", "[admin][queue]") {
  Queue queue(2);
  const std::stop_token never;
  CHECK(queue.put(std::make_unique<int>(1)) == Queue::Put::Taken);
  CHECK(queue.put(std::make_unique<int>(2)) == Queue::Put::Taken);
  auto third = std::make_unique<int>(3);
  CHECK(queue.put(std::move(third)) == Queue::Put::Full);
  REQUIRE(third);  // its responder can still be told
  CHECK(queue.waiting() == 2);
  CHECK(**queue.next(never) == 1);
  CHECK(queue.put(std::move(third)) == Queue::Put::Taken);  // one is worked on, so there is room
  CHECK(**queue.next(never) == 2);
  CHECK(**queue.next(never) == 3);
  CHECK(queue.waiting() == 0);
}

TEST_CASE("call queue: a drain waits for what is worked on, and takes nothing more", "[admin][queue]") {
  Queue queue(2);
  REQUIRE(queue.put(std::make_unique<int>(1)) == Queue::Put::Taken);
  REQUIRE(queue.next({}));
  CHECK_FALSE(queue.drain(kPast));
  CHECK(queue.put(std::make_unique<int>(2)) == Queue::Put::Closed);
  queue.done();
  CHECK(queue.drain(kPast));
}

TEST_CASE("call queue: a drain is not over while something waits", "[admin][queue]") {
  Queue queue(2);
  REQUIRE(queue.put(std::make_unique<int>(1)) == Queue::Put::Taken);
  CHECK_FALSE(queue.drain(kPast));
  std::thread worker([&] {
    if (queue.next({})) queue.done();
  });
  CHECK(queue.drain(soon()));
  worker.join();
}

TEST_CASE("call queue: a stop ends the wait of a thread, whatever still waits", "[admin][queue]") {
  Queue queue(2);
  std::stop_source stop;
  bool given = true;
  std::thread worker([&] { given = queue.next(stop.get_token()).has_value(); });
  stop.request_stop();
  worker.join();
  CHECK_FALSE(given);
  REQUIRE(queue.put(std::make_unique<int>(1)) == Queue::Put::Taken);
  CHECK_FALSE(queue.next(stop.get_token()));
}

}  // namespace
}  // namespace nightpost::admin
