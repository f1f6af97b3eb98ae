#include "im/store/schema.h"

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "im/store/dialect.h"

namespace nightpost::im {
namespace {

constexpr std::string_view kWhat = "im_schema";

// In SQLite's words, which dialect.h turns into PostgreSQL's. A released step is never edited: files out there have it.
// What each message changes in im_accounts, im_convs and im_chats stands in no index of PostgreSQL, and their pages
// have room: an update then stays on its page and touches no index (HOT).
constexpr std::array kSteps = {
    R"sql(
-- The user comes first in keys, as in the store's tables. A removed account keeps its row, so that its counters go on.
CREATE TABLE im_accounts (
  app_id INTEGER NOT NULL,
  user_id TEXT NOT NULL,
  ver INTEGER NOT NULL DEFAULT 0,         -- counts what changed for this user
  ver_floor INTEGER NOT NULL DEFAULT 0,   -- what a client has from below it is of an earlier life of the account
  unread INTEGER NOT NULL DEFAULT 0,      -- the sum of the user's chats
  epoch INTEGER NOT NULL DEFAULT 0,       -- of the last login, whatever the device
  valid_from INTEGER NOT NULL DEFAULT 0,  -- ms since the epoch; signatures issued before are refused
  removed INTEGER NOT NULL DEFAULT 0,
  nick TEXT NOT NULL DEFAULT '',
  face TEXT NOT NULL DEFAULT '',
  created_at INTEGER NOT NULL,
  PRIMARY KEY (user_id, app_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE im_terminals (
  app_id INTEGER NOT NULL,
  user_id TEXT NOT NULL,
  device_id TEXT NOT NULL,
  platform TEXT NOT NULL,
  state TEXT NOT NULL,  -- logged_in, displaced, logged_out
  epoch INTEGER NOT NULL,
  language TEXT NOT NULL,
  auto_read INTEGER NOT NULL,
  acked INTEGER NOT NULL DEFAULT 0,       -- the ver up to which it has everything, as saved
  foreground INTEGER NOT NULL DEFAULT 1,  -- as the app reported last
  badge INTEGER NOT NULL DEFAULT 0,       -- the total that it showed on going to background
  PRIMARY KEY (user_id, app_id, device_id)
) STRICT, WITHOUT ROWID;

-- One-to-one: user_a <= user_b, bytes compared. AUTOINCREMENT: a number is never given twice.
CREATE TABLE im_convs (
  conv INTEGER PRIMARY KEY AUTOINCREMENT,
  app_id INTEGER NOT NULL,
  user_a TEXT NOT NULL,
  user_b TEXT NOT NULL,
  seq INTEGER NOT NULL DEFAULT 0,      -- of the newest message
  changes INTEGER NOT NULL DEFAULT 0,  -- of the newest row in im_changes
  last_at INTEGER NOT NULL DEFAULT 0,
  UNIQUE (user_a, user_b, app_id)
) STRICT;

-- A rowid table: large rows are appended, and only the small key is sorted in.
CREATE TABLE im_messages (
  /*sqlite*/ id INTEGER PRIMARY KEY,
  conv INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  at INTEGER NOT NULL,      -- ms since the epoch; never falls within a conversation
  from_b INTEGER NOT NULL,  -- 0: user_a wrote it, 1: user_b
  priority INTEGER NOT NULL,
  no_unread INTEGER NOT NULL,
  no_last INTEGER NOT NULL,
  recalled INTEGER NOT NULL,
  hidden INTEGER NOT NULL,  -- from the receiver
  ver_a INTEGER NOT NULL,   -- user_a's account when the message came: never falls, as time does not
  ver_b INTEGER NOT NULL,
  expires INTEGER,          -- ms since the epoch; NULL: kept for good
  client_id TEXT NOT NULL,
  nick TEXT NOT NULL,
  face TEXT NOT NULL,
  elements TEXT NOT NULL,
  push TEXT NOT NULL,
  cloud_data TEXT NOT NULL,
  UNIQUE (conv, seq)
) STRICT;
CREATE INDEX im_messages_by_expiry ON im_messages (expires) WHERE expires IS NOT NULL;

-- What a repeat finds. Ids rise with time, so the oldest are pruned from the table's beginning.
CREATE TABLE im_send_keys (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  app_id INTEGER NOT NULL,
  user_id TEXT NOT NULL,
  client_id TEXT NOT NULL,
  conv INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  at INTEGER NOT NULL,
  ver INTEGER NOT NULL,
  UNIQUE (user_id, client_id, app_id)
) STRICT;

-- A conversation as its owner sees it.
CREATE TABLE im_chats (
  app_id INTEGER NOT NULL,
  user_id TEXT NOT NULL,
  conv INTEGER NOT NULL,
  peer TEXT NOT NULL,
  ver INTEGER NOT NULL,
  head INTEGER NOT NULL,  -- newest message that is not hidden from the owner
  head_at INTEGER NOT NULL,
  read INTEGER NOT NULL,
  peer_read INTEGER NOT NULL,
  cleared INTEGER NOT NULL,  -- up to here nothing is shown
  last INTEGER NOT NULL,     -- newest message to be shown; 0: none
  unread INTEGER NOT NULL,
  pinned INTEGER NOT NULL,
  gone INTEGER NOT NULL,
  mark TEXT NOT NULL,
  PRIMARY KEY (user_id, app_id, conv)
) STRICT, WITHOUT ROWID;
/*sqlite*/ CREATE INDEX im_chats_by_ver ON im_chats (user_id, app_id, ver);

-- Recalls, for who has copies of a conversation's messages.
CREATE TABLE im_changes (
  conv INTEGER NOT NULL,
  change INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  by_user TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (conv, change)
) STRICT, WITHOUT ROWID;

-- Deleted for one user.
CREATE TABLE im_hides (
  conv INTEGER NOT NULL,
  user_id TEXT NOT NULL,
  seq INTEGER NOT NULL,
  PRIMARY KEY (conv, user_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE im_blacks (
  app_id INTEGER NOT NULL,
  user_id TEXT NOT NULL,
  blocked TEXT NOT NULL,
  PRIMARY KEY (user_id, app_id, blocked)
) STRICT, WITHOUT ROWID;

-- "Somebody may need a push", from the message's transaction until it is settled.
CREATE TABLE im_intents (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  app_id INTEGER NOT NULL,
  user_id TEXT NOT NULL,
  conv INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  ver INTEGER NOT NULL,                -- the receiver's, of this message
  events INTEGER NOT NULL DEFAULT 0,
  pushed TEXT NOT NULL DEFAULT '',     -- device ids that these named, a line each
  UNIQUE (conv, seq)
) STRICT;

-- Devices whose token is still to be taken from the store's table: it is written after this one's commit.
CREATE TABLE im_unbinds (
  app_id INTEGER NOT NULL,
  user_id TEXT NOT NULL,
  device_id TEXT NOT NULL,
  PRIMARY KEY (user_id, app_id, device_id)
) STRICT, WITHOUT ROWID;

/*postgres*/ ALTER TABLE im_accounts SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
/*postgres*/ ALTER TABLE im_convs SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
/*postgres*/ ALTER TABLE im_chats SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
/*postgres*/ ALTER TABLE im_intents SET (autovacuum_vacuum_scale_factor = 0.02);
)sql",
};

Result<void> check(std::int64_t version) {
  if (version >= 0 && version <= schema_version()) return {};
  return fail(Errc::Malformed, "im_schema: the companion's tables have version " + std::to_string(version) +
                                   ", this binary knows " + std::to_string(schema_version()) +
                                   ": run the newer Nightpost that wrote them");
}

/// What the two stores say differently of the steps.
struct File {
  store::Connection& connection;

  Result<void> run(const std::string& sql) { return connection.run(sql.c_str(), kWhat); }
  Result<store::Transaction> begin() {
    return store::Transaction::begin(connection.get(), store::Transaction::Kind::Write);
  }
  /// 0: no tables yet.
  Result<std::int64_t> version() {
    const auto there = connection.number("SELECT count(*) FROM sqlite_schema WHERE name = 'im_schema'", kWhat);
    if (!there || *there == 0) return there;
    return connection.number("SELECT version FROM im_schema", kWhat);
  }
  static std::string step(std::string_view text) { return sql::sqlite_step(text); }
  static constexpr const char* kBegin =
      "CREATE TABLE im_schema (one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL) STRICT; "
      "INSERT INTO im_schema (one, version) VALUES (1, 0)";
};

struct Server {
  store::PostgresConnection& connection;

  Result<void> run(const std::string& sql) {
    auto done = connection.run(sql.c_str(), kWhat);
    return done ? Result<void>() : std::unexpected(std::move(done.error()));
  }
  Result<store::PostgresTransaction> begin() {
    auto transaction = store::PostgresTransaction::begin(connection, store::PostgresTransaction::Kind::Write);
    if (!transaction) return transaction;
    // Another lock than the IM server's own (sql.cpp): that one is held for as long as it runs.
    constexpr const char* kLock =
        "SET LOCAL lock_timeout = 0; SELECT pg_advisory_xact_lock(hashtextextended(current_schema(), 1315391822))";
    if (auto locked = run(kLock); !locked) return std::unexpected(std::move(locked.error()));
    return transaction;
  }
  Result<std::int64_t> number(const char* sql) {
    auto rows = connection.run(sql, kWhat);
    if (!rows) return std::unexpected(std::move(rows.error()));
    return rows->next() ? rows->integer(0) : 0;
  }
  Result<std::int64_t> version() {
    const auto there = number(
        "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relname = 'im_schema' "
        "AND n.nspname = current_schema()");
    if (!there || *there == 0) return there;
    return number("SELECT version FROM im_schema");
  }
  static std::string step(std::string_view text) { return sql::postgres_step(text); }
  // im_owner: see owner.h.
  static constexpr const char* kBegin =
      "CREATE TABLE im_schema (one bigint PRIMARY KEY CHECK (one = 1), version bigint NOT NULL); "
      "INSERT INTO im_schema (one, version) VALUES (1, 0); "
      "CREATE TABLE im_owner (one bigint PRIMARY KEY CHECK (one = 1), process text COLLATE \"C\" NOT NULL, "
      "commits bigint NOT NULL) WITH (fillfactor = 10); INSERT INTO im_owner (one, process, commits) VALUES (1, '', 0)";
};

/// The step from `version`, unless another process was first. The version that then stands.
template <class Store>
Result<std::int64_t> step(Store store) {
  auto transaction = store.begin();
  if (!transaction) return std::unexpected(std::move(transaction.error()));
  const auto version = store.version();
  if (!version) return version;
  if (auto ok = check(*version); !ok) return std::unexpected(std::move(ok.error()));
  if (*version == schema_version()) return version;
  const std::int64_t next = *version + 1;
  Result<void> done;
  if (*version == 0) done = store.run(Store::kBegin);
  if (done) done = store.run(Store::step(kSteps[static_cast<std::size_t>(*version)]));
  if (done) done = store.run("UPDATE im_schema SET version = " + std::to_string(next));
  if (done) done = transaction->commit();
  if (!done) return std::unexpected(std::move(done.error()));
  return next;
}

template <class Store>
Result<void> bring_up(Store store) {
  auto version = store.version();
  while (version) {
    if (auto ok = check(*version); !ok) return ok;
    if (*version == schema_version()) return {};
    version = step(store);
  }
  return std::unexpected(std::move(version.error()));
}

}  // namespace

std::int64_t schema_version() noexcept { return static_cast<std::int64_t>(kSteps.size()); }

Result<void> migrate(store::Connection& connection) { return bring_up(File{connection}); }

Result<void> migrate(store::PostgresConnection& connection, const store::StoreOptions& options) {
  if (const auto version = Server{connection}.version(); version && *version == schema_version()) return {};
  if (auto set = connection.set_patience(options.migration_timeout); !set) return set;
  if (auto done = bring_up(Server{connection}); !done) return done;
  return connection.set_patience(options.statement_timeout);
}

}  // namespace nightpost::im
