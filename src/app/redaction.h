// Keeps secrets out of what is shown to people, in whatever encoding they stand there.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace nightpost::app {

/// Single-threaded. Remembers what must not be shown; nothing of it leaves the object.
class Redaction {
 public:
  /// `secret` and what it looks like inside JSON strings and forms, up to three of them inside one another. Empty ones
  /// are passed over.
  void hide(std::string_view secret);
  /// The secret inside an authorization header's value, what is behind "Bearer " or "key=", or all of it.
  void hide_authorization(std::string_view value);
  /// The value of the query parameter "key" of a URL.
  void hide_key_of(std::string_view url);

  /// `text` with "(redacted)" for each of them.
  std::string shown(std::string text) const;

 private:
  std::vector<std::string> hidden_;  // the longest first
};

}  // namespace nightpost::app
