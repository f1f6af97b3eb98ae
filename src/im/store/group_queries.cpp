#include "im/store/group_queries.h"

#include "im/store/statement_list.h"

namespace nightpost::im {
namespace {

using GroupLine = StatementLine<GroupQueries>;

#define IM_GROUP                                                                                                    \
  "g.conv, g.app_id, g.group_id, g.type, g.name, g.introduction, g.notification, g.face, g.owner, g.join_option, "  \
  "g.members, g.members_max, g.all_silenced, g.fields, g.created_at, g.info_at, g.dismissed_at, c.seq, c.changes, " \
  "c.last_at, c.counted, c.erased, c.recalled_to, g.invite_option, g.invite_consent"
#define IM_MEMBER                                                                                               \
  "m.conv, m.user_id, m.app_id, m.role, m.joined_at, m.left_at, m.cleared, m.read, m.read_count, m.own_since, " \
  "m.option, m.silenced_until, m.last_sent_at, m.card, m.pinned, m.hidden_to, m.mark, m.ver"
#define IM_GROUP_MESSAGE                                                                                           \
  "m.seq, m.at, m.sender, m.priority, m.no_unread, m.no_last, m.recalled, m.tip, m.expires, m.client_id, m.nick, " \
  "m.face, m.elements, m.push, m.cloud_data, m.card, m.mentions, m.targets, m.edited"
// What a member sees: ?2 is he, ?3 now.
#define IM_GROUP_SEEN                                                                                                 \
  "(m.expires IS NULL OR m.expires > ?3) AND (m.targets = '' OR m.sender = ?2 OR EXISTS (SELECT 1 FROM im_targets t " \
  "WHERE t.conv = m.conv AND t.seq = m.seq AND t.user_id = ?2)) AND NOT EXISTS (SELECT 1 FROM im_hides h WHERE "      \
  "h.conv = m.conv AND h.user_id = ?2 AND h.seq = m.seq)"

constexpr GroupLine kGroupLines[] = {
    {&GroupQueries::group, "im_groups",
     "SELECT " IM_GROUP
     " FROM im_convs c JOIN im_groups g ON g.conv = c.conv WHERE c.user_a = '' AND c.user_b = ?2 AND c.app_id = ?1"},
    {&GroupQueries::group_of_conv, "im_groups",
     "SELECT " IM_GROUP " FROM im_groups g JOIN im_convs c ON c.conv = g.conv WHERE g.conv = ?1"},
    {&GroupQueries::group_add, "im_groups",
     "INSERT INTO im_groups (conv, app_id, group_id, type, name, introduction, notification, face, owner, join_option, "
     "members, members_max, all_silenced, fields, created_at, info_at, invite_option, invite_consent) VALUES (?1, ?2, "
     "?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)"},
    {&GroupQueries::group_save, "im_groups",
     "UPDATE im_groups SET name = ?2, introduction = ?3, notification = ?4, face = ?5, owner = ?6, join_option = ?7, "
     "members = ?8, members_max = ?9, all_silenced = ?10, fields = ?11, info_at = ?12, dismissed_at = ?13, "
     "invite_option = ?14, invite_consent = ?15 WHERE conv = ?1"},
    {&GroupQueries::conv_name, "im_convs", "UPDATE im_convs SET user_b = ?2 WHERE conv = ?1"},
    {&GroupQueries::conv_count, "im_convs",
     "UPDATE im_convs SET seq = ?2, last_at = ?3, counted = ?4, moved_at = ?5 WHERE conv = ?1"},
    {&GroupQueries::conv_moved, "im_convs", "UPDATE im_convs SET moved_at = ?2 WHERE conv = ?1"},
    {&GroupQueries::conv_erased, "im_convs", "UPDATE im_convs SET erased = ?2 WHERE conv = ?1 AND erased < ?2"},
    {&GroupQueries::conv_recalled, "im_convs",
     "UPDATE im_convs SET recalled_to = ?2 WHERE conv = ?1 AND recalled_to < ?2"},

    {&GroupQueries::member, "im_members",
     "SELECT " IM_MEMBER " FROM im_members m WHERE m.conv = ?1 AND m.slot = ?2 AND m.user_id = ?3"},
    {&GroupQueries::member_save, "im_members",
     "INSERT INTO im_members (slot, conv, user_id, app_id, role, joined_at, left_at, cleared, read, read_count, "
     "own_since, option, silenced_until, last_sent_at, card, pinned, hidden_to, mark, ver) VALUES (?1, ?2, ?3, ?4, ?5, "
     "?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19) ON CONFLICT (conv, slot, user_id) DO UPDATE "
     "SET "
     "role = excluded.role, joined_at = excluded.joined_at, left_at = excluded.left_at, cleared = excluded.cleared, "
     "read = excluded.read, read_count = excluded.read_count, own_since = excluded.own_since, "
     "option = excluded.option, silenced_until = excluded.silenced_until, last_sent_at = excluded.last_sent_at, "
     "card = excluded.card, pinned = excluded.pinned, hidden_to = excluded.hidden_to, mark = excluded.mark, "
     "ver = excluded.ver"},
    {&GroupQueries::member_sent, "im_members",
     "UPDATE im_members SET own_since = own_since + ?4, last_sent_at = ?5 WHERE conv = ?1 AND slot = ?2 AND user_id = "
     "?3"},
    {&GroupQueries::member_own_erased, "im_members",
     "UPDATE im_members SET own_since = own_since - 1 WHERE conv = ?1 AND slot = ?2 AND user_id = ?3 AND read < ?4 AND "
     "own_since > 0"},
    {&GroupQueries::members, "im_members",
     "SELECT " IM_MEMBER ", coalesce(a.nick, '') FROM im_members m LEFT JOIN im_accounts a ON a.user_id = m.user_id "
     "AND a.app_id = m.app_id "
     "WHERE m.conv = ?1 AND (m.slot, m.user_id) > (?2, ?3) AND m.left_at = 0 AND (m.role = ?4 OR ?4 < 0) AND "
     "(m.silenced_until > ?5 OR ?5 = 0) ORDER BY m.slot, m.user_id LIMIT ?6"},
    {&GroupQueries::members_named, "im_members",
     "SELECT " IM_MEMBER ", coalesce(a.nick, '') FROM im_members m LEFT JOIN im_accounts a ON a.user_id = m.user_id "
     "AND a.app_id = m.app_id "
     "WHERE m.conv = ?1 AND m.slot = ?2 AND m.user_id = ?3 AND m.left_at = 0"},
    {&GroupQueries::groups_count, "im_members",
     "SELECT count(*) FROM im_members m JOIN im_groups g ON g.conv = m.conv WHERE m.user_id = ?2 AND m.app_id = ?1 AND "
     "m.left_at = 0 AND g.dismissed_at = 0"},
    {&GroupQueries::subscriptions, "im_members",
     "SELECT m.conv FROM im_members m JOIN im_groups g ON g.conv = m.conv WHERE m.user_id = ?2 AND m.app_id = ?1 AND "
     "m.left_at = 0 AND m.option <> 2 AND g.dismissed_at = 0"},
    {&GroupQueries::receivers, "im_members",
     "SELECT m.user_id, m.option, (SELECT count(*) FROM im_mentions t WHERE t.conv = m.conv AND t.seq = ?4 AND "
     "(t.user_id = m.user_id OR t.user_id = '')) FROM im_members m WHERE m.conv = ?1 AND m.slot BETWEEN ?2 AND ?3 AND "
     "m.left_at = 0 AND m.cleared < ?4 AND m.read < ?4 AND m.option <> 2 AND m.user_id <> ?5 ORDER BY m.slot, "
     "m.user_id"},
    {&GroupQueries::joined, "im_groups",
     "SELECT " IM_GROUP ", " IM_MEMBER
     " FROM im_members m JOIN im_groups g ON g.conv = m.conv JOIN im_convs c ON c.conv = m.conv WHERE m.user_id = ?2 "
     "AND m.app_id = ?1 AND m.left_at = 0 AND g.dismissed_at = 0 AND m.conv > ?3 AND (?4 = '' OR g.type = ?4) ORDER BY "
     "m.conv LIMIT ?5"},
    {&GroupQueries::groups_above, "im_members",
     "SELECT " IM_GROUP ", " IM_MEMBER
     " FROM im_members m JOIN im_groups g ON g.conv = m.conv JOIN im_convs c ON c.conv = m.conv WHERE m.user_id = ?2 "
     "AND m.app_id = ?1 AND m.ver > ?3 ORDER BY m.ver LIMIT ?4"},
    {&GroupQueries::groups_moved, "im_members",
     "SELECT " IM_GROUP ", " IM_MEMBER
     " FROM im_members m JOIN im_groups g ON g.conv = m.conv JOIN im_convs c ON c.conv = m.conv WHERE m.user_id = ?2 "
     "AND m.app_id = ?1 AND m.left_at = 0 AND m.conv > ?4 AND c.moved_at > ?3 ORDER BY m.conv LIMIT ?5"},
    // group_rules.h has the same of one group.
    {&GroupQueries::unread_total, "im_members",
     "SELECT coalesce(sum(CASE WHEN u.n > 0 THEN u.n ELSE 0 END), 0) FROM (SELECT c.counted - CASE WHEN m.read_count > "
     "c.erased THEN m.read_count ELSE c.erased END - m.own_since - CASE WHEN c.recalled_to > m.read THEN (SELECT "
     "count(*) FROM im_messages r WHERE r.conv = m.conv AND r.recalled = 1 AND r.seq > m.read AND r.counts = 1 AND "
     "r.sender <> m.user_id) ELSE 0 END AS n FROM im_members m JOIN im_convs c ON c.conv = m.conv WHERE m.user_id = ?2 "
     "AND m.app_id = ?1 AND m.left_at = 0 AND m.option <> 2) u"},
    {&GroupQueries::recalled_above, "im_messages",
     "SELECT count(*) FROM im_messages WHERE conv = ?1 AND recalled = 1 AND seq > ?2 AND counts = 1 AND sender <> ?3"},

    {&GroupQueries::message_add, "im_messages",
     "INSERT INTO im_messages (conv, seq, at, from_b, priority, no_unread, no_last, recalled, hidden, ver_a, ver_b, "
     "expires, client_id, nick, face, elements, push, cloud_data, sender, card, tip, counts, counted, mentions, "
     "targets) VALUES (?1, ?2, ?3, 0, ?4, ?5, ?6, 0, 0, 0, 0, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, "
     "?19, ?20)"},
    {&GroupQueries::message, "im_messages",
     "SELECT " IM_GROUP_MESSAGE ", m.counts, m.counted FROM im_messages m WHERE m.conv = ?1 AND m.seq = ?2"},
    {&GroupQueries::message_seen, "im_messages",
     "SELECT " IM_GROUP_MESSAGE " FROM im_messages m WHERE m.conv = ?1 AND m.seq = ?4 AND " IM_GROUP_SEEN},
    {&GroupQueries::messages_up, "im_messages",
     "SELECT " IM_GROUP_MESSAGE " FROM im_messages m WHERE m.conv = ?1 AND m.seq BETWEEN ?4 AND ?5 AND " IM_GROUP_SEEN
     " ORDER BY m.seq LIMIT ?6"},
    {&GroupQueries::messages_down, "im_messages",
     "SELECT " IM_GROUP_MESSAGE " FROM im_messages m WHERE m.conv = ?1 AND m.seq BETWEEN ?4 AND ?5 AND " IM_GROUP_SEEN
     " ORDER BY m.seq DESC LIMIT ?6"},
    {&GroupQueries::last_seen, "im_messages",
     "SELECT " IM_GROUP_MESSAGE
     " FROM im_messages m WHERE m.conv = ?1 AND m.seq > ?4 AND m.no_last = 0 AND " IM_GROUP_SEEN
     " ORDER BY m.seq DESC LIMIT 1"},
    {&GroupQueries::counted_at, "im_messages",
     "SELECT counted FROM im_messages WHERE conv = ?1 AND seq <= ?2 ORDER BY seq DESC LIMIT 1"},
    {&GroupQueries::own_count, "im_messages",
     "SELECT count(*) FROM im_messages WHERE conv = ?1 AND seq > ?2 AND seq <= ?3 AND sender = ?4 AND counts = 1"},
    {&GroupQueries::place, "im_messages",
     "SELECT seq, at FROM im_messages WHERE conv = ?1 AND seq > ?2 AND seq <= ?3 ORDER BY seq DESC LIMIT 1"},
    {&GroupQueries::mention_add, "im_mentions",
     "INSERT INTO im_mentions (conv, user_id, seq) VALUES (?1, ?2, ?3) ON CONFLICT (conv, user_id, seq) DO NOTHING"},
    {&GroupQueries::mention_erase, "im_mentions",
     "DELETE FROM im_mentions WHERE conv = ?1 AND user_id = ?2 AND seq = ?3"},
    {&GroupQueries::mentions_above, "im_mentions",
     "SELECT coalesce(max(seq), 0) FROM im_mentions WHERE conv = ?1 AND user_id = ?2 AND seq > ?3"},
    {&GroupQueries::target_add, "im_targets",
     "INSERT INTO im_targets (conv, seq, user_id) VALUES (?1, ?2, ?3) ON CONFLICT (conv, seq, user_id) DO NOTHING"},
    {&GroupQueries::targets_erase, "im_targets", "DELETE FROM im_targets WHERE conv = ?1 AND seq = ?2"},
    {&GroupQueries::hides_erase, "im_hides", "DELETE FROM im_hides WHERE conv = ?1 AND seq = ?2"},
    {&GroupQueries::changes_after, "im_changes",
     "SELECT change, seq, by_user, at, edited FROM im_changes WHERE conv = ?1 AND change > ?2 ORDER BY change LIMIT "
     "?3"},

    {&GroupQueries::application, "im_applications",
     "SELECT user_id, state, at, note, by_user, answer, decided_at, inviter, for_user FROM im_applications WHERE conv "
     "= ?1 AND user_id = "
     "?2"},
    {&GroupQueries::application_save, "im_applications",
     "INSERT INTO im_applications (conv, user_id, state, at, note, by_user, answer, decided_at, inviter, for_user) "
     "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (conv, user_id) DO UPDATE SET state = "
     "excluded.state, at = excluded.at, note = excluded.note, by_user = excluded.by_user, answer = excluded.answer, "
     "decided_at = excluded.decided_at, inviter = excluded.inviter, for_user = excluded.for_user"},
    {&GroupQueries::applications, "im_applications",
     "SELECT user_id, state, at, note, by_user, answer, decided_at, inviter, for_user FROM im_applications WHERE conv "
     "= ?1 ORDER BY at "
     "DESC, user_id LIMIT ?2"},
    {&GroupQueries::applications_waiting, "im_applications",
     "SELECT count(*) FROM im_applications WHERE conv = ?1 AND state = 0"},
    {&GroupQueries::applications_prune, "im_applications",
     "DELETE FROM im_applications WHERE decided_at > 0 AND decided_at < ?1"},
    {&GroupQueries::invitation_void, "im_applications",
     "UPDATE im_applications SET state = 2, by_user = ?3, decided_at = ?4 WHERE conv = ?1 AND user_id = ?2 AND state = "
     "0 AND inviter <> ''"},
    {&GroupQueries::invitations_prune, "im_applications",
     "DELETE FROM im_applications WHERE state = 0 AND inviter <> '' AND at <= ?1"},
    {&GroupQueries::invitations_of, "im_applications",
     "SELECT a.conv, a.inviter, a.at, a.note FROM im_applications a JOIN im_groups g ON g.conv = a.conv WHERE "
     "a.user_id "
     "= ?2 AND a.state = 0 AND a.for_user = 1 AND g.app_id = ?1 AND g.dismissed_at = 0 AND a.at > ?3 ORDER BY a.at "
     "DESC, a.conv LIMIT ?4"},

    {&GroupQueries::live_count, "im_groups",  // its type is written out, else no index fits
     "SELECT count(*) FROM im_groups WHERE app_id = ?1 AND type = 'AVChatRoom' AND dismissed_at = 0"},
    {&GroupQueries::live_count_of, "im_groups",
     "SELECT count(*) FROM im_groups WHERE app_id = ?1 AND type = 'AVChatRoom' AND dismissed_at = 0 AND owner = ?2"},
    {&GroupQueries::live_disown, "im_groups",
     "UPDATE im_groups SET owner = '' WHERE app_id = ?1 AND type = 'AVChatRoom' AND dismissed_at = 0 AND owner = ?2"},
    {&GroupQueries::live_rule, "im_live_rules",
     "SELECT user_id, silenced_until, banned_until FROM im_live_rules WHERE conv = ?1 AND user_id = ?2"},
    {&GroupQueries::live_rule_save, "im_live_rules",
     "INSERT INTO im_live_rules (conv, user_id, silenced_until, banned_until) VALUES (?1, ?2, ?3, ?4) ON CONFLICT "
     "(conv, user_id) DO UPDATE SET silenced_until = excluded.silenced_until, banned_until = excluded.banned_until"},
    {&GroupQueries::live_rule_erase, "im_live_rules", "DELETE FROM im_live_rules WHERE conv = ?1 AND user_id = ?2"},
    {&GroupQueries::live_rules_count, "im_live_rules", "SELECT count(*) FROM im_live_rules WHERE conv = ?1"},
    {&GroupQueries::live_rules_prune, "im_live_rules",
     "DELETE FROM im_live_rules WHERE conv = ?1 AND silenced_until <= ?2 AND banned_until <= ?2"},
    {&GroupQueries::live_silenced, "im_live_rules",
     "SELECT user_id, silenced_until, banned_until FROM im_live_rules WHERE conv = ?1 AND user_id > ?2 AND "
     "silenced_until > ?3 ORDER BY user_id LIMIT ?4"},
    {&GroupQueries::live_banned, "im_live_rules",
     "SELECT user_id, silenced_until, banned_until FROM im_live_rules WHERE conv = ?1 AND user_id > ?2 AND "
     "banned_until > ?3 ORDER BY user_id LIMIT ?4"},

    {&GroupQueries::intent_add, "im_group_intents",
     "INSERT INTO im_group_intents (conv, seq, ranges, node) VALUES (?1, ?2, ?3, ?4) RETURNING id"},
    {&GroupQueries::intent_erase, "im_group_intents", "DELETE FROM im_group_intents WHERE conv = ?1 AND seq = ?2"},
    {&GroupQueries::intent_done, "im_group_intents",
     "UPDATE im_group_intents SET done = ?2 WHERE id = ?1 AND done < ?2"},
    {&GroupQueries::intent_settle, "im_group_intents", "DELETE FROM im_group_intents WHERE id = ?1"},
    {&GroupQueries::intents_after, "im_group_intents",
     "SELECT id, conv, seq, ranges, done FROM im_group_intents WHERE id > ?1 AND node = ?3 ORDER BY id LIMIT ?2"},

    {&GroupQueries::left_before, "im_members",
     "SELECT " IM_MEMBER " FROM im_members m WHERE m.left_at > 0 AND m.left_at < ?1 ORDER BY m.left_at LIMIT ?2"},
    {&GroupQueries::dismissed_before, "im_groups",
     "SELECT conv FROM im_groups WHERE dismissed_at > 0 AND dismissed_at < ?1 ORDER BY dismissed_at LIMIT 1"},
    {&GroupQueries::members_of, "im_members",
     "SELECT " IM_MEMBER " FROM im_members m WHERE m.conv = ?1 ORDER BY m.slot, m.user_id LIMIT ?2"},
    {&GroupQueries::member_forget, "im_members",
     "DELETE FROM im_members WHERE conv = ?1 AND slot = ?2 AND user_id = ?3"},
    {&GroupQueries::floor_raise, "im_accounts",
     "UPDATE im_accounts SET ver_floor = ?3 WHERE app_id = ?1 AND user_id = ?2 AND ver_floor < ?3"},
    {&GroupQueries::memberships, "im_members",
     "SELECT " IM_MEMBER " FROM im_members m WHERE m.user_id = ?2 AND m.app_id = ?1 AND m.left_at = 0"},
    {&GroupQueries::messages_erase, "im_messages",
     "DELETE FROM im_messages WHERE conv = ?1 AND seq < (SELECT min(seq) FROM im_messages WHERE conv = ?1) + ?2"},
    {&GroupQueries::mentions_prune, "im_mentions",
     "DELETE FROM im_mentions WHERE conv = ?1 AND (user_id, seq) IN (SELECT user_id, seq FROM im_mentions WHERE conv = "
     "?1 LIMIT ?2)"},
    {&GroupQueries::targets_prune, "im_targets",
     "DELETE FROM im_targets WHERE conv = ?1 AND (seq, user_id) IN (SELECT seq, user_id FROM im_targets WHERE conv = "
     "?1 LIMIT ?2)"},
    {&GroupQueries::hides_prune, "im_hides",
     "DELETE FROM im_hides WHERE conv = ?1 AND (user_id, seq) IN (SELECT user_id, seq FROM im_hides WHERE conv = ?1 "
     "LIMIT ?2)"},
    {&GroupQueries::changes_prune, "im_changes",
     "DELETE FROM im_changes WHERE conv = ?1 AND change IN (SELECT change FROM im_changes WHERE conv = ?1 LIMIT ?2)"},
    {&GroupQueries::applications_erase_some, "im_applications",
     "DELETE FROM im_applications WHERE conv = ?1 AND user_id IN (SELECT user_id FROM im_applications WHERE conv = ?1 "
     "LIMIT ?2)"},
    {&GroupQueries::intents_erase_all, "im_group_intents", "DELETE FROM im_group_intents WHERE conv = ?1"},
    {&GroupQueries::intents_prune, "im_group_intents",
     "DELETE FROM im_group_intents WHERE conv = ?1 AND id IN (SELECT id FROM im_group_intents WHERE conv = ?1 LIMIT "
     "?2)"},
    {&GroupQueries::rules_erase_some, "im_live_rules",
     "DELETE FROM im_live_rules WHERE conv = ?1 AND user_id IN (SELECT user_id FROM im_live_rules WHERE conv = ?1 "
     "LIMIT ?2)"},
    {&GroupQueries::group_erase, "im_groups", "DELETE FROM im_groups WHERE conv = ?1"},
    {&GroupQueries::conv_erase, "im_convs", "DELETE FROM im_convs WHERE conv = ?1"},

    {&GroupQueries::ids, "im_groups",
     "SELECT conv, group_id FROM im_groups WHERE app_id = ?1 AND conv > ?2 AND dismissed_at = 0 AND (type = ?3 OR ?3 = "
     "'') ORDER BY conv LIMIT ?4"},
    {&GroupQueries::ids_count, "im_groups",
     "SELECT count(*) FROM im_groups WHERE app_id = ?1 AND dismissed_at = 0 AND (type = ?2 OR ?2 = '')"},
    {&GroupQueries::unread_from, "im_messages",
     "SELECT seq FROM im_messages WHERE conv = ?1 AND counts = 1 AND sender <> ?2 AND recalled = 0 ORDER BY seq DESC "
     "LIMIT 1 OFFSET ?3"},
    {&GroupQueries::by_sender, "im_messages",
     "SELECT seq FROM im_messages WHERE conv = ?1 AND seq < ?2 AND sender = ?3 AND recalled = 0 AND tip = 0 ORDER BY "
     "seq DESC LIMIT ?4"},
    {&GroupQueries::receipt, "im_members",
     "SELECT count(*), coalesce(sum(CASE WHEN read >= ?2 THEN 1 ELSE 0 END), 0) FROM im_members WHERE conv = ?1 AND "
     "left_at = 0 AND cleared < ?2 AND user_id <> ?3 AND joined_at <= (SELECT at FROM im_messages WHERE conv = ?1 AND "
     "seq = ?2)"},
    {&GroupQueries::receipt_users, "im_members",
     "SELECT user_id FROM im_members WHERE conv = ?1 AND (slot, user_id) > (?2, ?3) AND left_at = 0 AND cleared < ?4 "
     "AND user_id <> ?5 AND read BETWEEN ?6 AND ?7 AND joined_at <= (SELECT at FROM im_messages WHERE conv = ?1 AND "
     "seq = ?4) ORDER BY slot, user_id LIMIT ?8"},
    {&GroupQueries::attributes, "im_group_attributes",
     "SELECT name, value FROM im_group_attributes WHERE conv = ?1 ORDER BY name"},
    {&GroupQueries::attribute_set, "im_group_attributes",
     "INSERT INTO im_group_attributes (conv, name, value) VALUES (?1, ?2, ?3) ON CONFLICT (conv, name) DO UPDATE SET "
     "value = excluded.value"},
    {&GroupQueries::attributes_erase, "im_group_attributes", "DELETE FROM im_group_attributes WHERE conv = ?1"},
    {&GroupQueries::counters, "im_group_counters",
     "SELECT name, value FROM im_group_counters WHERE conv = ?1 ORDER BY name"},
    {&GroupQueries::counter_set, "im_group_counters",
     "INSERT INTO im_group_counters (conv, name, value) VALUES (?1, ?2, ?3) ON CONFLICT (conv, name) DO UPDATE SET "
     "value = excluded.value"},
    {&GroupQueries::counter_erase, "im_group_counters", "DELETE FROM im_group_counters WHERE conv = ?1 AND name = ?2"},
    {&GroupQueries::counters_erase, "im_group_counters", "DELETE FROM im_group_counters WHERE conv = ?1"},
};

#undef IM_GROUP
#undef IM_MEMBER
#undef IM_GROUP_MESSAGE
#undef IM_GROUP_SEEN

}  // namespace

Result<GroupQueries> GroupQueries::prepare(sql::Database& database) {
  return prepare_all<GroupQueries>(database, kGroupLines);
}

}  // namespace nightpost::im
