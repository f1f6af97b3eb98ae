// Apple's answers, read: a status, perhaps {"reason":"…","timestamp":ms}, perhaps anything else at all.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "core/http.h"
#include "core/verdict.h"

namespace nightpost::apns {

inline constexpr std::size_t kReplyBytesMax =
    4096;                                         // Apple's are under 100; what is longer is not Apple's and not read
inline constexpr std::size_t kWordBytesMax = 64;  // of a reason or an apns-id that is passed on

/// The JSON object that both refusals and GOAWAY debug data carry. Empty where it could not be read.
struct Reason {
  std::string text;                   // as sent
  std::optional<WallTime> timestamp;  // absent, negative or mistyped: nullopt
};
Reason reason_in(std::string_view body);

/// Total: any status with any body has an answer. Only a 410 with a reason that Apple documents says TokenGone.
Answer answer_of(const HttpResponse& reply);

/// Whether GOAWAY debug data names a reason that only a better credential cures. What a new connection or a newly
/// signed token cures (Shutdown, UnrelatedKeyIdInToken, ExpiredProviderToken, …) does not count, nor do empty or other
/// words.
bool blames_credential(std::string_view goodbye);

}  // namespace nightpost::apns
