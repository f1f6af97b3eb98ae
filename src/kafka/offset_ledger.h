// Which records of one partition are done. Records end out of order; what may be committed is the offset before which
// all are done, and beside it, as metadata, what is done beyond. Pure, single-threaded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "kafka/ledger_metadata.h"

namespace nightpost::kafka {

/// One bit a record between the oldest unfinished and the newest. Offsets that never come (compacted away, transaction
/// markers) count as done. begin() and complete() cost O(1) amortised.
class OffsetLedger {
 public:
  /// Expects the record at `offset` next.
  explicit OffsetLedger(std::int64_t offset = 0);

  /// Takes up a commit: `offset` comes next, and what `metadata` names is done. Malformed: the metadata is not ours or
  /// damaged; the ledger then stands at `offset` with nothing done beyond, which repeats some records and loses none.
  Result<void> restore(std::int64_t offset, std::string_view metadata);

  enum class Begin : std::uint8_t {
    Taken,    // in flight until complete()
    Done,     // done before a restart, or fetched twice: skip it
    NoRoom,   // nothing was changed; hold the partition and come back
    Rewound,  // below what is committed: the log was made anew; start a new ledger at this offset
  };
  /// Records come in the order of their offsets.
  Begin begin(std::int64_t offset);
  /// REQUIRED: begin(offset) said Taken, and complete() is called once for it.
  void complete(std::int64_t offset);

  /// The log has nothing below `offset` any more: it comes next, if it is above what is done. REQUIRED: open() == 0.
  /// Returns how many offsets below it were not done.
  std::int64_t forget_below(std::int64_t offset);

  struct Commit {
    std::int64_t next = 0;  // every offset below is done
    std::string metadata;   // at most kMetadataBytesMax bytes, whatever ends in whatever order
  };
  Commit commit() const;

  /// False once the next record might not fit the metadata (or the window) any more. Refers to a record without a gap
  /// before it; begin() has the last word.
  bool has_capacity() const noexcept { return cost_ + kRunMin < kBlocksCostMax && window() + 1 < kWindowBlocksMax; }
  /// Room for half of what fits: time to go on.
  bool below_half() const noexcept { return cost_ <= kBlocksCostMax / 2 && window() <= kWindowBlocksMax / 2; }
  std::int64_t next_commit() const noexcept { return base_; }
  std::size_t open() const noexcept { return open_; }
  /// Offsets between the one expected and `offset`, which will never come; 0 if none.
  std::int64_t gap_before(std::int64_t offset) const noexcept { return offset > next_ ? offset - next_ : 0; }
  /// Of that gap, those that are not done.
  std::int64_t undone_before(std::int64_t offset) const noexcept { return undone(next_, offset); }

 private:
  std::int64_t first_block() const noexcept { return base_ / kOffsetsPerBlock; }
  std::size_t window() const noexcept { return static_cast<std::size_t>(end_block_ - first_block()); }
  Block& at(std::int64_t block) noexcept { return ring_[static_cast<std::size_t>(block) & (ring_.size() - 1)]; }
  Block at(std::int64_t block) const noexcept { return ring_[static_cast<std::size_t>(block) & (ring_.size() - 1)]; }
  bool is_done(std::int64_t offset) const noexcept;
  std::int64_t undone(std::int64_t from, std::int64_t to) const noexcept;
  void reset(std::int64_t offset) noexcept;
  void append_block();
  void mark_done(std::int64_t from, std::int64_t to);
  void filled(std::int64_t block) noexcept;
  void advance() noexcept;

  std::vector<Block> ring_;     // a power of two; block b lives at b mod size
  std::int64_t base_ = 0;       // the oldest offset that is not done
  std::int64_t next_ = 0;       // the next one to begin; below base_ only while restored ones are fetched again
  std::int64_t end_block_ = 0;  // blocks [first_block(), end_block_) are in the ring
  std::size_t open_ = 0;        // begun and not done
  std::size_t cost_ = 0;        // blocks that are not full, and min(length, kRunMin) of each run of full ones
};

}  // namespace nightpost::kafka
