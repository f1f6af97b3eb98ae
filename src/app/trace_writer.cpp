#include "app/trace_writer.h"

#include <filesystem>
#include <utility>

namespace nightpost::app {

bool TraceWriter::open() {
  if (store_) return true;
  if (clock_.mono() < open_at_) return false;
  std::error_code ignored;  // open_sqlite_trace says what is wrong with the path
  if (const auto folder = std::filesystem::path(path_).parent_path(); !folder.empty())
    std::filesystem::create_directories(folder, ignored);
  auto opened =
      store::open_sqlite_trace(path_, {.cache_bytes = std::size_t{4} << 20, .mmap_bytes = std::size_t{64} << 20});
  if (!opened) {
    failed(opened.error(), 0);
    return false;
  }
  store_ = *std::move(opened);
  return true;
}

void TraceWriter::write(std::span<const store::TraceHop> rows) {
  if (rows.empty()) return;
  if (!open()) return metrics_.dropped_store.add(rows.size());
  if (const auto added = store_->add(rows, clock_.wall()); !added) return failed(added.error(), rows.size());
  metrics_.written.add(rows.size());
  if (std::exchange(failing_, false)) log_.info("trace.written_again", {observe::kv("path", path_)});
}

void TraceWriter::prune() {
  if (!open()) return;
  for (int i = 0; i < kDeletesAtOnce; ++i) {
    const auto gone = store_->prune(clock_.wall() - options_.keep, options_.rows_max, kDeletedAtOnce);
    if (!gone) return failed(gone.error(), 0);
    metrics_.deleted.add(*gone);
    if (*gone < kDeletedAtOnce) return;
  }
}

void TraceWriter::failed(const Error& error, std::size_t rows) {
  metrics_.dropped_store.add(rows);
  if (!std::exchange(failing_, true))
    log_.warn("trace.not_written", {observe::kv("path", path_), observe::kv("why", error.detail),
                                    observe::kv("todo",
                                                "events are pushed all the same; see to the disk, or set "
                                                "trace.path elsewhere or trace.enabled to false")});
  if (error.code == Errc::Overloaded) return;  // another process wrote for too long
  store_.reset();
  open_at_ = clock_.mono() + kReopenAfter;
}

}  // namespace nightpost::app
