// What OPPO remembers of earlier requests: saved bodies, and who has which message.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

namespace nightpost::sandbox::oppo {

/// Bounded: the oldest go first.
class Memory {
 public:
  struct Body {
    std::string app;
    std::string app_message_id;
    std::string parameter;
    bool calls_back = false;
    bool is_public = false;
    std::uint64_t broadcasts = 0;
  };
  static constexpr std::size_t kBodiesMax = 10'000;
  static constexpr std::size_t kDeliveriesMax = 200'000;

  /// `id` unless the app saved a body of that app_message_id before: then that body's.
  std::string save(std::string id, Body body);
  Body* find(std::string_view id);
  bool delivered(std::uint64_t delivery) const { return delivered_.contains(delivery); }
  void deliver(std::uint64_t delivery);
  void clear();

 private:
  std::map<std::string, Body, std::less<>> bodies_;
  std::map<std::pair<std::string, std::string>, std::string> by_message_;  // (app, app_message_id) → id
  std::deque<std::string> bodies_order_;
  std::unordered_set<std::uint64_t> delivered_;
  std::deque<std::uint64_t> delivered_order_;
};

}  // namespace nightpost::sandbox::oppo
