#include "store/migrations.h"

#include <array>
#include <string>
#include <utility>

#include "store/admin_steps.h"

namespace nightpost::store {
namespace {

// A released step is never edited: files out there have it.
constexpr std::array kStoreSteps = {
    R"sql(
-- AUTOINCREMENT: an id is never given twice, so a phone that still reports a removed one cannot meet another's.
CREATE TABLE certificates (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  app_id INTEGER NOT NULL,
  vendor TEXT NOT NULL,
  name TEXT NOT NULL,
  bundle_id TEXT NOT NULL,
  environment TEXT NOT NULL CHECK (environment IN ('production', 'development')),
  host_override TEXT NOT NULL,
  ca_pem TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('active', 'disabled')),
  version INTEGER NOT NULL,
  secret BLOB NOT NULL,  -- Sealer's envelope
  UNIQUE (app_id, vendor, name)
) STRICT;

CREATE TABLE certificate_facts (
  certificate_id INTEGER NOT NULL REFERENCES certificates (id) ON DELETE CASCADE,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (certificate_id, key)
) STRICT, WITHOUT ROWID;

-- WITHOUT ROWID: all devices of a user stand side by side, one descent of one tree finds them. The user comes first in
-- the key: SQLite compares a leading text faster than an integer and then a text, and the integer is mostly the same.
CREATE TABLE devices (
  app_id INTEGER NOT NULL,
  user_id TEXT NOT NULL,
  device_id TEXT NOT NULL,
  platform TEXT NOT NULL CHECK (platform IN ('ios', 'android', 'web', 'mini_program', 'desktop')),
  certificate_id INTEGER NOT NULL,  -- what the phone reports, there or not: a push to it says so; 0: none
  token TEXT NOT NULL,
  registered_at INTEGER NOT NULL,  -- ms since the epoch
  state TEXT NOT NULL CHECK (state IN ('foreground', 'background', 'offline', 'logged_out')),
  badge_base INTEGER NOT NULL,
  language TEXT NOT NULL,
  PRIMARY KEY (user_id, app_id, device_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX devices_by_certificate ON devices (app_id, certificate_id);

-- Push settings; a user without a row has the defaults.
CREATE TABLE users (
  app_id INTEGER NOT NULL,
  user_id TEXT NOT NULL,
  enabled INTEGER NOT NULL DEFAULT 1,
  language TEXT NOT NULL DEFAULT '',
  sound_c2c TEXT NOT NULL DEFAULT '',
  sound_group TEXT NOT NULL DEFAULT '',
  badge INTEGER NOT NULL DEFAULT 1,
  mutes INTEGER NOT NULL DEFAULT 0,  -- rows in mutes: the look-up of a receiver asks there only if there are any
  PRIMARY KEY (user_id, app_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE mutes (
  app_id INTEGER NOT NULL,
  user_id TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('all', 'peer', 'group')),
  target TEXT NOT NULL,
  until INTEGER NOT NULL,  -- ms since the epoch; the greatest integer: for good
  unless_mentioned INTEGER NOT NULL,
  PRIMARY KEY (user_id, app_id, kind, target)
) STRICT, WITHOUT ROWID;
-- Triggers, so that no writer can forget the count.
CREATE TRIGGER mutes_inserted AFTER INSERT ON mutes BEGIN
  INSERT INTO users (app_id, user_id, mutes) VALUES (new.app_id, new.user_id, 1)
    ON CONFLICT DO UPDATE SET mutes = mutes + 1;
END;
CREATE TRIGGER mutes_deleted AFTER DELETE ON mutes BEGIN
  UPDATE users SET mutes = mutes - 1 WHERE app_id = old.app_id AND user_id = old.user_id;
END;
)sql",
    R"sql(
CREATE TABLE certificate_settings (
  certificate_id INTEGER NOT NULL REFERENCES certificates (id) ON DELETE CASCADE,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (certificate_id, key)
) STRICT, WITHOUT ROWID;

ALTER TABLE devices ADD COLUMN token_kind TEXT NOT NULL DEFAULT 'token' CHECK (token_kind IN ('token', 'fid'));
-- A vendor's receipt names a token and nothing else. The token comes first: certificates are few.
CREATE INDEX devices_by_token ON devices (token, certificate_id);
)sql",
    R"sql(
-- What was written, one row a write, for those who keep copies (Store::changes). By triggers, so that no writer can
-- forget it. The sequence has no holes: a rolled back one is given again.
CREATE TABLE changes (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL DEFAULT (CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)),  -- ms since the epoch
  kind TEXT NOT NULL,  -- receiver, app: all its receivers, certificate
  app_id INTEGER NOT NULL,
  user_id TEXT NOT NULL DEFAULT ''  -- of a receiver
) STRICT;
-- A reader that is further behind drops all its copies. Some are kept longer, so that not each write deletes one.
CREATE TRIGGER changes_pruned AFTER INSERT ON changes WHEN new.seq % 1024 = 0 BEGIN
  DELETE FROM changes WHERE seq <= new.seq - 131072;
END;
-- While a row stands here, receivers are not named one by one: who loads many puts it, names the apps (kind app), and
-- takes it away, all in one transaction.
CREATE TABLE bulk_load (one INTEGER PRIMARY KEY CHECK (one = 1)) STRICT;

CREATE TRIGGER devices_inserted AFTER INSERT ON devices WHEN NOT EXISTS (SELECT 1 FROM bulk_load) BEGIN
  INSERT INTO changes (kind, app_id, user_id) VALUES ('receiver', new.app_id, new.user_id);
END;
CREATE TRIGGER devices_updated AFTER UPDATE ON devices WHEN NOT EXISTS (SELECT 1 FROM bulk_load) BEGIN
  INSERT INTO changes (kind, app_id, user_id) VALUES ('receiver', new.app_id, new.user_id);
END;
CREATE TRIGGER devices_moved AFTER UPDATE OF app_id, user_id ON devices BEGIN
  INSERT INTO changes (kind, app_id, user_id) VALUES ('receiver', old.app_id, old.user_id);
END;
CREATE TRIGGER devices_deleted AFTER DELETE ON devices WHEN NOT EXISTS (SELECT 1 FROM bulk_load) BEGIN
  INSERT INTO changes (kind, app_id, user_id) VALUES ('receiver', old.app_id, old.user_id);
END;
-- A mute that comes or goes changes its user's row, whose trigger then says so.
CREATE TRIGGER users_inserted AFTER INSERT ON users WHEN NOT EXISTS (SELECT 1 FROM bulk_load) BEGIN
  INSERT INTO changes (kind, app_id, user_id) VALUES ('receiver', new.app_id, new.user_id);
END;
CREATE TRIGGER users_updated AFTER UPDATE ON users WHEN NOT EXISTS (SELECT 1 FROM bulk_load) BEGIN
  INSERT INTO changes (kind, app_id, user_id) VALUES ('receiver', new.app_id, new.user_id);
END;
CREATE TRIGGER users_moved AFTER UPDATE OF app_id, user_id ON users BEGIN
  INSERT INTO changes (kind, app_id, user_id) VALUES ('receiver', old.app_id, old.user_id);
END;
CREATE TRIGGER users_deleted AFTER DELETE ON users WHEN NOT EXISTS (SELECT 1 FROM bulk_load) BEGIN
  INSERT INTO changes (kind, app_id, user_id) VALUES ('receiver', old.app_id, old.user_id);
END;
CREATE TRIGGER mutes_updated AFTER UPDATE ON mutes WHEN NOT EXISTS (SELECT 1 FROM bulk_load) BEGIN
  INSERT INTO changes (kind, app_id, user_id) VALUES ('receiver', new.app_id, new.user_id);
END;
CREATE TRIGGER certificates_inserted AFTER INSERT ON certificates BEGIN
  INSERT INTO changes (kind, app_id) VALUES ('certificate', new.app_id);
END;
CREATE TRIGGER certificates_updated AFTER UPDATE ON certificates BEGIN
  INSERT INTO changes (kind, app_id) VALUES ('certificate', new.app_id);
END;
CREATE TRIGGER certificates_deleted AFTER DELETE ON certificates BEGIN
  INSERT INTO changes (kind, app_id) VALUES ('certificate', old.app_id);
END;
)sql",
    R"sql(
-- What a certificate was before: a row for each version that is no longer in use, and for the last one of a removed
-- certificate. By triggers, so that no writer can forget it.
CREATE TABLE certificate_versions (
  certificate_id INTEGER NOT NULL,
  version INTEGER NOT NULL,
  app_id INTEGER NOT NULL,
  vendor TEXT NOT NULL,
  name TEXT NOT NULL,
  bundle_id TEXT NOT NULL,
  environment TEXT NOT NULL,
  host_override TEXT NOT NULL,
  ca_pem TEXT NOT NULL,
  status TEXT NOT NULL,
  secret BLOB NOT NULL,         -- Sealer's envelope
  written_at INTEGER NOT NULL,  -- ms since the epoch; 0: not known
  written_by TEXT NOT NULL,
  PRIMARY KEY (certificate_id, version)
) STRICT;
CREATE TABLE certificate_version_texts (
  certificate_id INTEGER NOT NULL,
  version INTEGER NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('fact', 'setting')),
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (certificate_id, version, kind, key),
  FOREIGN KEY (certificate_id, version) REFERENCES certificate_versions (certificate_id, version) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
ALTER TABLE certificates ADD COLUMN written_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE certificates ADD COLUMN written_by TEXT NOT NULL DEFAULT '';

CREATE TRIGGER certificates_outdated BEFORE UPDATE OF version ON certificates BEGIN
  INSERT INTO certificate_versions SELECT id, version, app_id, vendor, name, bundle_id, environment, host_override,
    ca_pem, status, secret, written_at, written_by FROM certificates WHERE id = old.id;
  INSERT INTO certificate_version_texts
    SELECT old.id, old.version, 'fact', key, value FROM certificate_facts WHERE certificate_id = old.id
    UNION ALL SELECT old.id, old.version, 'setting', key, value FROM certificate_settings WHERE certificate_id = old.id;
END;
CREATE TRIGGER certificates_removed BEFORE DELETE ON certificates BEGIN
  INSERT INTO certificate_versions SELECT id, version, app_id, vendor, name, bundle_id, environment, host_override,
    ca_pem, status, secret, written_at, written_by FROM certificates WHERE id = old.id;
  INSERT INTO certificate_version_texts
    SELECT old.id, old.version, 'fact', key, value FROM certificate_facts WHERE certificate_id = old.id
    UNION ALL SELECT old.id, old.version, 'setting', key, value FROM certificate_settings WHERE certificate_id = old.id;
END;
)sql", kSqliteAdminStep,
    R"sql(
