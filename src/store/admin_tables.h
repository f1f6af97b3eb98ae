// The AdminStore over either database: what differs is how a statement runs. Included by sqlite_admin.cpp and
// postgres_admin.cpp alone.
#pragma once

#include <charconv>
#include <utility>

#include "core/text.h"
#include "store/admin_queries.h"
#include "store/admin_store.h"
#include "store/audit_row.h"
#include "store/limits.h"

namespace nightpost::store {

// What goes in and comes out, for both. Pure.
Result<void> check_admin_token(const AdminToken& token, std::string_view hash);
std::string admin_apps_text(std::span<const AppId> apps);
std::vector<AppId> admin_apps_from(std::string_view text);

/// `Db` has read(query, visit(row), args…) → Result<void>, change(query, args…) → Result<how many rows>, and
/// write(work) → what work() returns, in one transaction that holds where that is no error.
template <class Db>
class AdminTables final : public AdminStore {
 public:
  explicit AdminTables(Db db) : db_(std::move(db)) {}

  Result<void> together(const std::function<Result<void>()>& work) override {
    return db_.write([&] { return work(); });
  }

  Result<AdminToken> add_token(const AdminToken& token, std::string_view hash) override {
    if (auto fits = check_admin_token(token, hash); !fits) return std::unexpected(std::move(fits.error()));
    return db_.write([&]() -> Result<AdminToken> {
      std::int64_t taken = 0;
      if (token.kind == AdminToken::Kind::Token)
        if (auto read = db_.read(
                AdminQuery::NameTaken, [&](const auto& row) { taken = row.integer(0); }, token.name);
            !read)
          return std::unexpected(std::move(read.error()));
      if (taken > 0) return fail(Errc::Malformed, "token name: " + token.name + " is taken");
      std::int64_t good = 0;
      if (auto read = db_.read(AdminQuery::TokensGood, [&](const auto& row) { good = row.integer(0); }); !read)
        return std::unexpected(std::move(read.error()));
      if (token.kind == AdminToken::Kind::Token && good >= bounded(kAdminTokensMax))
        return fail(Errc::Malformed, "tokens: " + std::to_string(good) + " are not revoked; revoke some first");
      const std::string apps = admin_apps_text(token.apps);
      return one_token(AdminQuery::TokenAdd, token.name,
                       token.kind == AdminToken::Kind::Link ? std::string_view("link") : std::string_view("token"),
                       hash, token.role, apps, to_ms(token.created_at), token.created_by,
                       token.expires_at ? to_ms(*token.expires_at) : kNever, token.reader ? 1 : 0);
    });
  }
  Result<std::vector<AdminToken>> tokens(std::size_t limit) override {
    std::vector<AdminToken> all;
    auto read =
        db_.read(AdminQuery::Tokens, [&](const auto& row) { all.push_back(token_of_row(row)); }, bounded(limit));
    if (!read) return std::unexpected(std::move(read.error()));
    return all;
  }
  Result<AdminToken> token(std::int64_t id) override { return one_token(AdminQuery::Token, id); }
  Result<std::optional<AdminToken>> token_of(std::string_view hash) override {
    if (!is_admin_text(hash)) return std::nullopt;
    return maybe_token(AdminQuery::TokenOf, hash);
  }
  Result<void> touch_token(std::int64_t id, WallTime now) override {
    return done(db_.change(AdminQuery::TokenTouch, id, to_ms(now)));
  }
  Result<void> revoke_token(std::int64_t id, WallTime now) override {
    return db_.write([&]() -> Result<void> {
      const auto revoked = db_.change(AdminQuery::TokenRevoke, id, to_ms(now));
      if (!revoked) return std::unexpected(revoked.error());
      if (*revoked == 0) return fail(Errc::NotFound, "no token " + std::to_string(id) + " that is not revoked");
      if (auto ended = db_.change(AdminQuery::SessionsEnd, id); !ended)
        return std::unexpected(std::move(ended.error()));
      return done(db_.change(AdminQuery::TokensForget, bounded(kAdminTokensMax)));
    });
  }
  Result<std::optional<AdminToken>> use_link(std::string_view hash, WallTime now) override {
    if (!is_admin_text(hash)) return std::nullopt;
    return db_.write([&] { return maybe_token(AdminQuery::LinkUse, hash, to_ms(now)); });
  }
  Result<void> revoke_unused_links(WallTime now) override {
    return db_.write([&]() -> Result<void> {
      if (auto revoked = db_.change(AdminQuery::LinksRevoke, to_ms(now)); !revoked)
        return std::unexpected(std::move(revoked.error()));
      return done(db_.change(AdminQuery::LinksForget));
    });
  }

