#include "net/lane_metrics.h"

namespace nightpost::net {

std::string_view name_of(CloseReason reason) noexcept {
  constexpr std::array<std::string_view, std::size_t(CloseReason::Count)> kNames = {
      "goaway", "ping", "age", "idle", "timeouts", "left", "credential", "error"};
  return kNames[std::size_t(reason)];
}

}  // namespace nightpost::net
