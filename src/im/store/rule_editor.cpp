#include "im/store/rule_editor.h"

#include <limits>

#include "im/domain/app_settings.h"
#include "store/admin_queries.h"
#include "store/audit_row.h"

namespace nightpost::im {

Result<RuleEditor> RuleEditor::open(const store::StoreUrl& url, const store::StoreOptions& options) {
  auto tables = Tables::open(url, options, sql::Use::Tool);
  if (!tables) return std::unexpected(std::move(tables.error()));
  const store::AdminSql& audit = store::admin_sql(store::AdminQuery::AuditAdd);
  auto audit_add = sql::Statement::prepare(tables->database(), audit.sql, audit.table);
  if (!audit_add) return std::unexpected(std::move(audit_add.error()));
  if (auto settled = tables->database().settle(); !settled) return std::unexpected(std::move(settled.error()));
  return RuleEditor(*std::move(tables), *std::move(audit_add));
}

Result<void> RuleEditor::together(const std::function<Result<void>()>& work) {
  tables_.forget_failure();
  changed_.clear();
  counted_.clear();
  sql::Database& database = tables_.database();
  if (auto ready = database.ready(); !ready) return ready;
  auto transaction = sql::Transaction::begin(database);
  if (!transaction) return std::unexpected(std::move(transaction.error()));
  if (auto done = work(); !done) return done;
  for (const AppId app : changed_) tables_.advance_rules(app);
  tables_.settle();
  if (tables_.failure()) return std::unexpected(*tables_.failure());
  return transaction->commit();
}

template <class T>
Result<T> RuleEditor::unless_failed(T value) {
  if (tables_.failure()) return std::unexpected(*tables_.failure());
  return value;
}

Result<void> RuleEditor::add_audit(const store::AuditEntry& entry) {
  return store::insert_audit(entry, [&](const auto&... columns) { return audit_add_.change(columns...); });
}

Result<std::optional<Word>> RuleEditor::set_word(AppId app, const Word& word, std::size_t words_max) {
  if (auto ok = check_word(word.text); !ok) return fail(Errc::Malformed, std::move(ok.error().why));
  const std::string key = word_key(word.text);
  auto before = tables_.word(app, key);
  if (before == word) return unless_failed(std::move(before));
  if (!before) {
    const auto [counted, is_first] = counted_.try_emplace(app, 0);
    if (is_first) counted->second = tables_.count_words(app);
    if (counted->second >= words_max)
      return fail(Errc::Malformed,
                  "word: the app has " + std::to_string(words_max) + ", as many as im.words_max allows");
    ++counted->second;
  }
  tables_.save_word(app, key, word);
  changed_.insert(app);
  return unless_failed(std::move(before));
}

Result<std::optional<Word>> RuleEditor::remove_word(AppId app, std::string_view text) {
  if (auto ok = check_word(text); !ok) return fail(Errc::Malformed, std::move(ok.error().why));
  const std::string key = word_key(text);
  auto before = tables_.word(app, key);
  if (before) {
    tables_.erase_word(app, key);
    counted_.erase(app);
    changed_.insert(app);
  }
  return unless_failed(std::move(before));
}

Result<std::vector<Word>> RuleEditor::words(AppId app) {
  return unless_failed(tables_.words(app, std::numeric_limits<std::int32_t>::max()));
}

Result<std::optional<std::string>> RuleEditor::set_setting(AppId app, std::string_view name, std::string_view value) {
  const AppSetting* const setting = app_setting(name);
  if (setting == nullptr) return fail(Errc::Malformed, std::string(name) + ": no such setting");
  AppSettings scratch;
  if (auto ok = im::set_setting(scratch, *setting, value); !ok) return fail(Errc::Malformed, std::move(ok.error().why));
  auto before = tables_.setting(app, name);
  if (before == value) return unless_failed(std::move(before));
  tables_.save_setting(app, name, value);
  changed_.insert(app);
  return unless_failed(std::move(before));
}

Result<std::optional<std::string>> RuleEditor::unset_setting(AppId app, std::string_view name) {
  // Also one that this version does not know: another may have set it.
  auto before = tables_.setting(app, name);
  if (!before && app_setting(name) == nullptr) return fail(Errc::Malformed, std::string(name) + ": no such setting");
  if (before) {
    tables_.erase_setting(app, name);
    changed_.insert(app);
  }
  return unless_failed(std::move(before));
}

Result<std::vector<std::pair<std::string, std::string>>> RuleEditor::settings(AppId app) {
  return unless_failed(tables_.settings(app));
}

}  // namespace nightpost::im
