// The dispatcher's look-ups: the hot part of the store.
#include "store/migrations.h"
#include "store/sqlite_store.h"

namespace nightpost::store {

Result<std::vector<Receiver>> SqliteStore::receivers(std::span<const ReceiverKey> keys) {
  // One read transaction for all: one moment, and the file's lock and the log's header are looked at once, not per
  // user.
  auto transaction = Transaction::begin(connection_.get(), Transaction::Kind::Read);
  if (!transaction) return std::unexpected(std::move(transaction.error()));
  std::vector<Receiver> out(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i)
    if (auto read = read_receiver(keys[i], out[i]); !read) return std::unexpected(std::move(read.error()));
  return out;
}

Result<void> SqliteStore::read_receiver(const ReceiverKey& key, Receiver& receiver) {
  Rows rows = queries_.receiver.query(key.app.value, key.user_id);
  bool first = true;
  bool muted = false;
  while (rows.next()) {
    if (first && !rows.null(9)) {
      muted = rows.integer(9) > 0;
      receiver.settings = {.enabled = rows.integer(10) != 0,
                           .language = std::string(rows.text(11)),
                           .sound_c2c = std::string(rows.text(12)),
                           .sound_group = std::string(rows.text(13)),
                           .badge = rows.integer(14) != 0};
    }
    first = false;
    if (rows.null(0)) break;  // the one row of a user without devices
    if (auto read = read_device(rows, receiver.devices.emplace_back()); !read) return read;
  }
  if (auto done = rows.done(); !done) return done;
  return muted ? read_mutes(key.app, key.user_id, receiver.mutes) : Result<void>{};
}

Result<void> SqliteStore::read_mutes(AppId app, std::string_view user_id, std::vector<Mute>& mutes) {
  Rows rows = queries_.receiver_mutes.query(app.value, user_id);
  while (rows.next()) {
    const auto kind = mute_kind_from(rows.text(0));
    if (!kind) return fail(Errc::Io, "mutes: a row holds a word this binary does not know");
    mutes.push_back({*kind, std::string(rows.text(1)), wall_from_ms(rows.integer(2)), rows.integer(3) != 0});
  }
  return rows.done();
}

Result<bool> SqliteStore::app_known(AppId app) {
  const auto known = count(queries_.app_known.query(app.value));
  if (!known) return std::unexpected(known.error());
  return *known != 0;
}

Result<Changes> SqliteStore::changes() {
  const auto version = count(queries_.data_version.query());
  if (!version) return std::unexpected(version.error());
  if (data_version_ == *version) return Changes{};
  auto transaction = Transaction::begin(connection_.get(), Transaction::Kind::Read);
  if (!transaction) return std::unexpected(std::move(transaction.error()));
  const auto newest = count(queries_.change_newest.query());
  if (!newest) return std::unexpected(newest.error());
  auto told = data_version_ ? read_changes(change_seen_, *newest) : Changes{};
  if (!told) return told;
  // Only now: after an error the same is asked for again. What was committed since `version` was read is told twice.
  data_version_ = *version;
  change_seen_ = *newest;
  return told;
}

Result<Changes> SqliteStore::read_changes(std::int64_t position, std::int64_t newest) {
  // Back in time: somebody put an older file in this one's place.
  if (newest < position || static_cast<std::uint64_t>(newest - position) > options_.changes_named_max)
    return Changes{.everything = true};
  Changes told;
  std::int64_t count = 0;
  Rows rows = queries_.changes.query(position, newest);
  while (rows.next()) {
    ++count;
    const std::string_view kind = rows.text(0);
    const AppId app{rows.integer(1)};
    if (kind == "receiver")
      told.receivers.push_back({app, std::string(rows.text(2))});
    else if (kind == "certificate")
      told.certificates = true;
    else if (kind == "app")
      told.apps.push_back(app);
    else
      told.everything = true;  // a newer binary's kind
  }
  if (auto done = rows.done(); !done) return std::unexpected(std::move(done.error()));
  if (count != newest - position) return Changes{.everything = true};  // the rest was pruned
  return told;
}

Result<std::unique_ptr<Store>> open_sqlite(const std::string& path, std::shared_ptr<const Sealer> sealer,
                                           const StoreOptions& options) {
  auto connection = Connection::open(path, options);
  if (!connection) return std::unexpected(std::move(connection.error()));
  const auto in_file = [&](const Error& error) { return fail(error.code, "store file " + path + ": " + error.detail); };
  if (auto version = version_of(*connection); !version) return in_file(version.error());  // before anything is changed
  if (auto done = connection->configure(options); !done) return std::unexpected(std::move(done.error()));
  if (auto done = migrate(*connection); !done) return in_file(done.error());
  auto queries = Queries::prepare(connection->get());
  if (!queries) return in_file(queries.error());
  return std::make_unique<SqliteStore>(std::move(*connection), std::move(*queries), std::move(sealer), options);
}

}  // namespace nightpost::store
