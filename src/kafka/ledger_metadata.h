// The text beside a committed offset that says which later offsets are done as well. Pure.
//
//   "np1." base64url( varint offset, ( varint n, n blocks, [ varint r ] )… )
//
// A block is eight offsets, aligned to a multiple of eight, lowest bit first, a set bit is done; r stands for r blocks
// that are done whole. The offset is repeated inside so that metadata that came to stand beside another one is noticed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace nightpost::kafka {

using Block = std::uint8_t;
inline constexpr Block kFullBlock = 0xFF;
inline constexpr int kOffsetsPerBlock = 8;

/// Apache Kafka's default for `offset.metadata.max.bytes`.
inline constexpr std::size_t kMetadataBytesMax = 4096;
/// Offsets a partition may be ahead of its oldest unfinished one, in blocks: 4 Mi offsets, half a MiB of memory.
inline constexpr std::size_t kWindowBlocksMax = std::size_t{1} << 19;
/// A run of full blocks this long or longer is written as a count: both counts around it fit in as many bytes, so
/// finishing a record never makes the text longer.
inline constexpr std::size_t kRunMin = 5;
/// What the blocks may cost: the rest is "np1.", base64's third, the offset (9) and the first count (2), rounded.
inline constexpr std::size_t kBlocksCostMax = 3040;

/// `blocks` begin with the one that holds `offset`. Empty if nothing beyond `offset` is done.
std::string encode_done(std::int64_t offset, std::span<const Block> blocks);

/// The blocks from the one that holds `offset`, in memory at most kWindowBlocksMax; empty for empty metadata.
/// Malformed: not ours, damaged, or written beside another offset. Total: any bytes may come.
Result<std::vector<Block>> parse_done(std::int64_t offset, std::string_view metadata);

}  // namespace nightpost::kafka
