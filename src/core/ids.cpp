#include "core/ids.h"

namespace nightpost {

std::string DeviceToken::redacted() const {
  constexpr std::size_t kShown = 6;
  if (text_.size() <= 2 * kShown) return "(" + std::to_string(text_.size()) + " characters)";
  return text_.substr(0, kShown) + "… (" + std::to_string(text_.size()) + " characters)";
}

}  // namespace nightpost
