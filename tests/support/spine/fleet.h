// Many users, each with one phone, and the events that wake them. Equal numbers give equal users and tokens.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/device.h"
#include "store/store.h"

namespace nightpost::support {

inline constexpr std::int64_t kFleetApp = 1'400'000'001;

std::string user_name(std::size_t user);   // "user-0000042"
std::string user_token(std::size_t user);  // 64 hex digits

/// A text message to one user, about 730 bytes. `id` names event and message; it occurred at `occurred_ms` (since the
/// epoch), absent: now.
std::string event_json(std::string_view id, std::size_t user, std::string_view ext = "",
                       std::optional<std::int64_t> occurred_ms = std::nullopt);

/// Adds users [0, count) to the store, their devices offline and bound to `certificate`.
void add_users(store::Store& store, std::int64_t certificate, std::size_t count);
/// Likewise, to the SQLite store at `path`.
void add_users(const std::string& path, std::int64_t certificate, std::size_t count);
/// Their phone.
Device user_device(std::size_t user, std::int64_t certificate);

/// A new P-256 key as Apple hands it out: PKCS#8 PEM.
std::string new_p8();

}  // namespace nightpost::support
