// Words and settings of apps.
#include "im/store/tables.h"
#include "im/store/tables_inl.h"

namespace nightpost::im {

std::vector<std::pair<AppId, std::int64_t>> Tables::rule_versions() {
  std::vector<std::pair<AppId, std::int64_t>> out;
  each(rules_.versions.query(),
       [&](const sql::Rows& rows) { out.emplace_back(AppId{rows.integer(0)}, rows.integer(1)); });
  return out;
}

void Tables::advance_rules(AppId app) { change(rules_.version_next, app.value); }

/// An action of another version counts as refuse: a failure here would keep every IM server of this version from
/// starting, and from reading any app's rules.
Word Tables::word_of(const sql::Rows& rows) {
  return {std::string(rows.text(0)), word_action_from(rows.text(1)).value_or(WordAction::Refuse)};
}

std::vector<Word> Tables::words(AppId app, std::size_t limit) {
  std::vector<Word> out;
  each(rules_.words.query(app.value, limit), [&](const sql::Rows& rows) { out.push_back(word_of(rows)); });
  return out;
}

std::optional<Word> Tables::word(AppId app, std::string_view folded) {
  std::optional<Word> out;
  each(rules_.word.query(app.value, folded), [&](const sql::Rows& rows) { out = word_of(rows); });
  return out;
}

void Tables::save_word(AppId app, std::string_view folded, const Word& word) {
  change(rules_.word_set, app.value, folded, word.text, name_of(word.action));
}

void Tables::erase_word(AppId app, std::string_view folded) { change(rules_.word_erase, app.value, folded); }

std::size_t Tables::count_words(AppId app) {
  std::size_t out = 0;
  each(rules_.words_count.query(app.value),
       [&](const sql::Rows& rows) { out = static_cast<std::size_t>(rows.integer(0)); });
  return out;
}

std::vector<std::pair<std::string, std::string>> Tables::settings(AppId app) {
  std::vector<std::pair<std::string, std::string>> out;
  each(rules_.settings.query(app.value), [&](const sql::Rows& rows) { out.emplace_back(rows.text(0), rows.text(1)); });
  return out;
}

std::optional<std::string> Tables::setting(AppId app, std::string_view name) {
  std::optional<std::string> out;
  each(rules_.setting.query(app.value, name), [&](const sql::Rows& rows) { out = std::string(rows.text(0)); });
  return out;
}

void Tables::save_setting(AppId app, std::string_view name, std::string_view value) {
  change(rules_.setting_set, app.value, name, value);
}

void Tables::erase_setting(AppId app, std::string_view name) { change(rules_.setting_erase, app.value, name); }

}  // namespace nightpost::im
