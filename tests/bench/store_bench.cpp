// The look-ups of a shard whose cache is cold: receivers by the batch out of SQLite.
#include <benchmark/benchmark.h>

#include <random>
#include <vector>

#include "store/sealer.h"
#include "store/store.h"
#include "support/process.h"
#include "support/spine/fleet.h"

namespace nightpost::store {
namespace {

constexpr std::size_t kUsers = 50'000;

void receivers(benchmark::State& state) {
  const support::TempFolder folder("store-bench");
  const std::string path = folder.file("store.db");
  const auto sealer = Sealer::from_key_text(Sealer::new_key_text());
  auto store = open_sqlite(path, *sealer);
  const auto certificate = (*store)->add_certificate({.facts = {.app = AppId{support::kFleetApp},
                                                                .vendor = Vendor::Apns,
                                                                .name = "bench",
                                                                .bundle_id = "com.example.bench"},
                                                      .secret = {.bytes = support::new_p8()}});
  if (!certificate) return state.SkipWithError(certificate.error().detail.c_str());
  support::add_users(path, certificate->id.value, kUsers);

  const auto batch = static_cast<std::size_t>(state.range(0));
  std::mt19937_64 random(7);
  std::uniform_int_distribution<std::size_t> any(0, kUsers - 1);
  std::vector<ReceiverKey> keys(batch);
  for (auto _ : state) {
    state.PauseTiming();
    for (ReceiverKey& key : keys) key = {AppId{support::kFleetApp}, support::user_name(any(random))};
    state.ResumeTiming();
    const auto found = (*store)->receivers(keys);
    if (!found || found->back().devices.size() != 1) return state.SkipWithError("a user without a phone");
  }
  state.SetItemsProcessed(state.iterations() * std::int64_t(batch));
}
BENCHMARK(receivers)->ArgName("batch")->Arg(1)->Arg(100)->Arg(1'000);

}  // namespace
}  // namespace nightpost::store
