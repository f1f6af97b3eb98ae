// Words and settings of the companion's apps, as `nightpost im-words` and `im-settings` write them. IM servers read
// them again by themselves, so these are the rows of the companion that the console may write.
#include "admin/routes.h"
#include "im/domain/app_settings.h"
#include "im/domain/word_filter.h"

namespace nightpost::admin {
namespace {

using im::RuleEditor;

nlohmann::json word_view(const im::Word& word) { return {{"word", word.text}, {"action", im::name_of(word.action)}}; }

/// As JSON: true, 120000.
nlohmann::json setting_value(const im::AppSettings& settings, const im::AppSetting& setting) {
  return nlohmann::json::parse(im::setting_text(settings, setting));
}

std::string_view setting_kind(im::AppSetting::Kind kind) {
  using Kind = im::AppSetting::Kind;
  return kind == Kind::Flag ? "flag" : kind == Kind::Number ? "number" : "ms";
}

nlohmann::json setting_view(const im::AppSetting& setting, const im::AppSettings& now, const im::AppSettings& defaults,
                            bool own) {
  nlohmann::json out = {{"name", setting.name},
                        {"value", setting_value(now, setting)},
                        {"from", own ? "app" : "config"},
                        {"config", setting_value(defaults, setting)},
                        {"kind", setting_kind(setting.kind)},
                        {"range", im::setting_range(setting)},
                        {"since", setting.since},
                        {"what", setting.what}};
  if (setting.kind == im::AppSetting::Kind::Flag) return out;
  out["least"] = setting.least;
  out["most"] = setting.most;
  out["capped"] = setting.capped;
  return out;
}

nlohmann::json setting_note(const std::string& name, const std::optional<std::string>& value) {
  return value ? nlohmann::json{{name, *value}} : nlohmann::json();
}

/// Runs `work` on the editor in one transaction. What it refuses is the input's fault, of the member `path`.
template <class Work>
std::expected<void, Refusal> change_rules(Request& request, AppId app, const char* path, Work work) {
  if (!request.tools.options.companion.apps.contains(app))
    return not_found("app " + std::to_string(app.value) + " is not in im.key_files of the console's config");
  const auto editor = request.tools.editor.editor(request.tools.companion);
  if (!editor) return std::unexpected(companion_refusal(editor.error()));
  const auto done = (*editor)->together([&]() -> Result<void> { return work(**editor); });
  if (done) return {};
  if (done.error().code == Errc::Malformed) return invalid(done.error().detail, path);
  return refused(done.error());
}

im::WordAction action_in(const Values& values) {
  return im::word_action_from(values.text("action", "refuse")).value_or(im::WordAction::Refuse);
}

std::size_t words_max(const Request& request) { return request.tools.options.companion.words_max; }

}  // namespace

Reply list_words(Request& request) {
  const Values& query = request.query;
  const auto words = request.tools.companion.words(request.app(), query.text("holds"), query.text("after"),
                                                   static_cast<std::size_t>(query.number("limit", 100)));
  if (!words) return std::unexpected(companion_refusal(words.error()));
  nlohmann::json items = nlohmann::json::array();
  for (const im::Word& each : words->page.items) items.push_back(word_view(each));
  return Answer{200,
                {{"items", std::move(items)},
                 {"next", words->page.next ? nlohmann::json(*words->page.next) : nlohmann::json()},
                 {"words", words->all},
                 {"words_max", words_max(request)}}};
}

Reply set_word(Request& request) {
  const AppId app{request.body.number("app_id")};
  const im::Word word{request.body.text("word"), action_in(request.body)};
  std::optional<im::Word> before;
  request.note = {.made = true, .app = app, .object = word.text, .after = word_view(word)};
  const auto done = change_rules(request, app, "word", [&](RuleEditor& editor) -> Result<void> {
    auto was = editor.set_word(app, word, words_max(request));
    if (!was) return std::unexpected(std::move(was.error()));
    before = *std::move(was);
    return {};
  });
  if (!done) return std::unexpected(done.error());
  if (before) request.note.before = word_view(*before);
  request.note.made = before != word;
  return Answer{200, word_view(word)};
}

Reply remove_word(Request& request) {
  const AppId app = request.app();
  const std::string text = request.query.text("word");
  std::optional<im::Word> before;
  request.note = {.made = true, .app = app, .object = text};  // also where the answer to the commit is lost
  const auto done = change_rules(request, app, "query.word", [&](RuleEditor& editor) -> Result<void> {
    auto was = editor.remove_word(app, text);
    if (!was) return std::unexpected(std::move(was.error()));
    before = *std::move(was);
    return {};
  });
  if (!done) return std::unexpected(done.error());
  request.note.made = before.has_value();
  if (!before) return not_found("app " + std::to_string(app.value) + " has no such word");
  request.note.object = before->text;
  request.note.before = word_view(*before);
  return Answer{204, nullptr};
}

Reply import_words(Request& request) {
  const AppId app{request.body.number("app_id")};
  const auto words = im::word_list_from(request.body.text("text"), action_in(request.body));
  if (!words) return invalid(words.error().why, "text");
  // Repeated words are no new ones, so the store's limit does not end the loop below, which holds up an IM server's
  // writes.
  if (const std::size_t most = words_max(request); words->size() > most)
    return invalid(std::to_string(words->size()) + " words, more than the " + std::to_string(most) + " of im.words_max",
                   "text");
  std::size_t added = 0, changed = 0, unchanged = 0;
  request.note = {.made = true, .app = app, .after = {{"words", words->size()}}};
  const auto done = change_rules(request, app, "text", [&](RuleEditor& editor) -> Result<void> {
    for (const im::Word& word : *words) {
      const auto before = editor.set_word(app, word, words_max(request));
      if (!before) return fail(before.error().code, "\"" + word.text + "\": " + before.error().detail);
      ++(!*before ? added : **before == word ? unchanged : changed);
    }
    return {};
  });
  if (!done) return std::unexpected(done.error());
  request.note.made = added + changed > 0;
  request.note.after = {{"words", words->size()}, {"added", added}, {"changed", changed}};
  return Answer{200, {{"added", added}, {"changed", changed}, {"unchanged", unchanged}}};
}

Reply list_settings(Request& request) {
  const auto rows = request.tools.companion.settings(request.app());
  if (!rows) return std::unexpected(companion_refusal(rows.error()));
  const im::AppSettings& defaults = request.tools.options.companion.settings;
  const im::AppliedSettings now = im::applied(defaults, *rows);
  nlohmann::json items = nlohmann::json::array(), passed_over = nlohmann::json::array();
  for (const im::AppSetting& setting : im::app_settings())
    items.push_back(setting_view(setting, now.settings, defaults, now.has_own(setting.name)));
  for (const auto& row : *rows)
    for (const std::string& why : im::applied(defaults, std::span(&row, 1)).passed_over)
      passed_over.push_back({{"name", row.first}, {"why", why}});
  return Answer{
      200, {{"app_id", request.app().value}, {"items", std::move(items)}, {"passed_over", std::move(passed_over)}}};
}

Reply set_setting(Request& request) {
  const AppId app{request.body.number("app_id")};
  const std::string name = request.body.text("name"), value = request.body.text("value");
  std::optional<std::string> before;
  request.note = {.made = true, .app = app, .object = name, .after = setting_note(name, value)};
  const char* const path = im::app_setting(name) == nullptr ? "name" : "value";
  const auto done = change_rules(request, app, path, [&](RuleEditor& editor) -> Result<void> {
    auto was = editor.set_setting(app, name, value);
    if (!was) return std::unexpected(std::move(was.error()));
    before = *std::move(was);
    return {};
  });
  if (!done) return std::unexpected(done.error());
  request.note.before = setting_note(name, before);
  request.note.made = before != value;
  const im::AppSettings& defaults = request.tools.options.companion.settings;
  const std::pair row(name, value);
  return Answer{
      200, setting_view(*im::app_setting(name), im::applied(defaults, std::span(&row, 1)).settings, defaults, true)};
}

Reply unset_setting(Request& request) {
  const AppId app = request.app();
  const std::string name = request.query.text("name");
  std::optional<std::string> before;
  request.note = {.made = true, .app = app, .object = name};
  const auto done = change_rules(request, app, "query.name", [&](RuleEditor& editor) -> Result<void> {
    auto was = editor.unset_setting(app, name);
    if (!was) return std::unexpected(std::move(was.error()));
    before = *std::move(was);
    return {};
  });
  if (!done) return std::unexpected(done.error());
  request.note.made = before.has_value();
  request.note.before = setting_note(name, before);
  return Answer{204, nullptr};
}

}  // namespace nightpost::admin
