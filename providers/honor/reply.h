// Honor's answers, read: {"code":200,"data":{"sendResult","requestId","failTokens","expireTokens"}}, or anything else.
#pragma once

#include <span>
#include <vector>

#include "core/http.h"
#include "core/ids.h"
#include "core/verdict.h"

namespace nightpost::honor {

/// One answer per token. Only a token that the answer lists as expired is TokenGone.
std::vector<Answer> answers_of(std::span<const DeviceToken> tokens, const HttpResponse& reply);

}  // namespace nightpost::honor
