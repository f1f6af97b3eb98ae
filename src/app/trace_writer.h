// Writes trace rows to their file and deletes old ones; whatever fails there costs rows, not pushes.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "app/trace_options.h"
#include "app/trace_queue.h"
#include "core/time.h"
#include "observe/log.h"
#include "store/trace_store.h"

namespace nightpost::app {

/// One thread. `clock`, `log` and `metrics` are borrowed.
class TraceWriter {
 public:
  TraceWriter(const TraceOptions& options, std::string path, const Clock& clock, observe::Log& log,
              TraceMetrics& metrics)
      : options_(options), path_(std::move(path)), clock_(clock), log_(log), metrics_(metrics) {}

  /// All rows in one commit, or they are dropped and counted: the file is opened anew kReopenAfter later. May wait as
  /// long as SQLite does for another process's write.
  void write(std::span<const store::TraceHop> rows);
  /// Deletes what is too old or too much, a bounded number of rows at once: more than can come in meanwhile.
  void prune();

 private:
  static constexpr milliseconds kReopenAfter{10'000};
  static constexpr std::size_t kDeletedAtOnce = 2'000;  // a commit of some milliseconds
  static constexpr int kDeletesAtOnce = 10;
  bool open();
  void failed(const Error& error, std::size_t rows);

  const TraceOptions options_;
  const std::string path_;
  const Clock& clock_;
  observe::Log& log_;
  TraceMetrics& metrics_;
  std::unique_ptr<store::TraceStore> store_;  // null: to be opened from open_at_ on
  MonoTime open_at_{};
  bool failing_ = false;
};

}  // namespace nightpost::app
