// The live view: bounded, in order, filtered, of the caller's apps alone.
#include "unit/admin/api_bed.h"

namespace nightpost::admin {
namespace {

const MonoTime kStart{std::chrono::hours(1)};

LiveRow a_row(const std::string& user, AppId app = kShop, const std::string& outcome = "accepted",
              const std::string& vendor = "apns") {
  return {.app = app,
          .vendor = vendor,
          .outcome = outcome,
          .rule = outcome,
          .user = user,
          .event = "e-" + user,
          .json = nlohmann::json{{"user_id", user}, {"app_id", app.value}}.dump()};
}

std::string users(const LiveTail::Page& page) {
  std::string all;
  for (const LiveRow& row : page.rows) all += row.user;
  return all;
}

TEST_CASE("live tail: numbered, in order, and who reads too slowly is told", "[admin][live]") {
  LiveTail tail(3, 100);
  const auto anybody = [](AppId) { return true; };
  const auto look = [&](std::optional<std::uint64_t> after, std::size_t limit = 10) {
    return tail.look(after, {}, anybody, limit, kStart);
  };
  CHECK(look(std::nullopt).next == 0);
  CHECK(look(0).rows.empty());
  for (const char* user : {"a", "b", "c"}) tail.add(a_row(user));
  CHECK(users(look(std::nullopt)) == "abc");
  CHECK(users(look(std::nullopt, 2)) == "bc");  // the latest, in order
  CHECK(users(look(0, 2)) == "ab");
  CHECK(look(0, 2).next == 2);
  CHECK(users(look(2)) == "c");
  CHECK(look(2).next == 3);
  CHECK(look(3).rows.empty());
  for (const char* user : {"d", "e", "f", "g"}) tail.add(a_row(user));
  const LiveTail::Page late = look(2);
  CHECK(users(late) == "efg");
  CHECK(late.missed == 2);  // c and d
  CHECK(late.next == 7);
  CHECK(look(4).missed == 0);
  CHECK(look(7).missed == 0);
  const LiveTail::Page other = look(1'000);  // of a process before this one
  CHECK(users(other) == "efg");
}

TEST_CASE("live tail: filters and apps", "[admin][live]") {
  LiveTail tail(10, 100);
  tail.add(a_row("a"));
  tail.add(a_row("b", kGame));
  tail.add(a_row("c", kShop, "dead"));
  tail.add(a_row("d", kShop, "accepted", "xiaomi"));
  struct Row {
    const char* name;
    LiveFilter filter;
    const char* want;
  };
  for (const Row& row : std::vector<Row>{{"all", {}, "abcd"},
                                         {"app", {.app = kGame}, "b"},
                                         {"vendor", {.vendor = "xiaomi"}, "d"},
                                         {"outcome", {.outcome = "dead"}, "c"},
                                         {"rule", {.rule = "dead"}, "c"},
                                         {"user", {.user = "a"}, "a"},
                                         {"a beginning is none", {.outcome = "acc"}, ""},
                                         {"event", {.event = "e-d"}, "d"},
                                         {"two", {.app = kShop, .vendor = "apns"}, "ac"}}) {
    CAPTURE(row.name);
    for (const auto after : {std::optional<std::uint64_t>(), std::optional<std::uint64_t>(0)})
      CHECK(users(tail.look(after, row.filter, [](AppId) { return true; }, 10, kStart)) == row.want);
  }
  const auto shop = [](AppId app) { return app == kShop; };
  CHECK(users(tail.look(0, {}, shop, 10, kStart)) == "acd");
  CHECK(tail.look(0, {.app = kGame}, shop, 10, kStart).rows.empty());
  CHECK(tail.look(0, {.app = kGame}, shop, 10, kStart).next == 4);  // what is not shown is not asked for again
}

TEST_CASE("live tail: a rate, and nothing is read while nobody watches", "[admin][live]") {
  LiveTail tail(10, 2);
  CHECK_FALSE(tail.is_watched(kStart));
  CHECK(tail.has_room(kStart));
  CHECK(tail.has_room(kStart));
  CHECK_FALSE(tail.has_room(kStart + milliseconds(999)));
  CHECK(tail.has_room(kStart + seconds(1)));
  tail.leave_out();
  tail.set_trouble("no broker");
  const LiveTail::Page page = tail.look(std::nullopt, {}, [](AppId) { return true; }, 10, kStart);
  CHECK(page.left_out == 2);
  CHECK(page.trouble == "no broker");
  CHECK(tail.is_watched(kStart));
  CHECK(tail.is_watched(kStart + kLiveIdle - milliseconds(1)));
  CHECK_FALSE(tail.is_watched(kStart + kLiveIdle));
}

TEST_CASE("live: the route shows what the caller may see", "[admin][live]") {
  ApiBed bed;
  const std::string viewer = bed.token(Role::Viewer, {kShop});
  const Heard first = bed.call("GET", "/v1/live", viewer);
  REQUIRE(first.status == 200);
  CHECK(first.body["items"].empty());
  CHECK(bed.live.is_watched(bed.clock.mono()));
  bed.live.add(a_row("vinson"));
  bed.live.add(a_row("other", kGame));
  bed.live.add({.app = kShop, .outcome = "accepted", .json = "no object"});
  const Heard next = bed.call("GET", "/v1/live?after=" + first.body["next"].dump(), viewer);
  REQUIRE(next.body["items"].size() == 1);
  CHECK(next.body["items"][0] == nlohmann::json{{"user_id", "vinson"}, {"app_id", kShop.value}, {"number", 1}});
  CHECK(next.body["next"] == 3);
  CHECK(next.body["missed"] == 0);
  CHECK(next.body["trouble"] == "");
  CHECK(bed.call("GET", "/v1/live?app=1400000002", viewer).code() == "wrong_app");
  for (const char* bad : {"after=-1", "after=x", "limit=0", "limit=1001", "vendor=nokia", "since=1"})
    CHECK(bed.call("GET", std::string("/v1/live?") + bad, viewer).status == 400);
  CHECK(bed.call("GET", "/v1/live", "").status == 401);
}

TEST_CASE("live view: a page that is left open keeps no session", "[admin][live]") {
  ApiBed bed;
  const ApiBed::Session session = bed.log_in(bed.token(Role::Viewer));
  const milliseconds half = bed.options.access.session_idle / 2;
  const auto ask = [&](const char* target) {
    bed.clock.passed += half;
    return bed.by_session("GET", target, session).status;
  };
  for (int i = 0; i < 4; ++i) REQUIRE(ask("/v1/live?outcome=dead") == 200);  // a person asks for it
  CHECK(ask("/v1/live?after=0") == 200);
  CHECK(ask("/v1/live?after=0") == 401);
}

}  // namespace
}  // namespace nightpost::admin
