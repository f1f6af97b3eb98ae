// Rows of pushes to all, on both stores.
#include "im/store/node.h"
#include "im/store/tables.h"
#include "place.h"

namespace nightpost::im {
namespace {

using Users = std::vector<std::string>;

const AppId kMassApp{1400000001}, kOtherApp{7};

struct MassRows {
  explicit MassRows(StoreKind kind) : place(kind), tables(place.open(Tables::Use::Write).value()) {
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

}  // namespace

TEST_CASE("im tables: a push to all comes back as it went, and moves on", "[im][store][mass]") {
  MassRows rows(GENERATE(StoreKind::Sqlite, StoreKind::Postgres));
  Tables& tables = rows.tables;
  auto transaction = rows.begin();
  MassTaskRow task{.app = kMassApp,
                   .random = 4'294'967'295,
                   .from = "admin",
                   .elements = "[]",
                   .push = "{}",
                   .lifetime_ms = 5,
                   .condition = 2,
                   .keys = "会员\n\n",
                   .at = wall_from_ms(1'000)};
  task.id = tables.add_mass_task(task);
  const std::int64_t other = tables.add_mass_task({.app = kOtherApp, .random = 1, .from = "b", .at = wall_from_ms(9)});
  CHECK(other > task.id);
  const auto read = tables.mass_task(task.id);
  REQUIRE(read);
  CHECK(read->keys == "会员\n\n");
  CHECK(read->random == 4'294'967'295);
  CHECK(read->lifetime_ms == 5);
  CHECK(read->at == wall_from_ms(1'000));
  CHECK(read->cursor.empty());
  CHECK_FALSE(tables.mass_task(999));
  CHECK(tables.mass_task_named(kMassApp, 4'294'967'295, wall_from_ms(999)) == task.id);
  CHECK(tables.mass_task_named(kMassApp, 4'294'967'295, wall_from_ms(1'000)) == 0);
  CHECK(tables.mass_task_named(kOtherApp, 4'294'967'295, wall_from_ms(0)) == 0);
  CHECK(tables.mass_tasks_running(kMassApp) == 1);

  task.cursor = "mia";
  task.chunks = 1;
  task.users = 40;
  task.begun_all = true;
  tables.advance_mass_task(task);
  tables.add_mass_chunk(task.id, {1, "", "mia"});
  CHECK(tables.mass_task(task.id)->cursor == "mia");
  CHECK(tables.mass_chunks(task.id) == std::vector<std::int64_t>{1});
  CHECK(tables.mass_chunk(task.id, 1)->upto == "mia");
  CHECK_FALSE(tables.mass_chunk(task.id, 2));
  CHECK(tables.mass_tasks_open() == std::vector<std::pair<std::int64_t, bool>>{{task.id, true}, {other, false}});
  tables.end_mass_task(task.id, 2);
  tables.end_mass_task(task.id, 1);  // it does not run any more
  CHECK(tables.mass_task(task.id)->state == 2);
  CHECK(tables.mass_tasks_running(kMassApp) == 0);
  CHECK(tables.mass_tasks_open().size() == 2);  // a chunk of it is open
  CHECK(tables.prune_mass_tasks(wall_from_ms(10'000), 10) == 0);
  tables.count_mass_outcomes({.id = task.id, .pushed = 2, .clicked = 1});
  tables.count_mass_outcomes({.id = task.id, .pushed = 1, .failed = 1, .delivered = 1});
  CHECK(tables.mass_task(task.id)->pushed == 3);
  CHECK(tables.mass_task(task.id)->failed == 1);
  CHECK(tables.mass_task(task.id)->delivered == 1);
  CHECK(tables.mass_task(task.id)->clicked == 1);
  tables.erase_mass_chunk(task.id, 1);
  CHECK(tables.mass_tasks_open().size() == 1);
  CHECK(tables.prune_mass_tasks(wall_from_ms(10'000), 10) == 1);  // the other one runs
  CHECK_FALSE(tables.mass_task(task.id));
  rows.done();
  REQUIRE(rows.node.commit(tables.database(), transaction));
}

TEST_CASE("im tables: users of a push to all by pages", "[im][store][mass]") {
  MassRows rows(GENERATE(StoreKind::Sqlite, StoreKind::Postgres));
  Tables& tables = rows.tables;
  auto transaction = rows.begin();
  for (const char* const user : {"b", "B", "_", "d", "c", "gone"})
    tables.add_account({kMassApp, user}, wall_from_ms(1));
  tables.add_account({kOtherApp, "a"}, wall_from_ms(1));
  tables.remove_account({kMassApp, "gone"});
  CHECK(tables.users_between(kMassApp, {"", "", 10}) == Users{"B", "_", "b", "c", "d"});  // by bytes
  CHECK(tables.users_between(kMassApp, {"_", "", 2}) == Users{"b", "c"});
  CHECK(tables.users_between(kMassApp, {"_", "b", 10}) == Users{"b"});
  CHECK(tables.users_between(AppId{9}, {"", "", 10}).empty());

  for (const char* const user : {"d", "b", "c"}) tables.add_tag({kMassApp, user}, "vip");
  tables.add_tag({kMassApp, "b"}, "vip");
  tables.add_tag({kMassApp, "b"}, "VIP");
  tables.add_tag({kOtherApp, "a"}, "vip");
  CHECK(tables.users_tagged(kMassApp, "vip", {"", "", 2}) == Users{"b", "c"});
  CHECK(tables.users_tagged(kMassApp, "vip", {"b", "c", 9}) == Users{"c"});
  CHECK(tables.users_tagged(kMassApp, "vi", {"", "", 9}).empty());
  CHECK(tables.tags({kMassApp, "b"}) == Users{"VIP", "vip"});
  tables.erase_tag({kMassApp, "b"}, "VIP");
  CHECK(tables.tags({kMassApp, "b"}) == Users{"vip"});
  tables.erase_tags({kMassApp, "b"});
  CHECK(tables.tags({kMassApp, "b"}).empty());

  tables.set_attribute_names(kMassApp, {{0, "sex"}, {9, "city"}});
  tables.set_attribute_names(kMassApp, {{0, "sex"}, {3, "town"}});
  CHECK(tables.attribute_names(kMassApp) == std::map<std::int64_t, std::string>{{0, "sex"}, {3, "town"}});
  CHECK(tables.attribute_names(kOtherApp).empty());
  tables.set_attribute({kMassApp, "b"}, "sex", "f");
  tables.set_attribute({kMassApp, "b"}, "sex", "m");
  tables.set_attribute({kMassApp, "c"}, "sex", "m");
  CHECK(tables.users_with(kMassApp, "sex", "m", {"", "", 9}) == Users{"b", "c"});
  CHECK(tables.users_with(kMassApp, "sex", "m", {"b", "", 9}) == Users{"c"});
  CHECK(tables.users_with(kMassApp, "sex", "f", {"", "", 9}).empty());
  tables.erase_attribute({kMassApp, "b"}, "sex");
  CHECK(tables.attributes({kMassApp, "b"}).empty());
  tables.remove_marks({kMassApp, "c"});
  CHECK(tables.attributes({kMassApp, "c"}).empty());
  CHECK(tables.users_tagged(kMassApp, "vip", {"", "", 9}) == Users{"d"});
  rows.done();
  REQUIRE(rows.node.commit(tables.database(), transaction));
}

}  // namespace nightpost::im
