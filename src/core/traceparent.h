// The W3C trace context that a producer sets on an event: https://www.w3.org/TR/trace-context/#traceparent-header
#pragma once

#include <cstddef>
#include <string_view>

namespace nightpost {

/// Of one header; a later version of the standard may be longer than version 00's 55.
inline constexpr std::size_t kTraceparentBytesMax = 256;

/// Version 00, or a later one that begins like it. The standard has a receiver ignore any other text.
bool is_traceparent(std::string_view text) noexcept;
/// The 32 hex digits that name the trace. REQUIRED: is_traceparent(text).
inline std::string_view trace_id_of(std::string_view text) noexcept { return text.substr(3, 32); }

}  // namespace nightpost
