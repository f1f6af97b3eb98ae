#include "chaos/verdict.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/vendor.h"

namespace nightpost::chaos {
namespace {

Result held_if(bool good) { return good ? Result::Held : Result::Failed; }

std::string examples(std::span<const EventNumber> events) {
  if (events.empty()) return "";
  std::string text = " (";
  for (const EventNumber event : events) text += (text.size() > 2 ? ", " : "") + mark_of(event);
  return text + (events.size() < 5 ? ")" : ", …)");
}

std::string shown_ms(std::int64_t ms) {
  return ms < 10'000 ? fmt::format("{} ms", ms) : fmt::format("{:.1f} s", double(ms) / 1000);
}

Verdict nothing_lost(const Figures& figures) {
  const Ledger::Account& a = figures.account;
  std::string text = fmt::format(
      "{} lost of {} pushes ({} events): {} accepted, {} dead letters, {} expired, {} otherwise ended, {} still wait "
      "in delay topics",
      a.lost, a.units, a.events, a.accepted, a.dead, a.expired, a.other, a.waiting);
  text += examples(a.lost_events);
  if (a.dead_without_letter > 0) text += fmt::format("; {} called dead without a letter", a.dead_without_letter);
  if (a.unseen == 0 && a.told_never_seen > 0)
    text += fmt::format("; {} called accepted that no vendor took", a.told_never_seen);
  if (figures.uncommitted > 0) text += fmt::format("; {} records not committed", figures.uncommitted);
  const bool good = a.units > 0 && a.lost == 0 && a.dead_without_letter == 0 && figures.uncommitted == 0 &&
                    (a.unseen > 0 || a.told_never_seen == 0);
  return {"nothing lost", held_if(good), text};
}

/// A push whose two sends went unanswered may have arrived: that is not for a delay topic.
Verdict kept(const Figures& figures) {
  const Ledger::Account& a = figures.account;
  std::uint64_t given_up = a.dead;
  std::string rules;
  for (const auto& [rule, count] : a.dead_rules) {
    if (rule == "delivery_unknown") given_up -= count;
    rules += fmt::format("{}{} {}", rules.empty() ? ": " : ", ", count, rule);
  }
  return {"not given up", held_if(given_up == 0),
          fmt::format("{} dead letters{}; {} pushes were put off (limit: 0 but delivery_unknown, for no trouble lasted "
                      "longer than a push is worth)",
                      a.dead, rules, a.deferred)};
}

Verdict order(const Figures& figures) {
  const Ledger::Account& a = figures.account;
  if (a.ordered == 0) return {"order", Result::NotJudged, "no push was sent once and answered well"};
  std::string by_vendor;
  for (const auto& [vendor, count] : a.overtaken_at)
    by_vendor += fmt::format(", {} {}", name_of(static_cast<Vendor>(vendor)), count);
  return {
      "order", held_if(a.overtaken == 0 && a.unseen == 0),
      fmt::format(
          "{} of {} pushes that were not retried met their vendor over {} before an earlier one of their "
          "conversation{}, {} by less (in the air together), {} as the work changed hands between the two; at most "
          "{}{}{} (limit: 0 over {})",
          a.overtaken, a.ordered, shown_ms(Ledger::kTogetherMs), examples(a.overtaken_events), a.together, a.taken_over,
          shown_ms(a.overtaken_ms), by_vendor,
          a.unseen == 0 ? "" : fmt::format("; {} requests were not seen", a.unseen), shown_ms(Ledger::kTogetherMs))};
}

Verdict duplicates(const Figures& figures) {
  const Ledger::Account& a = figures.account;
  const auto changes =
      static_cast<double>(figures.kills + figures.freezes + figures.rebalances + figures.broker_restarts);
  return {
      "duplicates", held_if(a.twice_unexplained == 0),
      fmt::format("{} sent again as the work changed hands ({} kills, {} freezes, {} rebalances, {} broker restarts: "
                  "{:.1f} each), "
                  "{} unheard by us, {} for no reason{}; {} outcomes repeated (limit: 0 for no reason)",
                  a.twice_takeover, figures.kills, figures.freezes, figures.rebalances, figures.broker_restarts,
                  static_cast<double>(a.twice_takeover) / std::max(changes, 1.0), a.twice_unheard, a.twice_unexplained,
                  examples(a.unexplained_events), a.finals_repeated)};
}

Verdict isolation(const Figures& figures, const Limits& limits) {
  if (figures.calm.units == 0 || figures.troubles.empty())
    return {"isolation", Result::NotJudged, "nothing was measured"};
  const std::int64_t may = std::max(std::int64_t(limits.others_ratio * double(figures.calm.p99_ms)),
                                    figures.calm.p99_ms + limits.others_slack_ms);
  bool good = true;
  std::string text = "others' p99";
  for (const Trouble& trouble : figures.troubles) {
    good = good && trouble.units > 0 && trouble.p99_ms <= limits.others_p99_ms && trouble.p99_ms <= may;
    text +=
        fmt::format("{} {} {}", &trouble == figures.troubles.data() ? "" : ",", shown_ms(trouble.p99_ms), trouble.name);
  }
  return {
      "isolation", held_if(good),
      fmt::format("{}; calm {} (limit: {} and {})", text, shown_ms(figures.calm.p99_ms), shown_ms(limits.others_p99_ms),
                  limits.others_slack_ms == 0
                      ? fmt::format("{:.1f}x", limits.others_ratio)
                      : fmt::format("{:.1f}x or {} more", limits.others_ratio, shown_ms(limits.others_slack_ms)))};
}

Verdict memory(const Figures& figures, const Limits& limits) {
  bool good = true, any = false;
  std::string text;
  for (const Worker& worker : figures.workers) {
    if (worker.calm_kb == 0 || worker.trouble_kb == 0) continue;
    any = true;
    good = good && double(worker.trouble_kb) <= std::max(limits.memory_ratio * double(worker.calm_kb),
                                                         double(worker.calm_kb + limits.memory_slack_kb));
    text += fmt::format("{}{} {} MB, calm {} MB", text.empty() ? "" : "; ", worker.name, worker.trouble_kb / 1024,
                        worker.calm_kb / 1024);
  }
  if (!any) return {"memory", Result::NotJudged, "no worker lived through the trouble"};
  return {"memory", held_if(good),
          fmt::format("{} (limit: {:.1f}x{})", text, limits.memory_ratio,
                      limits.memory_slack_kb == 0 ? "" : fmt::format(" or {} MB more", limits.memory_slack_kb / 1024))};
}

Verdict growth(const Figures& figures, const Limits& limits) {
  if (figures.grown.empty()) return {"growth", Result::NotJudged, "no soak"};
  bool good = true;
  std::string text;
  for (const Growth& worker : figures.grown) {
    good = good && worker.early_kb > 0 && double(worker.late_kb) <= limits.growth_ratio * double(worker.early_kb) &&
           worker.late_files <= worker.early_files + limits.files_slack;
    text +=
        fmt::format("{}{} {} MB and {} files in the last quarter, {} MB and {} in the second", text.empty() ? "" : "; ",
                    worker.name, worker.late_kb / 1024, worker.late_files, worker.early_kb / 1024, worker.early_files);
  }
  return {"growth", held_if(good),
          fmt::format("{} (limit: {:.1f}x, {} files more)", text, limits.growth_ratio, limits.files_slack)};
}

Verdict recovery(const Figures& figures, const Limits& limits) {
  if (figures.recovered.empty()) return {"recovery", Result::NotJudged, "no vendor was in trouble"};
  bool good = true;
  std::string text;
  for (const Recovered& one : figures.recovered) {
    const bool herd = one.peak_per_s > limits.herd_ratio * one.calm_per_s;
    const bool away = one.taken_at_the_end_per_s < limits.back_share * one.offered_per_s;
    good = good && !herd && !away && one.calm_per_s > 0;
    text +=
        fmt::format("{}{} ({}): busiest second {:.0f} requests, calm {:.0f}{}; at the end {:.0f}/s of {:.0f}/s{}",
                    text.empty() ? "" : "; ", one.vendor, one.trouble, one.peak_per_s, one.calm_per_s,
                    herd ? ", a herd" : "", one.taken_at_the_end_per_s, one.offered_per_s, away ? ", not back" : "");
  }
  return {"recovery", held_if(good),
          fmt::format("{} (limit: {:.0f}x, {:.0f} %)", text, limits.herd_ratio, 100 * limits.back_share)};
}

Verdict workers(const Figures& figures) {
  std::string text = fmt::format("{} ended by themselves, {} internal errors", figures.unexpected_ends.size(),
                                 figures.internal_errors);
  for (const std::string& end : figures.unexpected_ends) text += "; " + end;
  return {"workers", held_if(figures.unexpected_ends.empty() && figures.internal_errors == 0), text};
}

Verdict faults(const Figures& figures) {
  std::string text = fmt::format(
      "{} kills, {} freezes, {} rebalances, {} broker restarts, {} on lines, {} refusals by "
      "Kafka, {} of the store",
      figures.kills, figures.freezes, figures.rebalances, figures.broker_restarts, figures.line_faults,
      figures.kafka_refusals, figures.store_faults);
  for (const std::string& fault : figures.faults_not_played) text += "; not played: " + fault;
  return {"faults played", figures.faults_not_played.empty() ? Result::Held : Result::NotJudged, text};
}

std::string_view word(Result result) {
  switch (result) {
    case Result::Held:
      return "ok";
    case Result::Failed:
      return "FAILED";
    case Result::NotJudged:
      break;
  }
  return "-";
}

}  // namespace

std::vector<Verdict> judge(const Figures& figures, const Limits& limits) {
  return {nothing_lost(figures),      kept(figures),           order(figures),          duplicates(figures),
          isolation(figures, limits), memory(figures, limits), growth(figures, limits), recovery(figures, limits),
          workers(figures),           faults(figures)};
}

bool held(std::span<const Verdict> verdicts) {
  return std::ranges::none_of(verdicts, [](const Verdict& verdict) { return verdict.result == Result::Failed; });
}

std::string as_text(std::span<const Verdict> verdicts) {
  std::string text;
  for (const Verdict& verdict : verdicts)
    text += fmt::format("{:<14} {:<7} {}\n", verdict.promise, word(verdict.result), verdict.text);
  const auto failed =
      std::ranges::count_if(verdicts, [](const Verdict& verdict) { return verdict.result == Result::Failed; });
  return text + fmt::format("{:<14} {}\n", "all",
                            failed == 0 ? "ok" : fmt::format("FAILED  {} of {}", failed, verdicts.size()));
}

nlohmann::ordered_json as_json(std::span<const Verdict> verdicts) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const Verdict& verdict : verdicts)
    all.push_back({{"promise", verdict.promise},
                   {"result", verdict.result == Result::Held     ? "held"
                              : verdict.result == Result::Failed ? "failed"
                                                                 : "not_judged"},
                   {"text", verdict.text}});
  return all;
}

}  // namespace nightpost::chaos
