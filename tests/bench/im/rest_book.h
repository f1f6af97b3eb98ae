// What was sent through the server API, what was answered, and what history says of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace nightpost::bench {

/// Messages count from 0 and go to `pairs` conversations in turn. Pure. Throws std::runtime_error at what must not be.
class RestBook {
 public:
  explicit RestBook(std::size_t pairs) : pairs_(pairs) {}
  /// The next message's number.
  std::size_t send() {
    keys_.emplace_back();
    return keys_.size() - 1;
  }
  std::size_t pair_of(std::size_t number) const noexcept { return number % pairs_; }
  /// Refuses a second answer, and one without a key.
  void answered(std::size_t number, std::string_view key);
  /// A message of this conversation's history. Refuses one that is of another, was never sent, stands there twice, or
  /// has another key than its answer.
  void in_history(std::size_t pair, std::size_t number, std::string_view key);
  /// All of history was told: refuses where an answered message is not in it.
  void close() const;
  std::size_t sent() const noexcept { return keys_.size(); }

 private:
  const std::size_t pairs_;
  std::vector<std::string> keys_;  // by number; empty: not answered
  std::vector<bool> found_;
};

}  // namespace nightpost::bench
