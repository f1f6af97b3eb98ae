// All rows in and out: bulk writes, and pages of an export.
#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "store/bulk.h"
#include "store/limits.h"
#include "store/sqlite_store.h"

namespace nightpost::store {
namespace {

// Tokens are random, so each row of a batch changes another page of their index. A larger cache keeps these pages until
// the commit; checkpoints that are further apart write a page once for several commits.
constexpr std::size_t kBulkCacheBytes = 256 << 20;
constexpr std::size_t kBulkTunedRows = 10'000;  // smaller batches are a console's, which keeps its connections
constexpr int kBulkCheckpointPages = 32'768;    // of 8 KiB

}  // namespace

Result<Transaction> SqliteStore::begin_bulk(std::size_t rows, bool by_app) {
  if (!tuned_for_bulk_ && rows >= kBulkTunedRows) {
    const std::string pragmas = "PRAGMA cache_size=-" +
                                std::to_string(std::max(options_.cache_bytes, kBulkCacheBytes) / 1024) +
                                "; PRAGMA wal_autocheckpoint=" + std::to_string(kBulkCheckpointPages);
    if (auto done = connection_.run(pragmas.c_str(), "store"); !done) return std::unexpected(std::move(done.error()));
    tuned_for_bulk_ = true;
  }
  auto transaction = write();
  if (!transaction || !by_app) return transaction;
  if (auto begun = queries_.bulk_begin.change(); !begun) return std::unexpected(std::move(begun.error()));
  return transaction;
}

Result<void> SqliteStore::end_bulk(Transaction& transaction, const std::set<AppId>& written) {
  for (const AppId app : written)
    if (auto named = queries_.app_changed.change(app.value); !named) return std::unexpected(std::move(named.error()));
  if (auto ended = queries_.bulk_end.change(); !ended) return std::unexpected(std::move(ended.error()));
  return transaction.commit();
}

Result<void> SqliteStore::read_device_ids(AppId app, std::string_view user_id, std::vector<std::string>& ids) {
  ids.clear();
  Rows rows = queries_.device_ids.query(app.value, user_id);
  while (rows.next()) ids.emplace_back(rows.text(0));
  return rows.done();
}

Result<std::vector<Store::RefusedRow>> SqliteStore::import_devices(std::span<const DeviceRow> rows, ImportMode mode) {
  std::vector<RefusedRow> refused;
  const std::vector<std::size_t> order = good_rows_by_user(rows, refused);
  const bool by_app = rows_written(rows) > options_.import_named_max;
  auto transaction = begin_bulk(rows.size(), by_app);
  if (!transaction) return std::unexpected(std::move(transaction.error()));
  constexpr std::size_t kStored = -1;  // the place of a device that no row of the batch has set yet
  std::vector<std::string> ids;        // of the user's devices: asked for once a user
  std::vector<std::size_t> places;     // of these devices, in `winners`
  std::vector<std::size_t> winners;    // the rows that stay: the last one of each device
  for (std::size_t i = 0; i < order.size(); ++i) {
    const DeviceRow& row = rows[order[i]];
    if (i == 0 || !of_one_user(row, rows[order[i - 1]])) {
      if (auto read = read_device_ids(row.app, row.user_id, ids); !read) return std::unexpected(read.error());
      places.assign(ids.size(), kStored);
    }
    const auto found = static_cast<std::size_t>(std::ranges::find(ids, row.device.device_id) - ids.begin());
    const bool there = found < ids.size();
    if (const std::size_t beside = ids.size() - (there ? 1 : 0); beside >= options_.devices_per_user_max) {
      refused.push_back({order[i], too_many_devices(beside)});
      continue;
    }
    if (there && places[found] != kStored) {
      winners[places[found]] = order[i];
      continue;
    }
    if (there) {
      places[found] = winners.size();
    } else {
      ids.push_back(row.device.device_id);
      places.push_back(winners.size());
    }
    winners.push_back(order[i]);
  }
  // By token, for their index is the largest tree and tokens are random: its pages are then walked once, from left to
  // right, while those of the users in the batch are in the processor's cache.
  std::ranges::sort(winners, {}, [&](std::size_t at) -> const std::string& { return rows[at].device.token.text(); });
  std::set<AppId> written;
  for (const std::size_t at : winners) {
    const DeviceRow& row = rows[at];
    if (auto done = write_device(row.app, row.user_id, row.device); !done) return std::unexpected(done.error());
    if (by_app) written.insert(row.app);
  }
  if (mode == ImportMode::Write)
    if (auto done = end_bulk(*transaction, written); !done) return std::unexpected(std::move(done.error()));
  std::ranges::sort(refused, {}, &RefusedRow::row);
  return refused;
}

Result<std::size_t> SqliteStore::mutes_with(const UserRow& row) {
  const auto stored = count(queries_.mute_count.query(row.app.value, row.user_id));
  if (!stored) return std::unexpected(stored.error());
  // Few enough even if all are new: most rows need no look at the mutes themselves.
  const std::size_t most = static_cast<std::size_t>(*stored) + row.mutes.size();
  if (most <= options_.mutes_per_user_max) return most;
  std::vector<Mute> mutes;
  if (auto read = read_mutes(row.app, row.user_id, mutes); !read) return std::unexpected(std::move(read.error()));
  std::set<std::pair<Mute::Kind, std::string_view>> all;
  for (const Mute& mute : mutes) all.emplace(mute.kind, mute.target);
  for (const Mute& mute : row.mutes) all.emplace(mute.kind, mute.target);
  return all.size();
}

Result<void> SqliteStore::write_user(const UserRow& row) {
  if (row.settings)
    if (auto done = write_settings(row.app, row.user_id, *row.settings); !done) return done;
  for (const Mute& mute : row.mutes)
    if (auto done = write_mute(row.app, row.user_id, mute); !done) return done;
  return {};
}

Result<std::vector<Store::RefusedRow>> SqliteStore::import_users(std::span<const UserRow> rows, ImportMode mode) {
  std::vector<RefusedRow> refused;
  const std::vector<std::size_t> order = good_rows_by_user(rows, refused);
  const bool by_app = rows_written(rows) > options_.import_named_max;
  auto transaction = begin_bulk(rows.size(), by_app);
  if (!transaction) return std::unexpected(std::move(transaction.error()));
  std::set<AppId> written;
  for (const std::size_t at : order) {
    const UserRow& row = rows[at];
    if (!row.mutes.empty()) {
      const auto mutes = mutes_with(row);
      if (!mutes) return std::unexpected(mutes.error());
      if (*mutes > options_.mutes_per_user_max) {
        refused.push_back({at, "mutes: this user would have " + std::to_string(*mutes) +
                                   ", more than store.mutes_per_user_max allows"});
        continue;
      }
    }
    if (auto done = write_user(row); !done) return std::unexpected(std::move(done.error()));
    if (by_app) written.insert(row.app);
  }
  if (mode == ImportMode::Write)
    if (auto done = end_bulk(*transaction, written); !done) return std::unexpected(std::move(done.error()));
  std::ranges::sort(refused, {}, &RefusedRow::row);
  return refused;
}

Result<std::vector<Store::DeviceRow>> SqliteStore::devices_after(const DeviceRow& after, std::optional<AppId> app,
                                                                 std::size_t limit) {
  const std::string& device_id = after.device.device_id;
  return read_devices(
      app ? queries_.devices_after.query(after.user_id, after.app.value, device_id, app->value, bounded(limit))
          : queries_.devices_after.query(after.user_id, after.app.value, device_id, Null{}, bounded(limit)));
}

Result<std::vector<Store::UserRow>> SqliteStore::users_after(const UserRow& after, std::optional<AppId> app,
                                                             std::size_t limit) {
  auto transaction = Transaction::begin(connection_.get(), Transaction::Kind::Read);  // users and mutes of one moment
  if (!transaction) return std::unexpected(std::move(transaction.error()));
  Rows rows = app ? queries_.users_after.query(after.user_id, after.app.value, app->value, bounded(limit))
                  : queries_.users_after.query(after.user_id, after.app.value, Null{}, bounded(limit));
  std::vector<UserRow> out;
  for (std::size_t taken = 0; taken < limit && rows.next();) {
    UserRow& row = out.emplace_back(UserRow{{rows.integer(1)},
                                            std::string(rows.text(0)),
                                            PushSettings{.enabled = rows.integer(2) != 0,
                                                         .language = std::string(rows.text(3)),
                                                         .sound_c2c = std::string(rows.text(4)),
                                                         .sound_group = std::string(rows.text(5)),
                                                         .badge = rows.integer(6) != 0},
                                            {}});
    if (rows.integer(7) > 0)
      if (auto read = read_mutes(row.app, row.user_id, row.mutes); !read)
        return std::unexpected(std::move(read.error()));
    taken += 1 + row.mutes.size();
  }
  if (auto done = rows.done(); !done) return std::unexpected(std::move(done.error()));
  return out;
}

}  // namespace nightpost::store
