// The one order of what nodes commit: what is told when, and what is given up.
#include "im/service/commit_order.h"

#include <catch2/catch.hpp>
#include <string>

namespace nightpost::im {
namespace {

constexpr milliseconds kWait{100};

struct Ordered {
  /// "1 2", "late 1" for one whose deliveries went; "gap" where something was given up before.
  std::string due(bool hears = true, std::int64_t own = 0) {
    std::string out;
    for (;;) {
      const std::uint64_t missed = order.missed();
      const std::vector<Done> all = order.due(now, hears, own);
      if (order.missed() != missed) out += out.empty() ? "gap" : " gap";
      if (all.empty()) return out;
      for (const Done& done : all)
        out += (out.empty() ? "" : " ") + std::string(done.told.deliveries.empty() ? "late " : "") +
               std::to_string(done.told.number);
    }
  }
  static Done done_of(std::int64_t number, bool of_peer) {
    Done done{.of_peer = of_peer};
    done.told.number = number;
    done.told.deliveries.push_back({.item = ChatChanged{"denny"}});
    return done;
  }
  void own(std::int64_t number) { order.take_own(done_of(number, false), now); }
  void other(std::int64_t number) { order.take(done_of(number, true), now); }
  void looked(std::int64_t last, milliseconds ago = milliseconds(0)) { order.looked(last, now - ago, now); }

