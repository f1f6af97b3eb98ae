// Retry-After (RFC 9110 §10.2.3), which any vendor may send.
#pragma once

#include <optional>
#include <string_view>

#include "core/http.h"
#include "core/time.h"

namespace nightpost {

inline constexpr milliseconds kRetryAfterMax{3'600'000};  // a bogus header cannot park a queue for days (spec §0.2)

/// From 0 to kRetryAfterMax. Both forms are read: seconds (a fraction is rounded up), and a date, which counts from the
/// reply's own `date` so that neither clock's error matters. nullopt: absent, unreadable, or a date with no `date` to
/// count from.
std::optional<milliseconds> retry_after(const HttpResponse& reply);

/// "Sun, 06 Nov 1994 08:49:37 GMT", the one form that RFC 9110 §5.6.7 lets a sender generate. Strict.
std::optional<WallTime> from_http_date(std::string_view text) noexcept;

}  // namespace nightpost
