// A callback as an HTTP request. Pure.
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/result.h"
#include "core/time.h"
#include "im/domain/callback.h"

namespace nightpost::im {

/// Where an app's callbacks go.
struct CallbackTarget {
  std::string url;
  std::string secret;  // signs them; empty: unsigned
};

struct CallbackPost {
  std::string url;  // with the query
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

inline constexpr std::size_t kPushResultsMax = 100;  // Events of one Push.OfflinePush

/// Whether both can go into one request: results of pushes are told as a list.
bool may_share_post(const CallbackJob& one, const CallbackJob& other) noexcept;
/// One job, or several that may share. REQUIRED: at least one. Io: libcrypto has no memory.
///
/// Query: SdkAppid, CallbackCommand, contenttype, ClientIP, OptPlatform; where there is a secret also RequestTime (s)
/// and Sign, SHA-256 of secret and RequestTime in hex, as TIM has them. Headers: x-nightpost-callback-id, the same at
/// each try, of several jobs only with the same ones; x-nightpost-signature, "sha256=" and the HMAC-SHA256 by the
/// secret of "RequestTime.id.body" in hex, which covers the body as well.
Result<CallbackPost> callback_post(const CallbackTarget& target, std::span<const CallbackJob* const> jobs,
                                   WallTime now);

/// A question to the app's server, in the same words. Its x-nightpost-callback-id is of this question alone:
/// "APP-before-NUMBER".
Result<CallbackPost> before_post(const CallbackTarget& target, const CallbackJob& question, const std::string& number,
                                 WallTime now);

}  // namespace nightpost::im