  MonoTime now{std::chrono::hours(1)};
  CommitOrder order{10, {.wait = kWait}};
};

TEST_CASE("im order: what follows at once is told at once", "[im][service][nodes]") {
  Ordered a;
  a.own(11);
  CHECK(a.due() == "11");
  a.other(12);
  a.own(13);
  CHECK(a.due() == "12 13");
  CHECK(a.order.told() == 13);
  CHECK(a.order.complete());
  CHECK_FALSE(a.order.next());
}

TEST_CASE("im order: nothing overtakes: what came before is waited for", "[im][service][nodes]") {
  Ordered a;
  a.own(13);
  a.other(12);
  CHECK(a.due().empty());
  REQUIRE(a.order.next());
  CHECK(*a.order.next() == a.now + kWait);
  CHECK(a.order.held() == 2);
  CHECK(a.order.waiting_since() == a.now);
  a.now += milliseconds(99);
  CHECK(a.due().empty());
  a.other(11);
  CHECK(a.due() == "11 12 13");
  CHECK(a.order.missed() == 0);
  CHECK(a.order.held() == 0);
  CHECK_FALSE(a.order.waiting_since());
}

TEST_CASE("im order: what does not come in time is given up, and the rest goes on behind the gap",
          "[im][service][nodes]") {
  Ordered a;
  a.other(12);
  a.own(14);
  a.now += kWait;
  CHECK(a.due() == "gap 12 gap 14");
  CHECK(a.order.missed() == 2);
  // Late, it says what does no harm late.
  a.other(13);
  CHECK(a.due() == "late 13");
  a.other(13);
  a.other(12);
  CHECK(a.due() == "late 13 late 12");
  CHECK(a.order.told() == 14);
}

TEST_CASE("im order: each waits for itself, from when it came", "[im][service][nodes]") {
  Ordered a;
  a.own(12);
  a.now += milliseconds(60);
  a.own(15);
  a.now += milliseconds(40);
  CHECK(a.due() == "gap 12");
  a.now += milliseconds(59);
  CHECK(a.due().empty());
  a.now += milliseconds(1);
  CHECK(a.due() == "gap 15");
}

TEST_CASE("im order: while nothing is heard nothing is waited for", "[im][service][nodes]") {
  Ordered a;
  a.own(11);
  a.own(14);
  CHECK(a.due(false) == "11 gap 14");
  CHECK(a.order.missed() == 2);
}

TEST_CASE("im order: the own writer's commit is waited for, however long", "[im][service][nodes]") {
  Ordered a;
  a.other(12);
  a.looked(12);
  a.now += milliseconds(10'000);
  CHECK(a.due(false, 11).empty());
  CHECK(a.order.missed() == 0);
  a.own(11);
  CHECK(a.due(false) == "11 12");
  a.other(15);
  a.looked(15);
  CHECK(a.due(false, 14) == "gap");  // 13 alone
  a.own(14);
  CHECK(a.due(false) == "14 15");
}

TEST_CASE("im order: another's word alone gives nothing up: a look does", "[im][service][nodes]") {
  Ordered a;
  a.other(12);
  a.now += kWait;
  CHECK(a.due().empty());
  CHECK(a.order.wants_look());
  CHECK_FALSE(a.order.next());
  a.looked(12);
  CHECK_FALSE(a.order.wants_look());
  CHECK(a.due() == "gap 12");
}

TEST_CASE("im order: a number that the store does not have is nobody's", "[im][service][nodes]") {
  Ordered a;
  a.other(std::int64_t{1} << 62U);
  a.other(13);
  a.now += kWait;
  CHECK(a.due().empty());
  CHECK(a.order.wants_look());
  a.looked(11, milliseconds(200));  // asked before those came: they may be since
  CHECK(a.due() == "gap");
  CHECK(a.order.wants_look());
  a.looked(11, milliseconds(1));
  CHECK(a.due().empty());
  CHECK_FALSE(a.order.wants_look());
  CHECK(a.order.complete());
  a.own(12);
  a.own(13);
  CHECK(a.due() == "12 13");
}

TEST_CASE("im order: a look finds what nobody told last", "[im][service][nodes]") {
  Ordered a;
  a.own(11);
  CHECK(a.due() == "11");
  a.looked(11);
  CHECK(a.due().empty());
  a.looked(13);
  CHECK(a.due().empty());
  CHECK_FALSE(a.order.complete());
  a.other(12);
  CHECK(a.due() == "12");
  a.now += kWait;
  CHECK(a.due() == "gap");
  CHECK(a.order.told() == 13);
  CHECK(a.order.complete());
}

TEST_CASE("im order: the same twice, and what is below all, is told as late", "[im][service][nodes]") {
  Ordered a;
  a.other(12);
  a.other(12);
  a.other(-5);
  a.other(0);
  a.other(11);
  CHECK(a.due() == "late -5 late 0 11 12");
  CHECK(a.order.complete());
}

TEST_CASE("im order: this node's own commit is told whatever another said under its number", "[im][service][nodes]") {
  Ordered a;
  SECTION("and it waits") {
    a.other(12);
    a.own(12);
    a.other(12);
    a.other(11);
    const std::vector<Done> due = a.order.due(a.now, true, 0);
    REQUIRE(due.size() == 2);
    CHECK(due[0].of_peer);
    CHECK_FALSE(due[1].of_peer);
    CHECK(a.due().empty());
    CHECK(a.order.complete());
  }
  SECTION("and it was told: the server forgot it since") {
    for (const std::int64_t number : {11, 12, 13}) a.other(number);
    CHECK(a.due() == "11 12 13");
    a.own(12);
    CHECK(a.due() == "12");
    a.own(13);
    a.own(14);
    CHECK(a.due() == "13 14");
  }
}

TEST_CASE("im order: whom it concerns is read before something is given up", "[im][service][nodes]") {
  Ordered a;
  CommitOrder order(10, {.wait = kWait, .asks_log = true});
  const auto due = [&](bool hears = true) {
    std::string out;
    for (const Done& done : order.due(a.now, hears, 0)) out += std::to_string(done.told.number) + " ";
    if (const auto log = order.wants_log())
      out += "log " + std::to_string(log->first) + "-" + std::to_string(log->last) + " ";
    for (const auto& [first, last] : order.take_missed())
      out += "missed " + std::to_string(first) + "-" + std::to_string(last) + " ";
    return out;
  };
  order.take_own(Ordered::done_of(13, false), a.now);
  CHECK(due().empty());
  a.now += kWait;
  CHECK(due() == "log 11-12 ");
  CHECK_FALSE(order.next());
  CHECK(order.told() == 10);
  CHECK(order.missed() == 0);
  SECTION("it is read") {
    order.log_read(12);
    CHECK(due() == "13 missed 11-12 ");
    CHECK(order.missed() == 2);
    order.take_own(Ordered::done_of(15, false), a.now);
    CHECK(due(false) == "log 14-14 ");  // each time anew
  }
  SECTION("meanwhile it comes after all") {
    order.take(Ordered::done_of(12, true), a.now);
    order.take(Ordered::done_of(11, true), a.now);
    CHECK(due() == "11 12 13 ");
    order.log_read(12);
    CHECK(due().empty());
    CHECK(order.missed() == 0);
  }
  SECTION("meanwhile a part of it comes") {
    order.take(Ordered::done_of(11, true), a.now);
    CHECK(due() == "11 ");
    CHECK(due() == "log 12-12 ");
    order.log_read(12);
    CHECK(due() == "13 missed 12-12 ");
  }
  SECTION("meanwhile more is known: what is read is given up, and the rest read") {
    order.take_own(Ordered::done_of(20, false), a.now);
    order.looked(19, a.now, a.now);
    order.log_read(11);
    CHECK(due(false) == "log 12-12 missed 11-11 ");
    order.log_read(12);
    CHECK(due(false) == "13 missed 12-12 ");
    CHECK(due(false) == "log 14-19 ");
  }
}

TEST_CASE("im order: from a store that forgot, all is counted anew", "[im][service][nodes]") {
  Ordered a;
  for (const std::int64_t number : {11, 12, 13}) a.other(number);
  CHECK(a.due() == "11 12 13");
  a.other(15);
  a.order.restart(12);
  CHECK(a.order.told() == 11);
  CHECK(a.order.complete());
  a.own(12);
  a.other(13);
  CHECK(a.due() == "12 13");  // 13 is another one
  CHECK(a.order.missed() == 0);
}

TEST_CASE("im order: this node's commits that wait while the store forgets others' are told", "[im][service][nodes]") {
  Ordered a;
  a.own(12);
  a.other(13);
  a.own(14);
  CHECK(a.due().empty());  // 11 is missing
  a.order.restart(15);
  CHECK(a.order.held() == 0);
  a.own(15);
  CHECK(a.due() == "12 14 15");  // before what was committed since
  CHECK(a.order.complete());
  CHECK(a.order.missed() == 0);
}

TEST_CASE("im order: others' that wait have a bound; this node's have none", "[im][service][nodes]") {
  Ordered a;
  const std::size_t each = bytes_held_by(Ordered::done_of(12, true).told);
  CommitOrder order(10, {.wait = kWait, .held_bytes_max = 3 * each});
  const auto other = [&](std::int64_t number) { order.take(Ordered::done_of(number, true), a.now); };
  for (const std::int64_t number : {12, 13, 14, 15, 16}) other(number);
  CHECK(order.held() == 3);
  CHECK(order.held_bytes() == 3 * each);
  CHECK(order.no_room() == 2);
  other(12);  // again
  CHECK(order.no_room() == 2);
  for (const std::int64_t number : {20, 21, 22}) order.take_own(Ordered::done_of(number, false), a.now);
  CHECK(order.held() == 6);
  CHECK(order.held_bytes() == 3 * each);
  other(11);  // what all wait for has room
  CHECK(order.due(a.now, true, 0).size() == 4);
  CHECK(order.held_bytes() == 0);
  other(15);
  order.take_own(Ordered::done_of(15, false), a.now);  // the store's word
  CHECK(order.held_bytes() == 0);
  other(30);
  order.looked(22, a.now + milliseconds(1), a.now);  // nobody's
  CHECK(order.held_bytes() == 0);
  other(31);
  order.restart(12);
  CHECK(order.held_bytes() == 0);
}

TEST_CASE("im order: what a commit holds counts a message once, with all its texts", "[im][service][nodes]") {
  Committed commit;
  const std::size_t none = bytes_held_by(commit);
  const auto message = std::make_shared<const Message>(Message{.elements = std::string(5'000, 'x')});
  for (int i = 0; i < 100; ++i) commit.deliveries.push_back({.item = NewMessage{.message = message}});
  const std::size_t many = bytes_held_by(commit);
  CHECK(many > none + 5'000);
  CHECK(many < none + 5'000 + 100 * 1'000);
  commit.deliveries.push_back(
      {.item = NewMessage{.message = std::make_shared<const Message>(Message{.cloud_data = std::string(7'000, 'x')})}});
  CHECK(bytes_held_by(commit) > many + 7'000);
}

}  // namespace
}  // namespace nightpost::im
