// How vivo's token endpoint knows the app (vivo, push server API).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"

namespace nightpost::vivo {

/// MD5 of app id, app key, timestamp and app secret without anything between and blanks around; 32 hex digits.
/// Io: libcrypto has no MD5 (a FIPS machine).
Result<std::string> signature_of(std::string_view app_id, std::string_view app_key, std::int64_t timestamp_ms,
                                 std::string_view app_secret);

}  // namespace nightpost::vivo
