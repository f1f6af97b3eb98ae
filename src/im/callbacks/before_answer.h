// What an app's server answers where it was asked. Pure.
#pragma once

#include <cstddef>
#include <string_view>

#include "core/result.h"
#include "im/domain/elements.h"
#include "im/service/before_gate.h"

namespace nightpost::im {

struct BeforeAnswerLimits {
  ElementLimits elements;
  std::size_t cloud_data_bytes_max = 8 * 1024;
};

/// `ErrorCode` decides: 0 yes, 2 drops a group's message, an app's own code (120001-130000) reaches the client, any
/// other is a no. A yes to a message may hold another MsgBody, CloudCustomData and OfflinePushInfo in its place, one to
/// an invitation RefusedMembers_Account.
/// Malformed: no status 2xx, or a body that is not as defined: as good as no answer.
Result<BeforeVerdict> before_answer(Before what, int status, std::string_view body, const BeforeAnswerLimits& limits);

}  // namespace nightpost::im
