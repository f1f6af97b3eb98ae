#include "kafka/offset_ledger.h"

#include <algorithm>
#include <bit>
#include <cassert>

namespace nightpost::kafka {
namespace {

constexpr std::size_t kRingFirst = 64;

Block bit_of(std::int64_t offset) { return static_cast<Block>(1u << (offset % kOffsetsPerBlock)); }

}  // namespace

OffsetLedger::OffsetLedger(std::int64_t offset) : ring_(kRingFirst) { reset(offset); }

Result<void> OffsetLedger::restore(std::int64_t offset, std::string_view metadata) {
  reset(offset);
  const Result<std::vector<Block>> done = parse_done(offset, metadata);
  if (!done) return std::unexpected(done.error());
  for (const Block block : *done) {
    append_block();
    at(end_block_ - 1) |= block;
    if (at(end_block_ - 1) == kFullBlock) filled(end_block_ - 1);
  }
  if (cost_ > kBlocksCostMax) {
    reset(offset);
    return fail(Errc::Malformed, "commit metadata: says more than we could write again");
  }
  return {};
}

OffsetLedger::Begin OffsetLedger::begin(std::int64_t offset) {
  if (offset < next_) return offset < base_ ? Begin::Rewound : Begin::Done;
  if (offset < base_) {
    next_ = offset + 1;
    return Begin::Done;
  }
  const std::int64_t block = offset / kOffsetsPerBlock;
  if (open_ == 0 && block >= end_block_ && offset != next_) reset(offset);  // all before is done or will never come

  if (block >= end_block_) {
    const std::size_t growth = block == end_block_ ? 1 : 1 + kRunMin;
    if (cost_ + growth > kBlocksCostMax || block - first_block() >= static_cast<std::int64_t>(kWindowBlocksMax))
      return Begin::NoRoom;
  }
  if (const std::int64_t expected = std::max(next_, base_); offset > expected) {
    mark_done(expected, offset);
    advance();
  }
  next_ = offset + 1;
  while (end_block_ <= block) append_block();
  if (is_done(offset)) return Begin::Done;
  ++open_;
  return Begin::Taken;
}

void OffsetLedger::complete(std::int64_t offset) {
  assert(offset >= base_ && offset < next_ && !is_done(offset));
  --open_;
  Block& block = at(offset / kOffsetsPerBlock);
  block |= bit_of(offset);
  if (block == kFullBlock) filled(offset / kOffsetsPerBlock);
  if (offset == base_) advance();
}

std::int64_t OffsetLedger::forget_below(std::int64_t offset) {
  assert(open_ == 0);
  const std::int64_t lost = undone(base_, offset);
  if (offset > base_) {
    if (offset / kOffsetsPerBlock >= end_block_) {
      reset(offset);
    } else {
      mark_done(base_, offset);
      advance();
    }
  }
  next_ = std::max(next_, offset);
  return lost;
}

OffsetLedger::Commit OffsetLedger::commit() const {
  std::vector<Block> blocks(window());
  for (std::size_t i = 0; i < blocks.size(); ++i) blocks[i] = at(first_block() + static_cast<std::int64_t>(i));
  return {base_, encode_done(base_, blocks)};
}

bool OffsetLedger::is_done(std::int64_t offset) const noexcept {
  return (at(offset / kOffsetsPerBlock) & bit_of(offset)) != 0;
}

/// Of [from, to), in time of the window.
std::int64_t OffsetLedger::undone(std::int64_t from, std::int64_t to) const noexcept {
  from = std::max(from, base_);
  std::int64_t count = 0;
  for (const std::int64_t known = std::min(to, end_block_ * kOffsetsPerBlock); from < known; ++from)
    count += is_done(from) ? 0 : 1;
  return count + std::max(to - from, std::int64_t{0});
}

void OffsetLedger::reset(std::int64_t offset) noexcept {
  base_ = next_ = offset;
  end_block_ = first_block();
  open_ = cost_ = 0;
}

void OffsetLedger::append_block() {
  if (window() == ring_.size()) {
    std::vector<Block> wider(ring_.size() * 2);
    for (std::int64_t b = first_block(); b < end_block_; ++b)
      wider[static_cast<std::size_t>(b) & (wider.size() - 1)] = at(b);
    ring_.swap(wider);
  }
  // Of the block that holds base_, what lies below is done.
  at(end_block_) = end_block_ == first_block() ? static_cast<Block>(bit_of(base_) - 1) : Block{0};
  ++end_block_;
  ++cost_;
}

void OffsetLedger::mark_done(std::int64_t from, std::int64_t to) {
  while (from < to) {
    const std::int64_t block = from / kOffsetsPerBlock;
    while (end_block_ <= block) append_block();
    const bool was_full = at(block) == kFullBlock;
    for (; from < to && from / kOffsetsPerBlock == block; ++from) at(block) |= bit_of(from);
    if (!was_full && at(block) == kFullBlock) filled(block);
  }
}

// A block that becomes full may join the runs beside it. Only lengths up to kRunMin matter, so this is O(1).
void OffsetLedger::filled(std::int64_t block) noexcept {
  std::size_t left = 0, right = 0;
  for (auto b = block - 1; left < kRunMin && b >= first_block() && at(b) == kFullBlock; --b) ++left;
  for (auto b = block + 1; right < kRunMin && b < end_block_ && at(b) == kFullBlock; ++b) ++right;
  cost_ = cost_ - 1 - left - right + std::min(left + right + 1, kRunMin);
}

void OffsetLedger::advance() noexcept {
  std::size_t run = 0;  // full blocks that base_ leaves behind: a whole run, for before it is nothing
  while (first_block() < end_block_) {
    const Block block = at(first_block());
    const std::int64_t start = first_block() * kOffsetsPerBlock;
    if (block != kFullBlock) {
      base_ = start + std::countr_one(block);
      break;
    }
    base_ = start + kOffsetsPerBlock;
    ++run;
  }
  cost_ -= std::min(run, kRunMin);
}

}  // namespace nightpost::kafka
