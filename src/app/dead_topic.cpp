#include "app/dead_topic.h"

#include <algorithm>
#include <utility>

namespace nightpost::app {
namespace {

Result<void> load_marks(const Config& config, milliseconds wait, LetterMarks& marks) {
  auto opened = kafka::TopicReader::open(config.consumer.kafka, config.topics.dead_marks, wait);
  if (!opened && opened.error().code == Errc::NotFound) return {};
  if (!opened) return std::unexpected(opened.error());
  for (;;) {
    auto record = (*opened)->next();
    if (!record) return std::unexpected(record.error());
    if (!*record) return {};
    if (const auto loaded = marks.load({std::move((*record)->key), std::move((*record)->value)}); !loaded)
      return loaded;
  }
}

/// Whether the partition's marks are of another topic: the letter that they name is none of this one's.
Result<bool> is_foreign(const LetterMarks& marks, const kafka::TopicReader::Range& range, kafka::TopicReader& letters) {
  const auto witness = marks.witness(range.partition);
  if (!witness || witness->offset < range.low) return false;  // retention took it
  if (witness->offset >= range.high) return true;
  const auto letter = letters.at(range.partition, witness->offset);
  if (!letter) return std::unexpected(letter.error());
  return !*letter || (*letter)->timestamp_ms != witness->at;
}

}  // namespace

std::int64_t DeadTopic::end_of(std::int32_t partition) const {
  const auto range = std::ranges::find(letters->ranges(), partition, &kafka::TopicReader::Range::partition);
  return range == letters->ranges().end() ? 0 : range->high;
}

Result<DeadTopic> open_dead_topic(const Config& config, milliseconds wait) {
  DeadTopic dead{.letters = nullptr, .marks = LetterMarks(config.topics.dead)};
  auto letters = kafka::TopicReader::open(config.consumer.kafka, config.topics.dead, wait);
  if (!letters) return std::unexpected(letters.error());
  dead.letters = *std::move(letters);
  if (const auto loaded = load_marks(config, wait, dead.marks); !loaded) return std::unexpected(loaded.error());
  for (const std::int32_t partition : dead.marks.partitions()) {
    const auto range = std::ranges::find(dead.letters->ranges(), partition, &kafka::TopicReader::Range::partition);
    if (range == dead.letters->ranges().end()) {
      dead.marks.forget(partition);
      ++dead.forgotten;
      continue;
    }
    dead.marks.forget_before(partition, range->low);
    const auto foreign = is_foreign(dead.marks, *range, *dead.letters);
    if (!foreign) return std::unexpected(foreign.error());
    if (!*foreign) continue;
    dead.marks.forget(partition);
    ++dead.forgotten;
  }
  return dead;
}

}  // namespace nightpost::app
