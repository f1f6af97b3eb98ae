// Bodies of answers about calls. Pure; calls that would exceed kServerFrameBytesMax are left out, and `more` says so.
#pragma once

#include <string>
#include <vector>

#include "im/service/call_requests.h"

namespace nightpost::im {

std::string call_body(const CallReply& reply);
std::string open_calls_body(const std::vector<OpenCall>& calls);

}  // namespace nightpost::im
