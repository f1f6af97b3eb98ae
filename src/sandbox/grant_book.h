// Access tokens a simulator gave out: whose they are and how long they last.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/time.h"

namespace nightpost::sandbox {

class GrantBook {
 public:
  struct Grant {
    std::string owner;  // the account or app it was given to
    WallTime expires{};
    bool full = true;  // its scope covers pushing
  };
  static constexpr std::size_t kGrantsMax = 10'000;  // the oldest are forgotten, as if they had never been

  /// `shape` is put before it: "ya29.". Unguessable enough for a sandbox, different in every run.
  std::string issue(std::string_view shape, Grant grant);
  /// Null: never given, or forgotten.
  const Grant* find(std::string_view token) const;
  void clear();

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
  };
  std::unordered_map<std::string, Grant, Hash, std::equal_to<>> grants_;
  std::deque<std::string> order_;
};

/// The token of "Bearer <token>"; empty: something else, or not a token's characters (RFC 6750 §2.1).
std::string_view bearer_token(std::string_view authorization) noexcept;

}  // namespace nightpost::sandbox
