#include "store/queries.h"

#include <string_view>
#include <utility>

namespace nightpost::store {
namespace {

#define NOW_MS "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"  // ms since the epoch

struct Line {
  Statement Queries::* statement;
  std::string_view table;
  std::string_view sql;
};

constexpr Line kLines[] = {
    {&Queries::data_version, "store", "PRAGMA data_version"},
    {&Queries::change_newest, "changes", "SELECT coalesce(max(seq), 0) FROM changes"},
    {&Queries::changes, "changes",
     "SELECT kind, app_id, user_id FROM changes WHERE seq > ?1 AND seq <= ?2 ORDER BY seq"},
    {&Queries::app_changed, "changes", "INSERT INTO changes (kind, app_id) VALUES ('app', ?1)"},
    {&Queries::bulk_begin, "bulk_load", "INSERT INTO bulk_load (one) VALUES (1)"},
    {&Queries::bulk_end, "bulk_load", "DELETE FROM bulk_load"},
    {&Queries::app_known, "store",
     "SELECT EXISTS (SELECT 1 FROM certificates WHERE app_id = ?1) OR "
     "EXISTS (SELECT 1 FROM devices WHERE app_id = ?1)"},

    {&Queries::certificate_add, "certificates",
     "INSERT INTO certificates (app_id, vendor, name, bundle_id, environment, host_override, ca_pem, status, version, "
     "secret, written_at, written_by, id) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 1, ?9, " NOW_MS ", ?10, ?11)"},
    {&Queries::id_known, "certificates",
     "SELECT EXISTS (SELECT 1 FROM certificates WHERE id = ?1) OR "
     "EXISTS (SELECT 1 FROM certificate_versions WHERE certificate_id = ?1)"},
    {&Queries::certificate_replace, "certificates",
     "UPDATE certificates SET name = ?2, bundle_id = ?3, environment = ?4, host_override = ?5, ca_pem = ?6, "
     "secret = ?7, version = version + 1, written_at = " NOW_MS ", written_by = ?8 WHERE id = ?1"},
    {&Queries::certificate_status, "certificates",
     "UPDATE certificates SET status = ?2, version = version + 1, written_at = " NOW_MS
     ", written_by = ?3 WHERE id = ?1"},
    {&Queries::certificate_remove, "certificates", "DELETE FROM certificates WHERE id = ?1"},
    {&Queries::certificate, "certificates",
     "SELECT id, app_id, vendor, name, bundle_id, environment, host_override, ca_pem, status, version "
     "FROM certificates WHERE id = ?1"},
    {&Queries::certificate_ids, "certificates",
     "SELECT id FROM certificates WHERE ?1 IS NULL OR app_id = ?1 ORDER BY id"},
    {&Queries::certificate_secret, "certificates",
     "SELECT app_id, vendor, name, secret FROM certificates WHERE id = ?1"},
    {&Queries::certificate_owner, "certificates", "SELECT app_id, vendor, version FROM certificates WHERE id = ?1"},
    {&Queries::certificate_devices, "devices",
     "SELECT count(*) FROM devices WHERE app_id = ?1 AND certificate_id = ?2"},
    {&Queries::fact_add, "certificate_facts",
     "INSERT INTO certificate_facts (certificate_id, key, value) VALUES (?1, ?2, ?3)"},
    {&Queries::facts_clear, "certificate_facts", "DELETE FROM certificate_facts WHERE certificate_id = ?1"},
    {&Queries::facts, "certificate_facts", "SELECT key, value FROM certificate_facts WHERE certificate_id = ?1"},
    {&Queries::choice_add, "certificate_settings",
     "INSERT INTO certificate_settings (certificate_id, key, value) VALUES (?1, ?2, ?3)"},
    {&Queries::choices_clear, "certificate_settings", "DELETE FROM certificate_settings WHERE certificate_id = ?1"},
    {&Queries::choices, "certificate_settings",
     "SELECT key, value FROM certificate_settings WHERE certificate_id = ?1"},

    {&Queries::versions, "certificate_versions",
     "SELECT id, app_id, vendor, name, bundle_id, environment, host_override, ca_pem, status, version, written_at, "
     "written_by, 1 FROM certificates WHERE id = ?1 UNION ALL SELECT certificate_id, app_id, vendor, name, bundle_id, "
     "environment, host_override, ca_pem, status, version, written_at, written_by, 0 FROM certificate_versions "
     "WHERE certificate_id = ?1 ORDER BY 10 DESC"},
    {&Queries::version_texts, "certificate_versions",
     "SELECT version, kind, key, value FROM certificate_version_texts WHERE certificate_id = ?1 UNION ALL "
     "SELECT version, 'fact', key, value FROM certificates JOIN certificate_facts ON certificate_id = id WHERE id = ?1 "
     "UNION ALL SELECT version, 'setting', key, value FROM certificates JOIN certificate_settings ON "
     "certificate_id = id WHERE id = ?1"},
    {&Queries::version_secret, "certificate_versions",
     "SELECT app_id, vendor, name, secret FROM certificate_versions WHERE certificate_id = ?1 AND version = ?2 "
     "UNION ALL SELECT app_id, vendor, name, secret FROM certificates WHERE id = ?1 AND version = ?2"},
    {&Queries::removed_ids, "certificate_versions",
     "SELECT DISTINCT certificate_id FROM certificate_versions WHERE (?1 IS NULL OR app_id = ?1) AND certificate_id "
     "NOT IN (SELECT id FROM certificates) ORDER BY 1"},
    {&Queries::version_use, "certificates",
     "UPDATE certificates SET (name, bundle_id, environment, host_override, ca_pem, secret) = (SELECT name, bundle_id, "
     "environment, host_override, ca_pem, secret FROM certificate_versions WHERE certificate_id = ?1 AND version = "
     "?2), "
     "version = version + 1, written_at = " NOW_MS ", written_by = ?3 WHERE id = ?1"},
    {&Queries::version_restore, "certificates",
     "INSERT INTO certificates (id, app_id, vendor, name, bundle_id, environment, host_override, ca_pem, status, "
     "version, secret, written_at, written_by) SELECT certificate_id, app_id, vendor, name, bundle_id, environment, "
     "host_override, ca_pem, status, (SELECT max(version) + 1 FROM certificate_versions WHERE certificate_id = ?1), "
     "secret, " NOW_MS ", ?3 FROM certificate_versions WHERE certificate_id = ?1 AND version = ?2"},
    {&Queries::versions_prune, "certificate_versions",
     "DELETE FROM certificate_versions WHERE certificate_id = ?1 AND version < (SELECT version FROM certificates "
     "WHERE id = ?1) - ?2"},
    {&Queries::versions_purge, "certificate_versions", "DELETE FROM certificate_versions WHERE certificate_id = ?1"},
    {&Queries::secrets_all, "certificates",
     "SELECT id, 0, app_id, vendor, name, secret FROM certificates UNION ALL SELECT certificate_id, version, app_id, "
     "vendor, name, secret FROM certificate_versions ORDER BY 1, 2"},
    {&Queries::secret_set, "certificates", "UPDATE certificates SET secret = ?2 WHERE id = ?1"},
    {&Queries::version_secret_set, "certificate_versions",
     "UPDATE certificate_versions SET secret = ?3 WHERE certificate_id = ?1 AND version = ?2"},

    {&Queries::device_set, "devices",
     "INSERT INTO devices (app_id, user_id, device_id, platform, certificate_id, token, token_kind, registered_at, "
     "state, badge_base, language) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT DO UPDATE SET "
     "platform = excluded.platform, certificate_id = excluded.certificate_id, token = excluded.token, "
     "token_kind = excluded.token_kind, registered_at = excluded.registered_at, state = excluded.state, badge_base = "
     "excluded.badge_base, "
     "language = excluded.language"},
    {&Queries::device_remove, "devices", "DELETE FROM devices WHERE app_id = ?1 AND user_id = ?2 AND device_id = ?3"},
    {&Queries::token_remove, "devices",
     "DELETE FROM devices WHERE app_id = ?1 AND user_id = ?2 AND device_id = ?3 AND token = ?4 AND registered_at = ?5"},
    {&Queries::token_move, "devices",
     "UPDATE devices SET token = ?6, token_kind = ?7, registered_at = ?8 WHERE app_id = ?1 AND user_id = ?2 AND "
     "device_id = ?3 AND token = ?4 AND registered_at = ?5"},
    {&Queries::token_others, "devices",
     "SELECT count(*), max(registered_at) FROM devices WHERE token = ?1 AND certificate_id = ?2 AND +app_id = ?3 AND "
     "(user_id, device_id) <> (?4, ?5)"},
    {&Queries::token_take, "devices",
     "DELETE FROM devices WHERE token = ?1 AND certificate_id = ?2 AND +app_id = ?3 AND (user_id, device_id) <> "
     "(?4, ?5)"},
    // +: walk in the key's order and stop at the limit, rather than find all by the app's index and sort them
    {&Queries::devices_of_app, "devices",
     "SELECT device_id, platform, certificate_id, token, token_kind, registered_at, state, badge_base, language, "
     "user_id, app_id FROM devices WHERE +app_id = ?1 ORDER BY user_id, app_id, device_id LIMIT ?2"},
    {&Queries::devices_of_user, "devices",
     "SELECT device_id, platform, certificate_id, token, token_kind, registered_at, state, badge_base, language, "
     "user_id, app_id FROM devices WHERE app_id = ?1 AND user_id = ?3 ORDER BY device_id LIMIT ?2"},
    {&Queries::devices_of_token, "devices",
     "SELECT device_id, platform, certificate_id, token, token_kind, registered_at, state, badge_base, language, "
     "user_id, app_id FROM devices WHERE token = ?1 AND certificate_id = ?2 ORDER BY registered_at DESC LIMIT ?3"},
    {&Queries::devices_beside, "devices",
     "SELECT count(*) FROM devices WHERE app_id = ?1 AND user_id = ?2 AND device_id <> ?3"},
    {&Queries::device_ids, "devices", "SELECT device_id FROM devices WHERE app_id = ?1 AND user_id = ?2"},
    {&Queries::devices_after, "devices",
     "SELECT device_id, platform, certificate_id, token, token_kind, registered_at, state, badge_base, language, "
     "user_id, app_id FROM devices WHERE (user_id, app_id, device_id) > (?1, ?2, ?3) AND (?4 IS NULL OR +app_id = ?4) "
     "ORDER BY user_id, app_id, device_id LIMIT ?5"},

    {&Queries::certificate_version, "certificates", "SELECT version FROM certificates WHERE id = ?1"},
    {&Queries::held_count, "held_removals", "SELECT count(*) FROM held_removals WHERE certificate_id = ?1"},
    {&Queries::held_add, "held_removals",
     "INSERT INTO held_removals (certificate_id, worker, app_id, user_id, device_id, registered_at) "
     "VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE SET worker = excluded.worker, "
     "registered_at = excluded.registered_at"},
    {&Queries::hold_set, "removal_holds",
     "INSERT INTO removal_holds AS h (certificate_id, worker, heard, code, since, last, unkept) "
     "VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6) ON CONFLICT DO UPDATE SET heard = excluded.heard, code = excluded.code, "
     "last = max(h.last, excluded.last), unkept = h.unkept + excluded.unkept"},
    {&Queries::holds_prune, "removal_holds", "DELETE FROM removal_holds WHERE last < ?1"},
    {&Queries::held_prune, "held_removals",
     "DELETE FROM held_removals AS r WHERE NOT EXISTS (SELECT 1 FROM removal_holds h WHERE "
     "h.certificate_id = r.certificate_id AND h.worker = r.worker)"},
    {&Queries::held_forget, "held_removals", "DELETE FROM held_removals WHERE certificate_id = ?1"},
    {&Queries::holds, "removal_holds",
     "SELECT h.certificate_id, h.worker, h.heard, h.code, h.since, h.last, h.unkept, (SELECT count(*) FROM "
     "held_removals r WHERE r.certificate_id = h.certificate_id AND r.worker = h.worker) FROM removal_holds h "
     "JOIN certificates c ON c.id = h.certificate_id WHERE ?1 IS NULL OR c.app_id = ?1 "
     "ORDER BY h.certificate_id, h.worker"},
    {&Queries::approval_set, "removal_approvals",
     "INSERT INTO removal_approvals (certificate_id, until) VALUES (?1, ?2) "
     "ON CONFLICT DO UPDATE SET until = excluded.until"},
    {&Queries::approvals, "removal_approvals",
     "SELECT a.certificate_id, c.version, a.until FROM removal_approvals a JOIN certificates c "
     "ON c.id = a.certificate_id ORDER BY a.certificate_id"},
    {&Queries::held_take, "held_removals",
     "SELECT app_id, user_id, device_id, registered_at FROM held_removals WHERE certificate_id = ?1 LIMIT ?2"},
    {&Queries::held_device_remove, "devices",
     "DELETE FROM devices WHERE app_id = ?1 AND user_id = ?2 AND device_id = ?3 AND registered_at = ?4 AND "
     "certificate_id = ?5"},
    {&Queries::held_remove, "held_removals",
     "DELETE FROM held_removals WHERE certificate_id = ?1 AND app_id = ?2 AND user_id = ?3 AND device_id = ?4"},
    {&Queries::holds_remove, "removal_holds", "DELETE FROM removal_holds WHERE certificate_id = ?1"},

    {&Queries::settings_set, "users",
     "INSERT INTO users (app_id, user_id, enabled, language, sound_c2c, sound_group, badge) "
     "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO UPDATE SET enabled = excluded.enabled, "
     "language = excluded.language, sound_c2c = excluded.sound_c2c, sound_group = excluded.sound_group, "
     "badge = excluded.badge"},
    {&Queries::mute_set, "mutes",
     "INSERT INTO mutes (app_id, user_id, kind, target, until, unless_mentioned) VALUES (?1, ?2, ?3, ?4, ?5, ?6) "
     "ON CONFLICT DO UPDATE SET until = excluded.until, unless_mentioned = excluded.unless_mentioned"},
    {&Queries::mute_remove, "mutes",
     "DELETE FROM mutes WHERE app_id = ?1 AND user_id = ?2 AND kind = ?3 AND target = ?4"},
    {&Queries::mutes_beside, "mutes",
     "SELECT count(*) FROM mutes WHERE app_id = ?1 AND user_id = ?2 AND NOT (kind = ?3 AND target = ?4)"},
    {&Queries::mute_count, "users", "SELECT mutes FROM users WHERE app_id = ?1 AND user_id = ?2"},
    {&Queries::users_after, "users",
     "SELECT user_id, app_id, enabled, language, sound_c2c, sound_group, badge, mutes FROM users "
     "WHERE (user_id, app_id) > (?1, ?2) AND (?3 IS NULL OR +app_id = ?3) ORDER BY user_id, app_id LIMIT ?4"},

    // One row per device, or one without a device. The settings repeat in each; only the first row's are read.
    {&Queries::receiver, "receivers",
     "SELECT d.device_id, d.platform, d.certificate_id, d.token, d.token_kind, d.registered_at, d.state, d.badge_base, "
     "d.language, u.mutes, u.enabled, u.language, u.sound_c2c, u.sound_group, u.badge FROM (SELECT 1) "
     "LEFT JOIN users u ON u.app_id = ?1 AND u.user_id = ?2 LEFT JOIN devices d ON d.app_id = ?1 AND d.user_id = ?2"},
    {&Queries::receiver_mutes, "mutes",
     "SELECT kind, target, until, unless_mentioned FROM mutes WHERE app_id = ?1 AND user_id = ?2"},
};
#undef NOW_MS

}  // namespace

Result<Queries> Queries::prepare(sqlite3* db) {
  Queries out;
  for (const Line& line : kLines) {
    auto statement = Statement::prepare(db, line.sql, line.table);
    if (!statement) return std::unexpected(std::move(statement.error()));
    out.*line.statement = std::move(*statement);
  }
  return out;
}

}  // namespace nightpost::store