-- Dead tokens that workers' guards do not let go for now (Store::keep_removals): a row a worker, …
CREATE TABLE removal_holds (
  certificate_id INTEGER NOT NULL REFERENCES certificates (id) ON DELETE CASCADE,
  worker TEXT NOT NULL,
  heard TEXT NOT NULL,  -- where they were called dead
  code TEXT NOT NULL,   -- the vendor's last word
  since INTEGER NOT NULL,   -- ms since the epoch
  last INTEGER NOT NULL,
  unkept INTEGER NOT NULL,  -- removals beyond those that are kept
  PRIMARY KEY (certificate_id, worker)
) STRICT, WITHOUT ROWID;
-- … and a row a device: which registration, without the token.
CREATE TABLE held_removals (
  certificate_id INTEGER NOT NULL REFERENCES certificates (id) ON DELETE CASCADE,
  app_id INTEGER NOT NULL,
  user_id TEXT NOT NULL,
  device_id TEXT NOT NULL,
  registered_at INTEGER NOT NULL,
  worker TEXT NOT NULL,  -- the last that held it
  PRIMARY KEY (certificate_id, user_id, app_id, device_id)
) STRICT, WITHOUT ROWID;
-- Ops' word that they may go, for workers to read.
CREATE TABLE removal_approvals (
  certificate_id INTEGER PRIMARY KEY REFERENCES certificates (id) ON DELETE CASCADE,
  until INTEGER NOT NULL  -- ms since the epoch
) STRICT;
-- What died under one version of a certificate says nothing of the next.
CREATE TRIGGER removals_of_another_version AFTER UPDATE OF version ON certificates BEGIN
  DELETE FROM held_removals WHERE certificate_id = old.id;
  DELETE FROM removal_holds WHERE certificate_id = old.id;
  DELETE FROM removal_approvals WHERE certificate_id = old.id;
