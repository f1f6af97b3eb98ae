#include "store/admin_queries.h"

#include <array>

namespace nightpost::store {
namespace {

#define TOKEN_COLUMNS "id, name, kind, role, apps, created_at, created_by, expires_at, used_at, revoked_at, reader"
#define TOKEN_COLUMNS_OF_T \
  "t.id, t.name, t.kind, t.role, t.apps, t.created_at, t.created_by, t.expires_at, t.used_at, t.revoked_at, t.reader"

#define SESSION_COLUMNS                                                      \
  TOKEN_COLUMNS_OF_T                                                         \
  ", s.created_at, s.used_at, s.ends_at, s.hash FROM admin_sessions s JOIN " \
  "admin_tokens t ON t.id = s.token_id"

constexpr std::string_view kTokensTable = "admin_tokens", kSessionsTable = "admin_sessions", kAuditTable = "audit_log";

// In the order of AdminQuery. Casts are for PostgreSQL, which else does not know a parameter's type.
constexpr std::array<AdminSql, kAdminQueries> kAdminSql = {{
    {"admin_name_taken", kTokensTable,
     "SELECT count(*) FROM admin_tokens WHERE name = ?1 AND revoked_at IS NULL AND kind = 'token'"},
    {"admin_tokens_good", kTokensTable,
     "SELECT count(*) FROM admin_tokens WHERE revoked_at IS NULL AND kind = 'token'"},
    {"admin_token_add", kTokensTable,
     "INSERT INTO admin_tokens (name, kind, hash, role, apps, created_at, created_by, expires_at, reader) "
     "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, NULLIF(CAST(?8 AS bigint), -1), ?9) RETURNING " TOKEN_COLUMNS},
    {"admin_tokens", kTokensTable,
     "SELECT " TOKEN_COLUMNS " FROM admin_tokens WHERE kind = 'token' ORDER BY revoked_at IS NOT NULL, id LIMIT ?1"},
    {"admin_token", kTokensTable, "SELECT " TOKEN_COLUMNS " FROM admin_tokens WHERE id = ?1 AND kind = 'token'"},
    {"admin_token_of", kTokensTable, "SELECT " TOKEN_COLUMNS " FROM admin_tokens WHERE hash = ?1 AND kind = 'token'"},
    {"admin_token_touch", kTokensTable, "UPDATE admin_tokens SET used_at = ?2 WHERE id = ?1"},
    {"admin_token_revoke", kTokensTable,
     "UPDATE admin_tokens SET revoked_at = ?2 WHERE id = ?1 AND kind = 'token' AND revoked_at IS NULL"},
    {"admin_tokens_forget", kTokensTable,
     "DELETE FROM admin_tokens WHERE kind = 'token' AND revoked_at IS NOT NULL AND id NOT IN (SELECT id FROM "
     "admin_tokens WHERE kind = 'token' AND revoked_at IS NOT NULL ORDER BY revoked_at DESC, id DESC LIMIT ?1)"},
    {"admin_link_use", kTokensTable,
     "UPDATE admin_tokens SET used_at = ?2 WHERE hash = ?1 AND kind = 'link' AND used_at IS NULL AND "
     "revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?2) RETURNING " TOKEN_COLUMNS},
    {"admin_links_revoke", kTokensTable,
     "UPDATE admin_tokens SET revoked_at = ?1 WHERE kind = 'link' AND used_at IS NULL AND revoked_at IS NULL"},
    {"admin_links_forget", kTokensTable,
     "DELETE FROM admin_tokens WHERE kind = 'link' AND (revoked_at IS NOT NULL OR used_at IS NOT NULL) AND "
     "id NOT IN (SELECT token_id FROM admin_sessions)"},
    {"admin_sessions_end", kSessionsTable, "DELETE FROM admin_sessions WHERE token_id = ?1"},
    {"admin_session_add", kSessionsTable,
     "INSERT INTO admin_sessions (hash, token_id, created_at, used_at, ends_at) VALUES (?1, ?2, ?3, ?3, ?4)"},
    {"admin_sessions_trim", kSessionsTable,
     "DELETE FROM admin_sessions WHERE token_id = ?1 AND hash NOT IN (SELECT hash FROM admin_sessions "
     "WHERE token_id = ?1 ORDER BY created_at DESC, hash LIMIT ?2)"},
    {"admin_session", kSessionsTable, "SELECT " SESSION_COLUMNS " WHERE s.hash = ?1"},
    {"admin_session_of_id", kSessionsTable, "SELECT " SESSION_COLUMNS " WHERE s.hash >= ?1 AND s.hash < ?2"},
    {"admin_sessions", kSessionsTable,
     "SELECT " SESSION_COLUMNS " WHERE s.used_at >= ?1 AND s.ends_at > ?2 ORDER BY s.created_at DESC, s.hash LIMIT ?3"},
    {"admin_session_touch", kSessionsTable, "UPDATE admin_sessions SET used_at = ?2 WHERE hash = ?1"},
    {"admin_session_remove", kSessionsTable, "DELETE FROM admin_sessions WHERE hash = ?1"},
    {"admin_session_remove_by_id", kSessionsTable, "DELETE FROM admin_sessions WHERE hash >= ?1 AND hash < ?2"},
    {"admin_sessions_prune", kSessionsTable, "DELETE FROM admin_sessions WHERE used_at < ?1 OR ends_at <= ?2"},
    {"audit_add", kAuditTable,
     "INSERT INTO audit_log (at, who, token_id, origin, app_id, what, object, before, after, outcome) "
     "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"},
    {"audit", kAuditTable,
     "SELECT id, at, who, token_id, origin, app_id, what, object, before, after, outcome FROM audit_log WHERE "
     "(CAST(?1 AS text) = '' OR ?1 LIKE '%,' || app_id || ',%') AND (CAST(?2 AS text) = '' OR who = ?2) AND "
     "(CAST(?3 AS text) = '' OR substr(what, 1, length(?3)) = ?3) AND at >= ?4 AND at < ?5 AND id < ?6 "
     "ORDER BY id DESC LIMIT ?7"},
    // Ids count up, so the oldest are the first, and max - min + 1 is how many there are, or a little more.
    {"audit_prune", kAuditTable,
     "DELETE FROM audit_log WHERE id < (SELECT min(id) FROM audit_log) + CAST(?3 AS bigint) AND "
     "(at < ?1 OR (id <= (SELECT max(id) FROM audit_log) - CAST(?2 AS bigint) AND at < ?4))"},
    {"devices_by_token", "devices",
     "SELECT app_id, user_id, device_id FROM devices WHERE token >= ?1 AND token < ?2 AND "
     "(CAST(?3 AS bigint) = 0 OR app_id = ?3) ORDER BY token, app_id, user_id, device_id LIMIT ?4"},
}};
static_assert(!kAdminSql.back().sql.empty(), "every query has its words");

#undef TOKEN_COLUMNS
#undef TOKEN_COLUMNS_OF_T
#undef SESSION_COLUMNS

}  // namespace

const AdminSql& admin_sql(AdminQuery query) noexcept { return kAdminSql[std::size_t(query)]; }

}  // namespace nightpost::store
