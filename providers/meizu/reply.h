// Meizu's answers, read: {"code":"200","value":{"<code>":["<push id>",…]},"msgId":…}, or anything else at all.
#pragma once

#include <span>
#include <vector>

#include "core/http.h"
#include "core/ids.h"
#include "core/verdict.h"

namespace nightpost::meizu {

/// One answer per token.
std::vector<Answer> answers_of(std::span<const DeviceToken> tokens, const HttpResponse& reply);

}  // namespace nightpost::meizu
