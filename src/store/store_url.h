// Where a store is: "sqlite:PATH" or "postgresql://user@host:port/database?sslmode=verify-full". Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"

namespace nightpost::store {

struct StoreUrl {
  enum class Kind : std::uint8_t { Sqlite, Postgres };
  Kind kind = Kind::Sqlite;
  std::string place;  // the file's path, relative to the working directory; or the whole address, for libpq
  /// For people and logs: the path, or the address without what stands behind its '?'.
  std::string shown() const { return kind == Kind::Sqlite ? place : place.substr(0, place.find('?')); }
};

/// Malformed: neither of both, or a password inside. Never repeats `text`, which may hold one.
Result<StoreUrl> parse_store_url(std::string_view text);

}  // namespace nightpost::store
