#include "im/store/callback_queries.h"

#include "im/store/statement_list.h"

namespace nightpost::im {
namespace {

constexpr StatementLine<CallbackQueries> kCallbackLines[] = {
    {&CallbackQueries::add, "im_callbacks",
     "INSERT INTO im_callbacks (app_id, command, at, client_ip, platform, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"},
    {&CallbackQueries::after, "im_callbacks",
     "SELECT id, command, at, client_ip, platform, body FROM im_callbacks WHERE app_id = ?1 AND id > ?2 ORDER BY id "
     "LIMIT ?3"},
    {&CallbackQueries::count, "im_callbacks",
     "SELECT count(*) FROM (SELECT 1 FROM im_callbacks WHERE app_id = ?1 LIMIT ?2) AS waiting"},
    {&CallbackQueries::settle, "im_callbacks", "DELETE FROM im_callbacks WHERE id = ?1"},
    {&CallbackQueries::prune, "im_callbacks",
     "DELETE FROM im_callbacks WHERE at < ?1 AND id IN (SELECT id FROM im_callbacks ORDER BY id LIMIT ?2)"},
    {&CallbackQueries::wire_name, "im_messages",
     "SELECT wire_seq, wire_random, imported_at FROM im_messages WHERE conv = ?1 AND seq = ?2"},
};

}  // namespace

Result<CallbackQueries> CallbackQueries::prepare(sql::Database& database) {
  return prepare_all<CallbackQueries>(database, kCallbackLines);
}

}  // namespace nightpost::im
