// The statements of the admin tables, in SQLite's words; PostgreSQL's differ by how they write parameters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace nightpost::store {

enum class AdminQuery : std::uint8_t {
  NameTaken,
  TokensGood,
  TokenAdd,
  Tokens,
  Token,
  TokenOf,
  TokenTouch,
  TokenRevoke,
  TokensForget,
  LinkUse,
  LinksRevoke,
  LinksForget,
  SessionsEnd,
  SessionAdd,
  SessionsTrim,
  Session,
  SessionOfId,
  Sessions,
  SessionTouch,
  SessionRemove,
  SessionRemoveById,
  SessionsPrune,
  AuditAdd,
  Audit,
  AuditPrune,
  DevicesByToken,
  Count
};
inline constexpr std::size_t kAdminQueries = std::size_t(AdminQuery::Count);

struct AdminSql {
  const char* name;
  std::string_view table;
  std::string_view sql;
};
const AdminSql& admin_sql(AdminQuery query) noexcept;

}  // namespace nightpost::store
