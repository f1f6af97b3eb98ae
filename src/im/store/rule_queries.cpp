#include "im/store/rule_queries.h"

#include "im/store/statement_list.h"

namespace nightpost::im {
namespace {

constexpr StatementLine<RuleQueries> kRuleLines[] = {
    {&RuleQueries::versions, "im_app_rules", "SELECT app_id, version FROM im_app_rules ORDER BY app_id"},
    {&RuleQueries::version_next, "im_app_rules",
     "INSERT INTO im_app_rules (app_id, version) VALUES (?1, 1) ON CONFLICT (app_id) DO UPDATE SET version = "
     "im_app_rules.version + 1"},

    {&RuleQueries::words, "im_app_words",
     "SELECT word, action FROM im_app_words WHERE app_id = ?1 ORDER BY folded LIMIT ?2"},
    {&RuleQueries::word, "im_app_words", "SELECT word, action FROM im_app_words WHERE app_id = ?1 AND folded = ?2"},
    {&RuleQueries::word_set, "im_app_words",
     "INSERT INTO im_app_words (app_id, folded, word, action) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (app_id, folded) DO "
     "UPDATE SET word = excluded.word, action = excluded.action"},
    {&RuleQueries::word_erase, "im_app_words", "DELETE FROM im_app_words WHERE app_id = ?1 AND folded = ?2"},
    {&RuleQueries::words_count, "im_app_words", "SELECT count(*) FROM im_app_words WHERE app_id = ?1"},

    {&RuleQueries::settings, "im_app_settings",
     "SELECT name, value FROM im_app_settings WHERE app_id = ?1 ORDER BY name"},
    {&RuleQueries::setting, "im_app_settings", "SELECT value FROM im_app_settings WHERE app_id = ?1 AND name = ?2"},
    {&RuleQueries::setting_set, "im_app_settings",
     "INSERT INTO im_app_settings (app_id, name, value) VALUES (?1, ?2, ?3) ON CONFLICT (app_id, name) DO UPDATE SET "
     "value = excluded.value"},
    {&RuleQueries::setting_erase, "im_app_settings", "DELETE FROM im_app_settings WHERE app_id = ?1 AND name = ?2"},
};

}  // namespace

Result<RuleQueries> RuleQueries::prepare(sql::Database& database) {
  return prepare_all<RuleQueries>(database, kRuleLines);
}

}  // namespace nightpost::im
