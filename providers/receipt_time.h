// When a receipt says that it happened.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/time.h"
#include "providers/reply_json.h"

namespace nightpost {

/// Member `name` as ms since the epoch; nullopt: absent, mistyped, or a time that arithmetic had better not meet.
inline std::optional<WallTime> receipt_time(const nlohmann::json& entry, const char* name) {
  constexpr std::int64_t kYear10000 = 253'402'300'800'000;
  const auto ms = integer_in(entry, name);
  if (!ms || *ms <= 0 || *ms >= kYear10000) return std::nullopt;
  return wall_from_ms(*ms);
}

}  // namespace nightpost