  Result<void> add_session(std::string_view hash, std::int64_t token_id, WallTime now, WallTime ends_at,
                           std::size_t per_token_max) override {
    if (hash.empty() || !is_admin_text(hash)) return fail(Errc::Malformed, "session hash: no text");
    return db_.write([&]() -> Result<void> {
      if (auto added = db_.change(AdminQuery::SessionAdd, hash, token_id, to_ms(now), to_ms(ends_at)); !added)
        return std::unexpected(std::move(added.error()));
      return done(db_.change(AdminQuery::SessionsTrim, token_id, bounded(per_token_max)));
    });
  }
  Result<std::optional<AdminSession>> session(std::string_view hash) override {
    if (!is_admin_text(hash)) return std::nullopt;
    std::optional<AdminSession> found;
    auto read = db_.read(AdminQuery::Session, [&](const auto& row) { found = session_of_row(row); }, hash);
    if (!read) return std::unexpected(std::move(read.error()));
    return found;
  }
  Result<std::optional<AdminSession>> session_of_id(std::string_view id) override {
    std::optional<AdminSession> found;
    if (!is_session_id(id)) return found;
    auto read =
        db_.read(AdminQuery::SessionOfId, [&](const auto& row) { found = session_of_row(row); }, id, beyond_id(id));
    if (!read) return std::unexpected(std::move(read.error()));
    return found;
  }
  Result<std::vector<AdminSession>> sessions(WallTime used_since, WallTime now, std::size_t limit) override {
    std::vector<AdminSession> all;
    auto read = db_.read(
        AdminQuery::Sessions, [&](const auto& row) { all.push_back(session_of_row(row)); }, to_ms(used_since),
        to_ms(now), bounded(limit));
    if (!read) return std::unexpected(std::move(read.error()));
    return all;
  }
  Result<void> remove_session_of_id(std::string_view id) override {
    const auto none = [] { return fail(Errc::NotFound, "no such session"); };
    if (!is_session_id(id)) return none();
    const auto removed = db_.change(AdminQuery::SessionRemoveById, id, beyond_id(id));
    if (!removed) return std::unexpected(removed.error());
    if (*removed == 0) return none();
    return {};
  }
  Result<void> touch_session(std::string_view hash, WallTime now) override {
    return done(db_.change(AdminQuery::SessionTouch, hash, to_ms(now)));
  }
  Result<void> remove_session(std::string_view hash) override {
    return done(db_.change(AdminQuery::SessionRemove, hash));
  }
  Result<void> prune_sessions(WallTime used_before, WallTime now) override {
    return done(db_.change(AdminQuery::SessionsPrune, to_ms(used_before), to_ms(now)));
  }

