#include "im/store/call_queries.h"

#include "im/store/statement_list.h"

namespace nightpost::im {
namespace {

#define IM_CALL                                                                                       \
  "c.conv, c.seq, c.app_id, c.inviter, c.device_id, c.at, c.until, c.waiting, c.canceled, c.hidden, " \
  "c.ranges, c.data"

constexpr StatementLine<CallQueries> kCallStatements[] = {
    {&CallQueries::add, "im_calls",
     "INSERT INTO im_calls (conv, seq, app_id, inviter, device_id, at, until, waiting, hidden, ranges, data) VALUES "
     "(?1, ?2, ?3, ?4, '', ?5, ?6, ?7, ?8, ?9, ?10)"},
    {&CallQueries::call, "im_calls", "SELECT " IM_CALL " FROM im_calls c WHERE c.conv = ?1 AND c.seq = ?2"},
    {&CallQueries::save, "im_calls",
     "UPDATE im_calls SET waiting = ?3, canceled = ?4, device_id = ?5 WHERE conv = ?1 AND seq = ?2"},
    {&CallQueries::due, "im_calls",
     "SELECT " IM_CALL " FROM im_calls c WHERE c.waiting > 0 AND c.until > 0 AND c.until <= ?1 ORDER BY c.until LIMIT "
     "?2"},
    {&CallQueries::next_due, "im_calls",
     "SELECT until FROM im_calls WHERE waiting > 0 AND until > 0 ORDER BY until LIMIT 1"},
    {&CallQueries::open_count, "im_calls",
     "SELECT count(*) FROM im_calls WHERE inviter = ?2 AND app_id = ?1 AND waiting > 0"},
    {&CallQueries::of_inviter, "im_calls",
     "SELECT " IM_CALL " FROM im_calls c WHERE c.inviter = ?2 AND c.app_id = ?1 AND c.waiting > 0 ORDER BY c.at DESC "
     "LIMIT ?3"},
    {&CallQueries::of_invited, "im_calls",
     "SELECT " IM_CALL " FROM im_call_users u JOIN im_calls c ON c.conv = u.conv AND c.seq = u.seq WHERE u.user_id = "
     "?2 AND u.state = 0 AND c.app_id = ?1 AND c.hidden = 0 ORDER BY c.at DESC LIMIT ?3"},
    {&CallQueries::old, "im_calls", "SELECT conv, seq FROM im_calls WHERE at < ?1 ORDER BY at LIMIT ?2"},
    {&CallQueries::erase, "im_calls", "DELETE FROM im_calls WHERE conv = ?1 AND seq = ?2"},

    {&CallQueries::user_add, "im_call_users",
     "INSERT INTO im_call_users (conv, seq, user_id, state, device_id) VALUES (?1, ?2, ?3, 0, '')"},
    {&CallQueries::user_save, "im_call_users",
     "UPDATE im_call_users SET state = ?4, device_id = ?5 WHERE conv = ?1 AND seq = ?2 AND user_id = ?3"},
    {&CallQueries::users, "im_call_users",
     "SELECT user_id, state, device_id FROM im_call_users WHERE conv = ?1 AND seq = ?2 ORDER BY user_id"},
    {&CallQueries::users_erase, "im_call_users", "DELETE FROM im_call_users WHERE conv = ?1 AND seq = ?2"},
};

}  // namespace

Result<CallQueries> CallQueries::prepare(sql::Database& database) {
  return prepare_all<CallQueries>(database, kCallStatements);
}

}  // namespace nightpost::im
