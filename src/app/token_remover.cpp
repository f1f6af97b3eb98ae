#include "app/token_remover.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

namespace nightpost::app {
namespace {

constexpr milliseconds kPause{50};  // between two tries for the lock, beside the store's own wait

}  // namespace

TokenRemover::TokenRemover(std::unique_ptr<store::Store> store, const TokenRemoverOptions& options)
    : options_(options), store_(std::move(store)), thread_([this] {
        pthread_setname_np(pthread_self(), "removals");
        run();
      }) {}

TokenRemover::~TokenRemover() { stop(); }

void TokenRemover::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void TokenRemover::remove(store::Store::DeviceRow row, Removed removed) {
  {
    const std::lock_guard lock(mutex_);
    if (stop_) return;
    if (waiting_.size() < options_.queued_max) {
      waiting_.push_back({std::move(row), std::move(removed)});
      if (waiting_.size() == 1) changed_.notify_all();
      return;
    }
  }
  removed(fail(Errc::Overloaded, "more dead tokens than store.removals_queued_max wait for the store"));
}

void TokenRemover::run() {
  for (;;) {
    std::vector<Waiting> batch;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stop_ || !waiting_.empty(); });
      if (stop_) return;
      const auto end = waiting_.begin() + std::ptrdiff_t(std::min(waiting_.size(), options_.commit_max));
      batch.assign(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(end));
      waiting_.erase(waiting_.begin(), end);
    }
    commit(batch);
  }
}

/// All or none: an error is everybody's.
void TokenRemover::commit(std::vector<Waiting>& batch) {
  std::vector<store::Store::DeviceRow> rows;
  rows.reserve(batch.size());
  for (Waiting& each : batch) rows.push_back(std::move(each.row));
  const MonoTime deadline = std::chrono::steady_clock::now() + options_.wait;
  Result<std::vector<bool>> gone = store_->remove_tokens(rows);
  while (!gone && gone.error().code == Errc::Overloaded && std::chrono::steady_clock::now() < deadline) {
    if (stopped_within(kPause)) return;
    gone = store_->remove_tokens(rows);
  }
  for (std::size_t i = 0; i < batch.size(); ++i)
    batch[i].removed(gone ? Result<bool>((*gone)[i]) : std::unexpected(gone.error()));
}

bool TokenRemover::stopped_within(milliseconds time) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, time, [this] { return stop_; });
}

}  // namespace nightpost::app
