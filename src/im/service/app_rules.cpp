#include "im/service/app_rules.h"

namespace nightpost::im {
namespace {

std::shared_ptr<const WordFilter> filter_of(std::vector<Word>& words, std::size_t most, const AppSettings& settings,
                                            std::string& passed_over) {
  if (words.size() > most) {
    words.resize(most);
    passed_over += (passed_over.empty() ? "" : "; ") + std::string("words: more than im.words_max");
  }
  if (words.empty()) return nullptr;
  return std::make_shared<const WordFilter>(words,
                                            settings.words_ignore_spacing ? WordSpacing::Ignore : WordSpacing::Keep);
}

}  // namespace

const AppRules& RuleBook::of(AppId app) const noexcept {
  const auto found = apps_.find(app);
  return found == apps_.end() ? defaults_ : *found->second;
}

std::size_t RuleBook::words() const noexcept {
  std::size_t out = 0;
  for (const auto& [app, rules] : apps_) out += rules->words ? rules->words->words() : 0;
  return out;
}

AppSettings default_settings(const ServiceOptions& options) {
  const auto number = [](std::size_t value) { return static_cast<std::int64_t>(value); };
  return {.recall_window = options.recall_window,
          .message_kept = options.message_kept,
          .web_slots = number(options.login.web_slots),
          .blacklist_max = number(options.blacklist_max),
          .friends_max = number(options.friends_max),
          .group_members_max = number(options.groups.members_max),
          .groups_per_user_max = number(options.groups.groups_per_user_max),
          .blacklist_silent = options.blacklist_silent,
          .friends_only = options.friends_only,
          .auto_read = options.auto_read,
          .group_owner_recalls = options.groups.owner_recalls,
          .group_mention_passes_not_notify = options.groups.mention_passes_not_notify,
          .words_ignore_spacing = options.words_ignore_spacing,
          .words_of_app = options.words_of_app,
          .words_in_names = options.words_in_names};
}

RulesRead read_rules(Tables& tables, const ServiceOptions& options, const RuleBook& before) {
  RulesRead out;
  const AppSettings defaults = default_settings(options);
  RuleBook::Apps apps = before.apps();
  for (const auto& [app, version] : tables.rule_versions()) {
    if (const auto known = apps.find(app); known != apps.end() && known->second->version == version) continue;
    const auto rows = tables.settings(app);
    std::vector<Word> words = tables.words(app, options.words_max + 1);
    AppliedSettings settings = applied(defaults, rows);
    std::string passed_over;
    for (const std::string& why : settings.passed_over) passed_over += (passed_over.empty() ? "" : "; ") + why;
    auto filter = filter_of(words, options.words_max, settings.settings, passed_over);
    apps[app] = std::make_shared<const AppRules>(AppRules{version, settings.settings, std::move(filter)});
    out.changed.push_back({app, version, words.size(), rows.size(), std::move(passed_over)});
  }
  if (!out.changed.empty()) out.book = std::make_shared<const RuleBook>(defaults, std::move(apps), before.counts());
  return out;
}

}  // namespace nightpost::im
