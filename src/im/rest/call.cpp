#include "im/rest/call.h"

#include <array>
#include <chrono>

namespace nightpost::im {
namespace {

/// A refusal of the service by family: Malformed, AccountUnknown, TooLarge, Busy, Internal.
struct FamilyCodes {
  std::int32_t malformed, unknown, too_large, busy, internal;
};
constexpr std::array<FamilyCodes, std::size_t(Family::Count)> kCodes = {{
    {70402, 70107, 70402, 70169, 70500},  // Account
    {90001, 90048, 93000, 20004, 20005},  // Message: clients are told to repeat on 20004, 20005
    {30001, 30003, 30013, 30007, 30006},  // Friend
    {40001, 40003, 40601, 40006, 40006},  // Profile
    {50002, 50001, 50002, 50005, 50004},  // Conversation
    {70402, 70107, 70402, 70169, 70500},  // Config
    {10004, 10019, 80002, 10002, 10002},  // Group
}};
const FamilyCodes& codes_of(Family family) noexcept { return kCodes[std::size_t(family) % kCodes.size()]; }

}  // namespace

std::int32_t malformed_code(Family family) noexcept { return codes_of(family).malformed; }

std::int32_t rest_code(Family family, Code code) noexcept {
  const FamilyCodes& codes = codes_of(family);
  switch (code) {
    case Code::Malformed:
      return codes.malformed;
    case Code::AccountUnknown:
      return codes.unknown;
    case Code::ReceiverUnknown:
      return family == Family::Message ? 90012 : codes.unknown;
    case Code::TooLarge:
      return codes.too_large;
    case Code::Busy:
      return codes.busy;
    case Code::Internal:
      return codes.internal;
    default:
      return static_cast<std::int32_t>(code);  // is of the API's own list
  }
}

std::int64_t second_of(WallTime at) { return std::chrono::floor<seconds>(at).time_since_epoch().count(); }

void add_result(RestJson& item, Family family, const Answer<void>& result) {
  item["ResultCode"] = result ? 0 : rest_code(family, result.error().code);
  item["ResultInfo"] = result ? "" : result.error().why;
}

}  // namespace nightpost::im
