// Reads one topic as it stands at a moment, without a group and without committing: for tools that look through
// millions of records and must know when they have seen them all.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "core/result.h"
#include "core/time.h"
#include "kafka/consumer.h"
#include "kafka/tail.h"

namespace nightpost::kafka {

/// Single-threaded. Holds at most librdkafka's prefetch (16 MiB here) in memory, however long the topic is. Records of
/// a transaction that was not committed are not seen.
class TopicReader {
 public:
  /// Offsets [low, high) that were there when the reader was opened.
  struct Range {
    std::int32_t partition = 0;
    std::int64_t low = 0, high = 0;
  };
  /// Io: no broker answers within `wait`, with the reason where it is known. NotFound: there is no such topic.
  static Result<std::unique_ptr<TopicReader>> open(const ClientOptions& options, const std::string& topic,
                                                   milliseconds wait);
  ~TopicReader();

  /// By partition, from 0 on.
  std::span<const Range> ranges() const noexcept;
  /// next() begins anew: with all that ranges() says, or with the first record of each partition that is not older than
  /// `since`.
  Result<void> rewind(std::optional<WallTime> since = std::nullopt);
  /// The next record, of one partition in order; nullopt: all of ranges() was read. Timeout: none came within `wait`.
  Result<std::optional<TailMessage>> next();
  /// One record; nullopt: it is not there (any more). next() needs a rewind() afterwards.
  Result<std::optional<TailMessage>> at(std::int32_t partition, std::int64_t offset);

 private:
  struct Impl;
  explicit TopicReader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace nightpost::kafka
