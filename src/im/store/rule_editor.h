// Words and settings of apps, changed from outside of the IM server, whether one runs or not.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"
#include "im/domain/word_filter.h"
#include "im/store/tables.h"
#include "store/audit_entry.h"

namespace nightpost::im {

/// One connection of its own. Servers read what was changed within `im.app_rules_poll_ms`. Errors as of Tables::open();
/// Overloaded: another process writes for longer than the busy timeout.
class RuleEditor {
 public:
  static Result<RuleEditor> open(const store::StoreUrl& url, const store::StoreOptions& options);

  /// `work` in one transaction: all of it is in the store then, or nothing.
  Result<void> together(const std::function<Result<void>()>& work);

  // REQUIRED: inside together().
  Result<void> add_audit(const store::AuditEntry& entry);
  /// The word that had its place, in whatever spelling. Malformed: check_word(), or more than `words_max` of the app.
  Result<std::optional<Word>> set_word(AppId app, const Word& word, std::size_t words_max);
  Result<std::optional<Word>> remove_word(AppId app, std::string_view text);  // likewise; nullopt: there was none
  Result<std::vector<Word>> words(AppId app);
  /// The value before; nullopt: the config's. Malformed: no such setting, or no value of it.
  Result<std::optional<std::string>> set_setting(AppId app, std::string_view name, std::string_view value);
  Result<std::optional<std::string>> unset_setting(AppId app, std::string_view name);
  Result<std::vector<std::pair<std::string, std::string>>> settings(AppId app);

 private:
  RuleEditor(Tables tables, sql::Statement audit_add) : tables_(std::move(tables)), audit_add_(std::move(audit_add)) {}
  template <class T>
  Result<T> unless_failed(T value);

  Tables tables_;
  sql::Statement audit_add_;  // of the tables' database
  std::set<AppId> changed_;   // in this transaction
  /// Words of an app as this transaction has them. Counted once: an import counts thousands while it holds up an IM
  /// server's writes.
  std::map<AppId, std::size_t> counted_;
};

}  // namespace nightpost::im
