#include "im/store/queries.h"

#include "im/store/statement_list.h"

namespace nightpost::im {
namespace {

using Line = StatementLine<Queries>;

#define IM_TERMINAL "device_id, platform, state, epoch, language, auto_read, acked, foreground, badge"
#define IM_CONV "conv, app_id, user_a, user_b, seq, changes, last_at"

constexpr Line kLines[] = {
    {&Queries::mark, "im store", "SAVEPOINT im_command"},
    {&Queries::release_mark, "im store", "RELEASE im_command"},

    {&Queries::account, "im_accounts",
     "SELECT ver, ver_floor, unread, valid_from, removed, nick, face FROM im_accounts WHERE app_id = ?1 AND "
     "user_id = ?2"},
    {&Queries::account_add, "im_accounts",
     "INSERT INTO im_accounts (app_id, user_id, created_at) VALUES (?1, ?2, ?3) ON CONFLICT (user_id, app_id) DO "
     "UPDATE SET removed = 0 WHERE im_accounts.removed = 1"},
    {&Queries::profile_set, "im_accounts",
     "UPDATE im_accounts SET nick = ?3, face = ?4 WHERE app_id = ?1 AND user_id = ?2"},
    {&Queries::account_touch, "im_accounts",
     "UPDATE im_accounts SET ver = ver + 1, unread = CASE WHEN unread + ?3 > 0 THEN unread + ?3 ELSE 0 END WHERE "
     "app_id = ?1 AND user_id = ?2 "
     "RETURNING ver, unread"},
    {&Queries::epoch_next, "im_accounts",
     "UPDATE im_accounts SET epoch = epoch + 1 WHERE app_id = ?1 AND user_id = ?2 RETURNING epoch"},
    {&Queries::valid_from_set, "im_accounts",
     "UPDATE im_accounts SET valid_from = ?3 WHERE app_id = ?1 AND user_id = ?2 AND valid_from < ?3"},
    {&Queries::account_remove, "im_accounts",
     "UPDATE im_accounts SET removed = 1, unread = 0, ver = ver + 1, ver_floor = ver + 1, nick = '', face = '' WHERE "
     "app_id = ?1 AND user_id = ?2"},
    {&Queries::chats_remove, "im_chats", "DELETE FROM im_chats WHERE app_id = ?1 AND user_id = ?2"},
    {&Queries::blacks_remove, "im_blacks", "DELETE FROM im_blacks WHERE app_id = ?1 AND user_id = ?2"},
    {&Queries::intents_remove, "im_intents",
     "DELETE FROM im_intents WHERE id IN (SELECT i.id FROM im_chats c JOIN im_intents i ON i.conv = c.conv WHERE "
     "c.app_id = ?1 AND c.user_id = ?2 AND i.user_id = ?2)"},
    {&Queries::terminals_remove, "im_terminals", "DELETE FROM im_terminals WHERE app_id = ?1 AND user_id = ?2"},

    {&Queries::terminal, "im_terminals",
     "SELECT " IM_TERMINAL " FROM im_terminals WHERE app_id = ?1 AND user_id = ?2 AND device_id = ?3"},
    {&Queries::terminals, "im_terminals",
     "SELECT " IM_TERMINAL " FROM im_terminals WHERE app_id = ?1 AND user_id = ?2 ORDER BY device_id"},
    {&Queries::terminal_save, "im_terminals",
     "INSERT INTO im_terminals (app_id, user_id, " IM_TERMINAL
     ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) "
     "ON CONFLICT (user_id, app_id, device_id) DO UPDATE SET platform = excluded.platform, state = excluded.state, "
     "epoch = excluded.epoch, "
     "language = excluded.language, auto_read = excluded.auto_read, acked = excluded.acked, "
     "foreground = excluded.foreground, badge = excluded.badge"},
    {&Queries::terminal_forget, "im_terminals",
     "DELETE FROM im_terminals WHERE app_id = ?1 AND user_id = ?2 AND device_id = ?3"},

