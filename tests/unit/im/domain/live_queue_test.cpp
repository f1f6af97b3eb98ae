#include "im/domain/live_queue.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

namespace nightpost::im {
namespace {

struct Bucket {
  explicit Bucket(std::size_t per_second = 4, std::size_t waiting_max = 3) : queue(per_second, waiting_max) {}
  std::string add(Priority priority, const std::string& word) {
    queue.add(priority, word);
    return pass(milliseconds(0));
  }
  std::string pass(milliseconds time) {
    now += time;
    std::string out;
    for (const std::string& word : queue.take(now)) out += (out.empty() ? "" : " ") + word;
    return out;
  }
  LiveQueue<std::string> queue;
  MonoTime now{std::chrono::hours(1)};
};

TEST_CASE("live queue: what is below the rate goes out at once", "[im][domain][live]") {
  Bucket bucket;
  CHECK_FALSE(bucket.queue.next());
  for (const char* word : {"1", "2", "3", "4"}) CHECK(bucket.add(Priority::Lowest, word) == word);
  CHECK_FALSE(bucket.queue.next());
  CHECK(bucket.pass(milliseconds(1'000)).empty());
  for (const char* word : {"5", "6", "7", "8"}) CHECK(bucket.add(Priority::Normal, word) == word);
  CHECK(bucket.queue.dropped() == 0);
}

TEST_CASE("live queue: what is over it waits, high before low, in its order", "[im][domain][live]") {
  Bucket bucket(4, 10);
  for (const char* word : {"1", "2", "3", "4"}) bucket.add(Priority::Normal, word);
  CHECK(bucket.add(Priority::Low, "low").empty());
  CHECK(bucket.add(Priority::Normal, "a").empty());
  CHECK(bucket.add(Priority::Normal, "b").empty());
  CHECK(bucket.add(Priority::High, "high").empty());
  REQUIRE(bucket.queue.next());
  CHECK(*bucket.queue.next() == bucket.now + milliseconds(250));
  CHECK(bucket.pass(milliseconds(249)).empty());
  CHECK(bucket.pass(milliseconds(1)) == "high");
  CHECK(bucket.pass(milliseconds(500)) == "a b");
  CHECK(bucket.pass(milliseconds(250)) == "low");
  CHECK_FALSE(bucket.queue.next());
  CHECK(bucket.queue.dropped() == 0);
}

TEST_CASE("live queue: what went out beside it counts", "[im][domain][live]") {
  Bucket bucket(4, 10);
  for (int i = 0; i < 3; ++i) bucket.queue.count_one(bucket.now);
  CHECK(bucket.add(Priority::Normal, "1") == "1");
  CHECK(bucket.add(Priority::Normal, "2").empty());
  for (int i = 0; i < 100; ++i) bucket.queue.count_one(bucket.now);  // the bucket is empty, and owes nothing
  CHECK(bucket.pass(milliseconds(250)) == "2");
  CHECK(bucket.pass(milliseconds(10'000)).empty());
  for (int i = 0; i < 4; ++i) bucket.queue.count_one(bucket.now);
  CHECK(bucket.add(Priority::High, "3").empty());
  CHECK(bucket.pass(milliseconds(250)) == "3");
}

TEST_CASE("live queue: the rate may change while it runs", "[im][domain][live]") {
  Bucket bucket(4, 10);
  bucket.queue.set_per_second(2);
  for (const char* word : {"1", "2"}) CHECK(bucket.add(Priority::Normal, word) == word);
  CHECK(bucket.add(Priority::Normal, "3").empty());
  CHECK(*bucket.queue.next() == bucket.now + milliseconds(500));
  bucket.queue.set_per_second(10);
  CHECK(bucket.pass(milliseconds(100)) == "3");
  CHECK(bucket.pass(milliseconds(10'000)).empty());
  for (int i = 0; i < 10; ++i) CHECK_FALSE(bucket.add(Priority::Normal, "x").empty());
  CHECK(bucket.add(Priority::Normal, "y").empty());
  bucket.queue.set_per_second(0);  // at least one
  CHECK(*bucket.queue.next() == bucket.now + milliseconds(1'000));
}

TEST_CASE("live queue: too many wait: the oldest of the lowest goes", "[im][domain][live]") {
  Bucket bucket;
  for (const char* word : {"1", "2", "3", "4"}) bucket.add(Priority::Normal, word);
  for (const char* word : {"l1", "l2", "l3", "l4"}) bucket.add(Priority::Lowest, word);
  CHECK(bucket.queue.dropped() == 1);  // l1
  bucket.add(Priority::High, "h1");    // l2
  bucket.add(Priority::Low, "m1");     // l3
  CHECK(bucket.queue.dropped() == 3);
  bucket.add(Priority::High, "h2");  // l4
  bucket.add(Priority::High, "h3");  // m1
  bucket.add(Priority::High, "h4");  // h1: nothing lower is left
  CHECK(bucket.queue.dropped() == 6);
  CHECK(bucket.pass(milliseconds(1'000)) == "h2 h3 h4");
}

TEST_CASE("live queue: all that waits can be taken away", "[im][domain][live]") {
  Bucket bucket;
  for (const char* word : {"1", "2", "3", "4"}) bucket.add(Priority::Normal, word);
  bucket.add(Priority::Low, "low");
  bucket.add(Priority::High, "high");
  CHECK(bucket.queue.drain() == std::vector<std::string>{"high", "low"});
  CHECK(bucket.queue.waiting() == 0);
  CHECK_FALSE(bucket.queue.next());
  CHECK(bucket.queue.drain().empty());
  CHECK(bucket.pass(milliseconds(1'000)).empty());
}

TEST_CASE("live queue: no more goes out than the rate, however it is asked", "[im][domain][live]") {
  Bucket bucket(40, 40);
  int out = 0;
  for (int ms = 0; ms < 10'000; ++ms) {
    bucket.queue.add(Priority::Normal, "x");
    bucket.now += milliseconds(1);
    out += static_cast<int>(bucket.queue.take(bucket.now).size());
  }
  CHECK(out >= 400);
  CHECK(out <= 440);  // a full bucket at the start
  CHECK(bucket.queue.dropped() + static_cast<std::uint64_t>(out) + 40 == 10'000);
}

}  // namespace
}  // namespace nightpost::im
