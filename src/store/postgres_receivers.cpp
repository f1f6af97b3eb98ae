// The dispatcher's look-ups.
#include <algorithm>

#include "store/postgres.h"
#include "store/postgres_migrations.h"
#include "store/postgres_queries.h"
#include "store/postgres_store.h"

namespace nightpost::store {
namespace {

// Columns of kReceivers: a device's in 0 to 8, then these.
constexpr int kPlaceColumn = 9, kEnabled = 10, kLanguage = 11, kSoundC2c = 12, kSoundGroup = 13, kBadge = 14,
              kMuteKind = 15, kMuteTarget = 16, kMuteUntil = 17, kMuteUnless = 18;

Result<void> read_row(const PostgresRows& rows, Receiver& receiver) {
  if (!rows.null(kMuteKind)) {
    const auto kind = mute_kind_from(rows.text(kMuteKind));
    if (!kind) return fail(Errc::Io, "mutes: a row holds a word this binary does not know");
    receiver.mutes.push_back(
        {*kind, std::string(rows.text(kMuteTarget)), wall_from_ms(rows.integer(kMuteUntil)), rows.flag(kMuteUnless)});
    return {};
  }
  if (!rows.null(kEnabled))
    receiver.settings = {.enabled = rows.flag(kEnabled),
                         .language = std::string(rows.text(kLanguage)),
                         .sound_c2c = std::string(rows.text(kSoundC2c)),
                         .sound_group = std::string(rows.text(kSoundGroup)),
                         .badge = rows.flag(kBadge)};
  if (rows.null(0)) return {};  // the one row of a user without devices
  return read_device(rows, receiver.devices.emplace_back());
}

}  // namespace

ReceiversQuestion::ReceiversQuestion(std::span<const ReceiverKey> keys) : count(keys.size()) {
  for (const ReceiverKey& key : keys) {
    apps.add(key.app.value);
    users.add(is_postgres_text(key.user_id) ? key.user_id : "");  // nobody's id
  }
}

Result<std::vector<Receiver>> ReceiversQuestion::answer(PostgresRows& rows) const {
  std::vector<Receiver> out(count);
  while (rows.next()) {
    const auto place = static_cast<std::size_t>(rows.integer(kPlaceColumn)) - 1;
    if (place >= out.size()) return fail(Errc::Io, "receivers: the server named one that was not asked for");
    if (auto read = read_row(rows, out[place]); !read) return std::unexpected(std::move(read.error()));
  }
  for (Receiver& receiver : out) {  // as the keys of the tables are, whatever way the server went
    std::ranges::sort(receiver.devices, {}, &Device::device_id);
    std::ranges::sort(receiver.mutes, {},
                      [](const Mute& mute) { return std::pair(name_of(mute.kind), std::string_view(mute.target)); });
  }
  return out;
}

Result<std::vector<Receiver>> PostgresStore::receivers(std::span<const ReceiverKey> keys) {
  if (keys.empty()) return {};
  const ReceiversQuestion question(keys);
  return reading([&]() -> Result<std::vector<Receiver>> {
    auto rows = connection_.query(postgres::kReceivers, question.apps, question.users);
    if (!rows) return std::unexpected(std::move(rows.error()));
    return question.answer(*rows);
  });
}

Result<bool> PostgresStore::app_known(AppId app) {
  return reading([&]() -> Result<bool> {
    auto rows = connection_.query(postgres::kAppKnown, app.value);
    if (!rows) return std::unexpected(std::move(rows.error()));
    return rows->next() && rows->flag(0);
  });
}

Result<std::unique_ptr<Store>> open_postgres(const std::string& url, std::shared_ptr<const Sealer> sealer,
                                             const StoreOptions& options) {
  auto connection = PostgresConnection::open(url, options);
  if (!connection) return std::unexpected(std::move(connection.error()));
  if (auto done = migrate(*connection, options); !done) return std::unexpected(std::move(done.error()));
  return std::make_unique<PostgresStore>(std::move(*connection), std::move(sealer), options);
}

std::unique_ptr<Store> attach_postgres(const std::string& url, std::shared_ptr<const Sealer> sealer,
                                       const StoreOptions& options) {
  return std::make_unique<PostgresStore>(PostgresConnection::later(url, options), std::move(sealer), options);
}

Result<void> check_writable(Store& store) { return static_cast<PostgresStore&>(store).check_writable(); }

Result<void> PostgresStore::check_writable() {
  return reading([&]() -> Result<void> {
    auto rows = connection_.query(postgres::kReadOnly);
    if (!rows) return std::unexpected(std::move(rows.error()));
    if (rows->next() && rows->flag(0))
      return fail(Errc::Overloaded, "store server: it takes no writes, it is a standby or read-only");
    return {};
  });
}

Result<PostgresFacts> look_at_postgres(const std::string& url, const StoreOptions& options) {
  const auto began = std::chrono::steady_clock::now();
  auto connection = PostgresConnection::open(url, options);
  if (!connection) return std::unexpected(std::move(connection.error()));
  PostgresFacts facts;
  facts.connected_in = std::chrono::ceil<milliseconds>(std::chrono::steady_clock::now() - began);
  facts.server = PQparameterStatus(connection->get(), "server_version");
  facts.encrypted = PQsslInUse(connection->get()) != 0;
  const auto asked = std::chrono::steady_clock::now();
  auto standby = connection->query(postgres::kReadOnly);
  if (!standby) return std::unexpected(std::move(standby.error()));
  facts.answered_in = std::chrono::ceil<std::chrono::microseconds>(std::chrono::steady_clock::now() - asked);
  facts.writable = standby->next() && !standby->flag(0);
  const auto version = version_of(*connection);
  if (!version) return std::unexpected(version.error());
  facts.schema = *version;
  facts.schema_ours = postgres_schema_version();
  return facts;
}

}  // namespace nightpost::store
