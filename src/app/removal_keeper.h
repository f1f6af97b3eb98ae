// Makes held removals durable and visible, and does what ops say to them: what the guards of this process hold goes to
// the store, and ops' word comes from there (nightpost cert held, cert approve-removals).
#pragma once

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/counter.h"
#include "core/result.h"
#include "core/time.h"
#include "dispatch/signer_ledger.h"
#include "observe/log.h"
#include "store/store.h"

namespace nightpost::app {

struct RemovalKeeperOptions {
  std::string worker;            // whose removals they are, in the store
  std::size_t kept_max = 0;      // as dispatch.removals_kept_max
  milliseconds kept_for{0};      // as dispatch.removals_kept_ms
  std::size_t commit_max = 500;  // devices removed in one commit
  dispatch::Options removals{};  // as the shards'
};

/// Written by the keeper, read by the scrape.
struct RemovalKeeperMetrics {
  Counter kept, removed, errors;
};

/// Asks the store nothing while no guard holds, but for what is there from before. Then once a look: ops' word is heard
/// within a second, and costs the way of a push nothing.
class RemovalKeeper {
 public:
  static constexpr milliseconds kLookEvery{1'000};
  static constexpr milliseconds kLookBackEvery{3'600'000};

  /// `ledger`, `clock`, `log` and `metrics` are borrowed. The store is used on the thread that looks.
  RemovalKeeper(std::unique_ptr<store::Store> store, dispatch::SignerLedger& ledger, RemovalKeeperOptions options,
                const Clock& clock, observe::Log& log, RemovalKeeperMetrics& metrics);
  ~RemovalKeeper();  // as stop()
  RemovalKeeper(const RemovalKeeper&) = delete;
  RemovalKeeper& operator=(const RemovalKeeper&) = delete;

  /// From here on a thread of its own looks every kLookEvery.
  void start();
  /// Ends with a last look: as far as the store still answers, the next worker finds what was held until now.
  void stop();
  /// One look. REQUIRED: not started, or stopped.
  void look();
  /// What is in the store from before: the first time, guards go on where those of earlier processes ended; each time,
  /// what is too old is forgotten. REQUIRED: as look().
  void look_back();

 private:
  void run();
  Result<void> tell(dispatch::RemovalBook& book);
  Result<void> obey(dispatch::RemovalBook& book, WallTime until);
  void note(const Result<void>& looked);

  const std::unique_ptr<store::Store> store_;
  dispatch::SignerLedger& ledger_;
  const RemovalKeeperOptions options_;
  const Clock& clock_;
  observe::Log& log_;
  RemovalKeeperMetrics& metrics_;
  std::string trouble_;  // of the last look; empty: none
  std::optional<MonoTime> looked_back_;
  std::vector<std::shared_ptr<dispatch::RemovalBook>> resumed_;  // so that the ledger does not forget them

  std::mutex mutex_;
  std::condition_variable changed_;
  bool stop_ = false;  // by mutex_
  std::thread thread_;
};

}  // namespace nightpost::app