    {&Queries::conv_of, "im_convs",
     "SELECT " IM_CONV " FROM im_convs WHERE app_id = ?1 AND user_a = ?2 AND user_b = ?3"},
    {&Queries::conv, "im_convs", "SELECT " IM_CONV " FROM im_convs WHERE conv = ?1"},
    {&Queries::conv_add, "im_convs",
     "INSERT INTO im_convs (app_id, user_a, user_b) VALUES (?1, ?2, ?3) RETURNING conv"},
    {&Queries::conv_advance, "im_convs", "UPDATE im_convs SET seq = ?2, last_at = ?3 WHERE conv = ?1"},
    {&Queries::change_next, "im_convs", "UPDATE im_convs SET changes = changes + 1 WHERE conv = ?1 RETURNING changes"},
    {&Queries::change_add, "im_changes",
     "INSERT INTO im_changes (conv, change, seq, by_user, at, edited) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"},
    {&Queries::changes_after, "im_changes",
     "SELECT c.change, c.seq, c.by_user, c.at, c.edited FROM im_changes c JOIN im_messages m ON m.conv = c.conv AND "
     "m.seq = "
     "c.seq "
     "WHERE c.conv = ?1 AND c.change > ?2 AND (m.hidden = 0 OR m.from_b = ?3) AND (c.edited <> 2 OR c.by_user = ?4) "
     "ORDER BY c.change LIMIT ?5"},

    {&Queries::chat, "im_chats", "SELECT " IM_CHAT " FROM im_chats WHERE app_id = ?1 AND user_id = ?2 AND conv = ?3"},
    {&Queries::chat_save, "im_chats",
     "INSERT INTO im_chats (app_id, user_id, " IM_CHAT ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, "
     "?13, ?14, ?15) ON CONFLICT (user_id, app_id, conv) DO UPDATE SET ver = excluded.ver, head = excluded.head, "
     "head_at = excluded.head_at, "
     "read = excluded.read, peer_read = excluded.peer_read, cleared = excluded.cleared, last = excluded.last, "
     "unread = excluded.unread, pinned = excluded.pinned, gone = excluded.gone, mark = excluded.mark"},
    {&Queries::chats_above, "im_chats",
     "SELECT " IM_CHAT " FROM im_chats WHERE app_id = ?1 AND user_id = ?2 AND ver > ?3 ORDER BY ver LIMIT ?4"},
    {&Queries::chats_unread, "im_chats",
     "SELECT " IM_CHAT " FROM im_chats WHERE app_id = ?1 AND user_id = ?2 AND unread > 0"},

    {&Queries::message_add, "im_messages",
     "INSERT INTO im_messages (conv, ver_a, ver_b, " IM_MESSAGE ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, "
     "?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)"},
    {&Queries::message, "im_messages", "SELECT " IM_SHOWN " FROM im_messages WHERE conv = ?1 AND seq = ?2"},
    {&Queries::message_seen, "im_messages",
     "SELECT " IM_SHOWN " FROM im_messages m WHERE conv = ?1 AND seq = ?2 AND seq > ?3 AND " IM_SEEN},
    {&Queries::messages_up, "im_messages",
     "SELECT " IM_SHOWN " FROM im_messages m WHERE conv = ?1 AND seq BETWEEN ?2 AND ?3 AND " IM_SEEN
     " ORDER BY seq LIMIT ?7"},
    {&Queries::messages_down, "im_messages",
     "SELECT " IM_SHOWN " FROM im_messages m WHERE conv = ?1 AND seq BETWEEN ?2 AND ?3 AND " IM_SEEN
     " ORDER BY seq DESC LIMIT ?7"},
    {&Queries::last_seen, "im_messages",
     "SELECT seq FROM im_messages m WHERE conv = ?1 AND seq > ?2 AND seq <= ?3 AND no_last = 0 AND " IM_SEEN
     " ORDER BY seq DESC LIMIT 1"},
    {&Queries::tombstone, "im_messages",
     "UPDATE im_messages SET recalled = 1, elements = '', push = '', cloud_data = '' WHERE conv = ?1 AND seq = ?2"},
    {&Queries::edit, "im_messages",
     "UPDATE im_messages SET elements = ?3, cloud_data = ?4, edited = 1 WHERE conv = ?1 AND seq = ?2"},
    {&Queries::unread_count, "im_messages",
     "SELECT count(*) FROM im_messages WHERE conv = ?1 AND seq > ?2 AND seq <= ?3 AND from_b = ?4 AND no_unread = 0 "
     "AND "
     "recalled = 0 AND hidden = 0"},
    {&Queries::place, "im_messages",
     "SELECT seq, at, ver_a, ver_b FROM im_messages WHERE conv = ?1 AND seq > ?2 AND seq <= ?3 ORDER BY seq DESC "
     "LIMIT 1"},
    {&Queries::hide, "im_hides",
     "INSERT INTO im_hides (conv, user_id, seq) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING"},
    {&Queries::expired, "im_messages",
     "SELECT conv, seq FROM im_messages WHERE expires IS NOT NULL AND expires <= ?1 ORDER BY expires LIMIT ?2"},
    {&Queries::message_erase, "im_messages", "DELETE FROM im_messages WHERE conv = ?1 AND seq = ?2"},
    {&Queries::hides_erase, "im_hides", "DELETE FROM im_hides WHERE conv = ?1 AND user_id IN (?2, ?3) AND seq = ?4"},
    {&Queries::changes_erase, "im_changes", "DELETE FROM im_changes WHERE conv = ?1 AND seq = ?2"},
    {&Queries::edits_erase, "im_changes", "DELETE FROM im_changes WHERE conv = ?1 AND seq = ?2 AND edited = 1"},

