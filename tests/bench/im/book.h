// What was sent to a receiver and what came: each number once, in order.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace nightpost::bench {

/// Of one conversation with one sender. Pure.
class Book {
 public:
  /// The next message's number, from 1.
  std::int64_t send() noexcept { return ++sent_; }
  /// A message came that says it is `number` and is named `id` ("<conv>-<seq>", where seq counts alike). Throws
  /// std::runtime_error if it is doubled, out of order, behind a lost one, never sent, or of another conversation.
  void came(std::int64_t number, std::string_view id);
  std::int64_t sent() const noexcept { return sent_; }
  std::int64_t arrived() const noexcept { return arrived_; }

 private:
  std::int64_t sent_ = 0, arrived_ = 0;
  std::string conv_;
};

}  // namespace nightpost::bench
