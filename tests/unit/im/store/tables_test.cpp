// What the tables promise on both stores.
#include "im/store/tables.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <thread>
#include <vector>

#include "im/store/node.h"
#include "place.h"

namespace nightpost::im {
namespace {

const AppId kApp{1400000001};
const UserKey kAnna{kApp, "anna"};

/// A writer's connection and its transactions.
struct Writing {
  explicit Writing(StoreKind kind) : place(kind), tables(place.open(Tables::Use::Write).value()) {
    REQUIRE(node.take(tables.database()));
  }
  sql::Transaction begin() { return node.begin(tables.database()).value(); }
  void done() const {
    if (tables.failure()) FAIL(tables.failure()->detail);
  }

  Place place;
  Tables tables;
  Node node{"host", milliseconds(15'000), {}};
};

TEST_CASE("im tables: ids are compared by their bytes", "[im][store]") {
  Writing writing(GENERATE(StoreKind::Sqlite, StoreKind::Postgres));
  Tables& tables = writing.tables;
  auto transaction = writing.begin();
  const std::vector<std::string> by_bytes = {" x", "-b", "A", "B", "Z", "_", "a", "aa", "b", "~"};
  for (auto at = by_bytes.rbegin(); at != by_bytes.rend(); ++at) {
    tables.set_block(kAnna, *at, true);
    tables.save_terminal(kAnna, {.device = *at});
  }
  tables.set_block(kAnna, "A", true);  // once more
  CHECK(tables.blocked(kAnna) == by_bytes);
  std::vector<std::string> devices;
  for (const TerminalRow& row : tables.terminals(kAnna)) devices.push_back(row.device);
  CHECK(devices == by_bytes);
  CHECK(tables.blocks(kAnna, "a"));
  CHECK_FALSE(tables.blocks(kAnna, "AA"));
  CHECK_FALSE(tables.account({kApp, "ANNA"}));
  const ConvRow conv = tables.add_conv(kApp, "_", "Z");
  CHECK(conv.a == "Z");
  CHECK(tables.conv(kApp, "Z", "_")->id == conv.id);
  CHECK_FALSE(tables.conv(kApp, "z", "_"));
  writing.done();
  REQUIRE(writing.node.commit(tables.database(), transaction));
}

TEST_CASE("im tables: values come back as they went", "[im][store]") {
  Writing writing(GENERATE(StoreKind::Sqlite, StoreKind::Postgres));
  Tables& tables = writing.tables;
  auto transaction = writing.begin();
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  const std::string odd = "it's \"odd\"\\ \n\t $1 ?1 \xF0\x9F\x98\x80 {a,b}";
  tables.add_account(kAnna, wall_from_ms(1));
  tables.set_profile(kAnna, odd, "");
  tables.save_terminal(kAnna, {.device = odd, .platform = Platform::Desktop, .epoch = {kMost}, .badge = -1});
  const ConvRow conv = tables.add_conv(kApp, "anna", "denny");
  Message message{.id = {conv.id, {1}},
                  .at = wall_from_ms(1'795'225'887'405),
                  .from = "denny",
                  .to = "anna",
                  .client_id = "c",
                  .priority = Priority::Lowest,
                  .flags = {.no_unread = true, .hidden_from_receiver = true},
                  .elements = odd};
  tables.add_message(conv, message, {{1}, {kMost}});
  message.id.seq = {2};
  message.expires = wall_from_ms(1'795'225'999'999);
  tables.add_message(conv, message, {{2}, {kMost}});

  CHECK(tables.account(kAnna)->nick == odd);
  CHECK(tables.account(kAnna)->face.empty());
  const auto terminal = tables.terminal(kAnna, odd);
  REQUIRE(terminal);
  CHECK(terminal->platform == Platform::Desktop);
  CHECK(terminal->epoch.value == kMost);
  CHECK(terminal->badge == -1);
  CHECK(terminal->foreground);
  const auto first = tables.message(conv, {1});
  REQUIRE(first);
  CHECK(first->from == "denny");
  CHECK(first->elements == odd);
  CHECK(first->push.empty());
  CHECK(first->flags.no_unread);
  CHECK(first->flags.hidden_from_receiver);
  CHECK_FALSE(first->expires);
  CHECK(tables.message(conv, {2})->expires == message.expires);
  CHECK_FALSE(tables.message(conv, {3}));
  CHECK(tables.expired(*message.expires, 10) == std::vector<MessageId>{{conv.id, {2}}});
  CHECK(tables.expired(*message.expires - milliseconds(1), 10).empty());
  CHECK(tables.touch(kAnna, 3).unread == 3);
  CHECK(tables.touch(kAnna, -5).unread == 0);  // never below
  CHECK(tables.touch({kApp, "nobody"}).ver == Ver{});
  CHECK_FALSE(tables.erase_intent({conv.id, {1}}));
  tables.add_intent(kAnna, {conv.id, {1}}, {1});
  CHECK(tables.erase_intent({conv.id, {1}}));
  writing.done();
  REQUIRE(writing.node.commit(tables.database(), transaction));
}

TEST_CASE("im tables: what fails is undone to the mark, wherever it is told", "[im][store]") {
  Writing writing(GENERATE(StoreKind::Sqlite, StoreKind::Postgres));
  Tables& tables = writing.tables;
  auto transaction = writing.begin();
  const ConvRow conv = tables.add_conv(kApp, "anna", "denny");
  const SentRow sent{{conv.id, {1}}, wall_from_ms(1), {1}};
  tables.mark();
  tables.add_sent(kAnna, "good", sent);
  tables.settle();
  CHECK_FALSE(tables.failure());
  tables.release_mark();

  tables.mark();
  tables.add_sent(kAnna, "bad", sent);
  tables.add_sent(kAnna, "bad", sent);  // a second time: the table's rule refuses
  tables.add_sent(kAnna, "behind it", sent);
  SECTION("told by a settle") { tables.settle(); }
  SECTION("told by the next question") { CHECK_FALSE(tables.sent(kAnna, "good")); }
  SECTION("told by the next mark") {
    tables.release_mark();
    tables.settle();
  }
  REQUIRE(tables.failure());
  CHECK(tables.failure()->code == Errc::Malformed);
  CHECK_THAT(tables.failure()->detail, Catch::Contains("im_send_keys") && !Catch::Contains("behind it"));
  CHECK_FALSE(tables.sent(kAnna, "good"));  // sticky
  REQUIRE(tables.back_to_mark());

  tables.mark();
  tables.add_sent(kAnna, "later", sent);
  tables.settle();
  tables.release_mark();
  writing.done();
  REQUIRE(writing.node.commit(tables.database(), transaction));

  auto reader = writing.place.open().value();
  const auto look = writing.node.look(reader.database());
  REQUIRE(look);
  CHECK(reader.sent(kAnna, "good"));
  CHECK_FALSE(reader.sent(kAnna, "bad"));
  CHECK_FALSE(reader.sent(kAnna, "behind it"));
  CHECK(reader.sent(kAnna, "later"));
}

TEST_CASE("im tables: a transaction that is not committed leaves nothing, a look sees one moment", "[im][store]") {
  Writing writing(GENERATE(StoreKind::Sqlite, StoreKind::Postgres));
  Tables& tables = writing.tables;
  auto reader = writing.place.open().value();
  const auto add = [&](const std::string& user, bool commit) {
    auto transaction = writing.begin();
    tables.add_account({kApp, user}, wall_from_ms(1));
    if (commit) REQUIRE(writing.node.commit(tables.database(), transaction));
  };
  add("anna", true);
  add("berta", false);
  {
    const auto look = writing.node.look(reader.database());
    REQUIRE(look);
    CHECK(reader.account(kAnna));
    CHECK_FALSE(reader.account({kApp, "berta"}));
    add("carl", true);
    CHECK_FALSE(reader.account({kApp, "carl"}));
  }
  const auto look = writing.node.look(reader.database());
  REQUIRE(look);
  CHECK(reader.account({kApp, "carl"}));
  CHECK_FALSE(reader.failure());
  reader.add_account({kApp, "denny"}, wall_from_ms(1));  // who only reads
  reader.settle();
  CHECK(reader.failure());
}

TEST_CASE("im tables: more writes than may be on their way at once", "[im][store]") {
  Writing writing(StoreKind::Postgres);
  auto transaction = writing.begin();
  for (int i = 0; i < 1'000; ++i) writing.tables.set_block(kAnna, "u" + std::to_string(i), true);
  CHECK(writing.tables.blocked(kAnna).size() == 1'000);
  writing.done();
}

TEST_CASE("im node: an IM server that shares with none keeps others out, and is kept out", "[im][store]") {
  const std::string lock = "(hashtextextended(current_schema(), 1315391821))";
  const Place place(StoreKind::Postgres);
  std::optional<PostgresClient> earlier(place.url.place);
  CHECK(earlier->text("SELECT pg_try_advisory_lock" + lock) == "t");
  const auto refused = place.open(Tables::Use::Write);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::Overloaded);
  CHECK_THAT(refused.error().detail, Catch::Contains("earlier version"));
  earlier.reset();
  const auto one = place.open(Tables::Use::Write), other = place.open(Tables::Use::Write);
  REQUIRE(one);
  REQUIRE(other);
  earlier.emplace(place.url.place);
  CHECK(earlier->text("SELECT pg_try_advisory_lock" + lock) == "f");
}

TEST_CASE("im node: who was given up, or whose commits were forgotten, cannot commit", "[im][store]") {
  Writing writing(StoreKind::Postgres);
  std::string why;
  Node node("host", milliseconds(15'000), [&](const Error& error) { why += error.detail; });
  {
    auto tables = writing.place.open(Tables::Use::Write).value();
    REQUIRE(node.take(tables.database()));
    CHECK(node.id() > writing.node.id());  // the first one lives
    CHECK(writing.node.was_first());
    CHECK_FALSE(node.was_first());
    CHECK(node.begin(tables.database()));
    writing.place.run("UPDATE im_nodes SET process = '' WHERE id = " + std::to_string(writing.node.id()));
    CHECK_FALSE(writing.node.begin(writing.tables.database()));
    CHECK(writing.node.deposed());
    CHECK_FALSE(writing.node.begin(writing.tables.database()));
    CHECK_FALSE(writing.node.happened(writing.tables.database()));
    CHECK(node.begin(tables.database()));

    writing.place.run("UPDATE im_nodes SET commits = commits - 1");
    CHECK(why.empty());
    CHECK_FALSE(node.begin(tables.database()));
    CHECK_THAT(why, Catch::Contains("were answered"));
    CHECK_FALSE(node.begin(tables.database()));
    CHECK(why.find("were answered") == why.rfind("were answered"));  // once
  }
}

TEST_CASE("im node: a process goes on where one of its name ended; beside one that lives it is another node",
          "[im][store]") {
  const Place place(StoreKind::Postgres);
  const auto join = [&](Node& node) {
    auto tables = place.open(Tables::Use::Write).value();
    REQUIRE(node.take(tables.database()));
    return tables;
  };
  const milliseconds lease(15'000);
  Node one("host", lease, {}), same("host", lease, {}), other("other", lease, {}), again("host", lease, {});
  {
    const auto first = join(one);
    const auto second = join(same);
    const auto third = join(other);
    CHECK(same.id() != one.id());
    CHECK(other.id() != one.id());
    CHECK_FALSE(other.was_first());
  }
  const auto fourth = join(again);
  CHECK(again.id() == one.id());
  CHECK(again.was_first());
}

TEST_CASE("im node: in a file each process has the row of the one before", "[im][store]") {
  Writing writing(StoreKind::Sqlite);
  Node later("elsewhere", milliseconds(15'000), {});
  REQUIRE(later.take(writing.tables.database()));
  CHECK(later.id() == writing.node.id());
  CHECK(later.was_first());
  CHECK(later.number() == 0);
}

TEST_CASE("im node: commits of all nodes have one order without holes", "[im][store]") {
  const Place place(StoreKind::Postgres);
  constexpr int kRounds = 30;
  std::vector<std::vector<std::int64_t>> numbers(3);
  std::vector<std::thread> threads;
  for (auto& mine : numbers)
    threads.emplace_back([&] {
      auto tables = Tables::open(place.url, {.busy_timeout = milliseconds(10'000)}, Tables::Use::Write).value();
      Node node("host", milliseconds(15'000), {});
      if (!node.take(tables.database())) return;
      for (int round = 0; round < kRounds; ++round) {
        auto transaction = node.begin(tables.database());
        if (!transaction) return;
        if (round % 3 == 1) continue;  // rolled back: its number is another's
        if (node.commit(tables.database(), *transaction)) mine.push_back(node.number());
      }
    });
  for (std::thread& thread : threads) thread.join();
  std::vector<std::int64_t> all;
  for (const auto& mine : numbers) {
    CHECK(mine.size() == kRounds * 2 / 3);
    CHECK(std::ranges::is_sorted(mine));
    all.insert(all.end(), mine.begin(), mine.end());
  }
  std::ranges::sort(all);
  for (std::size_t i = 0; i < all.size(); ++i) CHECK(all[i] == static_cast<std::int64_t>(i) + 1);
}

TEST_CASE("im node: a look at a server that is behind what was answered or seen is refused", "[im][store]") {
  Writing writing(StoreKind::Postgres);
  auto reader = writing.place.open().value();
  {
    auto transaction = writing.begin();
    REQUIRE(writing.node.commit(writing.tables.database(), transaction));
  }
  CHECK(writing.node.look(reader.database()));
  writing.node.saw(writing.node.number() + 1);  // another node's
  CHECK_FALSE(writing.node.look(reader.database()));
  writing.place.run("UPDATE im_commits SET number = number + 1");
  CHECK(writing.node.look(reader.database()));
  writing.place.run("UPDATE im_nodes SET commits = commits - 1");
  CHECK_FALSE(writing.node.look(reader.database()));
  writing.place.run("UPDATE im_nodes SET commits = commits + 2");
  CHECK(writing.node.look(reader.database()));
  writing.place.run("UPDATE im_nodes SET process = 'another'");
  CHECK_FALSE(writing.node.look(reader.database()));
}

TEST_CASE("im tables: what a node left is taken over a bounded step at a time", "[im][store]") {
  Writing writing(GENERATE(StoreKind::Sqlite, StoreKind::Postgres));
  Tables& tables = writing.tables;
  auto transaction = writing.begin();
  tables.set_node(70);
  for (int i = 1; i <= 5; ++i) {
    tables.add_intent(kAnna, {{9}, {i}}, Ver{i});
    tables.add_group_intent({{10}, {i}}, 1);
    tables.add_follow_up({.to = kAnna, .kind = 3});
  }
  tables.add_unbind({kAnna, "phone"});
  tables.set_node(71);
  tables.add_intent(kAnna, {{9}, {6}}, Ver{6});
  CHECK(tables.intents_after(0, 100).size() == 1);
  CHECK(tables.take_over(70, 71, 3) == 10);
  CHECK(tables.intents_after(0, 100).size() == 4);
  CHECK(tables.unbinds().size() == 1);
  CHECK(tables.take_over(70, 71, 3) == 6);
  CHECK(tables.take_over(70, 71, 3) == 0);
  CHECK(tables.intents_after(0, 100).size() == 6);
  CHECK(tables.group_intents_after(0, 100).size() == 5);
  CHECK(tables.follow_ups_after(0, 100).size() == 5);
  writing.done();
}

TEST_CASE("im tables: what became of messages, to whom each is told", "[im][store]") {
  Writing writing(GENERATE(StoreKind::Sqlite, StoreKind::Postgres));
  Tables& tables = writing.tables;
  auto transaction = writing.begin();
  using What = ChangeRow::What;
  const WallTime at = wall_from_ms(1'795'225'887'405);
  const ConvRow conv = tables.add_conv(kApp, "anna", "denny");
  for (std::int64_t seq = 1; seq <= 2; ++seq) {
    const Message message{.id = {conv.id, {seq}}, .from = "denny", .to = "anna", .elements = "[]"};
    tables.add_message(conv, message, {{1}, {1}});
  }
  const MessageId first{conv.id, {1}}, second{conv.id, {2}};
  const auto words = [at](const ChangesPage& page) {
    static constexpr const char* kWords[] = {"recalled", "edited", "removed"};
    std::string out;
    for (const ChangeRow& row : page.changes) {
      CHECK(row.at == at);
      out += (out.empty() ? "" : ", ") + std::string(kWords[static_cast<std::size_t>(row.what)]) + " " +
             std::to_string(row.seq.value);
    }
    return out + (page.to ? " to " + std::to_string(*page.to) : "");
  };
  const auto told = [&](std::string_view who, std::int64_t after = 0, std::size_t limit = 10) {
    const std::string out = words(tables.changes_after(conv.id, after, who, who == "denny", limit));
    CHECK(out == words(tables.group_changes_after(conv.id, after, who, limit)));
    return out;
  };
  CHECK(told("anna").empty());
  CHECK(tables.remove_for(first, "anna", at));
  CHECK_FALSE(tables.remove_for(first, "anna", at));
  tables.add_change(first, "", at, What::Edited);
  tables.add_change(first, "", at, What::Edited);
  CHECK(tables.add_change(second, "denny", at, What::Recalled) == 4);
  CHECK(told("anna") == "removed 1, edited 1, edited 1, recalled 2");
  CHECK(told("denny") == "edited 1, edited 1, recalled 2");
  CHECK(told("anna", 0, 2) == "removed 1, edited 1 to 2");
  CHECK(told("denny", 0, 2) == "edited 1, edited 1 to 3");
  CHECK(told("anna", 3) == "recalled 2");
  tables.forget_edits(first);
  CHECK(told("anna") == "removed 1, recalled 2");
  CHECK(tables.remove_for(second, "denny", at));
  CHECK(told("anna") == "removed 1, recalled 2");
  CHECK(told("denny") == "recalled 2, removed 2");
  tables.erase_message(conv, first.seq);
  CHECK(told("anna") == "recalled 2");

  // However many others removed something in a group, one look ends.
  const ConvId group = tables.add_conv(kApp, "a", "b").id;
  for (std::int64_t seq = 1; seq <= 1'000; ++seq) tables.add_change({group, {seq}}, "denny", at, What::Removed);
  tables.add_change({group, {5}}, "anna", at, What::Removed);
  CHECK(words(tables.group_changes_after(group, 0, "anna", 10)) == " to 1000");
  CHECK(words(tables.group_changes_after(group, 1'000, "anna", 10)) == "removed 5");
  CHECK(words(tables.group_changes_after(group, 1, "anna", 10)) == "removed 5 to 1001");
  CHECK(words(tables.group_changes_after(group, 2, "anna", 10)) == "removed 5");
  CHECK(words(tables.group_changes_after(group, 0, "denny", 2)) == "removed 1, removed 2 to 2");
  writing.done();
  REQUIRE(writing.node.commit(tables.database(), transaction));
}

TEST_CASE("im tables: a token that one node took away is not the one that another still has to", "[im][store]") {
  Writing writing(GENERATE(StoreKind::Sqlite, StoreKind::Postgres));
  Tables& tables = writing.tables;
  auto transaction = writing.begin();
  tables.set_node(71);
  tables.add_unbind({kAnna, "phone"});
  tables.set_node(70);
  tables.finish_unbind({kAnna, "phone"});
  tables.set_node(71);
  CHECK(tables.unbinds().size() == 1);
  tables.finish_unbind({kAnna, "phone"});
  CHECK(tables.unbinds().empty());
  tables.add_unbind({kAnna, "phone"});
  tables.set_node(70);
  tables.erase_unbind({kAnna, "phone"});  // the device has registered again
  tables.set_node(71);
  CHECK(tables.unbinds().empty());
  writing.done();
}

}  // namespace
}  // namespace nightpost::im
