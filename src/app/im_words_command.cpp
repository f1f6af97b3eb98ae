// nightpost im-words: the words that an app does not want said, while its IM server runs.
#include <fmt/format.h>

#include <utility>

#include "app/cli_audit.h"
#include "app/commands.h"
#include "app/output.h"
#include "app/rule_office.h"

namespace nightpost::app {
namespace {

struct WordOptions {
  CommonOptions common;
  std::int64_t app = 0;
  std::string action = "refuse", file;
  std::vector<std::string> words;

  void add_to(CLI::App& command) {
    common.add_config(command);
    common.add_json(command);
    command.add_option("--app", app, "app (tenant) id")->required()->check(CLI::PositiveNumber);
  }
  void add_action(CLI::App& command) {
    command
        .add_option("--action", action,
                    "refuse: not sent (80001); mask: its characters become *; mark: sent, and the app's server is told")
        ->capture_default_str()
        ->check(CLI::IsMember({"refuse", "mask", "mark"}));
  }
};

struct WordsChanged {
  std::size_t added = 0, changed = 0, unchanged = 0;
};

std::string word_note(const im::Word& word) {
  return nlohmann::json{{"word", word.text}, {"action", name_of(word.action)}}.dump();
}

Result<void> set_one(im::RuleEditor& editor, const WordOptions& options, const im::Word& word, std::size_t words_max,
                     WordsChanged& out) {
  const auto before = editor.set_word(AppId{options.app}, word, words_max);
  if (!before) return fail(before.error().code, "\"" + printable(word.text) + "\": " + before.error().detail);
  ++(!*before ? out.added : **before == word ? out.unchanged : out.changed);
  return {};
}

int say_changed(const WordOptions& options, const WordsChanged& done) {
  if (options.common.json)
    print_json({{"added", done.added}, {"changed", done.changed}, {"unchanged", done.unchanged}});
  else
    fmt::print("{} added, {} changed, {} as before\n", done.added, done.changed, done.unchanged);
  return kDone;
}

int add_words(const WordOptions& options) {
  auto office = open_rules(options.common, options.app);
  if (!office) return office.error();
  const im::WordAction action = im::word_action_from(options.action).value_or(im::WordAction::Refuse);
  WordsChanged changed;
  const auto done = office->editor.together([&]() -> Result<void> {
    for (const std::string& text : options.words) {
      const im::Word word{text, action};
      if (auto set = set_one(office->editor, options, word, office->options.words_max, changed); !set) return set;
      store::AuditEntry entry = cli_entry("im_word.add");
      entry.app = AppId{options.app};
      entry.object = text;
      entry.after = word_note(word);
      if (auto noted = office->editor.add_audit(entry); !noted) return noted;
    }
    return {};
  });
  return done ? say_changed(options, changed) : say_error(done.error());
}

int remove_words(const WordOptions& options) {
  auto office = open_rules(options.common, options.app);
  if (!office) return office.error();
  const auto done = office->editor.together([&]() -> Result<void> {
    for (const std::string& text : options.words) {
      const auto before = office->editor.remove_word(AppId{options.app}, text);
      if (!before) return std::unexpected(before.error());
      if (!*before) return fail(Errc::NotFound, "\"" + printable(text) + "\": not in the list; nothing was removed");
      store::AuditEntry entry = cli_entry("im_word.remove");
      entry.app = AppId{options.app};
      entry.object = text;
      entry.before = word_note(**before);
      if (auto noted = office->editor.add_audit(entry); !noted) return noted;
    }
    return {};
  });
  if (!done) return say_error(done.error());
  if (options.common.json)
    print_json({{"removed", options.words.size()}});
  else
    fmt::print("{} removed\n", counted(options.words.size(), "word"));
  return kDone;
}

int import_words(const WordOptions& options) {
  const auto text = read_file(options.file);
  if (!text) return say_error(text.error());
  const auto words = im::word_list_from(*text, im::word_action_from(options.action).value_or(im::WordAction::Refuse));
  if (!words) return say_error(options.file + ": " + words.error().why, kBadUsage);
  auto office = open_rules(options.common, options.app);
  if (!office) return office.error();
  WordsChanged changed;
  const auto done = recorded(office->editor, "im_word.import", [&](store::AuditEntry& entry) -> Result<void> {
    for (const im::Word& word : *words)
      if (auto set = set_one(office->editor, options, word, office->options.words_max, changed); !set) return set;
    entry.app = AppId{options.app};
    entry.after =
        nlohmann::json{{"words", words->size()}, {"added", changed.added}, {"changed", changed.changed}}.dump();
    return {};
  });
  return done ? say_changed(options, changed) : say_error(done.error());
}

int list_words(const WordOptions& options) {
  auto office = open_rules(options.common, options.app);
  if (!office) return office.error();
  std::vector<im::Word> words;
  const auto done = office->editor.together([&]() -> Result<void> {
    auto found = office->editor.words(AppId{options.app});
    if (!found) return std::unexpected(std::move(found.error()));
    words = *std::move(found);
    return {};
  });
  if (!done) return say_error(done.error());
  if (options.common.json) {
    nlohmann::json all = nlohmann::json::array();
    for (const im::Word& word : words) all.push_back({{"word", word.text}, {"action", name_of(word.action)}});
    print_json(all);
    return kDone;
  }
  Table table({"WORD", "ACTION"});
  for (const im::Word& word : words) table.row({printable(word.text), std::string(name_of(word.action))});
  fmt::print("{}", table.text("no words: every text passes as it is"));
  return kDone;
}

}  // namespace

void add_im_words_command(CLI::App& root, int& exit_code) {
  CLI::App* words =
      root.add_subcommand("im-words", "Words that an app refuses, masks or hears of: add, remove, list, import");
  words->require_subcommand(1);
  words->footer(
      "A change holds within im.app_rules_poll_ms, without a restart. src/im/README.md says where words are found.");
  const auto command = [&](const char* name, const char* what, const std::string& example, auto run) {
    auto options = std::make_shared<WordOptions>();
    CLI::App* added = words->add_subcommand(name, what);
    options->add_to(*added);
    added->footer(std::string("Example:\n  nightpost im-words ") + name + " --config config/dev.json --app 1400000001" +
                  example);
    added->callback([options, run, &exit_code] { exit_code = run(*options); });
    return std::pair(added, options);
  };
  const auto [add, added] =
      command("add", "Add words, or change what is done with them", " --action mask darn", add_words);
  added->add_action(*add);
  add->add_option("WORD", added->words, "at most 64 bytes; case, width and what does not show make no difference")
      ->required();
  const auto [remove, removed] =
      command("remove", "Take words out of the list: all of them, or none", " darn", remove_words);
  remove->add_option("WORD", removed->words, "as it was added, or in another spelling of it")->required();
  const auto [import, imported] =
      command("import", "Add the words of a file, all of them or none", " words.txt", import_words);
  imported->add_action(*import);
  import->add_option("FILE", imported->file, "a word a line, or WORD<tab>ACTION; # begins a remark; - is stdin")
      ->required();
  command("list", "The app's words", "", list_words);
}

}  // namespace nightpost::app
