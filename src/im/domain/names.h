// What clients may call users, devices and messages, and what codes are called. Pure.
#pragma once

#include <cstddef>
#include <string_view>

#include "im/domain/codes.h"

namespace nightpost::im {

inline constexpr std::size_t kUserIdMax = 32;    // bytes
inline constexpr std::size_t kDeviceIdMax = 64;  // bytes
inline constexpr std::size_t kClientIdMax = 64;  // bytes

// Each is Malformed, with `field` named in `why`, unless all bytes are 0x20-0x7E and there is one at least. The text
// itself is not in `why`.

/// At most kUserIdMax bytes; "@TIM#…" is kept for the system's own accounts.
Answer<void> check_user_id(std::string_view id, std::string_view field = "user");
/// Who says what nobody of the users says; no account, and no user is called so.
inline constexpr std::string_view kSystemUser = "@TIM#SYSTEM";
/// Of whom there may be a conversation: a user, or the system.
Answer<void> check_peer_id(std::string_view id, std::string_view field = "peer");
Answer<void> check_device_id(std::string_view id, std::string_view field = "device");
Answer<void> check_client_id(std::string_view id, std::string_view field = "client_id");

/// What a refused login says of its client: the same hello will not do another time.
bool is_login_fault(Code code) noexcept;

/// "sig_expired"; of a number that is no code of ours "unknown".
std::string_view name_of(Code code) noexcept;

}  // namespace nightpost::im
