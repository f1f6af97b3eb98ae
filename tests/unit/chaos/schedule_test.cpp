#include "chaos/schedule.h"

#include <catch2/catch.hpp>
#include <set>

namespace nightpost::chaos {
namespace {

using namespace std::chrono_literals;

bool same(const std::vector<Act>& a, const std::vector<Act>& b) {
  return std::ranges::equal(a, b, [](const Act& x, const Act& y) {
    return x.blow == y.blow && x.vendor == y.vendor && x.at == y.at && x.lasts == y.lasts;
  });
}

TEST_CASE("schedule: within its part, one after the other, each kind before any comes twice", "[chaos]") {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    CAPTURE(seed);
    for (const seconds part : {0s, 5s, 60s, 600s})
      for (const auto& acts :
           {line_acts(seed, part), fleet_acts(seed, part), line_acts(seed, part, true), fleet_acts(seed, part, true)}) {
        milliseconds free{0};
        for (const Act& act : acts) {
          REQUIRE(act.at >= free);
          free = act.at + act.lasts;
          REQUIRE(free <= part);
          REQUIRE(act.vendor.has_value() == on_one_vendor(act.blow));
          if (act.vendor) REQUIRE(*act.vendor < kVendors);
          if (act.blow == Blow::Goaways) REQUIRE(*act.vendor < 2);
        }
      }
    REQUIRE(left_out(line_acts(seed, 120s), fleet_acts(seed, 120s)).empty());
    const auto brief = fleet_acts(seed, short_form().workers, true);
    REQUIRE(brief.at(0).blow == Blow::Kill);
    REQUIRE(brief.at(1).blow == Blow::Rebalance);
    REQUIRE(brief.size() > 3);
    REQUIRE(line_acts(seed, short_form().lines, true).size() > 5);
    REQUIRE(line_acts(seed, 0s).empty());
  }
}

TEST_CASE("schedule: a seed is a schedule, another seed another", "[chaos]") {
  CHECK(same(line_acts(7, 300s), line_acts(7, 300s)));
  CHECK(same(fleet_acts(7, 300s), fleet_acts(7, 300s)));
  CHECK_FALSE(same(line_acts(7, 300s), line_acts(8, 300s)));
  CHECK_FALSE(same(fleet_acts(7, 300s), fleet_acts(8, 300s)));
}

TEST_CASE("schedule: with time enough kills are the most", "[chaos]") {
  const auto acts = fleet_acts(1, 3600s);
  CHECK(std::ranges::count(acts, Blow::Kill, &Act::blow) * 3 > std::ssize(acts));
}

TEST_CASE("schedule: nothing but kills, rebalances and broker restarts, as many as asked for", "[chaos]") {
  struct Row {
    std::size_t kills;
    std::ptrdiff_t rebalances, restarts;
  };
  for (const Row& row : {Row{1, 1, 1}, Row{50, 10, 1}, Row{1000, 200, 20}}) {
    CAPTURE(row.kills);
    const auto acts = kill_acts(3, row.kills);
    CHECK(std::ranges::count(acts, Blow::Kill, &Act::blow) == std::ptrdiff_t(row.kills));
    CHECK(std::ranges::count(acts, Blow::Rebalance, &Act::blow) == row.rebalances);
    CHECK(std::ranges::count(acts, Blow::BrokerRestart, &Act::blow) == row.restarts);
    CHECK(std::ssize(acts) == std::ptrdiff_t(row.kills) + row.rebalances + row.restarts);
    milliseconds free{0};
    for (const Act& act : acts) {
      CHECK(act.at >= free);
      free = act.at + act.lasts + 500ms;
    }
    const Form form = kill_form(row.kills, 3);
    CHECK(form.workers >= acts.back().at);
    CHECK(form.kills == row.kills);
  }
  CHECK(same(kill_acts(3, 50), kill_acts(3, 50)));
  CHECK_FALSE(same(kill_acts(3, 50), kill_acts(4, 50)));
}

TEST_CASE("schedule: what a part has no time for is named", "[chaos]") {
  const auto missing = left_out({}, {});
  CHECK(missing.size() == std::size_t(Blow::Count));
  std::set<std::string_view> names;
  for (const Blow blow : missing) names.insert(name_of(blow));
  CHECK(names.size() == missing.size());
  CHECK(left_out({{.blow = Blow::Resets}}, {{.blow = Blow::Kill}}).size() == missing.size() - 2);
}

TEST_CASE("schedule: the parts of a form make up its time", "[chaos]") {
  for (const seconds whole : {1s, 180s, 600s, 3600s, 86'400s}) {
    CAPTURE(whole.count());
    const Form form = form_of(whole);
    CHECK(form.warm_up + form.calm + 3 * form.trouble + form.recovery + form.lines + form.workers ==
          std::max(whole, 180s));
    CHECK(form.trouble >= 5s);
    CHECK(form.recovery >= form.trouble);
    CHECK_FALSE(form.brief);
  }
  const Form soak = soak_form(3600s);
  CHECK(soak.warm_up + soak.calm + 3 * soak.trouble + soak.recovery + soak.lines + soak.workers == 3600s);
  const Form brief = short_form();
  CHECK(brief.warm_up + brief.calm + 3 * brief.trouble + brief.recovery + brief.lines + brief.workers <= 90s);
}

}  // namespace
}  // namespace nightpost::chaos
