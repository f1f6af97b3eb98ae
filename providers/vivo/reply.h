// vivo's answers: any status with any body becomes one Answer per token.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/http.h"
#include "core/ids.h"
#include "core/verdict.h"

namespace nightpost::vivo {

/// What a request asked, and so what form its answer has: Planned::kind.
enum class Asked : std::uint8_t {
  Send,  // one token
  Save,  // stores a content; an answer to it reaches nobody, so it is never Accepted
  List,  // the stored content to these tokens
};

/// One answer per token, in order. Total. A code that is no rule of verdict.h is Transient.
std::vector<Answer> answers_of(Asked asked, std::span<const DeviceToken> tokens, const HttpResponse& reply);

/// The task id in the answer to Save. nullopt: refused, and answers_of() says how.
std::optional<std::string> task_id_in(const HttpResponse& reply);

/// The `result` of the answer, if there is one: an integer or a string that is one.
std::optional<std::int64_t> code_in(const HttpResponse& reply);

}  // namespace nightpost::vivo
