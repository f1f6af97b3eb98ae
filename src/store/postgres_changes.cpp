// The change feed.
#include <algorithm>

#include "store/postgres_queries.h"
#include "store/postgres_store.h"

namespace nightpost::store {
namespace {

constexpr std::int64_t kPruneLock = 0x4e67'7450'0002;  // among the database's advisory locks
constexpr std::int64_t kPruneRows = 10'000;            // at once, so that no commit is long
constexpr milliseconds kPruneEvery{5'000};             // by each connection that polls

}  // namespace

Result<Changes> PostgresStore::changes() {
  auto told = reading([&] { return read_changes(); });
  if (told) prune_changes();
  return told;
}

Result<Changes> PostgresStore::read_changes() {
  // Opened again: perhaps it is another server now, after a failover, whose transactions have other numbers.
  const bool first = changes_seen_.empty();
  if (first || changes_session_ != connection_.session()) {
    auto rows = connection_.query(postgres::kChangesBegin);
    if (!rows) return std::unexpected(std::move(rows.error()));
    if (!rows->next()) return fail(Errc::Io, "changes: the server gave no position");
    changes_seen_ = rows->text(0);
    changes_session_ = connection_.session();
    return Changes{.everything = !first};
  }
  const auto most = static_cast<std::int64_t>(options_.changes_named_max);
  auto rows = connection_.query(postgres::kChanges, changes_seen_, most + 1);
  if (!rows) return std::unexpected(std::move(rows.error()));
  Changes told;
  std::string seen;
  std::int64_t count = 0;
  while (rows->next()) {
    seen = rows->text(0);
    told.everything |= rows->flag(1);  // pruned behind what was seen
    if (rows->null(2)) continue;       // the one row where nothing is new
    const std::string_view kind = rows->text(2);
    const AppId app{rows->integer(3)};
    told.age = std::max(told.age.value_or(milliseconds(0)), milliseconds(rows->integer(5)));
    if (kind == "receiver")
      told.receivers.push_back({app, std::string(rows->text(4))});
    else if (kind == "certificate")
      told.certificates = true;
    else if (kind == "app")
      told.apps.push_back(app);
    else
      told.everything = true;  // a newer binary's kind
    ++count;
  }
  if (seen.empty()) return fail(Errc::Io, "changes: the row of changes_pruned is missing");
  changes_seen_ = std::move(seen);
  if (told.everything || count > most) return Changes{.everything = true};
  return told;
}

void PostgresStore::prune_changes() {
  const auto now = std::chrono::steady_clock::now();
  if (now < prune_at_) return;
  prune_at_ = now + kPruneEvery;
  // What goes wrong here is no trouble of the reader's: the rows stay until the next time.
  auto transaction = write();
  if (!transaction) return;
  const auto pruned = connection_.change(postgres::kChangesPrune, options_.changes_keep.count(),
                                         static_cast<std::int64_t>(options_.changes_rows_max), kPruneRows, kPruneLock);
  if (pruned) (void)transaction->commit();
}

}  // namespace nightpost::store
