#include "im/store/mass_queries.h"

#include "im/store/statement_list.h"

namespace nightpost::im {
namespace {

#define IM_MASS_TASK                                                                                                 \
  "id, app_id, random, from_user, elements, push, lifetime, condition, keys, at, state, begun_all, cursor, chunks, " \
  "users, pushed, failed, delivered, clicked"

constexpr StatementLine<MassQueries> kMassLines[] = {
    {&MassQueries::task_add, "im_mass_tasks",
     "INSERT INTO im_mass_tasks (app_id, random, from_user, elements, push, lifetime, condition, keys, at) VALUES "
     "(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) RETURNING id"},
    {&MassQueries::task, "im_mass_tasks", "SELECT " IM_MASS_TASK " FROM im_mass_tasks WHERE id = ?1"},
    {&MassQueries::task_named, "im_mass_tasks",
     "SELECT id FROM im_mass_tasks WHERE app_id = ?1 AND random = ?2 AND at > ?3 ORDER BY id DESC LIMIT 1"},
    {&MassQueries::tasks_running, "im_mass_tasks",
     "SELECT count(*) FROM im_mass_tasks WHERE app_id = ?1 AND state = 0"},
    {&MassQueries::tasks_open, "im_mass_tasks",
     "SELECT id, begun_all FROM im_mass_tasks WHERE id IN (SELECT id FROM im_mass_tasks WHERE state = 0 UNION SELECT "
     "task FROM im_mass_chunks) ORDER BY id"},
    {&MassQueries::task_advance, "im_mass_tasks",
     "UPDATE im_mass_tasks SET cursor = ?2, chunks = ?3, users = ?4, begun_all = ?5 WHERE id = ?1"},
    {&MassQueries::task_state, "im_mass_tasks", "UPDATE im_mass_tasks SET state = ?2 WHERE id = ?1 AND state = 0"},
    {&MassQueries::task_count, "im_mass_tasks",
     "UPDATE im_mass_tasks SET pushed = pushed + ?2, failed = failed + ?3, delivered = delivered + ?4, clicked = "
     "clicked + ?5 WHERE id = ?1"},
    {&MassQueries::tasks_old, "im_mass_tasks",
     "SELECT id FROM im_mass_tasks t WHERE at < ?1 AND state <> 0 AND NOT EXISTS (SELECT 1 FROM im_mass_chunks c "
     "WHERE c.task = t.id) ORDER BY at LIMIT ?2"},
    {&MassQueries::task_erase, "im_mass_tasks", "DELETE FROM im_mass_tasks WHERE id = ?1"},

    {&MassQueries::chunk_add, "im_mass_chunks",
     "INSERT INTO im_mass_chunks (task, chunk, after_user, upto_user) VALUES (?1, ?2, ?3, ?4)"},
    {&MassQueries::chunk, "im_mass_chunks",
     "SELECT after_user, upto_user FROM im_mass_chunks WHERE task = ?1 AND chunk = ?2"},
    {&MassQueries::chunks, "im_mass_chunks", "SELECT chunk FROM im_mass_chunks WHERE task = ?1 ORDER BY chunk"},
    {&MassQueries::chunk_erase, "im_mass_chunks", "DELETE FROM im_mass_chunks WHERE task = ?1 AND chunk = ?2"},

    {&MassQueries::accounts, "im_accounts",
     "SELECT user_id FROM im_accounts WHERE app_id = ?1 AND user_id > ?2 AND (user_id <= ?3 OR ?3 = '') AND removed = "
     "0 ORDER BY user_id LIMIT ?4"},
    {&MassQueries::tagged, "im_user_tags",
     "SELECT user_id FROM im_user_tags WHERE app_id = ?1 AND tag = ?5 AND user_id > ?2 AND (user_id <= ?3 OR ?3 = '') "
     "ORDER BY user_id LIMIT ?4"},
    {&MassQueries::with_attribute, "im_user_attributes",
     "SELECT user_id FROM im_user_attributes WHERE app_id = ?1 AND name = ?5 AND value = ?6 AND user_id > ?2 AND "
     "(user_id <= ?3 OR ?3 = '') ORDER BY user_id LIMIT ?4"},

    {&MassQueries::names, "im_attribute_names",
     "SELECT place, name FROM im_attribute_names WHERE app_id = ?1 ORDER BY place"},
    {&MassQueries::name_set, "im_attribute_names",
     "INSERT INTO im_attribute_names (app_id, place, name) VALUES (?1, ?2, ?3)"},
    {&MassQueries::names_erase, "im_attribute_names", "DELETE FROM im_attribute_names WHERE app_id = ?1"},
    {&MassQueries::attribute_set, "im_user_attributes",
     "INSERT INTO im_user_attributes (app_id, user_id, name, value) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (user_id, "
     "app_id, name) DO UPDATE SET value = excluded.value"},
    {&MassQueries::attribute_erase, "im_user_attributes",
     "DELETE FROM im_user_attributes WHERE app_id = ?1 AND user_id = ?2 AND name = ?3"},
    {&MassQueries::attributes, "im_user_attributes",
     "SELECT name, value FROM im_user_attributes WHERE app_id = ?1 AND user_id = ?2 ORDER BY name"},
    {&MassQueries::drop_add, "im_dropped_attributes",
     "INSERT INTO im_dropped_attributes (app_id, name) VALUES (?1, ?2) ON CONFLICT DO NOTHING"},
    {&MassQueries::drop, "im_dropped_attributes",
     "SELECT 1 FROM im_dropped_attributes WHERE app_id = ?1 AND name = ?2"},
    {&MassQueries::drop_next, "im_dropped_attributes",
     "SELECT app_id, name FROM im_dropped_attributes ORDER BY app_id, name LIMIT 1"},
    {&MassQueries::drop_erase, "im_dropped_attributes",
     "DELETE FROM im_dropped_attributes WHERE app_id = ?1 AND name = ?2"},
    {&MassQueries::values_erase, "im_user_attributes",
     "DELETE FROM im_user_attributes WHERE app_id = ?1 AND name = ?2 AND user_id IN (SELECT user_id FROM "
     "im_user_attributes WHERE app_id = ?1 AND name = ?2 LIMIT ?3)"},
    {&MassQueries::attributes_erase, "im_user_attributes",
     "DELETE FROM im_user_attributes WHERE app_id = ?1 AND user_id = ?2"},
    {&MassQueries::tag_add, "im_user_tags",
     "INSERT INTO im_user_tags (app_id, user_id, tag) VALUES (?1, ?2, ?3) ON CONFLICT (user_id, app_id, tag) DO "
     "NOTHING"},
    {&MassQueries::tag_erase, "im_user_tags",
     "DELETE FROM im_user_tags WHERE app_id = ?1 AND user_id = ?2 AND tag = ?3"},
    {&MassQueries::tags, "im_user_tags",
     "SELECT tag FROM im_user_tags WHERE app_id = ?1 AND user_id = ?2 ORDER BY tag"},
    {&MassQueries::tags_erase, "im_user_tags", "DELETE FROM im_user_tags WHERE app_id = ?1 AND user_id = ?2"},
};

}  // namespace

Result<MassQueries> MassQueries::prepare(sql::Database& database) {
  return prepare_all<MassQueries>(database, kMassLines);
}

}  // namespace nightpost::im