END;
)sql",
    R"sql(
-- PushKit's tokens: a third kind. SQLite changes no CHECK, so the table is made anew; its triggers and indexes go with
-- the old one. An older Nightpost that has the file open goes on: the columns are the same.
CREATE TABLE devices_anew (
  app_id INTEGER NOT NULL,
  user_id TEXT NOT NULL,
  device_id TEXT NOT NULL,
  platform TEXT NOT NULL CHECK (platform IN ('ios', 'android', 'web', 'mini_program', 'desktop')),
  certificate_id INTEGER NOT NULL,  -- what the phone reports, there or not: a push to it says so; 0: none
  token TEXT NOT NULL,
  registered_at INTEGER NOT NULL,  -- ms since the epoch
  state TEXT NOT NULL CHECK (state IN ('foreground', 'background', 'offline', 'logged_out')),
  badge_base INTEGER NOT NULL,
  language TEXT NOT NULL,
  token_kind TEXT NOT NULL DEFAULT 'token' CHECK (token_kind IN ('token', 'fid', 'voip')),
  PRIMARY KEY (user_id, app_id, device_id)
) STRICT, WITHOUT ROWID;
INSERT INTO devices_anew SELECT app_id, user_id, device_id, platform, certificate_id, token, registered_at, state,
  badge_base, language, token_kind FROM devices ORDER BY user_id, app_id, device_id;
