// What makes the companion's tables, step by step.
#pragma once

#include <span>
#include <string_view>

namespace nightpost::im {

/// In SQLite's words (dialect.h makes them PostgreSQL's); step n brings version n to n + 1.
std::span<const std::string_view> schema_steps() noexcept;

}  // namespace nightpost::im
