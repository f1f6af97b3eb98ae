// What the ledger costs a record: begin and complete, with a commit every so often, in orders that real answers have.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <vector>

#include "kafka/offset_ledger.h"

namespace nightpost::kafka {
namespace {

constexpr std::size_t kRecords = 1 << 16;
constexpr std::size_t kPerCommit = 2'000;

/// Offsets [0, kRecords), each at most `reach` places away from its turn.
std::vector<std::int64_t> completion_order(std::size_t reach) {
  std::vector<std::int64_t> order(kRecords);
  std::iota(order.begin(), order.end(), 0);
  std::mt19937_64 random(7);
  for (std::size_t from = 0; from < kRecords; from += reach)
    std::shuffle(order.begin() + std::ptrdiff_t(from), order.begin() + std::ptrdiff_t(std::min(from + reach, kRecords)),
                 random);
  return order;
}

void begin_complete_commit(benchmark::State& state) {
  const auto reach = static_cast<std::size_t>(state.range(0));
  const std::vector<std::int64_t> order = completion_order(reach);
  for (auto _ : state) {
    OffsetLedger ledger(0);
    std::int64_t begun = 0;
    for (std::size_t i = 0; i < kRecords; ++i) {
      while (begun < std::int64_t(std::min(kRecords, i + reach)))
        if (ledger.begin(begun++) != OffsetLedger::Begin::Taken) return state.SkipWithError("no room");
      ledger.complete(order[i]);
      if (i % kPerCommit == 0) benchmark::DoNotOptimize(ledger.commit());
    }
    if (ledger.next_commit() != std::int64_t(kRecords)) return state.SkipWithError("not all done");
  }
  state.SetItemsProcessed(state.iterations() * std::int64_t(kRecords));
}
BENCHMARK(begin_complete_commit)->ArgName("reach")->Arg(1)->Arg(64)->Arg(1'024)->Arg(4'096);

}  // namespace
}  // namespace nightpost::kafka
