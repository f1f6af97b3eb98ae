// Where the console's looks end, on both stores: what is beyond a page is said, and the next one goes on there.
#include <functional>

#include "im/store/console_editor.h"
#include "im/store/console_reader.h"
#include "place.h"
#include "support/companion_rows.h"

namespace nightpost::im {
namespace {

using support::kCompanionApp;
using support::kCompanionTime;

/// A companion with people, a reader beside it, and somebody who adds to it.
struct LimitedLook {
  explicit LimitedLook(StoreKind kind) : place(kind), reader(place.url, {}) { support::write_companion(place.url); }
  void write(const std::function<void(Tables&)>& work) const {
    auto tables = place.open(Tables::Use::Write);
    REQUIRE(tables);
    auto transaction = sql::Transaction::begin(tables->database());
    REQUIRE(transaction);
    work(*tables);
    tables->settle();
    if (tables->failure()) FAIL(tables->failure()->detail);
    REQUIRE(transaction->commit());
  }
  Place place;
  ConsoleReader reader;
};

/// A message of dora's to bob at this place, sent then; `imported`: it was brought later and is older.
void write_at(Tables& tables, const ConvRow& conv, std::int64_t seq, milliseconds at,
              std::optional<milliseconds> imported = std::nullopt, const std::string& elements = "[]") {
  const Message message{.id = {conv.id, {seq}},
                        .at = kCompanionTime + at,
                        .from = "dora",
                        .to = "bob",
                        .client_id = "c" + std::to_string(seq),
                        .elements = elements};
  tables.add_message(conv, message, {{seq}, {seq}});
  if (imported)
    tables.name_message(
        message.id, {.seq = static_cast<std::uint32_t>(seq), .random = 7, .imported_at = kCompanionTime + *imported});
}

struct PageSeen {
  std::vector<std::int64_t> seqs;
  std::int64_t next = 0;  // 0: none
  bool operator==(const PageSeen&) const = default;
};

PageSeen page_of(ConsoleReader& reader, const ConsoleReader::HistoryQuestion& question) {
  const auto found = reader.history(question);
  REQUIRE(found);
  REQUIRE(*found);
  PageSeen page;
  for (const Message& each : (*found)->messages) page.seqs.push_back(each.id.seq.value);
  page.next = (*found)->next ? (*found)->next->value : 0;
  return page;
}

ConsoleReader::HistoryQuestion dora_and_bob() {
  return {.app = kCompanionApp, .user = "bob", .peer = "dora", .now = kCompanionTime};
}

TEST_CASE("im console limits: till a moment is by the time that is shown, not by the place", "[im][store]") {
  LimitedLook looking(GENERATE(StoreKind::Sqlite, StoreKind::Postgres));
  looking.write([](Tables& tables) {
    const ConvRow conv = tables.add_conv(kCompanionApp, "bob", "dora");
    write_at(tables, conv, 1, seconds(10));
    write_at(tables, conv, 2, seconds(20));
    write_at(tables, conv, 3, seconds(30), seconds(5));   // of before the first
    write_at(tables, conv, 4, seconds(30), seconds(25));  // between 2 and 3
    write_at(tables, conv, 5, seconds(40));
    tables.advance(conv.id, {5}, kCompanionTime + seconds(40));
  });
  struct Row {
    const char* name;
    milliseconds till;
    std::optional<std::int64_t> before;
    std::size_t limit;
    PageSeen want;
  };
  for (const Row& row : std::vector<Row>{{"before all", seconds(4), std::nullopt, 10, {}},
                                         {"the oldest alone", seconds(5), std::nullopt, 10, {{3}}},
                                         {"just before it", milliseconds(4'999), std::nullopt, 10, {}},
                                         {"with the first", seconds(10), std::nullopt, 10, {{1, 3}}},
                                         {"two that were sent then", seconds(24), std::nullopt, 10, {{1, 2, 3}}},
                                         {"and one of between", seconds(25), std::nullopt, 10, {{1, 2, 3, 4}}},
                                         {"all", seconds(40), std::nullopt, 10, {{1, 2, 3, 4, 5}}},
                                         {"a page of imported ones", seconds(26), std::nullopt, 2, {{3, 4}, 3}},
                                         {"the next", seconds(26), 3, 2, {{1, 2}}},
                                         {"a page over the border", seconds(26), 4, 2, {{2, 3}, 2}},
                                         {"before the imported ones", seconds(5), 3, 10, {}}}) {
    CAPTURE(row.name);
    ConsoleReader::HistoryQuestion question = dora_and_bob();
    question.till = kCompanionTime + row.till;
    if (row.before) question.before = Seq{*row.before};
    question.limit = row.limit;
    CHECK(page_of(looking.reader, question) == row.want);
  }
}

TEST_CASE("im console limits: a look for imported messages ends after some thousand, and goes on", "[im][store]") {
  LimitedLook looking(GENERATE(StoreKind::Sqlite, StoreKind::Postgres));
  constexpr auto kStep = std::int64_t(ConsoleReader::kLookedAtMax);
  looking.write([&](Tables& tables) {
    const ConvRow conv = tables.add_conv(kCompanionApp, "bob", "dora");
    write_at(tables, conv, 1, seconds(1));
    write_at(tables, conv, 2, seconds(1'000));
    write_at(tables, conv, kStep + 500, seconds(1'000), seconds(2));
    tables.advance(conv.id, {2 * kStep + 1'000}, kCompanionTime + seconds(1'000));
  });
  ConsoleReader::HistoryQuestion question = dora_and_bob();
  question.till = kCompanionTime + seconds(10);
  CHECK(page_of(looking.reader, question) == PageSeen{{}, kStep + 1'001});
  question.before = Seq{kStep + 1'001};
  CHECK(page_of(looking.reader, question) == PageSeen{{kStep + 500}, 1'001});
  question.before = Seq{1'001};
  CHECK(page_of(looking.reader, question) == PageSeen{{1}, 0});
}

TEST_CASE("im console limits: a page of long messages ends early, and holds one at least", "[im][store]") {
  LimitedLook looking(GENERATE(StoreKind::Sqlite, StoreKind::Postgres));
  const std::string half(ConsoleReader::kHistoryBytesMax / 2, 'x'), whole(ConsoleReader::kHistoryBytesMax + 1, 'x');
  looking.write([&](Tables& tables) {
    const ConvRow conv = tables.add_conv(kCompanionApp, "bob", "dora");
    write_at(tables, conv, 1, seconds(1));
    write_at(tables, conv, 2, seconds(2), std::nullopt, whole);
    write_at(tables, conv, 3, seconds(3), std::nullopt, half);
    write_at(tables, conv, 4, seconds(4), std::nullopt, half);
    write_at(tables, conv, 5, seconds(5), std::nullopt, "y");
    tables.advance(conv.id, {5}, kCompanionTime + seconds(5));
  });
  ConsoleReader::HistoryQuestion question = dora_and_bob();
  CHECK(page_of(looking.reader, question) == PageSeen{{4, 5}, 4});  // with the third one byte too much
  question.before = Seq{4};
  CHECK(page_of(looking.reader, question) == PageSeen{{3}, 3});
  question.before = Seq{3};
  CHECK(page_of(looking.reader, question) == PageSeen{{2}, 2});  // longer than a page
  question.before = Seq{2};
  CHECK(page_of(looking.reader, question) == PageSeen{{1}, 0});
}

TEST_CASE("im console limits: a search by name stops, says where, and goes on there", "[im][store]") {
  LimitedLook looking(GENERATE(StoreKind::Sqlite, StoreKind::Postgres));
  // anna, bob, carl and dora, and then u100001 …, of whom the last is called so.
  const std::size_t beside = 4, last = ConsoleReader::kLookedAtMax - beside + 1;
  looking.place.run(
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " + std::to_string(last) +
      ") INSERT INTO im_accounts (app_id, user_id, nick, created_at) SELECT 1400000001, 'u' || (100000 + i), CASE WHEN "
      "i = " +
      std::to_string(last) + " THEN 'Zoe' ELSE 'Nobody' END, 1 FROM n");
  const auto none = looking.reader.users(kCompanionApp, {.part = "zoe"});
  REQUIRE(none);
  CHECK(none->items.empty());
  CHECK(none->next == "u" + std::to_string(100'000 + last - 1));
  const auto found = looking.reader.users(kCompanionApp, {.part = "zoe", .after = *none->next});
  REQUIRE(found);
  REQUIRE(found->items.size() == 1);
  CHECK(found->items[0].nick == "Zoe");
  CHECK_FALSE(found->next);
}

TEST_CASE("im console limits: of a user's many groups the first are there, and that there are more", "[im][store]") {
  LimitedLook looking(GENERATE(StoreKind::Sqlite, StoreKind::Postgres));
  const auto join = [&](std::size_t from, std::size_t to) {
    looking.write([&](Tables& tables) {
      for (std::size_t i = from; i < to; ++i) {
        GroupRow row{.app = kCompanionApp,
                     .id = "g" + std::to_string(i),
                     .type = GroupType::Public,
                     .members_max = 100,
                     .fields = "{}"};
        row.created_at = row.info_at = kCompanionTime;
        tables.add_group(row);
        tables.save_member({.who = {kCompanionApp, "dora"}, .conv = row.conv, .joined_at = kCompanionTime});
      }
    });
  };
  join(0, ConsoleReader::kUserGroupsMax);
  const auto all = looking.reader.user({kCompanionApp, "dora"}).value();
  CHECK(all->groups.size() == ConsoleReader::kUserGroupsMax);
  CHECK_FALSE(all->more_groups);
  join(ConsoleReader::kUserGroupsMax, ConsoleReader::kUserGroupsMax + 1);
  const auto more = looking.reader.user({kCompanionApp, "dora"}).value();
  CHECK(more->groups.size() == ConsoleReader::kUserGroupsMax);
  CHECK(more->groups.front().group == "g0");
  CHECK(more->more_groups);
}

TEST_CASE("im console limits: a look that cannot be prepared is tried anew, on a connection of its own",
          "[im][store]") {
  LimitedLook looking(GENERATE(StoreKind::Sqlite, StoreKind::Postgres));
  looking.place.run("ALTER TABLE im_silences RENAME TO im_gone");
  for (int i = 0; i < 3; ++i) CHECK_FALSE(looking.reader.users(kCompanionApp, {}));
  looking.place.run("ALTER TABLE im_gone RENAME TO im_silences");
  CHECK(looking.reader.users(kCompanionApp, {}));
}

TEST_CASE("im console editor: writes beside a server, and neither makes nor migrates tables", "[im][store][words]") {
  const Place place(GENERATE(StoreKind::Sqlite, StoreKind::Postgres));
  ConsoleReader reader(place.url, {});
  ConsoleEditor editor(place.url, {});
  CHECK(editor.editor(reader).error().code == Errc::NotFound);
  support::write_companion(place.url);
  const auto add = [&](const char* word) {
    const auto found = editor.editor(reader);
    if (!found) return false;
    const auto done = (*found)->together([&]() -> Result<void> {
      auto set = (*found)->set_word(kCompanionApp, {word}, 9);
      return set ? Result<void>() : std::unexpected(std::move(set.error()));
    });
    return done.has_value();
  };
  CHECK(add("bad"));
  CHECK(reader.words(kCompanionApp, "", "", 10)->all == 2);
  place.run("UPDATE im_schema SET version = version + 1");
  CHECK(editor.editor(reader).error().code == Errc::Malformed);
  place.run("UPDATE im_schema SET version = version - 1");
  CHECK(add("worse"));
  const auto words = reader.words(kCompanionApp, "WORS", "", 10);
  REQUIRE(words);
  REQUIRE(words->page.items.size() == 1);
  CHECK(words->page.items[0] == Word{"worse"});
  CHECK(words->all == 3);
  CHECK(reader.settings(kCompanionApp).value() == ConsoleReader::SettingRows{{"web_slots", "2"}});
  CHECK(reader.settings({7})->empty());
}

}  // namespace
}  // namespace nightpost::im
