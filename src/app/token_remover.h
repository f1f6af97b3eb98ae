// Removes dead tokens from the store: many in one commit, on a thread of its own, so that no shard waits for the
// store's write lock.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "core/result.h"
#include "core/time.h"
#include "store/store.h"

namespace nightpost::app {

struct TokenRemoverOptions {
  std::size_t queued_max = 10'000;  // one more is answered Overloaded
  std::size_t commit_max = 500;     // rows in one commit
  milliseconds wait{30'000};        // for the store's write lock, from the commit's first try; then: Overloaded
};

/// One a process, with a connection of its own.
class TokenRemover {
 public:
  /// `true`: the row went; it was still the one with that token and registration time.
  using Removed = std::move_only_function<void(Result<bool>)>;

  TokenRemover(std::unique_ptr<store::Store> store, const TokenRemoverOptions& options);
  ~TokenRemover();  // as stop()
  TokenRemover(const TokenRemover&) = delete;
  TokenRemover& operator=(const TokenRemover&) = delete;

  /// Any thread. `removed` is called once, on the remover's thread, or inside this call where the queue is full; not
  /// after stop() has returned.
  void remove(store::Store::DeviceRow row, Removed removed);
  /// Ends with the commit in hand; what still waits is forgotten, unanswered.
  void stop();

 private:
  struct Waiting {
    store::Store::DeviceRow row;
    Removed removed;
  };
  void run();
  void commit(std::vector<Waiting>& batch);
  bool stopped_within(milliseconds time);

  const TokenRemoverOptions options_;
  const std::unique_ptr<store::Store> store_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Waiting> waiting_;  // under the mutex
  bool stop_ = false;             // likewise
  std::thread thread_;
};

}  // namespace nightpost::app