    {&Queries::sent, "im_send_keys",
     "SELECT conv, seq, at, ver FROM im_send_keys WHERE app_id = ?1 AND user_id = ?2 AND client_id = ?3"},
    {&Queries::sent_add, "im_send_keys",
     "INSERT INTO im_send_keys (app_id, user_id, client_id, conv, seq, at, ver) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"},
    {&Queries::sent_prune, "im_send_keys",
     "DELETE FROM im_send_keys WHERE at < ?1 AND id IN (SELECT id FROM im_send_keys ORDER BY id LIMIT ?2)"},

    {&Queries::black, "im_blacks", "SELECT 1 FROM im_blacks WHERE app_id = ?1 AND user_id = ?2 AND blocked = ?3"},
    {&Queries::black_add, "im_blacks",
     "INSERT INTO im_blacks (app_id, user_id, blocked) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING"},
    {&Queries::black_remove, "im_blacks", "DELETE FROM im_blacks WHERE app_id = ?1 AND user_id = ?2 AND blocked = ?3"},
    {&Queries::blacks, "im_blacks",
     "SELECT blocked FROM im_blacks WHERE app_id = ?1 AND user_id = ?2 ORDER BY blocked"},

    {&Queries::intent_add, "im_intents",
     "INSERT INTO im_intents (app_id, user_id, conv, seq, ver, node) VALUES (?1, ?2, ?3, ?4, ?5, ?6) RETURNING id"},
    {&Queries::intent_erase, "im_intents", "DELETE FROM im_intents WHERE conv = ?1 AND seq = ?2"},
    {&Queries::intents_read, "im_intents",
     "DELETE FROM im_intents WHERE conv = ?1 AND seq <= ?2 AND app_id = ?3 AND user_id = ?4"},
    {&Queries::intent_settle, "im_intents", "DELETE FROM im_intents WHERE id = ?1"},
    {&Queries::intent_pushed, "im_intents", "SELECT pushed FROM im_intents WHERE id = ?1"},
    {&Queries::intent_publish, "im_intents",
     "UPDATE im_intents SET events = CASE WHEN events < ?2 THEN ?2 ELSE events END, pushed = ?3 WHERE id = ?1"},
    {&Queries::intents_after, "im_intents",
     "SELECT id, app_id, user_id, conv, seq, ver, events, pushed FROM im_intents WHERE id > ?1 AND node = ?3 ORDER BY "
     "id "
     "LIMIT ?2"},

    {&Queries::follow_up_add, "im_follow_ups",
     "INSERT INTO im_follow_ups (app_id, user_id, kind, conv, seq, ver, at, node) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, "
     "?8) "
     "RETURNING id"},
    {&Queries::follow_up_settle, "im_follow_ups", "DELETE FROM im_follow_ups WHERE id = ?1"},
    {&Queries::follow_ups_after, "im_follow_ups",
     "SELECT id, app_id, user_id, kind, conv, seq, ver, at FROM im_follow_ups WHERE id > ?1 AND node = ?3 ORDER BY id "
     "LIMIT ?2"},

    {&Queries::unbind_add, "im_unbinds",
     "INSERT INTO im_unbinds (app_id, user_id, device_id, node) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING"},
    {&Queries::unbind_erase, "im_unbinds",
     "DELETE FROM im_unbinds WHERE app_id = ?1 AND user_id = ?2 AND device_id = ?3"},
    {&Queries::unbind_done, "im_unbinds",
     "DELETE FROM im_unbinds WHERE app_id = ?1 AND user_id = ?2 AND device_id = ?3 AND node = ?4"},
    {&Queries::unbinds, "im_unbinds", "SELECT app_id, user_id, device_id FROM im_unbinds WHERE node = ?1"},
};

#undef IM_TERMINAL
#undef IM_CONV

}  // namespace

Result<Queries> Queries::prepare(sql::Database& database) { return prepare_all<Queries>(database, kLines); }

}  // namespace nightpost::im
