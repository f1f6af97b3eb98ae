#include "kafka/record_accumulator.h"

#include <catch2/catch.hpp>
#include <map>
#include <string>
#include <vector>

namespace nightpost::kafka {
namespace {

constexpr MonoTime kStart{seconds(100)};
constexpr milliseconds kLinger{15};
constexpr milliseconds kFirst{1'000}, kMax{8'000};
constexpr RecordAccumulator::Limits kLimits{
    .messages = 3, .bytes = 1000, .linger = kLinger, .backoff_first = kFirst, .backoff_max = kMax};

std::vector<std::string> values(const ProducerBatch& batch) {
  std::vector<std::string> all;
  for (const ProducerBatch::Message& message : batch.messages) all.emplace_back(batch.value(message));
  return all;
}

/// As the shell does when the broker has taken all of it.
void give_back(RecordAccumulator& box, std::unique_ptr<ProducerBatch> batch, MonoTime now = kStart) {
  for (ProducerBatch::Message& message : batch->messages) RecordAccumulator::written(message);
  box.done(std::move(batch), now);
}
void refuse(RecordAccumulator& box, std::unique_ptr<ProducerBatch> batch, Refusal why, MonoTime now) {
  for (ProducerBatch::Message& message : batch->messages) RecordAccumulator::refused(message, why);
  box.done(std::move(batch), now);
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
    give_back(box, std::move(batch));
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

  give_back(box, std::move(batch));
  batch = box.next(kStart, false);
  REQUIRE(batch);
  CHECK(values(*batch) == Values{"b", "c", "d"});
  CHECK(box.next(kStart, true) == nullptr);
  give_back(box, std::move(batch));
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
    give_back(box, std::move(batch));
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
    give_back(box, std::move(batch));
    CHECK(box.next(kStart, true) != nullptr);
  }
  SECTION("it is gone") {
    box.spread(2);
    give_back(box, std::move(batch));
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
    give_back(box, std::move(batch));
  }
}

std::unique_ptr<MessageExtras> letter(std::string reason) {
  auto extras = std::make_unique<MessageExtras>();
  extras->headers = {{"reason", std::move(reason)}, {"offset", "7"}};
  extras->may_shorten = true;
  return extras;
}

TEST_CASE("accumulator: a topic that refuses is asked by one batch at a time, later and later",
          "[kafka][accumulator]") {
  RecordAccumulator box(kLimits);
  box.spread(2);
  for (const char* value : {"a", "b", "c", "d"}) box.add(0, nullptr, "", value, kStart);
  box.add(1, nullptr, "", "other", kStart);
  auto one = box.next(kStart, true), two = box.next(kStart, true);
  REQUIRE((one && two));
  CHECK_FALSE(box.refusing());
  refuse(box, std::move(one), Refusal::TopicMissing, kStart);
  refuse(box, std::move(two), Refusal::TopicMissing, kStart);
  CHECK(box.refusing());
  MonoTime now = kStart;
  milliseconds waited{0};
  for (const milliseconds nominal : {kFirst, 2 * kFirst, 4 * kFirst, kMax, kMax}) {
    CHECK(box.next(now, true) == nullptr);
    REQUIRE(box.due());
    waited = std::chrono::duration_cast<milliseconds>(*box.due() - now);
    CHECK(waited >= nominal / 2);
    CHECK(waited <= nominal);
    CHECK(box.next(*box.due() - milliseconds(1), true) == nullptr);
    now = *box.due();
    auto probe = box.next(now, false);
    REQUIRE(probe);
    CHECK(box.next(now, true) == nullptr);
    CHECK_FALSE(box.due());
    refuse(box, std::move(probe), nominal == kMax ? Refusal::Forbidden : Refusal::TopicMissing, now);
  }
  SECTION("it heals by itself") { now = *box.due(); }
  SECTION("or is known to have healed") { box.retry_now(now); }
  auto probe = box.next(now, false);
  REQUIRE(probe);
  Values got = values(*probe);
  give_back(box, std::move(probe), now);
  CHECK_FALSE(box.refusing());
  while (auto batch = box.next(now + kMax, true)) {
    for (std::string& value : values(*batch)) got.push_back(std::move(value));
    give_back(box, std::move(batch), now);
  }
  std::erase(got, "other");
  CHECK(got == Values{"a", "b", "c", "d"});  // nothing lost, in order
}

TEST_CASE("accumulator: a request that is too large is halved until each part is taken", "[kafka][accumulator]") {
  constexpr std::size_t kTopicMax = 40'000;
  RecordAccumulator box({.linger = kLinger});
  Values want;
  for (int i = 0; i < 1000; ++i) {
    want.push_back(std::to_string(i) + std::string(static_cast<std::size_t>(100 + i % 400), 'x'));
    box.add(0, nullptr, "k", want.back(), kStart);
  }
  Values got;
  std::size_t refusals = 0;
  while (auto batch = box.next(kStart, true)) {
    if (batch->bytes.size() + batch->messages.size() * RecordAccumulator::kOverhead > kTopicMax) {
      ++refusals;
      refuse(box, std::move(batch), Refusal::TooLarge, kStart);
      continue;
    }
    for (std::string& value : values(*batch)) got.push_back(std::move(value));
    give_back(box, std::move(batch));
  }
  CHECK(got == want);
  CHECK(refusals > 0);
  CHECK(refusals < 32);
  CHECK_FALSE(box.refusing());
  // It has learned.
  for (const std::string& value : want) box.add(0, nullptr, "k", value, kStart);
  while (auto batch = box.next(kStart, true)) {
    CHECK(batch->bytes.size() <= kTopicMax);
    give_back(box, std::move(batch));
  }
}

TEST_CASE("accumulator: what a half-written batch is left with waits alone", "[kafka][accumulator]") {
  RecordAccumulator box(kLimits);
  for (const char* value : {"a", "b"}) box.add(0, nullptr, "", value, kStart);
  auto batch = box.next(kStart, true);
  REQUIRE(batch);
  RecordAccumulator::written(batch->messages[0]);
  SECTION("too large by itself: at once, alone") {
    RecordAccumulator::refused(batch->messages[1], Refusal::TooLarge);
    box.done(std::move(batch), kStart);
    batch = box.next(kStart, false);
  }
  SECTION("refused for another reason: later") {
    RecordAccumulator::refused(batch->messages[1], Refusal::Other);
    box.done(std::move(batch), kStart);
    CHECK_FALSE(box.refusing());
    CHECK(box.next(kStart, true) == nullptr);
    box.add(0, nullptr, "", "later", kStart);  // is not held up
    batch = box.next(kStart, true);
    REQUIRE(batch);
    CHECK(values(*batch) == Values{"later"});
    give_back(box, std::move(batch));
    batch = box.next(kStart + kFirst, false);
  }
  SECTION("dropped: never") {
    RecordAccumulator::dropped(batch->messages[1]);
    box.done(std::move(batch), kStart);
    CHECK(box.next(kStart + kMax, true) == nullptr);
    CHECK_FALSE(box.due());
    return;
  }
  REQUIRE(batch);
  CHECK(values(*batch) == Values{"b"});
}

TEST_CASE("accumulator: a dead letter its topic calls too large goes shortened", "[kafka][accumulator]") {
  RecordAccumulator box(kLimits);
  ProduceCredit credit({});
  const std::string value(50'000, 'v');
  box.add(0, nullptr, "key", value, kStart, &credit, letter("too_big"));
  auto batch = box.next(kStart, false);  // headers do not linger
  REQUIRE(batch);
  const std::uint32_t charged = batch->messages.front().charged;
  CHECK(charged > value.size());
  refuse(box, std::move(batch), Refusal::TooLarge, kStart);
  CHECK(box.next(kStart, true) == nullptr);  // no tight loop
  CHECK_FALSE(box.refusing());
  batch = box.next(kStart + kFirst, false);
  REQUIRE(batch);
  CHECK(values(*batch) == Values{value});  // whole once more: it may have shared its first request
  refuse(box, std::move(batch), Refusal::TooLarge, kStart + kFirst);
  batch = box.next(kStart + kFirst, false);
  REQUIRE(batch);
  CHECK(values(*batch) == Values{value.substr(0, 1024)});
  CHECK(batch->key(batch->messages.front()) == "key");
  CHECK(batch->messages.front().extras->headers ==
        Headers{{"reason", "too_big"}, {"offset", "7"}, {"truncated", "true"}, {"original_bytes", "50000"}});
  CHECK(batch->messages.front().charged == charged);  // so that the refund is what was charged
  SECTION("and is taken") {
    give_back(box, std::move(batch));
    CHECK_FALSE(box.refusing());
    CHECK_FALSE(box.due());
  }
  SECTION("or waits for the topic, which others pass") {
    MonoTime now = kStart + kFirst;
    for (int i = 0; i < 5; ++i) {
      refuse(box, std::move(batch), Refusal::TooLarge, now);
      CHECK(box.refusing());
      box.add(0, nullptr, "", "small", now);
      auto other = box.next(now, true);
      REQUIRE(other);
      CHECK(values(*other) == Values{"small"});
      give_back(box, std::move(other), now);
      CHECK(box.refusing());
      REQUIRE(box.due());
      CHECK(*box.due() >= now + kFirst);
      CHECK(*box.due() <= now + kMax);
      now = *box.due();
      batch = box.next(now, false);
      REQUIRE(batch);
      CHECK(values(*batch).front().size() == 1024);  // shortened once
    }
    give_back(box, std::move(batch), now);
    CHECK_FALSE(box.refusing());
  }
}

TEST_CASE("accumulator: a message too large for its topic that is no letter is held and tried again",
          "[kafka][accumulator]") {
  RecordAccumulator box(kLimits);
  box.add(0, nullptr, "", std::string(2'000, 'o'), kStart);
  MonoTime now = kStart + kLinger;
  for (int i = 0; i < 4; ++i) {
    auto batch = box.next(now, false);
    REQUIRE(batch);
    CHECK(values(*batch).front().size() == 2'000);
    refuse(box, std::move(batch), Refusal::TooLarge, now);
    CHECK(box.refusing() == (i > 0));
    if (i == 2) box.spread(3);  // it keeps its back-off
    CHECK(box.next(now, true) == nullptr);
    now = *box.due();
  }
  give_back(box, box.next(now, false), now);
  CHECK_FALSE(box.refusing());
}

TEST_CASE("accumulator: what stands behind a message that is too large for its topic overtakes it",
          "[kafka][accumulator]") {
  RecordAccumulator box(kLimits);
  const std::string huge(2'000, 'o');
  box.add(0, nullptr, "", huge, kStart);
  MonoTime now = kStart + kLinger;
  for (int i = 0; i < 4; ++i) {
    auto batch = box.next(now, true);
    REQUIRE(batch);
    CHECK(values(*batch) == Values{huge});
    for (const char* value : {"a", "b"}) box.add(0, nullptr, "", value, now);
    refuse(box, std::move(batch), Refusal::TooLarge, now);
    batch = box.next(now, true);
    REQUIRE(batch);
    CHECK(values(*batch) == Values{"a", "b"});
    give_back(box, std::move(batch), now);
    CHECK(box.next(now, true) == nullptr);
    CHECK(box.refusing() == (i > 0));  // it is told of
    REQUIRE(box.due());
    now = *box.due();
  }
}

}  // namespace
}  // namespace nightpost::kafka
