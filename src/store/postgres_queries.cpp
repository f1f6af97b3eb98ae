#include "store/postgres_queries.h"

namespace nightpost::store::postgres {

#define NOW_MS "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"  // ms since the epoch
#define DEVICE_COLUMNS                                                                                                \
  "d.device_id, d.platform, d.certificate_id, d.token, d.token_kind, d.registered_at, coalesce(s.state, 'offline'), " \
  "coalesce(s.badge_base, 0), d.language"
#define DEVICE_TABLES "devices d LEFT JOIN device_states s USING (app_id, user_id, device_id)"

constinit const PostgresQuery kAppKnown = {
    "app_known", "store",
    "SELECT EXISTS (SELECT 1 FROM certificates WHERE app_id = $1) OR EXISTS (SELECT 1 FROM devices WHERE app_id = $1)"};

constinit const PostgresQuery kReadOnly = {
    "read_only", "store server", "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on'"};

// Writers of one user come one after the other, so that what they count stays true until they commit. There may be no
// row of the user to lock. The first lock is shared among them; who loads many has it alone.
#define USERS_LOCK "86206239997955"
constinit const PostgresQuery kLockUser = {"lock_user", "users",
                                           "SELECT pg_advisory_xact_lock_shared(" USERS_LOCK
                                           "), pg_advisory_xact_lock(hashtextextended($2::text, $1::bigint))"};

constinit const PostgresQuery kCertificateAdd = {
    "certificate_add", "certificates",
    "INSERT INTO certificates (app_id, vendor, name, bundle_id, environment, host_override, ca_pem, status, version, "
    "secret, written_at, written_by, id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9, " NOW_MS
    ", $10, coalesce($11, "
    "nextval(pg_get_serial_sequence('certificates', 'id')))) RETURNING id"};
constinit const PostgresQuery kIdKnown = {"id_known", "certificates",
                                          "SELECT EXISTS (SELECT 1 FROM certificates WHERE id = $1) OR "
                                          "EXISTS (SELECT 1 FROM certificate_versions WHERE certificate_id = $1)"};
// Who takes an id has this until the commit: the sequence may be moved past ids that others do not see yet, and never
// back.
#define IDS_LOCK "86206239997956"
constinit const PostgresQuery kIdsLock = {"ids_lock", "certificates", "SELECT pg_advisory_xact_lock(" IDS_LOCK ")"};
constinit const PostgresQuery kIdsMove = {"ids_move", "certificates",
                                          "SELECT setval(pg_get_serial_sequence('certificates', 'id'), "
                                          "greatest(nextval(pg_get_serial_sequence('certificates', "
                                          "'id')) - 1, (SELECT max(id) FROM certificates)))"};
constinit const PostgresQuery kCertificateReplace = {
    "certificate_replace", "certificates",
    "UPDATE certificates SET name = $2, bundle_id = $3, environment = $4, host_override = $5, ca_pem = $6, "
    "secret = $7, version = version + 1, written_at = " NOW_MS ", written_by = $8 WHERE id = $1"};
constinit const PostgresQuery kCertificateStatus = {
    "certificate_status", "certificates",
    "UPDATE certificates SET status = $2, version = version + 1, written_at = " NOW_MS
    ", written_by = $3 WHERE id = $1"};
constinit const PostgresQuery kCertificateRemove = {"certificate_remove", "certificates",
                                                    "DELETE FROM certificates WHERE id = $1"};
// $1: the id, $2: the app; null: any
constinit const PostgresQuery kCertificates = {
    "certificates", "certificates",
    "SELECT id, app_id, vendor, name, bundle_id, environment, host_override, ca_pem, status, version FROM certificates "
    "WHERE ($1::bigint IS NULL OR id = $1) AND ($2::bigint IS NULL OR app_id = $2) ORDER BY id"};
constinit const PostgresQuery kFacts = {
    "facts", "certificate_facts",
    "SELECT f.certificate_id, f.key, f.value FROM certificates c JOIN certificate_facts f ON f.certificate_id = c.id "
    "WHERE ($1::bigint IS NULL OR c.id = $1) AND ($2::bigint IS NULL OR c.app_id = $2)"};
constinit const PostgresQuery kChoices = {
    "choices", "certificate_settings",
    "SELECT f.certificate_id, f.key, f.value FROM certificates c JOIN certificate_settings f ON f.certificate_id = "
    "c.id "
    "WHERE ($1::bigint IS NULL OR c.id = $1) AND ($2::bigint IS NULL OR c.app_id = $2)"};
constinit const PostgresQuery kCertificateSecret = {
    "certificate_secret", "certificates", "SELECT app_id, vendor, name, secret FROM certificates WHERE id = $1"};
constinit const PostgresQuery kCertificateOwner = {
    "certificate_owner", "certificates", "SELECT app_id, vendor, version FROM certificates WHERE id = $1 FOR UPDATE"};
constinit const PostgresQuery kCertificateDevices = {
    "certificate_devices", "devices", "SELECT count(*) FROM devices WHERE app_id = $1 AND certificate_id = $2"};
constinit const PostgresQuery kFactAdd = {
    "fact_add", "certificate_facts", "INSERT INTO certificate_facts (certificate_id, key, value) VALUES ($1, $2, $3)"};
constinit const PostgresQuery kFactsClear = {"facts_clear", "certificate_facts",
                                             "DELETE FROM certificate_facts WHERE certificate_id = $1"};
constinit const PostgresQuery kChoiceAdd = {
    "choice_add", "certificate_settings",
    "INSERT INTO certificate_settings (certificate_id, key, value) VALUES ($1, $2, $3)"};
constinit const PostgresQuery kChoicesClear = {"choices_clear", "certificate_settings",
                                               "DELETE FROM certificate_settings WHERE certificate_id = $1"};

constinit const PostgresQuery kVersions = {
    "versions", "certificate_versions",
    "SELECT id, app_id, vendor, name, bundle_id, environment, host_override, ca_pem, status, version, written_at, "
    "written_by, 1 FROM certificates WHERE id = $1 UNION ALL SELECT certificate_id, app_id, vendor, name, bundle_id, "
    "environment, host_override, ca_pem, status, version, written_at, written_by, 0 FROM certificate_versions "
    "WHERE certificate_id = $1 ORDER BY 10 DESC"};
constinit const PostgresQuery kVersionTexts = {
    "version_texts", "certificate_versions",
    "SELECT version, kind, key, value FROM certificate_version_texts WHERE certificate_id = $1 UNION ALL "
    "SELECT version, 'fact', key, value FROM certificates JOIN certificate_facts ON certificate_id = id WHERE id = $1 "
    "UNION ALL SELECT version, 'setting', key, value FROM certificates JOIN certificate_settings ON "
    "certificate_id = id WHERE id = $1"};
constinit const PostgresQuery kVersionSecret = {
    "version_secret", "certificate_versions",
    "SELECT app_id, vendor, name, secret FROM certificate_versions WHERE certificate_id = $1 AND version = $2 "
    "UNION ALL SELECT app_id, vendor, name, secret FROM certificates WHERE id = $1 AND version = $2"};
constinit const PostgresQuery kRemovedIds = {"removed_ids", "certificate_versions",
                                             "SELECT DISTINCT certificate_id FROM certificate_versions WHERE "
                                             "($1::bigint IS NULL OR app_id = $1) AND certificate_id "
                                             "NOT IN (SELECT id FROM certificates) ORDER BY 1"};
constinit const PostgresQuery kVersionUse = {
    "version_use", "certificates",
    "UPDATE certificates SET (name, bundle_id, environment, host_override, ca_pem, secret) = (SELECT name, bundle_id, "
    "environment, host_override, ca_pem, secret FROM certificate_versions WHERE certificate_id = $1 AND version = $2), "
    "version = version + 1, written_at = " NOW_MS ", written_by = $3 WHERE id = $1"};
constinit const PostgresQuery kVersionRestore = {
    "version_restore", "certificates",
    "INSERT INTO certificates (id, app_id, vendor, name, bundle_id, environment, host_override, ca_pem, status, "
    "version, secret, written_at, written_by) SELECT certificate_id, app_id, vendor, name, bundle_id, environment, "
    "host_override, ca_pem, status, (SELECT max(version) + 1 FROM certificate_versions WHERE certificate_id = $1), "
    "secret, " NOW_MS ", $3::text FROM certificate_versions WHERE certificate_id = $1 AND version = $2"};
constinit const PostgresQuery kVersionsPrune = {
    "versions_prune", "certificate_versions",
    "DELETE FROM certificate_versions WHERE certificate_id = $1 AND version < (SELECT version FROM certificates "
    "WHERE id = $1) - $2"};
constinit const PostgresQuery kVersionsPurge = {"versions_purge", "certificate_versions",
                                                "DELETE FROM certificate_versions WHERE certificate_id = $1"};
constinit const PostgresQuery kSecretsAll = {
    "secrets_all", "certificates",
    "SELECT id, 0, app_id, vendor, name, secret FROM certificates UNION ALL SELECT certificate_id, version, app_id, "
    "vendor, name, secret FROM certificate_versions ORDER BY 1, 2"};
// A rekey has both tables for itself: who edits a certificate waits, and before it locks the row (FOR UPDATE is let in
// by weaker modes, and the two would then wait for one another).
constinit const PostgresQuery kSecretsLock = {"secrets_lock", "certificates",
                                              "LOCK TABLE certificates, certificate_versions IN EXCLUSIVE MODE"};
constinit const PostgresQuery kSecretSet = {"secret_set", "certificates",
                                            "UPDATE certificates SET secret = $2 WHERE id = $1"};
constinit const PostgresQuery kVersionSecretSet = {
    "version_secret_set", "certificate_versions",
    "UPDATE certificate_versions SET secret = $3 WHERE certificate_id = $1 AND version = $2"};

// A report that moves only the state leaves the row of the token as it is, but locks it. The token's row comes first,
// as where a device is removed: two writers who lock in a circle would end one another.
constinit const PostgresQuery kDeviceSet = {
    "device_set", "devices",
    "INSERT INTO devices AS d (app_id, user_id, device_id, platform, certificate_id, token, token_kind, registered_at, "
    "language) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (app_id, user_id, device_id) DO UPDATE SET "
    "platform = excluded.platform, certificate_id = excluded.certificate_id, token = excluded.token, "
    "token_kind = excluded.token_kind, registered_at = excluded.registered_at, language = excluded.language "
    "WHERE (d.platform, d.certificate_id, d.token, d.token_kind, d.registered_at, d.language) IS DISTINCT FROM "
    "(excluded.platform, excluded.certificate_id, excluded.token, excluded.token_kind, excluded.registered_at, "
    "excluded.language)"};
constinit const PostgresQuery kDeviceStateSet = {
    "device_state_set", "device_states",
    "INSERT INTO device_states AS s (app_id, user_id, device_id, state, badge_base) VALUES ($1, $2, $3, $4, $5) "
    "ON CONFLICT (app_id, user_id, device_id) DO UPDATE SET state = excluded.state, badge_base = excluded.badge_base "
    "WHERE (s.state, s.badge_base) IS DISTINCT FROM (excluded.state, excluded.badge_base)"};
// Who sets a token has it alone until the commit; after the lock, for the next statement is to see what its last owner
// has committed. The key's number is apart from those of users by its seed.
constinit const PostgresQuery kLockToken = {
    "lock_token", "devices", "SELECT pg_advisory_xact_lock(hashtextextended($3::text, ~($1::bigint # $2::bigint)))"};
// "app_id + 0": to a planner that has no statistics yet, the index of certificates looks as good as that of tokens, and
// would give all devices of the app.
constinit const PostgresQuery kTokenTake = {
    "token_take", "devices",
    "WITH others AS MATERIALIZED (SELECT app_id, user_id, device_id, registered_at FROM devices WHERE token = $3 AND "
    "certificate_id = $2 AND app_id + 0 = $1 AND (user_id, device_id) <> ($4, $5)), "
    "gone AS (DELETE FROM devices d USING others o WHERE (d.app_id, d.user_id, d.device_id) = (o.app_id, o.user_id, "
    "o.device_id) AND d.token = $3 AND d.certificate_id = $2 AND NOT EXISTS (SELECT 1 FROM others WHERE registered_at "
    "> "
    "$6)) SELECT EXISTS (SELECT 1 FROM others WHERE registered_at > $6)"};
// The same after a bulk write: of the rows of each of these tokens the one that was registered last stays.
constinit const PostgresQuery kTokensTake = {
    "tokens_take", "devices",
    "DELETE FROM devices d USING (SELECT t.app_id, t.user_id, t.device_id, row_number() OVER (PARTITION BY t.app_id, "
    "t.token, t.certificate_id ORDER BY t.registered_at DESC, t.user_id, t.device_id) AS place FROM devices t JOIN "
    "(SELECT DISTINCT * FROM unnest($1::bigint[], $2::bigint[], $3::text[])) AS k (app_id, certificate_id, token) "
    "ON t.token = k.token AND t.certificate_id = k.certificate_id AND t.app_id + 0 = k.app_id WHERE k.token <> '') AS "
    "old "
    "WHERE old.place > 1 AND (d.app_id, d.user_id, d.device_id) = (old.app_id, old.user_id, old.device_id)"};
constinit const PostgresQuery kDeviceRemove = {
    "device_remove", "devices", "DELETE FROM devices WHERE app_id = $1 AND user_id = $2 AND device_id = $3"};
constinit const PostgresQuery kTokensRemove = {
    "tokens_remove", "devices",
    "DELETE FROM devices d USING unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::bigint[]) WITH "
    "ORDINALITY "
    "AS k (app_id, user_id, device_id, token, registered_at, place) WHERE d.app_id = k.app_id AND d.user_id = "
    "k.user_id AND "
    "d.device_id = k.device_id AND d.token = k.token AND d.registered_at = k.registered_at RETURNING k.place"};
constinit const PostgresQuery kTokenRemove = {
    "token_remove", "devices",
    "DELETE FROM devices WHERE app_id = $1 AND user_id = $2 AND device_id = $3 AND token = $4 AND registered_at = $5"};
constinit const PostgresQuery kTokenMove = {
    "token_move", "devices",
    "UPDATE devices SET token = $6, token_kind = $7, registered_at = $8 WHERE app_id = $1 AND user_id = $2 AND "
    "device_id = $3 AND token = $4 AND registered_at = $5"};
constinit const PostgresQuery kDevicesBeside = {
    "devices_beside", "devices", "SELECT count(*) FROM devices WHERE app_id = $1 AND user_id = $2 AND device_id <> $3"};
constinit const PostgresQuery kDevicesOfApp = {"devices_of_app", "devices",
                                               "SELECT " DEVICE_COLUMNS ", user_id, app_id FROM " DEVICE_TABLES
                                               " WHERE app_id = $1 ORDER BY user_id, device_id LIMIT $2"};
constinit const PostgresQuery kDevicesOfUser = {"devices_of_user", "devices",
                                                "SELECT " DEVICE_COLUMNS ", user_id, app_id FROM " DEVICE_TABLES
                                                " WHERE app_id = $1 AND user_id = $3 ORDER BY device_id LIMIT $2"};
constinit const PostgresQuery kDevicesOfToken = {
    "devices_of_token", "devices",
    "SELECT " DEVICE_COLUMNS ", user_id, app_id FROM " DEVICE_TABLES
    " WHERE d.token = $1 AND d.certificate_id = $2 ORDER BY d.registered_at DESC LIMIT $3"};

// Who keeps or removes those of a certificate has its row until the commit, so that their number stays bounded. Where
// old ones of others are forgotten, too, all of their rows are locked first, by id: nobody waits in a circle.
constinit const PostgresQuery kHoldsLockOld = {
    "holds_lock_old", "removal_holds",
    "SELECT id FROM certificates WHERE id = $1 OR id IN (SELECT certificate_id FROM removal_holds WHERE last < $2) "
    "ORDER BY id FOR NO KEY UPDATE"};
constinit const PostgresQuery kHoldsLock = {
    "holds_lock", "removal_holds",
    "SELECT c.version, (SELECT count(*) FROM held_removals r WHERE r.certificate_id = c.id) FROM certificates c "
    "WHERE c.id = $1 FOR NO KEY UPDATE"};
constinit const PostgresQuery kHeldAdd = {
    "held_add", "held_removals",
    "INSERT INTO held_removals (certificate_id, worker, app_id, user_id, device_id, registered_at) "
    "SELECT DISTINCT ON (k.app_id, k.user_id, k.device_id) $1::bigint, $2::text, k.* FROM unnest($3::bigint[], "
    "$4::text[], $5::text[], $6::bigint[]) AS k (app_id, user_id, device_id, registered_at) "
    "ORDER BY k.app_id, k.user_id, k.device_id, k.registered_at DESC ON CONFLICT (certificate_id, app_id, user_id, "
    "device_id) DO UPDATE SET worker = excluded.worker, registered_at = excluded.registered_at"};
constinit const PostgresQuery kHoldSet = {
    "hold_set", "removal_holds",
    "INSERT INTO removal_holds AS h (certificate_id, worker, heard, code, since, last, unkept) "
    "VALUES ($1, $2, $3, $4, $5, $5, $6) ON CONFLICT (certificate_id, worker) DO UPDATE SET heard = excluded.heard, "
    "code = excluded.code, last = greatest(h.last, excluded.last), unkept = h.unkept + excluded.unkept"};
constinit const PostgresQuery kHoldsPrune = {"holds_prune", "removal_holds",
                                             "DELETE FROM removal_holds WHERE last < $1"};
constinit const PostgresQuery kHeldPrune = {
    "held_prune", "held_removals",
    "DELETE FROM held_removals r WHERE NOT EXISTS (SELECT 1 FROM removal_holds h WHERE "
    "h.certificate_id = r.certificate_id AND h.worker = r.worker)"};
constinit const PostgresQuery kHeldForget = {"held_forget", "held_removals",
                                             "DELETE FROM held_removals WHERE certificate_id = $1"};
constinit const PostgresQuery kHolds = {
    "holds", "removal_holds",
    "SELECT h.certificate_id, h.worker, h.heard, h.code, h.since, h.last, h.unkept, (SELECT count(*) FROM "
    "held_removals r WHERE r.certificate_id = h.certificate_id AND r.worker = h.worker) FROM removal_holds h "
    "JOIN certificates c ON c.id = h.certificate_id WHERE $1::bigint IS NULL OR c.app_id = $1 "
    "ORDER BY h.certificate_id, h.worker"};
constinit const PostgresQuery kApprovalSet = {
    "approval_set", "removal_approvals",
    "INSERT INTO removal_approvals (certificate_id, until) VALUES ($1, $2) ON CONFLICT (certificate_id) DO UPDATE SET "
    "until = excluded.until"};
constinit const PostgresQuery kApprovals = {
    "approvals", "removal_approvals",
    "SELECT a.certificate_id, c.version, a.until FROM removal_approvals a JOIN certificates c "
    "ON c.id = a.certificate_id ORDER BY a.certificate_id"};
constinit const PostgresQuery kHeldRemove = {
    "held_remove", "held_removals",
    "WITH picked AS MATERIALIZED (SELECT app_id, user_id, device_id FROM held_removals WHERE certificate_id = $1 "
    "ORDER BY app_id, user_id, device_id LIMIT $2 FOR UPDATE), "
    "taken AS (DELETE FROM held_removals h USING picked s WHERE h.certificate_id = $1 AND "
    "(h.app_id, h.user_id, h.device_id) = (s.app_id, s.user_id, s.device_id) "
    "RETURNING h.app_id, h.user_id, h.device_id, h.registered_at), "
    "gone AS (DELETE FROM devices d USING taken t WHERE (d.app_id, d.user_id, d.device_id) = (t.app_id, t.user_id, "
    "t.device_id) AND d.registered_at = t.registered_at AND d.certificate_id = $1 RETURNING 1) "
    "SELECT (SELECT count(*) FROM taken), (SELECT count(*) FROM gone)"};
constinit const PostgresQuery kHoldsRemove = {"holds_remove", "removal_holds",
                                              "DELETE FROM removal_holds WHERE certificate_id = $1"};

constinit const PostgresQuery kSettingsSet = {
    "settings_set", "users",
    "INSERT INTO users (app_id, user_id, enabled, language, sound_c2c, sound_group, badge) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (app_id, user_id) DO UPDATE SET enabled = excluded.enabled, "
    "language = excluded.language, sound_c2c = excluded.sound_c2c, sound_group = excluded.sound_group, "
    "badge = excluded.badge"};
constinit const PostgresQuery kMuteSet = {
    "mute_set", "mutes",
    "INSERT INTO mutes (app_id, user_id, kind, target, until, unless_mentioned) VALUES ($1, $2, $3, $4, $5, $6) "
    "ON CONFLICT (app_id, user_id, kind, target) DO UPDATE SET until = excluded.until, "
    "unless_mentioned = excluded.unless_mentioned"};
constinit const PostgresQuery kMuteRemove = {
    "mute_remove", "mutes", "DELETE FROM mutes WHERE app_id = $1 AND user_id = $2 AND kind = $3 AND target = $4"};
constinit const PostgresQuery kMutesBeside = {
    "mutes_beside", "mutes",
    "SELECT count(*) FROM mutes WHERE app_id = $1 AND user_id = $2 AND NOT (kind = $3 AND target = $4)"};

// Bulk: all rows of the lists at once. Who sets single rows of a user holds this lock shared (kLockUser), so that
// counts stay true while many are loaded; one lock a user would be more than the server has room for.
constinit const PostgresQuery kLockAllUsers = {"lock_all_users", "users",
                                               "SELECT pg_advisory_xact_lock(" USERS_LOCK ")"};
constinit const PostgresQuery kAppChanged = {"app_changed", "changes",
                                             "INSERT INTO changes (kind, app_id) VALUES ('app', $1)"};
constinit const PostgresQuery kDeviceIds = {
    "device_ids", "devices",
    "SELECT app_id, user_id, device_id FROM unnest($1::bigint[], $2::text[]) AS k (app_id, user_id) "
    "JOIN devices d USING (app_id, user_id)"};
constinit const PostgresQuery kMutesOfUsers = {
    "mutes_of_users", "mutes",
    "SELECT app_id, user_id, m.kind, m.target, m.until, m.unless_mentioned FROM unnest($1::bigint[], $2::text[]) "
    "AS k (app_id, user_id) JOIN mutes m USING (app_id, user_id) ORDER BY app_id, user_id, m.kind, m.target"};
constinit const PostgresQuery kDevicesImport = {
    "devices_import", "devices",
    "INSERT INTO devices (app_id, user_id, device_id, platform, certificate_id, token, token_kind, registered_at, "
    "language) SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], "
    "$7::text[], $8::bigint[], $9::text[]) ON CONFLICT (app_id, user_id, device_id) DO UPDATE SET "
    "platform = excluded.platform, certificate_id = excluded.certificate_id, token = excluded.token, "
    "token_kind = excluded.token_kind, registered_at = excluded.registered_at, language = excluded.language"};
// A device that is offline with badge 0 needs no row, unless it has one that says otherwise.
constinit const PostgresQuery kDeviceStatesImport = {
    "device_states_import", "device_states",
    "INSERT INTO device_states (app_id, user_id, device_id, state, badge_base) "
    "SELECT k.* FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::integer[]) "
    "AS k (app_id, user_id, device_id, state, badge_base) WHERE (k.state, k.badge_base) <> ('offline', 0) OR EXISTS "
    "(SELECT 1 FROM device_states s WHERE (s.app_id, s.user_id, s.device_id) = (k.app_id, k.user_id, k.device_id)) "
    "ON CONFLICT (app_id, user_id, device_id) DO UPDATE SET state = excluded.state, badge_base = excluded.badge_base"};
constinit const PostgresQuery kSettingsImport = {
    "settings_import", "users",
    "INSERT INTO users (app_id, user_id, enabled, language, sound_c2c, sound_group, badge) "
    "SELECT app_id, user_id, enabled <> 0, language, c2c, sound, badge <> 0 FROM unnest($1::bigint[], $2::text[], "
    "$3::bigint[], $4::text[], $5::text[], $6::text[], $7::bigint[]) "
    "AS k (app_id, user_id, enabled, language, c2c, sound, badge) "
    "ON CONFLICT (app_id, user_id) DO UPDATE SET enabled = excluded.enabled, language = excluded.language, "
    "sound_c2c = excluded.sound_c2c, sound_group = excluded.sound_group, badge = excluded.badge"};
constinit const PostgresQuery kMutesImport = {
    "mutes_import", "mutes",
    "INSERT INTO mutes (app_id, user_id, kind, target, until, unless_mentioned) "
    "SELECT app_id, user_id, kind, target, until, unless <> 0 FROM unnest($1::bigint[], $2::text[], $3::text[], "
    "$4::text[], $5::bigint[], $6::bigint[]) AS k (app_id, user_id, kind, target, until, unless) "
    "ON CONFLICT (app_id, user_id, kind, target) DO UPDATE SET until = excluded.until, "
    "unless_mentioned = excluded.unless_mentioned"};
// Pages in the order of user and app, while the keys begin with the app: a page of each app, merged.
#define APPS_OF(table)                                               \
  "WITH RECURSIVE apps AS (SELECT min(app_id) AS app_id FROM " table \
  " UNION ALL SELECT (SELECT min(app_id) FROM " table                \
  " WHERE app_id > apps.app_id) FROM apps WHERE apps.app_id IS NOT NULL) "
constinit const PostgresQuery kDevicesAfter = {
    "devices_after", "devices",
    APPS_OF("devices") "SELECT " DEVICE_COLUMNS
                       ", d.user_id, d.app_id FROM apps a CROSS JOIN LATERAL "
                       "(SELECT * FROM devices o WHERE o.app_id = a.app_id AND o.user_id >= $1 AND (o.user_id, "
                       "o.app_id, o.device_id) > "
                       "($1, $2, $3) ORDER BY o.user_id, o.device_id LIMIT $5) d "
                       "LEFT JOIN device_states s ON (s.app_id, s.user_id, s.device_id) = (d.app_id, d.user_id, "
                       "d.device_id) "
                       "WHERE $4::bigint IS NULL OR a.app_id = $4 ORDER BY d.user_id, d.app_id, d.device_id LIMIT $5"};
constinit const PostgresQuery kUsersAfter = {"users_after", "users",
    APPS_OF("users") "SELECT u.user_id, u.app_id, u.enabled, u.language, u.sound_c2c, u.sound_group, u.badge, u.mutes "
    "FROM apps a CROSS JOIN LATERAL (SELECT * FROM users o WHERE o.app_id = a.app_id AND o.user_id >= $1 AND "
    "(o.user_id, o.app_id) > ($1, $2) ORDER BY o.user_id LIMIT $4) u "
    "WHERE $3::bigint IS NULL OR a.app_id = $3 ORDER BY u.user_id, u.app_id LIMIT $4"};

// A batch in one statement, so of one moment: first a row per device, or one without a device, with the settings in
// each; then a row per mute, asked for only where the user's row counts any.
// LATERAL … OFFSET 0: row by row through the keys' indexes, whatever the planner believes. Without statistics, or with
// those of a smaller table, it would read a whole table for a batch. In the order of the index, whose pages then serve
// neighbours.
constinit const PostgresQuery kReceivers = {
    "receivers", "receivers",
    "WITH k AS MATERIALIZED (SELECT l.app_id, l.user_id, l.place, u.enabled, u.language, u.sound_c2c, u.sound_group, "
    "u.badge, u.mutes FROM unnest($1::bigint[], $2::text[]) WITH ORDINALITY AS l (app_id, user_id, place) "
    "LEFT JOIN LATERAL (SELECT * FROM users WHERE (app_id, user_id) = (l.app_id, l.user_id) OFFSET 0) u ON true "
    "ORDER BY l.app_id, l.user_id COLLATE \"C\") "
    "SELECT " DEVICE_COLUMNS
    ", k.place, k.enabled, k.language, k.sound_c2c, k.sound_group, k.badge, NULL::text, NULL::text, NULL::bigint, "
    "NULL::boolean FROM k "
    "LEFT JOIN LATERAL (SELECT * FROM devices WHERE (app_id, user_id) = (k.app_id, k.user_id) OFFSET 0) d ON true "
    "LEFT JOIN LATERAL (SELECT * FROM device_states "
    "WHERE (app_id, user_id, device_id) = (d.app_id, d.user_id, d.device_id) OFFSET 0) s ON true "
    "UNION ALL "
    "SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, k.place, NULL, NULL, NULL, NULL, NULL, m.kind, "
    "m.target, m.until, m.unless_mentioned FROM k "
    "JOIN LATERAL (SELECT * FROM mutes WHERE (app_id, user_id) = (k.app_id, k.user_id) OFFSET 0) m ON true "
    "WHERE k.mutes > 0"};

// The position is a snapshot: what it does not see and today's does was committed in between, however long its
// transaction took. Comparing the sequence alone would miss who took a number early and committed late.
constinit const PostgresQuery kChangesBegin = {"changes_begin", "changes", "SELECT pg_current_snapshot()"};
constinit const PostgresQuery kChanges = {
    "changes", "changes",
    "SELECT pg_current_snapshot(), p.before > pg_snapshot_xmin($1::text::pg_snapshot), c.kind, c.app_id, c.user_id, "
    "(extract(epoch FROM clock_timestamp() - c.at) * 1000)::bigint "
    "FROM changes_pruned p LEFT JOIN (SELECT kind, app_id, user_id, at FROM changes "
    "WHERE xid >= pg_snapshot_xmin($1::text::pg_snapshot) AND NOT pg_visible_in_snapshot(xid, $1::text::pg_snapshot) "
    "ORDER BY xid, seq LIMIT $2) c ON true"};
// The oldest, a bounded number at once: by age only what no running transaction can hold back, by count whatever it is.
constinit const PostgresQuery kChangesPrune = {
    "changes_prune", "changes",
    "WITH lock AS MATERIALIZED (SELECT pg_try_advisory_xact_lock($4) AS ours), "
    "gone AS (DELETE FROM changes WHERE (xid, seq) IN (SELECT xid, seq FROM changes ORDER BY xid, seq LIMIT $3) "
    "AND (SELECT ours FROM lock) AND (seq <= (SELECT last_value FROM changes_seq_seq) - $2 "
    "OR (at < now() - $1 * interval '1 millisecond' AND xid < pg_snapshot_xmin(pg_current_snapshot()))) RETURNING xid) "
    "UPDATE changes_pruned SET before = newest.after FROM "
    "(SELECT (xid::text::numeric + 1)::text::xid8 AS after FROM gone ORDER BY xid DESC LIMIT 1) newest "
    "WHERE before < newest.after"};

#undef NOW_MS

}  // namespace nightpost::store::postgres
