#include "im/gateway/gateway_metrics.h"

namespace nightpost::im {

std::string_view name_of(Bye reason) noexcept {
  static constexpr std::array<std::string_view, std::size_t(Bye::Count)> kNames = {
      "kicked_device", "kicked_instance", "kicked_admin", "account_removed", "logged_out",
      "sig_expired",   "draining",        "silent",       "protocol"};
  return reason < Bye::Count ? kNames[std::size_t(reason)] : "unknown";
}

}  // namespace nightpost::im
