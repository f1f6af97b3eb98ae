// The dead topic and what is known of its letters: readers of both topics, opened together.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "app/config.h"
#include "app/letter_marks.h"
#include "core/result.h"
#include "core/time.h"
#include "kafka/topic_reader.h"

namespace nightpost::app {

struct DeadTopic {
  std::unique_ptr<kafka::TopicReader> letters;
  LetterMarks marks;
  /// Partitions whose marks were another topic's of the same name: it was deleted and made anew. They are forgotten
  /// here; records_with() says so to the topic.
  std::size_t forgotten = 0;

  /// Where the partition ended when it was opened.
  std::int64_t end_of(std::int32_t partition) const;
};

/// Io, Timeout: the brokers do not answer, or refuse us. NotFound: there is no dead topic. Malformed: a mark is
/// damaged. Without a topic of marks no letter is marked. Reads all marks, and one letter of each partition that has
/// some.
Result<DeadTopic> open_dead_topic(const Config& config, milliseconds wait);

}  // namespace nightpost::app
