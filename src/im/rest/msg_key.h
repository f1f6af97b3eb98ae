// MsgKey: what the API calls a one-to-one message, "SEQ_RANDOM_SECOND".
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "im/service/admin_service.h"

namespace nightpost::im {

std::string msg_key(const WireId& id);
/// nullopt: not three numbers in range.
std::optional<WireId> msg_key_from(std::string_view key) noexcept;

}  // namespace nightpost::im
