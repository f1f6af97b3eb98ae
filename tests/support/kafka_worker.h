// Helpers of the tests that drive real clients against librdkafka's in-process broker.
#pragma once

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "kafka/consumer.h"
#include "kafka/pending_record.h"
#include "kafka/producer.h"

namespace nightpost::kafka::test {

/// Polls `condition` until it holds or `limit` is over; returns whether it held.
template <class Condition>
bool within(milliseconds limit, Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(milliseconds(2));
  }
  return true;
}

/// A worker in small: notes every record, and releases those it is told to.
class Worker {
 public:
  explicit Worker(
      ConsumerOptions options, std::function<bool(const std::string&)> releases = [](auto&) { return true; })
      : releases_(std::move(releases)) {
    ConsumerHandlers handlers;
    handlers.on_batch = [this](std::size_t shard, std::unique_ptr<Batch> batch) { take(shard, *batch); };
    handlers.on_first_assignment = [this] { ready = true; };
    handlers.on_revoked = [this](const std::vector<Stay>& ended) {
      const std::scoped_lock lock(mutex_);
      for (const auto& [value, pending] : held_)
        if (std::ranges::find(ended, pending->stay()) != ended.end()) stale_.insert(value);
    };
    handlers.on_fatal = [this](Error) { fatal = true; };
    Result<std::unique_ptr<Consumer>> started = Consumer::start(std::move(options), std::move(handlers), metrics);
    if (!started) FAIL(started.error().detail);
    const std::scoped_lock lock(mutex_);
    consumer_ = std::move(*started);
  }

  /// Stops first, so that what it still holds ends without being committed.
  ~Worker() {
    if (consumer_) consumer_->stop();
    release_held();
  }

  Consumer& consumer() { return *consumer_; }
  void stop() { consumer_->stop(); }
  std::vector<std::string> seen() const {
    const std::scoped_lock lock(mutex_);
    return seen_;
  }
  std::size_t seen_count() const {
    const std::scoped_lock lock(mutex_);
    return seen_.size();
  }
  std::set<std::string> distinct() const {
    const std::scoped_lock lock(mutex_);
    return {seen_.begin(), seen_.end()};
  }
  std::set<std::string> stale() const {
    const std::scoped_lock lock(mutex_);
    return stale_;
  }
  std::set<std::size_t> shards() const {
    const std::scoped_lock lock(mutex_);
    return shards_;
  }
  std::string traceparent_of(const std::string& value) const {
    const std::scoped_lock lock(mutex_);
    const auto known = traceparents_.find(value);
    return known == traceparents_.end() ? "" : known->second;
  }
  std::string remainder_of(const std::string& value) const {
    const std::scoped_lock lock(mutex_);
    return remainders_.at(value);
  }
  /// Whose records it has seen.
  std::set<TopicPartition> partitions() const {
    const std::scoped_lock lock(mutex_);
    return partitions_;
  }
  /// "topic partition offset"
  std::string origin_of(const std::string& value) const {
    const std::scoped_lock lock(mutex_);
    return origins_.at(value);
  }
  /// Releases what it holds; returns how many.
  std::size_t release_held(std::function<bool(const std::string&)> which = [](auto&) { return true; }) {
    const std::scoped_lock lock(mutex_);
    return std::erase_if(held_, [&](const auto& entry) {
      if (!which(entry.first)) return false;
      entry.second->drop();
      return true;
    });
  }
  std::set<std::string> held() const {
    const std::scoped_lock lock(mutex_);
    std::set<std::string> all;
    for (const auto& entry : held_) all.insert(entry.first);
    return all;
  }
  std::vector<PendingRecord*> pending_records() const {
    const std::scoped_lock lock(mutex_);
    std::vector<PendingRecord*> all;
    for (const auto& entry : held_) all.push_back(entry.second);
    return all;
  }

  ConsumerMetrics metrics;
  std::atomic<bool> ready{false};
  std::atomic<bool> fatal{false};

 private:
  void take(std::size_t shard, const Batch& batch) {
    const std::scoped_lock lock(mutex_);
    shards_.insert(shard);
    for (const SourceRecord& record : batch.records()) {
      std::string value(record.value);
      seen_.push_back(value);
      partitions_.insert(record.stay.at);
      if (!record.traceparent.empty()) traceparents_[value] = record.traceparent;
      remainders_[value] = record.remainder;
      const Origin origin = record.pending->origin();
      origins_[value] =
          std::string(origin.topic) + " " + std::to_string(origin.partition) + " " + std::to_string(origin.offset);
      if (releases_(value))
        record.pending->drop();
      else
        held_.emplace_back(std::move(value), record.pending);
    }
  }

  const std::function<bool(const std::string&)> releases_;
  mutable std::mutex mutex_;
  std::vector<std::string> seen_;
  std::vector<std::pair<std::string, PendingRecord*>> held_;
  std::set<std::string> stale_;
  std::set<std::size_t> shards_;
  std::set<TopicPartition> partitions_;
  std::map<std::string, std::string> traceparents_, remainders_, origins_;
  std::unique_ptr<Consumer> consumer_;  // last: its thread ends before what it touches
};

/// Of a group of its own, quick to commit and to rebalance.
inline ConsumerOptions quick_consumer(const std::string& brokers, const std::string& topic) {
  return {.kafka = {.brokers = brokers, .client = {{"session.timeout.ms", "6000"}, {"heartbeat.interval.ms", "300"}}},
          .group_id = topic,
          .topic = topic,
          .commit_interval = milliseconds(50),
          .revoke_grace = milliseconds(500)};
}

/// Writes "prefix0" … "prefix(n-1)" and waits until all are acknowledged.
inline void fill(const std::string& brokers, const std::string& topic, const std::string& prefix, int n) {
  ProducerMetrics metrics;
  auto producer = Producer::start({.kafka = {.brokers = brokers}, .linger = milliseconds(1)}, [](Error) {}, metrics);
  REQUIRE(producer.has_value());
  for (int i = 0; i < n; ++i)
    (*producer)->produce(nullptr, topic, "key" + std::to_string(i), prefix + std::to_string(i));
  REQUIRE((*producer)->flush(milliseconds(30'000)));
  REQUIRE(within(milliseconds(5'000), [&] { return read(metrics.delivered) == static_cast<std::uint64_t>(n); }));
}

}  // namespace nightpost::kafka::test
