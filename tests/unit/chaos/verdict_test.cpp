#include "chaos/verdict.h"

#include <catch2/catch.hpp>
#include <functional>

#include "chaos/arrivals.h"

namespace nightpost::chaos {
namespace {

/// All held.
Figures good() {
  Figures figures;
  figures.account = {.events = 100, .units = 120, .requests = 130, .accepted = 115, .dead = 5, .ordered = 90};
  figures.account.dead_rules = {{"delivery_unknown", 5}};
  figures.calm = {.name = "calm", .p50_ms = 4, .p99_ms = 40, .units = 50};
  figures.troubles = {{.name = "huawei hang", .p50_ms = 5, .p99_ms = 48, .units = 50}};
  figures.recovered = {{.vendor = "huawei",
                        .trouble = "hang",
                        .calm_per_s = 100,
                        .peak_per_s = 390,
                        .offered_per_s = 50,
                        .taken_at_the_end_per_s = 48}};
  figures.workers = {{.name = "a", .calm_kb = 100'000, .trouble_kb = 119'000}};
  figures.grown = {{.name = "a", .early_kb = 100'000, .late_kb = 110'000, .early_files = 40, .late_files = 56}};
  return figures;
}

const Verdict& of(const std::vector<Verdict>& verdicts, std::string_view promise) {
  for (const Verdict& verdict : verdicts)
    if (verdict.promise == promise) return verdict;
  throw std::runtime_error("no such promise");
}

TEST_CASE("verdict: each promise fails by its own figures alone", "[chaos]") {
  struct Row {
    const char* name;
    std::function<void(Figures&)> change;
    std::string_view fails;  // empty: none
  };
  const Row row = GENERATE(values<Row>({
      {"all well", [](Figures&) {}, ""},
      {"one lost", [](Figures& f) { f.account.lost = 1; }, "nothing lost"},
      {"nothing sent", [](Figures& f) { f.account.units = 0; }, "nothing lost"},
      {"a letter is missing", [](Figures& f) { f.account.dead_without_letter = 1; }, "nothing lost"},
      {"told accepted, taken by nobody", [](Figures& f) { f.account.told_never_seen = 1; }, "nothing lost"},
      {"not committed", [](Figures& f) { f.uncommitted = 1; }, "nothing lost"},
      {"waiting in a tier is not lost", [](Figures& f) { f.account.waiting = 7; }, ""},
      {"given up", [](Figures& f) { f.account.dead = 6, f.account.dead_rules["retries_exhausted"] = 1; },
       "not given up"},
      {"overtaken", [](Figures& f) { f.account.overtaken = 1; }, "order"},
      {"in the air together", [](Figures& f) { f.account.together = f.account.overtaken_ms = 9; }, ""},
      {"requests nobody saw", [](Figures& f) { f.account.unseen = 1; }, "order"},
      {"repeated for no reason", [](Figures& f) { f.account.twice_unexplained = 1; }, "duplicates"},
      {"repeats with a reason", [](Figures& f) { f.account.twice_takeover = f.account.twice_unheard = 9; }, ""},
      {"a fifth later", [](Figures& f) { f.troubles[0].p99_ms = 49; }, "isolation"},
      {"over a second, though calm was too", [](Figures& f) { f.calm.p99_ms = f.troubles[0].p99_ms = 1'001; },
       "isolation"},
      {"nobody answered in trouble", [](Figures& f) { f.troubles[0].units = 0; }, "isolation"},
      {"the second trouble", [](Figures& f) { f.troubles.push_back({.name = "503", .p99_ms = 500, .units = 1}); },
       "isolation"},
      {"grown", [](Figures& f) { f.workers[0].trouble_kb = 121'000; }, "memory"},
      {"grown in a soak", [](Figures& f) { f.grown[0].late_kb = 110'001; }, "growth"},
      {"files left open", [](Figures& f) { f.grown[0].late_files = 57; }, "growth"},
      {"a soak that saw no worker", [](Figures& f) { f.grown[0] = {.name = "a"}; }, "growth"},
      {"a herd", [](Figures& f) { f.recovered[0].peak_per_s = 401; }, "recovery"},
      {"not back", [](Figures& f) { f.recovered[0].taken_at_the_end_per_s = 44; }, "recovery"},
      {"never met when calm", [](Figures& f) { f.recovered[0].calm_per_s = f.recovered[0].peak_per_s = 0; },
       "recovery"},
      {"ended by itself", [](Figures& f) { f.unexpected_ends = {"a: exit 139"}; }, "workers"},
      {"an exception", [](Figures& f) { f.internal_errors = 1; }, "workers"},
      {"a fault that could not be played", [](Figures& f) { f.faults_not_played = {"store full"}; }, ""},
  }));
  CAPTURE(row.name);
  Figures figures = good();
  row.change(figures);
  const auto verdicts = judge(figures, {});
  for (const Verdict& verdict : verdicts) {
    CAPTURE(verdict.promise, verdict.text);
    CHECK((verdict.result == Result::Failed) == (verdict.promise == row.fails));
  }
  CHECK(held(verdicts) == row.fails.empty());
}

TEST_CASE("verdict: what was not measured is not judged", "[chaos]") {
  Figures figures = good();
  figures.troubles.clear();
  figures.workers[0].calm_kb = 0;
  figures.recovered.clear();
  figures.account.ordered = 0;
  figures.grown.clear();
  const auto verdicts = judge(figures, {});
  for (const char* promise : {"isolation", "memory", "growth", "recovery", "order"}) {
    CAPTURE(promise);
    CHECK(of(verdicts, promise).result == Result::NotJudged);
  }
}

TEST_CASE("verdict: a short run has air around the clock, and says so", "[chaos]") {
  const Limits limits{.others_slack_ms = 400, .memory_slack_kb = 32'768};
  Figures figures = good();
  figures.troubles[0].p99_ms = 440;
  figures.workers[0].trouble_kb = 132'000;
  CHECK(held(judge(figures, limits)));
  CHECK(of(judge(figures, limits), "isolation").text.find("or 400 ms more") != std::string::npos);
  figures.troubles[0].p99_ms = 441;
  figures.workers[0].trouble_kb = 133'000;
  CHECK(of(judge(figures, limits), "isolation").result == Result::Failed);
  CHECK(of(judge(figures, limits), "memory").result == Result::Failed);
}

TEST_CASE("verdict: repeats are told for each change of hands", "[chaos]") {
  Figures figures = good();
  figures.account.twice_takeover = 9;
  const auto text = [&] { return of(judge(figures, Limits{}), "duplicates").text; };
  CHECK(text().find("0 broker restarts: 9.0 each)") != std::string::npos);  // none, that is known of
  figures.kills = 2;
  figures.rebalances = 1;
  CHECK(text().find("9 sent again as the work changed hands (2 kills") == 0);
  CHECK(text().find(": 3.0 each)") != std::string::npos);
}

TEST_CASE("verdict: as text and as JSON", "[chaos]") {
  Figures figures = good();
  figures.troubles[0].p99_ms = 192'000;
  const auto verdicts = judge(figures, {});
  const std::string text = as_text(verdicts);
  CHECK(text.find("isolation      FAILED  others' p99 192.0 s huawei hang; calm 40 ms (limit: 1000 ms and 1.2x)") !=
        std::string::npos);
  CHECK(text.find("nothing lost   ok ") == 0);
  CHECK(text.find("all            FAILED  1 of 10") != std::string::npos);
  const auto json = as_json(verdicts);
  CHECK(json.size() == verdicts.size());
  CHECK(json[0].at("result") == "held");
  CHECK(json[4].at("promise") == "isolation");
  CHECK(json[4].at("result") == "failed");
}

TEST_CASE("arrivals: whole seconds of the span only", "[chaos]") {
  Arrivals arrivals;
  for (int i = 0; i < 10; ++i) arrivals.add(3, 1'000 + i);
  for (int i = 0; i < 4; ++i) arrivals.add(3, 2'999, 2);
  arrivals.add(4, 2'000, 100);
  struct Row {
    std::int64_t from, to;
    std::uint64_t busiest;
    double per_second;
  };
  const Row row = GENERATE(values<Row>({{0, 4'000, 10, 4.5},
                                        {1'000, 3'000, 10, 9},
                                        {1'001, 3'000, 8, 8},
                                        {1'000, 2'999, 10, 10},
                                        {1'001, 2'999, 0, 0},
                                        {3'000, 9'000, 0, 0},
                                        {5'000, 5'000, 0, 0}}));
  CAPTURE(row.from, row.to);
  CHECK(arrivals.busiest(3, row.from, row.to) == row.busiest);
  CHECK(arrivals.per_second(3, row.from, row.to) == row.per_second);
}

}  // namespace
}  // namespace nightpost::chaos
