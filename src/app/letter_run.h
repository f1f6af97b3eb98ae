// One run of `dlq replay` or `dlq drop`: reads the dead topic once, from the oldest letter to what was the latest when
// the run began, and writes in transactions, each with some letters' replays and the marks that say so. So a letter is
// replayed and marked, or neither, wherever the run ends; and of two runs at once the older one can commit nothing
// more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/config.h"
#include "app/dead_topic.h"
#include "app/letter.h"
#include "app/sent_devices.h"
#include "core/result.h"
#include "core/time.h"
#include "kafka/transactions.h"

namespace nightpost::app {

struct RunOptions {
  LetterFilter filter;
  bool drop = false;      // else: replay
  bool dry_run = false;   // count and write nothing
  double rate = 500;      // letters replayed a second, > 0
  std::size_t limit = 0;  // letters; 0: all
  milliseconds wait{15'000};
};

struct RunTally {
  std::uint64_t read = 0;         // letters looked at
  std::uint64_t matched = 0;      // of them open and asked for
  std::uint64_t done_before = 0;  // asked for, and replayed or dropped before
  std::uint64_t done = 0;         // replayed or dropped now, or in a dry run: would be
  std::uint64_t copies = 0;       // beside them: all their devices were replayed with another letter of the event
  std::uint64_t too_late = 0;     // of `done`: the worker will only say `expired` or `too_old`
  std::map<std::string, std::uint64_t> by_reason;  // of `matched`
  std::map<std::string, std::uint64_t> refused;    // of `matched`: left as they are, by what keeps them
  double share_read = 0;                           // of the topic, 0 to 1
};

struct RunHooks {
  std::function<bool()> stopped;                   // asked between letters and while waiting
  std::function<void(const RunTally&)> progress;   // likewise told, often
  std::function<void(const std::string&)> remark;  // a line for people
};

struct RunEnd {
  RunTally tally;
  std::optional<Error> error;  // what ended it early; nothing of the last transaction was written, unless it says so
  bool stopped = false;        // by the hook
  bool taken_over = false;     // by another run
};

/// Blocks until all is read, `limit` is reached, or something ends it.
RunEnd run_letters(const Config& config, const RunOptions& options, const Clock& clock, const RunHooks& hooks);

}  // namespace nightpost::app
