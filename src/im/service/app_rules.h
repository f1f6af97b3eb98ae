// What holds for each app now: settings and words that operators set while the server runs, read from the store again
// and again.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "im/domain/app_settings.h"
#include "im/domain/word_filter.h"
#include "im/service/service_options.h"
#include "im/store/tables.h"

namespace nightpost::im {

/// Messages and names that an app's words met. Any thread.
struct WordCounts {
  std::atomic<std::uint64_t> refused{0}, masked{0}, marked{0};
};

struct AppRules {
  std::int64_t version = 0;
  AppSettings settings;
  std::shared_ptr<const WordFilter> words;  // null: none. Shared with the books before and after
};

/// Immutable. Commands that run meanwhile keep the one that they began with.
class RuleBook {
 public:
  using Apps = std::map<AppId, std::shared_ptr<const AppRules>>;
  /// `counts`: null, or it outlives the book.
  RuleBook(const AppSettings& defaults, Apps apps, WordCounts* counts)
      : defaults_{.version = 0, .settings = defaults, .words = nullptr}, apps_(std::move(apps)), counts_(counts) {}

  const AppRules& of(AppId app) const noexcept;
  const Apps& apps() const noexcept { return apps_; }
  WordCounts* counts() const noexcept { return counts_; }
  std::size_t words() const noexcept;  // of all apps

 private:
  AppRules defaults_;
  Apps apps_;
  WordCounts* counts_;
};

/// The book that holds. Any thread.
class RuleCell {
 public:
  explicit RuleCell(std::shared_ptr<const RuleBook> first) : book_(std::move(first)) {}
  std::shared_ptr<const RuleBook> get() const {
    const std::lock_guard lock(mutex_);
    return book_;
  }
  void set(std::shared_ptr<const RuleBook> next) {
    const std::lock_guard lock(mutex_);
    book_.swap(next);  // the former goes outside of the lock
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const RuleBook> book_;
};

/// The config's.
AppSettings default_settings(const ServiceOptions& options);

struct RulesRead {
  std::shared_ptr<const RuleBook> book;  // null: nothing has changed
  struct Changed {
    AppId app;
    std::int64_t version = 0;
    std::size_t words = 0, settings = 0;
    std::string passed_over;  // why rows were; empty: none was
  };
  std::vector<Changed> changed;
};
/// One look at the versions, and what is new. Meant only where the tables have not failed.
RulesRead read_rules(Tables& tables, const ServiceOptions& options, const RuleBook& before);

}  // namespace nightpost::im