DROP TABLE devices;
ALTER TABLE devices_anew RENAME TO devices;
CREATE INDEX devices_by_certificate ON devices (app_id, certificate_id);
CREATE INDEX devices_by_token ON devices (token, certificate_id);
CREATE TRIGGER devices_inserted AFTER INSERT ON devices WHEN NOT EXISTS (SELECT 1 FROM bulk_load) BEGIN
  INSERT INTO changes (kind, app_id, user_id) VALUES ('receiver', new.app_id, new.user_id);
END;
CREATE TRIGGER devices_updated AFTER UPDATE ON devices WHEN NOT EXISTS (SELECT 1 FROM bulk_load) BEGIN
  INSERT INTO changes (kind, app_id, user_id) VALUES ('receiver', new.app_id, new.user_id);
END;
CREATE TRIGGER devices_moved AFTER UPDATE OF app_id, user_id ON devices BEGIN
  INSERT INTO changes (kind, app_id, user_id) VALUES ('receiver', old.app_id, old.user_id);
END;
CREATE TRIGGER devices_deleted AFTER DELETE ON devices WHEN NOT EXISTS (SELECT 1 FROM bulk_load) BEGIN
  INSERT INTO changes (kind, app_id, user_id) VALUES ('receiver', old.app_id, old.user_id);
END;
)sql", kSqliteReaderStep,
};

constexpr std::array kTraceSteps = {
    R"sql(
-- Ids count up, so the oldest rows stand together at the table's beginning and are deleted from there.
CREATE TABLE hops (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  written_at INTEGER NOT NULL,  -- ms since the epoch; kept from then
  event_id TEXT NOT NULL,
  app_id INTEGER NOT NULL,
  user_id TEXT NOT NULL,    -- '': of the whole event
  device_id TEXT NOT NULL,  -- '': of the whole receiver
  hop TEXT NOT NULL,
  at INTEGER NOT NULL,   -- ms since the epoch; when it happened
  facts TEXT NOT NULL    -- JSON object
) STRICT;
CREATE INDEX hops_by_event ON hops (event_id);
CREATE INDEX hops_by_user ON hops (user_id, app_id, at) WHERE user_id <> '';
)sql",
};

/// REQUIRED: inside a transaction, so that the three numbers are of one moment.
Result<std::int64_t> version_now(Connection& connection, const Schema& schema) {
  const auto version = connection.number("PRAGMA user_version", "schema");
  const auto owner = connection.number("PRAGMA application_id", "schema");
  const auto tables = connection.number("SELECT count(*) FROM sqlite_schema", "schema");
  for (const auto* read : {&version, &owner, &tables})
    if (!*read) return std::unexpected(read->error());
  const bool empty = *owner == 0 && *version == 0 && *tables == 0;
  if (!empty && (*owner != schema.application_id || *version < 1))
    return fail(Errc::Malformed, "schema: this SQLite file belongs to another program");
  if (*version > schema_version(schema))
    return fail(Errc::Malformed, "schema: the file has version " + std::to_string(*version) + ", this binary knows " +
                                     std::to_string(schema_version(schema)) +
                                     ": run the newer Nightpost that wrote it");
  return version;
}

}  // namespace

const Schema kStoreSchema{0x4e677450, kStoreSteps};  // "NgtP"
const Schema kTraceSchema{0x4e677454, kTraceSteps};  // "NgtT"

std::int64_t schema_version(const Schema& schema) noexcept { return static_cast<std::int64_t>(schema.steps.size()); }

Result<std::int64_t> version_of(Connection& connection, const Schema& schema) {
  auto transaction = Transaction::begin(connection.get(), Transaction::Kind::Read);
  if (!transaction) return std::unexpected(std::move(transaction.error()));
  return version_now(connection, schema);
}

Result<void> migrate(Connection& connection, const Schema& schema) {
  const auto seen = version_of(connection, schema);
  if (!seen) return std::unexpected(seen.error());
  if (*seen == schema_version(schema)) return {};  // the usual case takes no write lock
  auto transaction = Transaction::begin(connection.get(), Transaction::Kind::Write);
  if (!transaction) return std::unexpected(std::move(transaction.error()));
  const auto version = version_now(connection, schema);  // again: another process may have been first
  if (!version) return std::unexpected(version.error());
  for (auto step = static_cast<std::size_t>(*version); step < schema.steps.size(); ++step)
    if (auto done = connection.run(schema.steps[step], "schema"); !done) return done;
  const std::string marks = "PRAGMA application_id=" + std::to_string(schema.application_id) +
                            "; PRAGMA user_version=" + std::to_string(schema_version(schema));
  if (auto marked = connection.run(marks.c_str(), "schema"); !marked) return marked;
  return transaction->commit();
}

}  // namespace nightpost::store
