#include "im/store/console_queries.h"

#include "im/store/statement_list.h"

namespace nightpost::im {
namespace {

using ConsoleLine = StatementLine<ConsoleQueries>;

#define CONSOLE_MESSAGE                                                                                               \
  "seq, at, from_b, recalled, edited, tip, hidden, imported_at, sender, nick, card, elements, cloud_data, mentions, " \
  "targets"

constexpr ConsoleLine kConsoleLines[] = {
    {&ConsoleQueries::users, "im_accounts",
     "SELECT user_id, nick, removed, created_at FROM im_accounts WHERE app_id = ?1 AND user_id > ?2 AND user_id >= ?3 "
     "AND user_id < ?4 ORDER BY user_id LIMIT ?5"},
    {&ConsoleQueries::user, "im_accounts",
     "SELECT nick, removed, created_at, face, valid_from, unread FROM im_accounts WHERE app_id = ?1 AND user_id = ?2"},
    {&ConsoleQueries::terminals, "im_terminals",
     "SELECT device_id, platform, state, foreground, language, badge, epoch FROM im_terminals WHERE app_id = ?1 AND "
     "user_id = ?2 ORDER BY epoch DESC, device_id"},
    {&ConsoleQueries::silence, "im_silences",
     "SELECT chats_until, groups_until FROM im_silences WHERE app_id = ?1 AND user_id = ?2"},
    {&ConsoleQueries::friends, "im_friends", "SELECT count(*) FROM im_friends WHERE app_id = ?1 AND user_id = ?2"},
    {&ConsoleQueries::blacks, "im_blacks", "SELECT count(*) FROM im_blacks WHERE app_id = ?1 AND user_id = ?2"},
    {&ConsoleQueries::fields, "im_profile_fields",
     "SELECT tag, value FROM im_profile_fields WHERE app_id = ?1 AND user_id = ?2 ORDER BY tag LIMIT ?3"},
    {&ConsoleQueries::groups_of, "im_members",
     "SELECT g.group_id, g.name, g.type, m.role, m.joined_at FROM im_members m JOIN im_groups g ON g.conv = m.conv "
     "WHERE m.user_id = ?2 AND m.app_id = ?1 AND m.left_at = 0 AND g.dismissed_at = 0 ORDER BY m.conv LIMIT ?3"},

    {&ConsoleQueries::terminal_counts, "im_terminals",
     "SELECT platform, state, foreground, count(*) FROM im_terminals WHERE app_id = ?1 GROUP BY platform, state, "
     "foreground ORDER BY platform, state, foreground"},
    {&ConsoleQueries::accounts_count, "im_accounts",
     "SELECT count(*) FROM im_accounts WHERE app_id = ?1 AND removed = 0"},
    {&ConsoleQueries::groups_count, "im_groups",
     "SELECT count(*) FROM im_groups WHERE app_id = ?1 AND dismissed_at = 0"},

    // A group that is dismissed has let go of its id.
    {&ConsoleQueries::groups, "im_groups",
     "SELECT g.group_id, g.name, g.type, g.owner, g.members, g.created_at, c.last_at FROM im_convs c JOIN im_groups g "
     "ON g.conv = c.conv WHERE c.user_a = '' AND c.user_b > ?2 AND c.user_b >= ?3 AND c.user_b < ?4 AND c.app_id = ?1 "
     "AND g.dismissed_at = 0 ORDER BY c.user_b LIMIT ?5"},
    {&ConsoleQueries::group, "im_groups",
     "SELECT g.group_id, g.name, g.type, g.owner, g.members, g.created_at, c.last_at, g.conv, c.seq, g.introduction, "
     "g.notification, g.face, g.join_option, g.invite_option, g.invite_consent, g.members_max, g.all_silenced, "
     "g.fields, g.info_at FROM im_convs c JOIN im_groups g ON g.conv = c.conv WHERE c.user_a = '' AND c.user_b = ?2 "
     "AND c.app_id = ?1 AND g.dismissed_at = 0"},
    {&ConsoleQueries::members, "im_members",
     "SELECT m.user_id, coalesce(a.nick, ''), m.role, m.joined_at, m.silenced_until, m.option, m.card, m.last_sent_at "
     "FROM im_members m LEFT JOIN im_accounts a ON a.user_id = m.user_id AND a.app_id = m.app_id WHERE m.conv = ?1 AND "
     "(m.slot, m.user_id) > (?2, ?3) AND m.left_at = 0 AND (m.role = ?4 OR ?4 < 0) ORDER BY m.slot, m.user_id LIMIT "
     "?5"},
    {&ConsoleQueries::applications, "im_applications",
     "SELECT user_id, state, at, by_user, decided_at, inviter, for_user FROM im_applications WHERE conv = ?1 ORDER BY "
     "at DESC, user_id LIMIT ?2"},
    {&ConsoleQueries::applications_waiting, "im_applications",
     "SELECT count(*) FROM im_applications WHERE conv = ?1 AND state = 0"},

    {&ConsoleQueries::chats, "im_chats",
     "SELECT conv, peer, head, head_at, unread, gone FROM im_chats WHERE app_id = ?1 AND user_id = ?2 ORDER BY head_at "
     "DESC, conv DESC LIMIT ?3"},
    {&ConsoleQueries::conv_of, "im_convs",
     "SELECT conv, seq FROM im_convs WHERE app_id = ?1 AND user_a = ?2 AND user_b = ?3"},
    {&ConsoleQueries::place, "im_messages",
     "SELECT seq, at FROM im_messages WHERE conv = ?1 AND seq > ?2 AND seq <= ?3 ORDER BY seq DESC LIMIT 1"},
    {&ConsoleQueries::messages, "im_messages",
     "SELECT " CONSOLE_MESSAGE " FROM im_messages WHERE conv = ?1 AND seq <= ?2 AND (expires IS NULL OR expires > ?3) "
     "ORDER BY seq DESC LIMIT ?4"},
    // By place, of which the question names so many at most: by im_messages_imported it may be any number. Hence the
    // signs.
    {&ConsoleQueries::imported, "im_messages",
     "SELECT " CONSOLE_MESSAGE " FROM im_messages WHERE conv = ?1 AND seq <= ?2 AND (expires IS NULL OR expires > ?3) "
     "AND seq > ?5 AND +imported_at > 0 AND +imported_at <= ?6 ORDER BY seq DESC LIMIT ?4"},

    {&ConsoleQueries::words, "im_app_words",
     "SELECT folded, word, action FROM im_app_words WHERE app_id = ?1 AND folded > ?2 ORDER BY folded LIMIT ?3"},
    {&ConsoleQueries::words_count, "im_app_words", "SELECT count(*) FROM im_app_words WHERE app_id = ?1"},
    {&ConsoleQueries::settings, "im_app_settings",
     "SELECT name, value FROM im_app_settings WHERE app_id = ?1 ORDER BY name"},
};

#undef CONSOLE_MESSAGE

}  // namespace

Result<ConsoleQueries> ConsoleQueries::prepare(sql::Database& database) {
  return prepare_all<ConsoleQueries>(database, kConsoleLines);
}

}  // namespace nightpost::im
