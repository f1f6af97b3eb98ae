// The texts that open doors: API tokens, one-time links, sessions. 256 random bits each, so a plain SHA-256 of one is
// safe to store and to look up by.
#pragma once

#include <string>
#include <string_view>

#include "core/result.h"

namespace nightpost::admin {

/// `prefix` and 43 letters, digits, '-' and '_'. Io: the system gave no random bytes.
Result<std::string> new_secret(std::string_view prefix);
inline constexpr std::string_view kTokenPrefix = "npt_";
inline constexpr std::string_view kLinkPrefix = "npl_";
inline constexpr std::string_view kSessionPrefix = "nps_";

/// What the store keeps of it. Texts longer than a secret are never looked at: "", which is nobody's.
std::string hash_of(std::string_view secret);
/// What a session's changes must say in X-Nightpost-CSRF: known to who can read an answer, not to who only sends.
std::string csrf_of(std::string_view session);
/// In constant time.
bool same_secret(std::string_view one, std::string_view two) noexcept;

}  // namespace nightpost::admin
