#include "server/metrics.h"

namespace nightpost::server {
namespace {

constexpr std::array<std::string_view, std::size_t(ServerRefusal::Count)> kNames = {
    "full",           "address_full", "evicted",           "handshake_timeout",    "handshake_failed",
    "head_timeout",   "body_timeout", "write_timeout",     "idle_timeout",         "head_too_large",
    "body_too_large", "malformed",    "pipeline_too_long", "unfinished_too_large", "reset_flood",
    "frame_flood"};
static_assert(!kNames.back().empty(), "every refusal has a name");

}  // namespace

std::string_view name_of(ServerRefusal refusal) noexcept {
  const auto index = static_cast<std::size_t>(refusal);
  return index < kNames.size() ? kNames[index] : std::string_view("unknown");
}

}  // namespace nightpost::server
