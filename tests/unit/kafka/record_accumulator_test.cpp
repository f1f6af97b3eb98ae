#include "kafka/record_accumulator.h"

#include <catch2/catch.hpp>
#include <map>
#include <string>
#include <vector>

namespace nightpost::kafka {
namespace {

constexpr MonoTime kStart{seconds(100)};
constexpr milliseconds kLinger{15};
constexpr RecordAccumulator::Limits kLimits{.messages = 3, .bytes = 1000, .linger = kLinger};

std::vector<std::string> values(const ProducerBatch& batch) {
  std::vector<std::string> all;
  for (const ProducerBatch::Message& message : batch.messages) all.emplace_back(batch.value(message));
  return all;
}

using Values = std::vector<std::string>;

TEST_CASE("accumulator: a batch leaves when it is full, has waited, or is hurried", "[kafka][accumulator]") {
  RecordAccumulator box(kLimits);
  CHECK_FALSE(box.due());
  CHECK(box.next(kStart, true) == nullptr);
  CHECK(box.add(0, nullptr, "k", "a", kStart));
  CHECK(box.due() == kStart + kLinger);
  CHECK(box.next(kStart + kLinger - milliseconds(1), false) == nullptr);
  CHECK_FALSE(box.add(0, nullptr, "k", "b", kStart + milliseconds(10)));

  SECTION("waited since its first message") {
    const auto batch = box.next(kStart + kLinger, false);
    REQUIRE(batch);
    CHECK(values(*batch) == Values{"a", "b"});
  }
  SECTION("hurried") {
    const auto batch = box.next(kStart + milliseconds(10), true);
    REQUIRE(batch);
    CHECK(values(*batch) == Values{"a", "b"});
  }
  SECTION("full by number") {
    CHECK(box.add(0, nullptr, "k", "c", kStart + milliseconds(10)));
    const auto batch = box.next(kStart + milliseconds(10), false);
    REQUIRE(batch);
    CHECK(values(*batch) == Values{"a", "b", "c"});
  }
  SECTION("full by bytes: what does not fit opens another") {
    const std::string large(900, 'x');
    CHECK(box.add(0, nullptr, "k", large, kStart + milliseconds(10)));
    const auto batch = box.next(kStart + milliseconds(10), false);
    REQUIRE(batch);
    CHECK(values(*batch) == Values{"a", "b"});
  }
}

TEST_CASE("accumulator: a message beyond every limit goes alone", "[kafka][accumulator]") {
  RecordAccumulator box(kLimits);
  const std::string huge(5000, 'x');
  box.add(0, nullptr, "", "before", kStart);
  box.add(0, nullptr, "", huge, kStart);
  box.add(0, nullptr, "", "after", kStart);
  for (const std::string& want : {std::string("before"), huge, std::string("after")}) {
    auto batch = box.next(kStart + kLinger, false);
    REQUIRE(batch);
    CHECK(values(*batch) == Values{want});
    box.done(std::move(batch));
  }
}

TEST_CASE("accumulator: a queue has one batch out", "[kafka][accumulator]") {
  RecordAccumulator box(kLimits);
  box.spread(2);
  CHECK(box.add(0, nullptr, "", "a", kStart));
  auto batch = box.next(kStart, true);
  REQUIRE(batch);
  // However much comes and however long it waits: nothing of this queue, and nobody need look.
  for (const char* value : {"b", "c", "d", "e"}) CHECK_FALSE(box.add(0, nullptr, "", value, kStart));
  CHECK(box.next(kStart + seconds(9), true) == nullptr);
  CHECK_FALSE(box.due());
  // The other queue is not held up by it.
  CHECK(box.add(1, nullptr, "", "other", kStart));
  const auto other = box.next(kStart + kLinger, false);
  REQUIRE(other);
  CHECK(values(*other) == Values{"other"});

  box.done(std::move(batch));
  batch = box.next(kStart, false);
  REQUIRE(batch);
  CHECK(values(*batch) == Values{"b", "c", "d"});
  CHECK(box.next(kStart, true) == nullptr);
  box.done(std::move(batch));
  CHECK(box.next(kStart, false) == nullptr);  // "e" is neither full nor old
  CHECK(box.due() == kStart + kLinger);
  batch = box.next(kStart, true);
  REQUIRE(batch);
  CHECK(values(*batch) == Values{"e"});
}

TEST_CASE("accumulator: more or fewer queues keep every message, each key's in order", "[kafka][accumulator]") {
  RecordAccumulator box(kLimits);
  std::map<std::uint32_t, Values> want, got;
  int number = 0;
  const auto add = [&] {
    for (std::uint32_t hash = 0; hash < 7; ++hash) {
      want[hash].push_back(std::to_string(number++));
      box.add(hash, nullptr, "key", want[hash].back(), kStart);
    }
  };
  for (const std::size_t queues : {1u, 4u, 8u, 3u, 1u, 5u}) {
    box.spread(queues);
    CHECK(box.queues() == queues);
    add();
  }
  std::size_t batches = 0;
  while (auto batch = box.next(kStart, true)) {
    for (const ProducerBatch::Message& message : batch->messages) {
      CHECK(message.in == batch.get());
      CHECK(message.hash % 5 == batch->queue);
      CHECK(batch->key(message) == "key");
      got[message.hash].emplace_back(batch->value(message));
    }
    CHECK(batch->messages.size() <= kLimits.messages);
    box.done(std::move(batch));
    ++batches;
  }
  CHECK(got == want);
  CHECK(batches >= 42 / kLimits.messages);
}

TEST_CASE("accumulator: a batch that was out while the queues changed frees its queue, if there still is one",
          "[kafka][accumulator]") {
  RecordAccumulator box(kLimits);
  box.spread(3);
  box.add(2, nullptr, "", "a", kStart);
  auto batch = box.next(kStart, true);
  REQUIRE(batch);
  SECTION("it is still out") {
    box.spread(4);
    box.add(2, nullptr, "", "b", kStart);
    CHECK(box.next(kStart, true) == nullptr);
    box.done(std::move(batch));
    CHECK(box.next(kStart, true) != nullptr);
  }
  SECTION("it is gone") {
    box.spread(2);
    box.done(std::move(batch));
    box.add(2, nullptr, "", "b", kStart);
    CHECK(box.next(kStart, true) != nullptr);
  }
}

TEST_CASE("accumulator: a used batch comes back empty", "[kafka][accumulator]") {
  RecordAccumulator box(kLimits);
  for (const char* value : {"first", "second", "third"}) {
    box.add(0, nullptr, "k", value, kStart);
    auto batch = box.next(kStart, true);
    REQUIRE(batch);
    CHECK(values(*batch) == Values{value});
    CHECK(batch->bytes.size() == 1 + std::string(value).size());
    box.done(std::move(batch));
  }
}

}  // namespace
}  // namespace nightpost::kafka
