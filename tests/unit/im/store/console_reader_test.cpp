// What the console sees of a companion, on both stores: all that is there, and nothing of it is touched.
#include "im/store/console_reader.h"

#include <set>

#include "im/store/schema.h"
#include "place.h"
#include "support/companion_rows.h"

namespace nightpost::im {
namespace {

using support::kCompanionApp;
using support::kCompanionTime;
using support::kMarkup;

/// A companion with people, and a reader beside it.
struct Looking {
  explicit Looking(StoreKind kind) : place(kind), reader(place.url, {}) { support::write_companion(place.url); }
  Place place;
  ConsoleReader reader;
};

std::vector<std::string> ids_of(const auto& page) {
  std::vector<std::string> out;
  for (const auto& each : page.items) out.push_back(each.id);
  return out;
}

std::vector<std::int64_t> seqs_of(const ConsoleReader::History& history) {
  std::vector<std::int64_t> out;
  for (const Message& each : history.messages) out.push_back(each.id.seq.value);
  return out;
}

TEST_CASE("im console reader: where no companion is, or another one, it says so and makes nothing", "[im][store]") {
  const Place place(GENERATE(StoreKind::Sqlite, StoreKind::Postgres));
  ConsoleReader reader(place.url, {});
  for (int i = 0; i < 2; ++i) {
    const auto none = reader.users(kCompanionApp, {});
    REQUIRE_FALSE(none);
    CHECK(none.error().code == Errc::NotFound);
    CHECK(none.error().detail.contains("nightpost im"));
  }
  support::write_companion(place.url);  // it came later
  CHECK(reader.users(kCompanionApp, {})->items.size() == 4);
  place.run("UPDATE im_schema SET version = version + 1");
  const auto newer = reader.user({kCompanionApp, "anna"});
  REQUIRE_FALSE(newer);
  CHECK(newer.error().code == Errc::Malformed);
  CHECK(newer.error().detail.contains("version " + std::to_string(schema_version() + 1)));
  place.run("UPDATE im_schema SET version = version - 1");
  CHECK(reader.user({kCompanionApp, "anna"}));
}

TEST_CASE("im console reader: users by id and nick, a page at a time", "[im][store]") {
  Looking looking(GENERATE(StoreKind::Sqlite, StoreKind::Postgres));
  struct Row {
    const char* name;
    ConsoleReader::Search search;
    std::vector<std::string> want;
    std::optional<std::string> next;
  };
  const std::vector<Row> rows = {
      {"all", {}, {"anna", "bob", "carl", "dora"}, std::nullopt},
      {"a page", {.limit = 2}, {"anna", "bob"}, "bob"},
      {"the next", {.after = "bob", .limit = 2}, {"carl", "dora"}, "dora"},
      {"behind the last", {.after = "dora", .limit = 2}, {}, std::nullopt},
      {"by id", {.prefix = "b"}, {"bob"}, std::nullopt},
      {"by a whole id", {.prefix = "bob"}, {"bob"}, std::nullopt},
      {"beyond an id", {.prefix = "bobb"}, {}, std::nullopt},
      {"of the other case", {.prefix = "B"}, {}, std::nullopt},
      {"a pattern is no pattern", {.prefix = "%"}, {}, std::nullopt},
      {"by nick", {.part = "obb"}, {"bob"}, std::nullopt},
      {"by nick of either case", {.part = "BOBBY"}, {"bob"}, std::nullopt},
      {"by nick, behind it", {.part = "bobby", .after = "bob"}, {}, std::nullopt},
      {"by nick, a page", {.part = "b", .limit = 1}, {"bob"}, "bob"},
      {"by both", {.prefix = "an", .part = "onerror"}, {"anna"}, std::nullopt},
      {"by both, of two users", {.prefix = "an", .part = "bobby"}, {}, std::nullopt},
      {"no text of ids", {.prefix = "\xe4\xb8\xad"}, {}, std::nullopt},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const auto page = looking.reader.users(kCompanionApp, row.search);
    REQUIRE(page);
    CHECK(ids_of(*page) == row.want);
    CHECK(page->next == row.next);
  }
  CHECK(looking.reader.users({1400000002}, {})->items.size() == 1);
  CHECK(looking.reader.users({7}, {})->items.empty());
  const auto all = looking.reader.users(kCompanionApp, {});
  CHECK(all->items[0].nick == kMarkup);
  CHECK(all->items[0].created_at == kCompanionTime);
  CHECK(all->items[2].removed);
}

TEST_CASE("im console reader: one user", "[im][store]") {
  Looking looking(GENERATE(StoreKind::Sqlite, StoreKind::Postgres));
  const auto found = looking.reader.user({kCompanionApp, "anna"});
  REQUIRE(found);
  REQUIRE(*found);
  const ConsoleReader::User& anna = **found;
  CHECK(anna.item.nick == kMarkup);
  CHECK(anna.friends == 1);
  CHECK(anna.blacklisted == 1);
  CHECK(anna.silent_in_chats_until == kCompanionTime + seconds(60));
  CHECK(anna.silent_in_groups_until == WallTime{});
  CHECK(anna.fields == std::vector<std::pair<std::string, std::string>>{{"Tag_Profile_IM_Level", "7"}});
  REQUIRE(anna.terminals.size() == 2);
  CHECK(anna.terminals[0].device == "phone");  // the last login
  CHECK(anna.terminals[0].state == "logged_in");
  CHECK(anna.terminals[0].foreground);
  CHECK(anna.terminals[1].platform == "web");
  CHECK_FALSE(anna.terminals[1].foreground);
  REQUIRE(anna.groups.size() == 1);
  CHECK(anna.groups[0].group == "team");
  CHECK(anna.groups[0].role == GroupRole::Owner);
  CHECK_FALSE(anna.more_groups);
  CHECK(looking.reader.user({kCompanionApp, "dora"}).value()->groups.empty());  // she left
  CHECK(looking.reader.user({kCompanionApp, "carl"}).value()->item.removed);
  for (const UserKey& stranger : {UserKey{kCompanionApp, "ANNA"}, UserKey{kCompanionApp, ""}, UserKey{{7}, "anna"}})
    CHECK(looking.reader.user(stranger).value() == std::nullopt);
}

TEST_CASE("im console reader: groups, their members and who wants to join", "[im][store]") {
  Looking looking(GENERATE(StoreKind::Sqlite, StoreKind::Postgres));
  ConsoleReader& reader = looking.reader;
  using Ids = std::vector<std::string>;
  CHECK(ids_of(*reader.groups(kCompanionApp, {})) == Ids{"team", "teams"});
  CHECK(ids_of(*reader.groups(kCompanionApp, {.prefix = "teams"})) == Ids{"teams"});
  CHECK(ids_of(*reader.groups(kCompanionApp, {.part = "<B>team"})) == Ids{"team"});
  CHECK(ids_of(*reader.groups(kCompanionApp, {.part = "elsewhere"})).empty());
  const auto first = reader.groups(kCompanionApp, {.limit = 1});
  CHECK(first->next == "team");
  CHECK(ids_of(*reader.groups(kCompanionApp, {.after = "team", .limit = 1})) == Ids{"teams"});

  const auto found = reader.group(kCompanionApp, "team");
  REQUIRE(found);
  REQUIRE(*found);
  const ConsoleReader::Group& team = **found;
  CHECK(team.item.owner == "anna");
  CHECK(team.item.members == 2);
  CHECK(team.seq == Seq{3});
  CHECK(team.notification == "be kind");
  CHECK(team.join == "free");
  CHECK(team.members_max == 100);
  CHECK(team.applications_waiting == 1);
  REQUIRE(team.applications.size() == 1);
  CHECK(team.applications[0].user == "dora");
  CHECK(team.applications[0].state == 0);
  for (const char* none : {"TEAM", "", "other", "team\n1"}) {
    CAPTURE(none);
    CHECK(reader.group(kCompanionApp, none).value() == std::nullopt);
    CHECK(reader.members(kCompanionApp, none, std::nullopt, "", 10).value() == std::nullopt);
  }

  const auto page = [&](std::optional<GroupRole> role, const std::string& after, std::size_t limit) {
    return reader.members(kCompanionApp, "team", role, after, limit).value().value();
  };
  const auto all = page(std::nullopt, "", 10);
  REQUIRE(all.items.size() == 2);  // dora left
  CHECK_FALSE(all.next);
  std::set<std::string> seen;
  for (std::optional<std::string> after = ""; after;) {
    const auto one = page(std::nullopt, *after, 1);
    REQUIRE(one.items.size() == 1);
    CHECK(seen.insert(one.items[0].user).second);
    after = one.next;
  }
  CHECK(seen == std::set<std::string>{"anna", "bob"});
  CHECK(page(GroupRole::Owner, "", 10).items.at(0).user == "anna");
  CHECK(page(GroupRole::Admin, "", 10).items.empty());
  const auto bob = page(GroupRole::Member, "", 10).items.at(0);
  CHECK(bob.nick == "Bobby");
  CHECK(bob.card == kMarkup);
  CHECK(bob.silenced_until == kCompanionTime + seconds(600));
}

TEST_CASE("im console reader: a conversation as it is stored, from the newest down", "[im][store]") {
  Looking looking(GENERATE(StoreKind::Sqlite, StoreKind::Postgres));
  ConsoleReader& reader = looking.reader;
  const ConsoleReader::HistoryQuestion both{
      .app = kCompanionApp, .user = "bob", .peer = "anna", .now = kCompanionTime + seconds(5)};
  using Seqs = std::vector<std::int64_t>;
  const auto whole = reader.history(both);
  REQUIRE(whole);
  REQUIRE(*whole);
  const ConsoleReader::History& history = **whole;
  CHECK(seqs_of(history) == Seqs{1, 2, 3});  // the fourth has expired
  CHECK_FALSE(history.next);
  CHECK(history.messages[0].from == "anna");
  CHECK(history.messages[0].to == "bob");
  CHECK(history.messages[0].nick == kMarkup);
  CHECK(history.messages[0].elements == support::text_element(kMarkup));
  CHECK(history.messages[0].cloud_data == "order 7");
  CHECK(history.messages[1].flags.recalled);
  CHECK(history.messages[1].elements.empty());
  CHECK(history.messages[2].flags.hidden_from_receiver);
  CHECK(history.messages[2].from == "bob");
  CHECK(history.messages[2].at == kCompanionTime + seconds(3));

  struct Row {
    const char* name;
    std::optional<Seq> before;
    std::optional<WallTime> till;
    std::size_t limit;
    Seqs want;
    bool more;
  };
  const std::vector<Row> rows = {
      {"a page", std::nullopt, std::nullopt, 2, {2, 3}, true},
      {"the older one", Seq{2}, std::nullopt, 2, {1}, false},
      {"older than the first", Seq{1}, std::nullopt, 2, {}, false},
      {"till a message", std::nullopt, kCompanionTime + seconds(2), 10, {1, 2}, false},
      {"till between two", std::nullopt, kCompanionTime + milliseconds(2'999), 10, {1, 2}, false},
      {"till before all", std::nullopt, kCompanionTime, 10, {}, false},
      {"till after all", std::nullopt, kCompanionTime + seconds(99), 10, {1, 2, 3}, false},
      {"older, and till", Seq{3}, kCompanionTime + seconds(3), 1, {2}, true},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    ConsoleReader::HistoryQuestion question = both;
    question.before = row.before;
    question.till = row.till;
    question.limit = row.limit;
    const auto page = reader.history(question);
    REQUIRE(page);
    REQUIRE(*page);
    CHECK(seqs_of(**page) == row.want);
    CHECK((*page)->next.has_value() == row.more);
    if (row.more) CHECK((*page)->next->value == row.want.front());
  }

  const auto of_group = [&](const char* group) {
    return reader.history({.app = kCompanionApp, .group = group, .now = kCompanionTime}).value();
  };
  const auto team = of_group("team");
  REQUIRE(team);
  CHECK(seqs_of(*team) == Seqs{1, 2, 3});
  CHECK(team->messages[0].flags.tip);
  CHECK(team->messages[1].from == "bob");
  CHECK(team->messages[1].card == kMarkup);
  CHECK(team->messages[1].mentions == std::vector<std::string>{"anna"});
  CHECK(team->messages[2].targets == std::vector<std::string>{"bob"});
  CHECK(of_group("teams")->messages.empty());
  CHECK_FALSE(of_group("nobody"));
  CHECK_FALSE(reader.history({.app = kCompanionApp, .user = "anna", .peer = "dora"}).value());
  CHECK_FALSE(reader.history({.app = kCompanionApp, .user = "", .peer = "team"}).value());  // a group's row
  CHECK_FALSE(reader.history({.app = {7}, .user = "anna", .peer = "bob"}).value());

  const auto chats = reader.chats({kCompanionApp, "anna"});
  REQUIRE(chats->has_value());
  REQUIRE((*chats)->items.size() == 1);
  CHECK((*chats)->items[0].peer == "bob");
  CHECK((*chats)->items[0].head == Seq{4});
  CHECK(reader.chats({kCompanionApp, "dora"}).value()->items.empty());
  CHECK(reader.chats({kCompanionApp, "nobody"}).value() == std::nullopt);
}

TEST_CASE("im console reader: what an app has", "[im][store]") {
  Looking looking(GENERATE(StoreKind::Sqlite, StoreKind::Postgres));
  const auto totals = looking.reader.totals(kCompanionApp);
  REQUIRE(totals);
  CHECK(totals->accounts == 3);  // one is removed
  CHECK(totals->groups == 2);
  REQUIRE(totals->terminals.size() == 2);
  CHECK(totals->terminals[0].platform == "ios");
  CHECK(totals->terminals[0].foreground);
  CHECK(totals->terminals[0].terminals == 1);
  CHECK(totals->terminals[1].state == "logged_out");
  CHECK(looking.reader.totals({7})->terminals.empty());
}

}  // namespace
}  // namespace nightpost::im
