// A dead letter as it stands on its topic, what of it is asked for, and the record that its replay is. Pure.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/letter_marks.h"
#include "core/result.h"
#include "core/time.h"
#include "dispatch/decode.h"
#include "dispatch/event.h"
#include "dispatch/remainder.h"
#include "kafka/tail.h"
#include "kafka/transactions.h"

namespace nightpost::app {

/// Where the event's first record stood.
struct LetterSource {
  std::string topic;
  std::int32_t partition = 0;
  std::int64_t offset = 0;
};

/// The event inside a letter; its parser's memory is kept. Single-threaded.
class LetterDecoder {
 public:
  /// Larger events are not read.
  explicit LetterDecoder(std::size_t event_bytes_max, std::size_t receivers_max)
      : decoder_(event_bytes_max, receivers_max) {}
  /// Null: it cannot be read. Valid until the next call.
  const dispatch::OfflineEvent* event_of(std::string_view value);
  /// Likewise; null also where the letter is cut.
  const dispatch::OfflineEvent* event_of(const kafka::TailMessage& letter);

 private:
  dispatch::Decoder decoder_;
  dispatch::OfflineEvent event_;
};

LetterId id_of(const kafka::TailMessage& letter);
/// nullopt: it does not say.
std::optional<LetterSource> source_of(const kafka::TailMessage& letter);
/// Whether it holds the beginning of its event only.
bool is_cut(const kafka::TailMessage& letter);
/// Who is left; nullopt: everybody. Malformed: the header is damaged, or cut with the letter.
Result<std::optional<dispatch::Remainder>> left_of(const kafka::TailMessage& letter);

/// Letters of which each set member names one of the words. Empty members: any.
struct LetterFilter {
  std::vector<std::int64_t> apps;
  std::vector<std::string> vendors, reasons, codes, stages, events, users;
  std::optional<WallTime> since, until;  // the letter's own time; `until` is excluded

  /// `event`: null where it cannot be read; then no app is its own, and of its users only those left are known.
  bool matches(const kafka::TailMessage& letter, const dispatch::OfflineEvent* event) const;
  bool is_empty() const noexcept;
};

/// Whether the worker would ring nobody any more: the event has expired or is older than `age_max` (0: no limit).
bool is_too_late(const dispatch::OfflineEvent& event, WallTime now, milliseconds age_max) noexcept;

/// The event as it was, from the letter itself or, of a cut one, from where it stood first.
struct Original {
  std::string key, value;
};
/// What of `source` is the whole of `letter`. NotFound: it is not, with the reason; `source` nullopt: it is gone.
Result<Original> original_of(const kafka::TailMessage& letter, std::optional<kafka::TailMessage> source);

/// The record that goes to `topic`, as if it were new but for those of `left` only (nullopt: everybody). It goes to the
/// partition where the event first stood, if that was in `topic` and is one of its `partitions`: so it stays in order
/// with what is published for the same conversation, whatever the producer's hash.
kafka::Transactions::Message replay_of(const kafka::TailMessage& letter, Original original,
                                       const std::optional<dispatch::Remainder>& left, const std::string& topic,
                                       int partitions);

/// One line of `dlq list --json`.
nlohmann::ordered_json as_json(const kafka::TailMessage& letter, const dispatch::OfflineEvent* event,
                               LetterState state);
/// "2 devices", "1 user", "everybody", "unknown": who is left.
std::string left_text(const Result<std::optional<dispatch::Remainder>>& left);
/// All of `dlq show`, lines with their ends.
std::string letter_text(const kafka::TailMessage& letter, const dispatch::OfflineEvent* event, LetterState state);

}  // namespace nightpost::app
