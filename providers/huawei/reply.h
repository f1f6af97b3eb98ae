// Huawei's answers, read: {"code","msg","requestId"}, where msg may hold JSON of its own, or anything else at all.
#pragma once

#include <span>
#include <vector>

#include "core/http.h"
#include "core/ids.h"
#include "core/verdict.h"

namespace nightpost::huawei {

/// One answer per token, in order. Total: any status with any body.
std::vector<Answer> answers_of(std::span<const DeviceToken> tokens, const HttpResponse& reply);

}  // namespace nightpost::huawei
