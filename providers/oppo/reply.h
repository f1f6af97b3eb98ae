// OPPO's answers: any status with any body becomes one Answer per token.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/http.h"
#include "core/ids.h"
#include "core/verdict.h"

namespace nightpost::oppo {

/// What a request asked, and so what form its answer has: Planned::kind.
enum class Asked : std::uint8_t {
  Unicast,    // one token
  Save,       // stores a content; an answer to it reaches nobody, so it is never Accepted
  Broadcast,  // failed ids by code
  Batch,      // an item for each token
};

/// One answer per token, in order. Total. A code that is no rule of verdict.h is Transient. `repeat`: an attempt before
/// this one was not answered (Notification::repeat); only then a duplicate is a success.
std::vector<Answer> answers_of(Asked asked, bool repeat, std::span<const DeviceToken> tokens,
                               const HttpResponse& reply);

/// What the answer to Save says of the content.
struct Saved {
  std::string message_id;  // empty: none was given
  bool duplicate = false;  // it was stored before, under an id that OPPO did not repeat
};
/// nullopt: refused, and answers_of() says how.
std::optional<Saved> saved_in(const HttpResponse& reply);

/// The code of the answer, if there is one: an integer or a string that is one.
std::optional<std::int64_t> code_in(const HttpResponse& reply);

}  // namespace nightpost::oppo
