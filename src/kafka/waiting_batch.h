// A batch on its way into a dispatcher: what of it was accepted is the dispatcher's, the rest goes back with the batch.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <utility>

#include "kafka/consumer.h"

namespace nightpost::kafka {

/// Move-only. Of one thread at a time.
class WaitingBatch {
 public:
  explicit WaitingBatch(std::unique_ptr<Batch> batch) noexcept : batch_(std::move(batch)) {}
  ~WaitingBatch() {
    if (batch_)
      for (const SourceRecord& record : rest()) Consumer::give_back(record.pending);
  }
  WaitingBatch(WaitingBatch&&) noexcept = default;
  WaitingBatch& operator=(WaitingBatch&& other) noexcept {
    std::swap(batch_, other.batch_);
    std::swap(taken_, other.taken_);
    return *this;
  }

  /// Nothing is left to take.
  bool empty() const noexcept { return rest().empty(); }
  /// The next records, up to the one that makes `bytes` of values: the caller's to end from here on. Their bytes are
  /// the batch's.
  std::span<const SourceRecord> take(std::size_t bytes) noexcept {
    const std::span<const SourceRecord> left = rest();
    std::size_t count = 0;
    for (std::size_t sum = 0; count < left.size() && sum < bytes; ++count) sum += left[count].value.size();
    taken_ += count;
    return left.first(count);
  }
  /// Of what was not taken, records of stays of which `which` is true are given back. What was taken is not looked
  /// into: it may have ended, and its pending record may name another one by now.
  void give_back(const std::function<bool(Stay)>& which) {
    batch_->erase_if(taken_, [&](const SourceRecord& record) {
      if (!which(record.stay)) return false;
      Consumer::give_back(record.pending);
      return true;
    });
  }

 private:
  std::span<const SourceRecord> rest() const noexcept { return batch_->records().subspan(taken_); }

  std::unique_ptr<Batch> batch_;
  std::size_t taken_ = 0;
};

}  // namespace nightpost::kafka
