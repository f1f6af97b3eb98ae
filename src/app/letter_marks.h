// Which dead letters are done with: replayed or dropped. Kept as records of a compacted topic, one for each 8192
// offsets of a partition of the dead topic. Pure.
//
//   key    "nightpost.dead.v1:0:3"                            topic : partition : block
//   value
//   {"v":1,"until":31007,"witness":{"offset":24591,"at":1795225887405},"replayed":"24576-24580,24591","dropped":""}
//
// `until`: where the partition ended before the first letter of the block was marked. What lies before it was there
// already, so it cannot have come of that letter's replay. `witness`: one of the marked letters and its time, by which
// marks are told from those of a topic of the same name that is gone.
#pragma once

#include <bitset>
#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"

namespace nightpost::app {

struct LetterId {
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  auto operator<=>(const LetterId&) const = default;
};
/// "0:4711".
std::string text_of(LetterId id);
std::optional<LetterId> letter_id_from(std::string_view text);

enum class LetterState : std::uint8_t { Open, Replayed, Dropped };
std::string_view name_of(LetterState state) noexcept;  // "open", "replayed", "dropped"

/// Memory: 2 KiB for each 8192 letters of which at least one is marked.
class LetterMarks {
 public:
  static constexpr std::int64_t kBlockSize = 8192;

  explicit LetterMarks(std::string topic) : topic_(std::move(topic)) {}

  struct Record {
    std::string key, value;  // empty value: the block is forgotten
  };
  /// A record of the marks' topic, in its order. One of another dead topic is passed over. Malformed: not ours, or
  /// damaged; nothing was taken of it.
  Result<void> load(const Record& record);

  LetterState state_of(LetterId id) const;
  /// Of a letter that is not open: others of the same event before this offset were there before its replay.
  std::int64_t until(LetterId id) const;
  std::size_t done() const noexcept;  // letters that are not open

  struct Mark {
    LetterId id;
    std::int64_t at = 0;     // the letter's own time, ms since the epoch
    std::int64_t until = 0;  // where its partition ended when this run began
    LetterState state = LetterState::Replayed;
  };
  /// What is to be written so that `marks` hold; they do here after apply() only. Also what forget() left to be
  /// written.
  std::vector<Record> records_with(std::span<const Mark> marks) const;
  void apply(std::span<const Mark> marks);

  struct Witness {
    std::int64_t offset = 0;
    std::int64_t at = 0;
    friend bool operator==(const Witness&, const Witness&) = default;
  };
  std::vector<std::int32_t> partitions() const;
  /// Of the partition's latest block; nullopt: nothing of it is marked.
  std::optional<Witness> witness(std::int32_t partition) const;
  /// All marks of the partition: they are another topic's.
  void forget(std::int32_t partition);
  /// The marks of whole blocks before `low`: those letters are gone.
  void forget_before(std::int32_t partition, std::int64_t low);

 private:
  struct Block {
    std::bitset<kBlockSize> replayed, dropped;
    std::int64_t until = 0;
    Witness witness;
  };
  using BlockId = std::pair<std::int32_t, std::int64_t>;  // partition, offset / kBlockSize

  static BlockId block_of(LetterId id) { return {id.partition, id.offset / kBlockSize}; }
  static void put(Block& block, const Mark& mark);
  Record record_of(const BlockId& id, const Block& block) const;
  std::string key_of(const BlockId& id) const;

  const std::string topic_;
  std::map<BlockId, Block> blocks_;
  std::set<BlockId> forgotten_;  // still on the topic
};

}  // namespace nightpost::app