  Result<void> add_audit(const AuditEntry& entry) override {
    return insert_audit(entry, [&](const auto&... columns) { return db_.change(AdminQuery::AuditAdd, columns...); });
  }
  Result<std::vector<AuditEntry>> audit(const AuditQuery& query, std::size_t limit) override {
    std::vector<AuditEntry> all;
    if (!is_admin_text(query.who) || !is_admin_text(query.what)) return all;
    const std::string apps = query.apps.empty() ? "" : "," + admin_apps_text(query.apps) + ",";
    auto read = db_.read(
        AdminQuery::Audit,
        [&](const auto& row) {
          all.push_back({.id = row.integer(0),
                         .at = wall_from_ms(row.integer(1)),
                         .who = std::string(row.text(2)),
                         .token_id = row.integer(3),
                         .origin = std::string(row.text(4)),
                         .app = {row.integer(5)},
                         .what = std::string(row.text(6)),
                         .object = std::string(row.text(7)),
                         .before = std::string(row.text(8)),
                         .after = std::string(row.text(9)),
                         .outcome = std::string(row.text(10))});
        },
        apps, query.who, query.what, query.since ? to_ms(*query.since) : INT64_MIN,
        query.until ? to_ms(*query.until) : INT64_MAX, query.before.value_or(INT64_MAX), bounded(limit));
    if (!read) return std::unexpected(std::move(read.error()));
    return all;
  }
  Result<std::size_t> prune_audit(const AuditPrune& prune, std::size_t limit) override {
    const auto gone = db_.change(AdminQuery::AuditPrune, to_ms(prune.before), bounded(prune.rows_max), bounded(limit),
                                 to_ms(prune.rows_before));
    if (!gone) return std::unexpected(gone.error());
    return static_cast<std::size_t>(*gone);
  }

  Result<std::vector<DeviceKey>> devices_by_token(std::string_view prefix, std::optional<AppId> app,
                                                  std::size_t limit) override {
    std::vector<DeviceKey> all;
    if (prefix.empty() || !is_admin_text(prefix)) return all;
    const std::string beyond = std::string(prefix) + "\xf4\x8f\xbf\xbf";  // the last character there is
    auto read = db_.read(
        AdminQuery::DevicesByToken,
        [&](const auto& row) { all.push_back({{row.integer(0)}, std::string(row.text(1)), std::string(row.text(2))}); },
        prefix, beyond, app ? app->value : 0, bounded(limit));
    if (!read) return std::unexpected(std::move(read.error()));
    return all;
  }

 private:
  static constexpr std::int64_t kNever = -1;

  template <class Row>
  static std::optional<WallTime> time_in(const Row& row, int column) {
    return row.null(column) ? std::nullopt : std::optional(wall_from_ms(row.integer(column)));
  }
  template <class Row>
  static AdminToken token_of_row(const Row& row) {
    return {.id = row.integer(0),
            .name = std::string(row.text(1)),
            .kind = row.text(2) == "link" ? AdminToken::Kind::Link : AdminToken::Kind::Token,
            .role = std::string(row.text(3)),
            .apps = admin_apps_from(row.text(4)),
            .created_at = wall_from_ms(row.integer(5)),
            .created_by = std::string(row.text(6)),
            .reader = row.integer(10) != 0,
            .expires_at = time_in(row, 7),
            .used_at = time_in(row, 8),
            .revoked_at = time_in(row, 9)};
  }
  template <class Row>
  static AdminSession session_of_row(const Row& row) {
    return {.id = std::string(row.text(14).substr(0, kSessionIdBytes)),
            .token = token_of_row(row),
            .created_at = wall_from_ms(row.integer(11)),
            .used_at = wall_from_ms(row.integer(12)),
            .ends_at = wall_from_ms(row.integer(13))};
  }
  static bool is_session_id(std::string_view id) { return id.size() == kSessionIdBytes && is_admin_text(id); }
  /// Hashes that begin so are below it: they are hexadecimal.
  static std::string beyond_id(std::string_view id) { return std::string(id) + "g"; }
  template <class... Args>
  Result<std::optional<AdminToken>> maybe_token(AdminQuery query, const Args&... args) {
    std::optional<AdminToken> found;
    auto read = db_.read(query, [&](const auto& row) { found = token_of_row(row); }, args...);
    if (!read) return std::unexpected(std::move(read.error()));
    return found;
  }
  template <class... Args>
  Result<AdminToken> one_token(AdminQuery query, const Args&... args) {
    auto found = maybe_token(query, args...);
    if (!found) return std::unexpected(std::move(found.error()));
    if (!*found) return fail(Errc::NotFound, "no such token");
    return **std::move(found);
  }
  static Result<void> done(const Result<std::int64_t>& changed) {
    if (!changed) return std::unexpected(changed.error());
    return {};
  }

  Db db_;
};

}  // namespace nightpost::store
