// What a .p8 key signs for Apple, byte for byte. Source: Apple, "Establishing a token-based
// connection to APNs".
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "core/text.h"

namespace nightpost::apns {

inline std::string jwt_header(std::string_view key_id) {
  std::string json = R"({"alg":"ES256")";
  append_json_member(json, "kid", key_id);
  return json += '}';
}

/// Apple wants the issuer and the time and nothing else: no exp, aud or sub.
inline std::string jwt_claims(std::string_view team_id, std::chrono::sys_seconds issued_at) {
  std::string json = "{";
  append_json_member(json, "iss", team_id);
  append_json_member(json, "iat", issued_at.time_since_epoch().count());
  return json += '}';
}

}  // namespace nightpost::apns
