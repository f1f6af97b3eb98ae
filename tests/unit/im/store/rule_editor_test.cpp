// Words and settings as operators change them, on both stores, beside an IM server that runs.
#include "im/store/rule_editor.h"

#include "im/store/node.h"
#include "place.h"
#include "store/admin_store.h"

namespace nightpost::im {
namespace {

const AppId kRuledApp{1400000001};

struct Office {
  explicit Office(StoreKind kind) : place(kind), server(place.open(Tables::Use::Write).value()) {
    REQUIRE(node.take(server.database()));  // an IM server has the store
    auto opened = RuleEditor::open(place.url, {});
    if (!opened) FAIL(opened.error().detail);
    editor.emplace(*std::move(opened));
  }
  Result<void> together(const std::function<void()>& work) {
    return editor->together([&]() -> Result<void> {
      work();
      return {};
    });
  }
  std::int64_t version() {
    const auto transaction = node.begin(server.database());
    REQUIRE(transaction);
    for (const auto& [app, version] : server.rule_versions())
      if (app == kRuledApp) return version;
    return 0;
  }

  Place place;
  Node node{"host", milliseconds(15'000), {}};
  Tables server;
  std::optional<RuleEditor> editor;
};

TEST_CASE("rule editor: words come, change and go, and each change counts the version on once", "[im][store][words]") {
  Office office(GENERATE(StoreKind::Sqlite, StoreKind::Postgres));
  RuleEditor& editor = *office.editor;
  CHECK(office.version() == 0);
  REQUIRE(office.together([&] {
    CHECK(editor.set_word(kRuledApp, {"Bad"}, 3).value() == std::nullopt);
    CHECK(editor.set_word(kRuledApp, {"坏词", WordAction::Mask}, 3).value() == std::nullopt);
  }));
  CHECK(office.version() == 1);
  REQUIRE(office.together([&] {
    CHECK(editor.set_word(kRuledApp, {"ＢＡＤ", WordAction::Mask}, 3).value() == Word{"Bad"});  // the same word
    CHECK(editor.words(kRuledApp).value() ==
          std::vector<Word>{{"ＢＡＤ", WordAction::Mask}, {"坏词", WordAction::Mask}});
    CHECK(editor.words(AppId{7}).value().empty());
  }));
  CHECK(office.version() == 2);
  REQUIRE(office.together([&] {
    CHECK(editor.set_word(kRuledApp, {"ＢＡＤ", WordAction::Mask}, 3).value() == Word{"ＢＡＤ", WordAction::Mask});
    CHECK(editor.remove_word(kRuledApp, "other").value() == std::nullopt);
  }));
  CHECK(office.version() == 2);  // nothing changed
  REQUIRE(office.together(
      [&] { CHECK(editor.remove_word(kRuledApp, "bad").value() == Word{"ＢＡＤ", WordAction::Mask}); }));
  CHECK(office.version() == 3);
}

TEST_CASE("rule editor: a word with an action of another version is refused", "[im][store][words]") {
  Office office(GENERATE(StoreKind::Sqlite, StoreKind::Postgres));
  office.place.run(
      "INSERT INTO im_app_words (app_id, folded, word, action) VALUES (1400000001, 'odd', 'odd', 'from_the_future')");
  REQUIRE(office.together([&] { CHECK(office.editor->words(kRuledApp).value() == std::vector{Word{"odd"}}); }));
}

TEST_CASE("rule editor: what is no word, or one too many", "[im][store][words]") {
  Office office(StoreKind::Sqlite);
  RuleEditor& editor = *office.editor;
  const auto refused = [&](Word word, std::size_t most) {
    std::string why;
    const auto done = editor.together([&]() -> Result<void> {
      const auto set = editor.set_word(kRuledApp, word, most);
      REQUIRE_FALSE(set);
      CHECK(set.error().code == Errc::Malformed);
      why = set.error().detail;
      return std::unexpected(set.error());
    });
    CHECK_FALSE(done);
    return why;
  };
  CHECK(refused({""}, 9) == "word: not 1-64 bytes");
  CHECK_THAT(refused({"..."}, 9), Catch::Contains("nothing but"));
  CHECK_THAT(refused({"bad"}, 0), Catch::Contains("im.words_max"));
  REQUIRE(office.together([&] { REQUIRE(editor.set_word(kRuledApp, {"bad"}, 1)); }));
  CHECK_THAT(refused({"worse"}, 1), Catch::Contains("the app has 1"));
  REQUIRE(office.together([&] { REQUIRE(editor.set_word(kRuledApp, {"BAD", WordAction::Mask}, 1)); }));
  CHECK(office.version() == 2);
  REQUIRE(office.together([&] {
    CHECK(editor.set_word(kRuledApp, {"second"}, 2));
    CHECK_FALSE(editor.set_word(kRuledApp, {"third"}, 2));
    CHECK(editor.remove_word(kRuledApp, "second"));
    CHECK(editor.set_word(kRuledApp, {"third"}, 2));
    CHECK_FALSE(editor.set_word(kRuledApp, {"fourth"}, 2));
  }));
}

TEST_CASE("rule editor: settings by the table alone", "[im][store][settings]") {
  Office office(GENERATE(StoreKind::Sqlite, StoreKind::Postgres));
  RuleEditor& editor = *office.editor;
  using Rows = std::vector<std::pair<std::string, std::string>>;
  REQUIRE(office.together([&] {
    CHECK(editor.set_setting(kRuledApp, "auto_read", "true").value() == std::nullopt);
    CHECK(editor.set_setting(kRuledApp, "web_slots", "3").value() == std::nullopt);
    CHECK(editor.set_setting(kRuledApp, "web_slots", "4").value() == "3");
    CHECK(editor.set_setting(kRuledApp, "auto_read", "yes").error().detail == "auto_read: not true or false");
    CHECK(editor.set_setting(kRuledApp, "elements_max", "3").error().detail == "elements_max: no such setting");
    CHECK(editor.unset_setting(kRuledApp, "elements_max").error().code == Errc::Malformed);
    CHECK(editor.unset_setting(kRuledApp, "friends_max").value() == std::nullopt);
    CHECK(editor.settings(kRuledApp).value() == Rows{{"auto_read", "true"}, {"web_slots", "4"}});
  }));
  CHECK(office.version() == 1);
  office.place.run("INSERT INTO im_app_settings (app_id, name, value) VALUES (1400000001, 'from_the_future', '1')");
  REQUIRE(office.together([&] {
    CHECK(editor.unset_setting(kRuledApp, "from_the_future").value() == "1");
    CHECK(editor.unset_setting(kRuledApp, "web_slots").value() == "4");
    CHECK(editor.settings(kRuledApp).value() == Rows{{"auto_read", "true"}});
  }));
  CHECK(office.version() == 2);
}

TEST_CASE("rule editor: a change and its entry in the audit log are there both or neither", "[im][store][words]") {
  Office office(GENERATE(StoreKind::Sqlite, StoreKind::Postgres));
  RuleEditor& editor = *office.editor;
  const store::AuditEntry entry{.at = wall_from_ms(1'000),
                                .who = "ops",
                                .token_id = 0,
                                .origin = "cli",
                                .app = kRuledApp,
                                .what = "im_word.add",
                                .object = "bad",
                                .before = "",
                                .after = "{}",
                                .outcome = "done"};
  CHECK_FALSE(editor.together([&]() -> Result<void> {
    REQUIRE(editor.set_word(kRuledApp, {"bad"}, 9));
    REQUIRE(editor.add_audit(entry));
    return fail(Errc::Malformed, "no");
  }));
  CHECK(office.version() == 0);
  REQUIRE(editor.together([&]() -> Result<void> {
    CHECK(editor.words(kRuledApp).value().empty());
    REQUIRE(editor.set_word(kRuledApp, {"bad"}, 9));
    return editor.add_audit(entry);
  }));
  CHECK(office.version() == 1);
  const auto transaction = office.node.begin(office.server.database());
  REQUIRE(transaction);
  auto statement = sql::Statement::prepare(office.server.database(),
                                           "SELECT count(*) FROM audit_log WHERE what = 'im_word.add'", "audit_log");
  REQUIRE(statement);
  auto rows = statement->query();
  REQUIRE(rows.next());
  CHECK(rows.integer(0) == 1);
}

TEST_CASE("rule editor: a store that is nobody's yet gets its tables", "[im][store][words]") {
  const Place place(GENERATE(StoreKind::Sqlite, StoreKind::Postgres));
  auto editor = RuleEditor::open(place.url, {});
  REQUIRE(editor);
  CHECK(editor->together([&]() -> Result<void> {
    REQUIRE(editor->set_word(kRuledApp, {"bad"}, 9));
    return {};
  }));
  CHECK(place.open(Tables::Use::Write));  // and leaves the IM server's lock alone
}

}  // namespace
}  // namespace nightpost::im
