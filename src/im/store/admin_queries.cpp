#include "im/store/admin_queries.h"

#include "im/store/statement_list.h"

namespace nightpost::im {
namespace {

using AdminLine = StatementLine<AdminQueries>;

#define IM_NAMED IM_SHOWN ", wire_seq, wire_random, imported_at"
#define IM_FRIEND "friend, added_at, source, remark, wording, labels"

constexpr AdminLine kAdminLines[] = {
    {&AdminQueries::wire_set, "im_messages",
     "UPDATE im_messages SET wire_seq = ?3, wire_random = ?4, imported_at = ?5 WHERE conv = ?1 AND seq = ?2"},
    {&AdminQueries::wire_find, "im_messages",
     "SELECT seq FROM im_messages WHERE conv = ?1 AND seq > ?2 AND seq <= ?3 AND imported_at = 0 AND "
     "((wire_seq = ?4 AND wire_random = ?5) OR (wire_seq = 0 AND wire_random = 0 AND ?5 = 0 AND seq = ?4)) "
     "ORDER BY seq DESC LIMIT 1"},
    {&AdminQueries::wire_find_imported, "im_messages",
     "SELECT seq FROM im_messages WHERE conv = ?1 AND imported_at > 0 AND imported_at = ?2 AND wire_seq = ?3 AND "
     "wire_random = ?4 ORDER BY seq DESC LIMIT 1"},
    {&AdminQueries::named_down, "im_messages",
     "SELECT " IM_NAMED " FROM im_messages m WHERE conv = ?1 AND seq BETWEEN ?2 AND ?3 AND imported_at = 0 AND " IM_SEEN
     " ORDER BY seq DESC LIMIT ?7"},
    {&AdminQueries::imported_down, "im_messages",
     "SELECT " IM_NAMED
     " FROM im_messages m WHERE conv = ?1 AND imported_at > 0 AND imported_at BETWEEN ?2 AND ?3 AND seq > ?8 "
     "AND " IM_SEEN " ORDER BY imported_at DESC, wire_seq DESC, wire_random DESC LIMIT ?7"},

    {&AdminQueries::chats_recent, "im_chats",
     "SELECT " IM_CHAT
     " FROM im_chats WHERE app_id = ?1 AND user_id = ?2 AND gone = 0 ORDER BY pinned DESC, head_at DESC, conv DESC "
     "LIMIT ?3 OFFSET ?4"},
    {&AdminQueries::black_stamp, "im_blacks",
     "UPDATE im_blacks SET added_at = ?4 WHERE app_id = ?1 AND user_id = ?2 AND blocked = ?3 AND added_at = 0"},
    {&AdminQueries::blacks_since, "im_blacks",
     "SELECT blocked, added_at FROM im_blacks WHERE app_id = ?1 AND user_id = ?2 ORDER BY blocked"},

    {&AdminQueries::field_set, "im_profile_fields",
     "INSERT INTO im_profile_fields (app_id, user_id, tag, value) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (user_id, "
     "app_id, tag) DO UPDATE SET value = excluded.value"},
    {&AdminQueries::fields, "im_profile_fields",
     "SELECT tag, value FROM im_profile_fields WHERE app_id = ?1 AND user_id = ?2 ORDER BY tag"},
    {&AdminQueries::fields_remove, "im_profile_fields",
     "DELETE FROM im_profile_fields WHERE app_id = ?1 AND user_id = ?2"},

    {&AdminQueries::silence, "im_silences",
     "SELECT chats_until, groups_until FROM im_silences WHERE app_id = ?1 AND user_id = ?2"},
    {&AdminQueries::silence_set, "im_silences",
     "INSERT INTO im_silences (app_id, user_id, chats_until, groups_until) VALUES (?1, ?2, ?3, ?4) ON CONFLICT "
     "(user_id, app_id) DO UPDATE SET chats_until = excluded.chats_until, groups_until = excluded.groups_until"},
    {&AdminQueries::silence_remove, "im_silences", "DELETE FROM im_silences WHERE app_id = ?1 AND user_id = ?2"},

    {&AdminQueries::friend_of, "im_friends",
     "SELECT " IM_FRIEND " FROM im_friends WHERE app_id = ?1 AND user_id = ?2 AND friend = ?3"},
    {&AdminQueries::friend_save, "im_friends",
     "INSERT INTO im_friends (app_id, user_id, " IM_FRIEND
     ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (user_id, app_id, friend) DO UPDATE SET "
     "added_at = excluded.added_at, source = excluded.source, remark = excluded.remark, wording = excluded.wording, "
     "labels = excluded.labels"},
    {&AdminQueries::friend_remove, "im_friends",
     "DELETE FROM im_friends WHERE app_id = ?1 AND user_id = ?2 AND friend = ?3"},
    {&AdminQueries::friends_remove, "im_friends", "DELETE FROM im_friends WHERE app_id = ?1 AND user_id = ?2"},
    {&AdminQueries::friend_forget, "im_friends", "DELETE FROM im_friends WHERE app_id = ?1 AND friend = ?2"},
    {&AdminQueries::friends, "im_friends",
     "SELECT " IM_FRIEND " FROM im_friends WHERE app_id = ?1 AND user_id = ?2 ORDER BY friend LIMIT ?3 OFFSET ?4"},
    {&AdminQueries::friends_count, "im_friends", "SELECT count(*) FROM im_friends WHERE app_id = ?1 AND user_id = ?2"},
    {&AdminQueries::friend_groups, "im_friend_groups",
     "SELECT name FROM im_friend_groups WHERE app_id = ?1 AND user_id = ?2 ORDER BY name"},
    {&AdminQueries::friend_group_add, "im_friend_groups",
     "INSERT INTO im_friend_groups (app_id, user_id, name) VALUES (?1, ?2, ?3) ON CONFLICT (user_id, app_id, name) DO "
     "NOTHING"},
    {&AdminQueries::friend_group_remove, "im_friend_groups",
     "DELETE FROM im_friend_groups WHERE app_id = ?1 AND user_id = ?2 AND name = ?3"},
    {&AdminQueries::friend_groups_remove, "im_friend_groups",
     "DELETE FROM im_friend_groups WHERE app_id = ?1 AND user_id = ?2"},
};

#undef IM_NAMED
#undef IM_FRIEND

}  // namespace

Result<AdminQueries> AdminQueries::prepare(sql::Database& database) {
  return prepare_all<AdminQueries>(database, kAdminLines);
}

}  // namespace nightpost::im
