// What the server API counts. Written on the loop's thread alone.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "core/counter.h"

namespace nightpost::im {

/// Why a call was answered before a command looked at it.
enum class RestRefused : std::uint8_t {
  Url,
  Signature,
  NotAdministrator,
  Rate,
  Body,
  Unknown,
  NotOffered,
  Busy,
  Count
};
std::string_view name_of(RestRefused why) noexcept;  // "url", "signature", …

struct RestMetrics {
  static constexpr std::size_t kCommandsMax = 256;
  struct Command {
    Counter done, failed;
  };
  std::array<Command, kCommandsMax> commands;  // as rest_commands() has them
  std::array<Counter, std::size_t(RestRefused::Count)> refused;
  Counter open;  // calls that wait for the service
};

}  // namespace nightpost::im
