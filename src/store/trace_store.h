// The port of what became of events, hop by hop: what `nightpost trace` shows. SQLite stands behind it, in a file of
// its own: a commit to the store's file would send every shard to look for changes (Store::changes) and hold the
// lock that remove_token() waits for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/ids.h"
#include "core/result.h"
#include "core/time.h"
#include "store/store.h"

namespace nightpost::store {

/// One thing that happened to an event. Holds no message text and no device token.
struct TraceHop {
  std::string event_id;
  AppId app;
  std::string user_id;    // empty: of the whole event
  std::string device_id;  // empty: of the whole receiver
  std::string hop;        // "consumed", "resolved", "attempt", "outcome", "receipt", "settled"
  WallTime at{};
  std::string facts;  // a JSON object; what stands in it depends on the hop
  bool operator==(const TraceHop&) const = default;
};

/// One connection; single-threaded. Errors as Store's.
class TraceStore {
 public:
  virtual ~TraceStore() = default;

  /// All in one commit. `now`: when they are written; from then they are kept.
  virtual Result<void> add(std::span<const TraceHop> hops, WallTime now) = 0;
  /// The first `limit` of an event, in the order they were added; with `user_id` those of that user and of the whole
  /// event.
  virtual Result<std::vector<TraceHop>> of_event(std::string_view event_id, std::optional<std::string_view> user_id,
                                                 std::size_t limit) = 0;
  /// The latest hop of each event that touched the user since, the latest first.
  virtual Result<std::vector<TraceHop>> of_user(AppId app, std::string_view user_id, WallTime since,
                                                std::size_t limit) = 0;
  /// When the oldest of all was written; nullopt: there is none.
  virtual Result<std::optional<WallTime>> oldest() = 0;
  /// One small commit: deletes, the oldest first, at most `limit` of those that were written before `written_before` or
  /// are more than `rows_max`; how many went. Fewer than `limit`: nothing is left to delete.
  virtual Result<std::size_t> prune(WallTime written_before, std::uint64_t rows_max, std::size_t limit) = 0;
};

/// Opens (and migrates) the file, as open_sqlite().
Result<std::unique_ptr<TraceStore>> open_sqlite_trace(const std::string& path, const StoreOptions& options = {});

}  // namespace nightpost::store
