// What is taken back: a message that was recalled, a conversation that was read on another device; each for one user.
// The shards of a process share one, for what was put off may come back to another shard.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "core/time.h"
#include "core/uuid.h"
#include "dispatch/event.h"
#include "dispatch/rule.h"

namespace nightpost::dispatch {

/// Bounded in number and in time; the oldest go first. Thread-safe.
class RecallBook {
 public:
  struct Key {
    std::uint64_t high = 0, low = 0;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const noexcept { return key.low; }
  };
  /// A message for one user.
  static Key key_of(const OfflineEvent& event, std::string_view user_id) noexcept;

  /// `max` notes, `kept` long each. A cancel makes one for each receiver, and one for each device that was spared.
  RecallBook(std::size_t max, milliseconds kept) : max_(max), kept_(kept) {}

  /// REQUIRED: a cancel.
  void note(const OfflineEvent& cancel, WallTime now);
  /// Why the message is not to be sent to this user any more: Recalled, ReadElsewhere, or None. Of messages and calls.
  Rule rule_of(const OfflineEvent& event, std::string_view user_id, WallTime now) const;

  /// A message that is taken back has ended before anything of it could reach this device.
  void note_unsent(const OfflineEvent& event, std::string_view user_id, std::string_view device_id, WallTime now);
  /// Of a cancel: whether its message did so.
  bool is_unsent(const OfflineEvent& cancel, std::string_view user_id, std::string_view device_id, WallTime now) const;

  std::size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }

 private:
  struct Note {
    WallTime until{};
    std::int64_t seq = 0;  // of a conversation: read up to here
  };
  void put(const Key& key, std::int64_t seq, WallTime now);
  const Note* find(const Key& key, WallTime now) const;

  const std::size_t max_;
  const milliseconds kept_;
  mutable std::mutex mutex_;
  std::unordered_map<Key, Note, KeyHash> notes_;
  std::deque<std::pair<Key, WallTime>> order_;  // oldest first; of a note made anew the last one counts
  std::atomic<std::size_t> size_{0};            // nearly always 0, so that a push costs one load
};

}  // namespace nightpost::dispatch
