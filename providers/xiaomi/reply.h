// Xiaomi's answers, read: {"result","code","data":{"id","bad_regids",…}}, or anything else at all.
#pragma once

#include <span>
#include <vector>

#include "core/http.h"
#include "core/ids.h"
#include "core/verdict.h"

namespace nightpost::xiaomi {

/// One answer per token. Only an id that the answer itself lists as bad is TokenGone.
std::vector<Answer> answers_of(std::span<const DeviceToken> tokens, const HttpResponse& reply);

}  // namespace nightpost::xiaomi
