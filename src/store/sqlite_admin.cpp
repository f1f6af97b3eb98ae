#include <algorithm>
#include <array>
#include <utility>

#include "store/admin_tables.h"
#include "store/connection.h"
#include "store/migrations.h"
#include "store/statement.h"

namespace nightpost::store {
namespace {

constexpr std::array<std::string_view, 4> kAdminRoles = {"viewer", "sender", "operator", "admin"};

class SqliteAdminDb {
 public:
  explicit SqliteAdminDb(Connection connection) : connection_(std::move(connection)) {}
  Result<void> prepare() {
    for (std::size_t i = 0; i < kAdminQueries; ++i) {
      const AdminSql& words = admin_sql(AdminQuery(i));
      auto statement = Statement::prepare(connection_.get(), words.sql, words.table);
      if (!statement) return std::unexpected(std::move(statement.error()));
      statements_[i] = *std::move(statement);
    }
    return {};
  }

  template <class Visit, class... Args>
  Result<void> read(AdminQuery query, Visit visit, const Args&... args) {
    Rows rows = statements_[std::size_t(query)].query(args...);
    while (rows.next()) visit(rows);
    return rows.done();
  }
  template <class... Args>
  Result<std::int64_t> change(AdminQuery query, const Args&... args) {
    return statements_[std::size_t(query)].change(args...);
  }
  template <class Work>
  auto write(Work work) -> decltype(work()) {
    auto transaction = Transaction::begin(connection_.get(), Transaction::Kind::Write);
    if (!transaction) return std::unexpected(std::move(transaction.error()));
    auto out = work();
    if (!out) return out;
    if (auto held = transaction->commit(); !held) return std::unexpected(std::move(held.error()));
    return out;
  }

 private:
  Connection connection_;
  std::array<Statement, kAdminQueries> statements_;  // after the connection: statements go first
};

}  // namespace

bool is_admin_text(std::string_view text) noexcept { return !text.contains('\0') && is_valid_utf8(text); }

Result<void> check_admin_token(const AdminToken& token, std::string_view hash) {
  const bool plain = std::ranges::all_of(token.name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.' || c == '@';
  });
  if (token.name.empty()) return fail(Errc::Malformed, "token name: missing");
  if (token.name.size() > kAdminNameBytesMax) return fail(Errc::Malformed, "token name: longer than 64 bytes");
  if (!plain) return fail(Errc::Malformed, "token name: only English letters, digits, '-', '_', '.' and '@'");
  if (std::ranges::find(kAdminRoles, token.role) == kAdminRoles.end())
    return fail(Errc::Malformed, "token role: none of viewer, sender, operator, admin");
  if (token.apps.size() > kAdminAppsMax) return fail(Errc::Malformed, "token apps: more than 100");
  if (std::ranges::any_of(token.apps, [](AppId app) { return app.value < 1; }))
    return fail(Errc::Malformed, "token apps: an app id is not positive");
  if (token.expires_at && to_ms(*token.expires_at) < 0) return fail(Errc::Malformed, "token end: before 1970");
  if (hash.empty() || !is_admin_text(hash) || !is_admin_text(token.created_by))
    return fail(Errc::Malformed, "token: no text in UTF-8");
  return {};
}

std::string admin_apps_text(std::span<const AppId> apps) {
  std::string text;
  for (const AppId app : apps) text += (text.empty() ? "" : ",") + std::to_string(app.value);
  return text;
}

std::vector<AppId> admin_apps_from(std::string_view text) {
  std::vector<AppId> apps;
  for (const char *at = text.data(), *const end = at + text.size(); at < end; ++at) {
    AppId app;
    at = std::from_chars(at, end, app.value).ptr;
    apps.push_back(app);
  }
  return apps;
}

std::string cut_audit_text(std::string_view text) {
  std::string out = utf8_repaired(text.substr(0, kAuditTextBytesMax));
  std::erase(out, '\0');
  return out;
}

Result<std::unique_ptr<AdminStore>> open_sqlite_admin(const std::string& path, const StoreOptions& options) {
  auto connection = Connection::open(path, options);
  if (!connection) return std::unexpected(std::move(connection.error()));
  const auto in_file = [&](const Error& error) { return fail(error.code, "store file " + path + ": " + error.detail); };
  if (auto version = version_of(*connection); !version) return in_file(version.error());
  if (auto ready = connection->configure(options); !ready) return std::unexpected(std::move(ready.error()));
  if (auto ready = migrate(*connection); !ready) return in_file(ready.error());
  SqliteAdminDb db(*std::move(connection));
  if (auto ready = db.prepare(); !ready) return in_file(ready.error());
  return std::make_unique<AdminTables<SqliteAdminDb>>(std::move(db));
}

}  // namespace nightpost::store
