// userSig, version 2: the ticket that an app's own server makes for a user, HMAC-SHA256 over who, for which app, from
// when and for how long; base64 of zlib of JSON. Pure; equal inputs give equal answers.
#pragma once

#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "core/ids.h"
#include "core/time.h"
#include "im/domain/codes.h"

namespace nightpost::im {

struct UserSig {
  WallTime issued{};  // whole seconds; a kick at or after it revokes the signature
  WallTime ends{};    // the last moment at which it is valid
};

inline constexpr std::size_t kSigBytesMax = 8 * 1024;     // as text; more is not looked at
inline constexpr std::size_t kSigInflatedMax = 4 * 1024;  // bytes of JSON: a few hundred are usual
inline constexpr std::chrono::seconds kSigSkewMax{60};    // how far `issued` may lie in the future

/// `sig` as it came, percent-decoding done. `keys`: the app's secrets as text, all of which are valid (two while one
/// replaces the other); an empty one opens nothing. Time does not tell which key or byte differs. Refused in this
/// order: SigEmpty, SigUnreadable, SigOtherApp, SigOtherUser, SigMismatch, then SigUnreadable (issued in the future) or
/// SigExpired: what a stranger made up is never called expired. Internal: libcrypto has no SHA-256.
Answer<UserSig> verify_user_sig(std::string_view sig, AppId app, std::string_view user,
                                std::span<const std::string> keys, WallTime now);

/// What an app's server makes. REQUIRED: `user` is a user id (names.h), `key` is not empty, `expire` > 0. `issued` is
/// rounded down to seconds. Throws if libcrypto has no SHA-256.
std::string make_user_sig(AppId app, std::string_view user, std::string_view key, WallTime issued,
                          std::chrono::seconds expire);

}  // namespace nightpost::im
