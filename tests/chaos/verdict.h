// From figures to verdicts: one a promise, with what it was judged by. Pure.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "chaos/ledger.h"

namespace nightpost::chaos {

enum class Result { Held, Failed, NotJudged };

struct Verdict {
  std::string promise;
  Result result = Result::NotJudged;
  std::string text;  // figures and limit, one line
};

struct Limits {
  std::int64_t others_p99_ms = 1'000;  // of the vendors that are well, whatever the others do
  double others_ratio = 1.2;           // and of the calm phase's
  std::int64_t others_slack_ms = 0;    // what a short run on a shared machine may add to that
  double memory_ratio = 1.2;           // the worker's largest resident size in trouble, of that when calm
  std::uint64_t memory_slack_kb = 0;
  double growth_ratio = 1.1;       // of what a worker holds at the end of a soak, to its second quarter
  std::uint64_t files_slack = 16;  // open at once, beyond those of the second quarter
  double herd_ratio = 4;           // requests a vendor meets in its busiest second after trouble, of that when calm
  double back_share = 0.9;         // of what is offered that a vendor takes at the end of its recovery
};

/// How a vendor that was in trouble came back.
struct Recovered {
  std::string vendor, trouble;
  double calm_per_s = 0, peak_per_s = 0;                 // busiest second, all requests
  double offered_per_s = 0, taken_at_the_end_per_s = 0;  // of the last third of the recovery
};

/// How the isolation part went: the latencies of the vendors that stay well, by what the others do meanwhile.
struct Trouble {
  std::string name;
  std::int64_t p50_ms = 0, p99_ms = 0;
  std::uint64_t units = 0;
};

struct Worker {
  std::string name;
  std::uint64_t calm_kb = 0, trouble_kb = 0;  // largest resident size; 0: not measured
};

/// What a worker held in a soak, at most: in the second quarter, when all has warmed up, and in the last one.
struct Growth {
  std::string name;
  std::uint64_t early_kb = 0, late_kb = 0;
  std::uint64_t early_files = 0, late_files = 0;  // open at once
};

struct Figures {
  Ledger::Account account;
  Trouble calm;
  std::vector<Trouble> troubles;
  std::vector<Recovered> recovered;
  std::vector<Worker> workers;
  std::vector<Growth> grown;  // a soak's
  std::uint64_t kills = 0, freezes = 0, rebalances = 0, broker_restarts = 0, line_faults = 0, kafka_refusals = 0,
                store_faults = 0;
  std::uint64_t uncommitted = 0;               // records of the offline topic at the end of the waiting
  std::vector<std::string> faults_not_played;  // with the reason
  std::vector<std::string> unexpected_ends;    // workers that ended by themselves, and how
  std::uint64_t internal_errors = 0;           // log lines that name a bug
};

/// In the order they are shown.
std::vector<Verdict> judge(const Figures& figures, const Limits& limits);
/// "isolation  FAILED  …", aligned; the last line counts them.
std::string as_text(std::span<const Verdict> verdicts);
nlohmann::ordered_json as_json(std::span<const Verdict> verdicts);
/// True if none failed.
bool held(std::span<const Verdict> verdicts);

}  // namespace nightpost::chaos
