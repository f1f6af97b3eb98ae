// Which devices of which events have been replayed, so that a letter that stands twice on the dead topic (a worker died
// after it was written) rings nobody twice. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "app/letter.h"
#include "core/uuid.h"

namespace nightpost::app {

/// Remembers the latest `max` devices, some 100 bytes each.
class SentDevices {
 public:
  explicit SentDevices(std::size_t max = 400'000) : max_(max) {}

  /// `letter` was replayed, with these left (nullopt: everybody). Letters of the same event that stand before offset
  /// `until` of its partition were there before that.
  void note(const kafka::TailMessage& letter, const std::optional<dispatch::Remainder>& left, std::int64_t until);
  /// What of `left` has not been replayed since the letter was written; false: nothing is left. An event is known by
  /// where it first stood; a letter that does not say so is left as it is.
  bool subtract(const kafka::TailMessage& letter, std::optional<dispatch::Remainder>& left) const;

 private:
  struct Key {
    std::uint64_t high = 0, low = 0;
    bool operator==(const Key&) const = default;
  };
  struct Hash {
    std::size_t operator()(const Key& key) const noexcept { return key.low; }
  };
  static Key key_of(const kafka::TailMessage& letter, std::string_view user_id, std::string_view device_id);
  void note(const Key& key, std::int64_t until);
  bool knows(const Key& key, std::int64_t offset) const;

  const std::size_t max_;
  std::unordered_map<Key, std::int64_t, Hash> until_;
  std::deque<Key> order_;  // the first noted goes first
};

}  // namespace nightpost::app
